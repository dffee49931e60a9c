// Package codec stands in for github.com/ugorji/go/codec, which fluent-bit-go's
// decoder uses and this library does not. The README beside it says why.
package codec

import (
	"errors"
	"reflect"
)

// ErrLeftOut is what decoding answers.
var ErrLeftOut = errors.New("decode: github.com/ugorji/go/codec is replaced by a stand-in without decoding: remove the replace directive from go.mod")

// BytesExt converts an extension type.
type BytesExt interface {
	WriteExt(v any) []byte
	ReadExt(dst any, src []byte)
}

// MsgpackHandle would hold the format's settings.
type MsgpackHandle struct{}

// SetBytesExt would register an extension type.
func (*MsgpackHandle) SetBytesExt(reflect.Type, uint64, BytesExt) error { return nil }

// Decoder would decode.
type Decoder struct{}

// NewDecoderBytes gives a decoder that decodes nothing.
func NewDecoderBytes([]byte, *MsgpackHandle) *Decoder { return &Decoder{} }

// Decode answers ErrLeftOut.
func (*Decoder) Decode(any) error { return ErrLeftOut }
