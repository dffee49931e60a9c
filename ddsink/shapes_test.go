package ddsink_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"out_edge/build/testkit"
	"out_edge/ddsink"
	"out_edge/plugin/chunk"
	"out_edge/plugin/wire"
)

// TestShapes holds what records of well-known loggers become: testdata/shapes has a
// record a file, as Fluent Bit's json parser or input makes it, and beside it the
// entry, whose message, status, host, service, tags and trace ids are where their
// people look for them at Datadog.
func TestShapes(t *testing.T) {
	files, err := filepath.Glob("testdata/shapes/*.json")
	if err != nil || len(files) < 18 {
		t.Fatal("shapes are missing:", len(files), err)
	}
	e := ddsink.NewEntries(ddsink.Config{Service: "property", Hostname: "property", Tags: "env:test"})
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := e.Append(nil, &chunk.Record{Body: bodyOf(t, text)}, "app", 1764771798767)
			if _, err := strictObject(got); err != nil {
				t.Error(err)
			}
			testkit.GoldenFile(t, strings.TrimSuffix(file, ".json")+".entry", string(got)+"\n")
		})
	}
}

// bodyOf is a JSON object as a record's body, its fields in the order of the text.
func bodyOf(t *testing.T, text []byte) wire.Value {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(string(text)))
	dec.UseNumber()
	return pack(t, ordered(t, dec))
}

// ordered reads one JSON value and keeps the order of its fields.
func ordered(t *testing.T, dec *json.Decoder) any {
	t.Helper()
	token, err := dec.Token()
	if err != nil {
		t.Fatal(err)
	}
	switch token := token.(type) {
	case json.Delim:
		var all []any
		for dec.More() {
			all = append(all, ordered(t, dec))
		}
		if _, err := dec.Token(); err != nil {
			t.Fatal(err)
		}
		if token == '{' {
			return pairs(all)
		}
		return all
	case json.Number:
		if n, err := token.Int64(); err == nil {
			return n
		}
		f, err := token.Float64()
		if err != nil {
			t.Fatal(err)
		}
		return f
	default:
		return token
	}
}
