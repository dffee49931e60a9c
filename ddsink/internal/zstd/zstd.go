// Package zstd stands in for github.com/DataDog/zstd, which is cgo and would
// export some 680 ZSTD symbols from out_edge.so, beside those that Fluent Bit
// carries itself. Nothing calls it: ddsink hands the Datadog client bodies that
// are compressed already. It only satisfies that client's import.
package zstd

import (
	"errors"
	"io"
)

// ErrUnavailable is returned by everything in this package.
var ErrUnavailable = errors.New("zstd: not built in; hand over a body that is compressed already")

// Writer refuses every write.
type Writer struct{}

// NewWriter returns a Writer that refuses; w is never written to.
func NewWriter(w io.Writer) *Writer { return &Writer{} }

// Write returns ErrUnavailable.
func (*Writer) Write([]byte) (int, error) { return 0, ErrUnavailable }

// Close returns ErrUnavailable.
func (*Writer) Close() error { return ErrUnavailable }
