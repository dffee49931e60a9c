package testkit

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/vmihailenco/msgpack/v5"
	"github.com/vmihailenco/msgpack/v5/msgpcode"
)

// Oracle returns the same text as Render, but decoded by msgpack/v5. Pass only bytes
// that a Decoder has checked.
func Oracle(data []byte) (string, error) {
	if len(data) == 0 {
		return "-", nil
	}
	src := bytes.NewReader(data)
	d := msgpack.NewDecoder(src)
	var b strings.Builder
	if err := oracleNext(&b, d); err != nil {
		return "", err
	}
	if src.Len() > 0 {
		return "", fmt.Errorf("%d bytes after the end", src.Len())
	}
	return b.String(), nil
}

func oracleNext(b *strings.Builder, d *msgpack.Decoder) error {
	code, err := d.PeekCode()
	if err != nil {
		return err
	}
	switch {
	case msgpcode.IsFixedArray(code), code == msgpcode.Array16, code == msgpcode.Array32:
		return oracleArray(b, d)
	case msgpcode.IsFixedMap(code), code == msgpcode.Map16, code == msgpcode.Map32:
		return oracleMap(b, d)
	case msgpcode.IsExt(code):
		return oracleExt(b, d)
	case msgpcode.IsFixedString(code), code == msgpcode.Str8, code == msgpcode.Str16, code == msgpcode.Str32:
		s, err := d.DecodeString()
		fmt.Fprintf(b, "%q", s)
		return err
	}
	switch code {
	case msgpcode.Bin8, msgpcode.Bin16, msgpcode.Bin32:
		s, err := d.DecodeBytes()
		fmt.Fprintf(b, "bin%q", s)
		return err
	case msgpcode.Nil:
		b.WriteString("nil")
		return d.DecodeNil()
	case msgpcode.False, msgpcode.True:
		v, err := d.DecodeBool()
		fmt.Fprint(b, v)
		return err
	case msgpcode.Float, msgpcode.Double:
		v, err := d.DecodeFloat64()
		renderFloat(b, v)
		return err
	case msgpcode.Uint64:
		v, err := d.DecodeUint64()
		fmt.Fprint(b, v)
		return err
	default:
		v, err := d.DecodeInt64()
		fmt.Fprint(b, v)
		return err
	}
}

func oracleArray(b *strings.Builder, d *msgpack.Decoder) error {
	n, err := d.DecodeArrayLen()
	if err != nil {
		return err
	}
	b.WriteString("[")
	for i := range n {
		renderComma(b, i)
		if err := oracleNext(b, d); err != nil {
			return err
		}
	}
	b.WriteString("]")
	return nil
}

func oracleMap(b *strings.Builder, d *msgpack.Decoder) error {
	n, err := d.DecodeMapLen()
	if err != nil {
		return err
	}
	b.WriteString("{")
	for i := range n {
		renderComma(b, i)
		if err := oracleNext(b, d); err != nil {
			return err
		}
		b.WriteString(": ")
		if err := oracleNext(b, d); err != nil {
			return err
		}
	}
	b.WriteString("}")
	return nil
}

func oracleExt(b *strings.Builder, d *msgpack.Decoder) error {
	id, n, err := d.DecodeExtHeader()
	if err != nil {
		return err
	}
	data := make([]byte, n)
	if err := d.ReadFull(data); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	fmt.Fprintf(b, "ext%d%q", id, data)
	return nil
}
