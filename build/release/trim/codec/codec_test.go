package codec_test

import (
	"errors"
	"testing"

	"github.com/ugorji/go/codec"
)

func TestDecodes(t *testing.T) {
	var h codec.MsgpackHandle
	if err := h.SetBytesExt(nil, 0, nil); err != nil {
		t.Errorf("SetBytesExt: %v", err)
	}
	var v any
	if err := codec.NewDecoderBytes([]byte{0x01}, &h).Decode(&v); !errors.Is(err, codec.ErrLeftOut) {
		t.Errorf("Decode: %v", err)
	}
}
