package chunk_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/vmihailenco/msgpack/v5"
	"github.com/vmihailenco/msgpack/v5/msgpcode"

	"out_edge/plugin/wire"
)

// render writes a value as text, close to JSON, in which every kind, and str
// and bin, can be told apart. It reads tokens.
func render(v wire.Value) string {
	if len(v) == 0 {
		return "-"
	}
	var b strings.Builder
	r := v.Reader()
	renderNext(&b, &r)
	if kind := r.Next(); kind != wire.End || r.Failed() {
		fmt.Fprintf(&b, "!kind %d after the end, failed %v", kind, r.Failed())
	}
	return b.String()
}

func renderNext(b *strings.Builder, r *wire.Reader) {
	switch kind := r.Next(); kind {
	case wire.Nil:
		b.WriteString("nil")
	case wire.Bool:
		fmt.Fprint(b, r.Bool())
	case wire.Integer:
		fmt.Fprint(b, r.Int64())
	case wire.Unsigned:
		fmt.Fprint(b, r.Uint64())
	case wire.Double:
		renderFloat(b, r.Float64())
	case wire.Str:
		fmt.Fprintf(b, "%q", r.Bytes())
	case wire.Bin:
		fmt.Fprintf(b, "bin%q", r.Bytes())
	case wire.Ext:
		fmt.Fprintf(b, "ext%d%q", r.ExtType(), r.Bytes())
	case wire.Array:
		n := r.Len()
		b.WriteString("[")
		for i := range n {
			renderComma(b, i)
			renderNext(b, r)
		}
		b.WriteString("]")
	case wire.Map:
		n := r.Len()
		b.WriteString("{")
		for i := range n {
			renderComma(b, i)
			renderNext(b, r)
			b.WriteString(": ")
			renderNext(b, r)
		}
		b.WriteString("}")
	default:
		fmt.Fprintf(b, "!kind %d", kind)
	}
}

func renderComma(b *strings.Builder, i int) {
	if i > 0 {
		b.WriteString(", ")
	}
}

func renderFloat(b *strings.Builder, f float64) {
	b.WriteString("f" + strconv.FormatFloat(f, 'g', -1, 64))
}

// oracle writes the same text, read by msgpack/v5. It must only be given what
// a Decoder has checked.
func oracle(data []byte) (string, error) {
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

// renderRecord writes all of a record.
func renderRecord(r *chunk.Record) string {
	s := fmt.Sprintf("#%d time=%s raw=%x meta=%s body=%s",
		r.Index, renderTime(r.Time), r.RawTime, render(r.Metadata), render(r.Body))
	if g := r.Group; g != nil {
		s += fmt.Sprintf(" group(resource=%s scope=%s name=%q version=%q)",
			render(g.Resource), render(g.Scope), g.ScopeName, g.ScopeVersion)
	}
	return s
}

func renderTime(t chunk.Time) string {
	name := [...]string{"absent", "event", "int", "uint", "float"}[t.Form]
	return fmt.Sprintf("%s:%016x", name, t.Bits)
}

// decode gives the text of each of a payload's records.
func decode(payload []byte) (records []string, d *chunk.Decoder) {
	d = new(chunk.Decoder)
	d.Reset(payload)
	for d.Next() {
		records = append(records, renderRecord(d.Record()))
	}
	return records, d
}

// chunk is one captured payload.
type chunk struct {
	name    string
	payload []byte
}

// chunks reads all captured payloads.
func chunks(tb testing.TB) []chunk {
	tb.Helper()
	paths, err := filepath.Glob("testdata/chunks/*/*.msgpack")
	if err != nil || len(paths) == 0 {
		tb.Fatalf("no chunks in testdata: %v", err)
	}
	var all []chunk
	for _, path := range paths {
		payload, err := os.ReadFile(path)
		if err != nil {
			tb.Fatal(err)
		}
		name := strings.TrimPrefix(filepath.ToSlash(path), "testdata/chunks/")
		all = append(all, chunk{strings.TrimSuffix(name, ".msgpack"), payload})
	}
	return all
}

// golden compares got with a file under testdata/golden. With UPDATE_GOLDEN
// set it writes the file instead.
func golden(t *testing.T, file, got string) {
	t.Helper()
	path := filepath.Join("testdata", "golden", file)
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got == string(want) {
		return
	}
	gotLines, wantLines := strings.Split(got, "\n"), strings.Split(string(want), "\n")
	for i := range min(len(gotLines), len(wantLines)) {
		if gotLines[i] != wantLines[i] {
			t.Fatalf("%s line %d\n got %s\nwant %s", path, i+1, gotLines[i], wantLines[i])
		}
	}
	t.Fatalf("%s: got %d lines, want %d", path, len(gotLines), len(wantLines))
}
