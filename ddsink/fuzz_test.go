package ddsink_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"math"
	"testing"
	"unicode/utf8"

	"github.com/vmihailenco/msgpack/v5"
	"github.com/vmihailenco/msgpack/v5/msgpcode"

	"out_edge/ddsink"
	"out_edge/plugin/wire"
)

// FuzzAppendValue compares what the sink makes of any bytes with what encoding/json makes
// of the value that msgpack/v5 reads from them.
func FuzzAppendValue(f *testing.F) {
	for _, s := range []string{
		"\x83\xa3log\xa5hello\xa1a\xcb\x3f\xb9\x99\x99\x99\x99\x99\x9a\xa1b\xd3\x80\x00\x00\x00\x00\x00\x00\x00",
		"\x84\xa1a\x01\xa1a\x02\x01\xc4\x01\xff\xc4\x01a\xc3", "\x93\xca\x7f\x80\x00\x00\xcf\xff\xff\xff\xff\xff\xff\xff\xff\xd4\x05x",
		"\x82\x91\x80\x01\xc0\x02", "\x82\xa1\xff\x01\xa1\xfe\x02", "\xd9\x0aa\"\\\n\x00\xff\xe3\x81é", "\xcb\x44\x4b\x1a\xe4\xd6\xe2\xef\x50", "\x91\xc1",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		v, err := valueOf(msgpack.NewDecoder(bytes.NewReader(payload)), wire.MaxDepth)
		got, ok := ddsink.AppendValue(nil, payload, math.MaxInt32)
		if err != nil {
			return // a checked value is whole: all that matters is that nothing panics
		}
		if !ok {
			t.Fatalf("%v is not written, only %s", v, got)
		}
		want, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if again := reread(t, got); again != reread(t, want) || !utf8.Valid(got) {
			t.Fatalf("got %s, want %s", got, want)
		}
	})
}

var errNoValue = errors.New("no value, or nested too deep")

// valueOf reads a value in the form in which encoding/json writes what the sink should.
func valueOf(d *msgpack.Decoder, depth int) (any, error) {
	code, err := d.PeekCode()
	switch {
	case err != nil:
		return nil, err
	case code == msgpcode.Nil:
		return nil, d.DecodeNil()
	case code == msgpcode.True, code == msgpcode.False:
		return d.DecodeBool()
	case code == msgpcode.Uint64:
		return d.DecodeUint64()
	case code == msgpcode.Float, code == msgpcode.Double:
		v, err := d.DecodeFloat64()
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, err
		}
		return v, err
	case msgpcode.IsFixedNum(code), code >= msgpcode.Uint8 && code <= msgpcode.Int64:
		return d.DecodeInt64()
	case msgpcode.IsString(code):
		b, err := bytesOfNext(d)
		return string([]rune(string(b))), err
	case msgpcode.IsBin(code):
		b, err := bytesOfNext(d)
		if utf8.Valid(b) {
			return string(b), err
		}
		return base64.StdEncoding.EncodeToString(b), err
	case msgpcode.IsExt(code):
		return extOf(d)
	case msgpcode.IsFixedArray(code), code == msgpcode.Array16, code == msgpcode.Array32:
		return arrayOf(d, depth)
	case msgpcode.IsFixedMap(code), code == msgpcode.Map16, code == msgpcode.Map32:
		return mapOf(d, depth)
	}
	return nil, errNoValue
}

func extOf(d *msgpack.Decoder) (any, error) {
	_, n, err := d.DecodeExtHeader()
	if err != nil {
		return nil, err
	}
	b, err := content(d, n)
	return base64.StdEncoding.EncodeToString(b), err
}

func bytesOfNext(d *msgpack.Decoder) ([]byte, error) {
	n, err := d.DecodeBytesLen()
	if err != nil {
		return nil, err
	}
	return content(d, n)
}

// content reads n bytes, however many are promised.
func content(d *msgpack.Decoder, n int) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(d.Buffered(), int64(n)))
	if err == nil && len(b) < n {
		err = io.ErrUnexpectedEOF
	}
	return b, err
}

func arrayOf(d *msgpack.Decoder, depth int) (any, error) {
	n, err := d.DecodeArrayLen()
	list := []any{}
	for range n {
		if depth == 0 || err != nil {
			return nil, errors.Join(err, errNoValue)
		}
		var v any
		v, err = valueOf(d, depth-1)
		list = append(list, v)
	}
	return list, err
}

func mapOf(d *msgpack.Decoder, depth int) (any, error) {
	n, err := d.DecodeMapLen()
	m := map[string]any{}
	for range n {
		if depth == 0 || err != nil {
			return nil, errors.Join(err, errNoValue)
		}
		var key string
		if key, err = keyOf(d); err != nil {
			break
		}
		var v any
		v, err = valueOf(d, depth-1)
		if _, twice := m[key]; !twice {
			m[key] = v
		}
	}
	return m, err
}

// keyOf reads a map's key: a container's is its bytes, another's that is no text the
// text of its JSON.
func keyOf(d *msgpack.Decoder) (string, error) {
	code, err := d.PeekCode()
	if err != nil {
		return "", err
	}
	if msgpcode.IsFixedArray(code) || msgpcode.IsFixedMap(code) || code >= msgpcode.Array16 && code <= msgpcode.Map32 {
		raw, err := d.DecodeRaw()
		return base64.StdEncoding.EncodeToString(raw), err
	}
	v, err := valueOf(d, 0)
	if text, ok := v.(string); ok || err != nil {
		return text, err
	}
	text, err := json.Marshal(v)
	return string(text), err
}
