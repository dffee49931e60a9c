package ddsink

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/klauspost/compress/gzip"

	"out_edge/plugin/delivery"
)

// The levels. For entries of 260 bytes BenchmarkCompress reports, in bytes and in CPU
// ns per entry on x86-64: gzip-1 38 and 290, gzip-6 35 and 780, gzip-9 32 and 4300;
// zstd fastest 30 and 320, default 31 and 500, better 30 and 900. Datadog's own Agent
// uses gzip-6; for zstd the fastest level is as good as the others.
const gzipLevel = 6

// compressor compresses bodies; it is safe for concurrent use. Encoders are
// pooled: a gzip writer takes about 1.1 MB, a zstd encoder 0.7 MB.
type compressor struct {
	kind string    // gzip or zstd
	pool sync.Pool // of *encoder
}

// coding is how the bodies to one endpoint are compressed; it is safe for concurrent
// use. A body that compression would make larger is sent uncompressed.
type coding struct {
	kind       string
	gzip, zstd *compressor
	zstdName   string // the Content-Encoding for zstd
	// For CompressAuto: takesZstd is set once a zstd body was accepted, noZstd once one
	// was refused before that. refused is set by such an answer until it is judged.
	takesZstd, noZstd, refused atomic.Bool
}

func (c *coding) append(dst, body []byte) ([]byte, error) {
	with := c.gzip
	switch {
	case c.kind == CompressOff:
		return body, nil
	case c.kind == CompressZstd, c.kind == CompressAuto && !c.noZstd.Load():
		with = c.zstd
	}
	wire, err := with.append(dst, body)
	if err == nil && len(wire)-len(dst) >= len(body) {
		return body, nil
	}
	return wire, err
}

// encoding returns the Content-Encoding of a body, recognised by its first bytes; ""
// for JSON.
func (c *coding) encoding(wire []byte) string {
	switch {
	case bytes.HasPrefix(wire, []byte{0x1f, 0x8b}):
		return "gzip"
	case bytes.HasPrefix(wire, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		return c.zstdName
	default:
		return ""
	}
}

// learn records the answer to a body with the given encoding.
func (c *coding) learn(encoding string, status int) {
	switch {
	case c.kind != CompressAuto || encoding != c.zstdName:
	case status < 300:
		c.takesZstd.Store(true)
	case refusesEncoding(status) && !c.takesZstd.Load():
		c.refused.Store(true)
	}
}

// judge returns Again if the first zstd body was refused, because the receiver may not
// support it. From then on gzip is used.
func (c *coding) judge(a delivery.Answer) delivery.Outcome {
	if refusesEncoding(a.Status) && c.refused.Swap(false) && !c.takesZstd.Load() {
		c.noZstd.Store(true)
		return delivery.Outcome{Action: delivery.Again}
	}
	return delivery.OfStatus(a.Status)
}

// refusesEncoding reports whether a status may mean that the receiver does not know an
// encoding.
func refusesEncoding(status int) bool {
	return status == http.StatusBadRequest || status == http.StatusUnsupportedMediaType
}

// encoder is a gzip.Writer or zstd.Encoder that appends to out.
type encoder struct {
	resetWriter
	out appendWriter
}

type resetWriter interface {
	io.WriteCloser
	Reset(io.Writer)
}

type appendWriter struct{ b []byte }

func (w *appendWriter) Write(p []byte) (int, error) {
	w.b = append(w.b, p...)
	return len(p), nil
}

// append appends the compressed body to dst.
func (c *compressor) append(dst, body []byte) ([]byte, error) {
	enc, err := c.get()
	if err != nil {
		return nil, fmt.Errorf("compress body: %w", err)
	}
	enc.out.b = dst
	enc.Reset(&enc.out)
	_, err = enc.Write(body)
	if err = errors.Join(err, enc.Close()); err != nil {
		return nil, fmt.Errorf("compress body: %w", err)
	}
	dst, enc.out.b = enc.out.b, nil
	c.pool.Put(enc)
	return dst, nil
}

func (c *compressor) get() (*encoder, error) {
	if enc, ok := c.pool.Get().(*encoder); ok {
		return enc, nil
	}
	if c.kind == CompressZstd {
		enc, err := delivery.ZstdEncoder()
		return &encoder{resetWriter: enc}, err //nolint:wrapcheck // by the caller
	}
	enc, err := gzip.NewWriterLevel(nil, gzipLevel)
	return &encoder{resetWriter: enc}, err //nolint:wrapcheck // by the caller
}
