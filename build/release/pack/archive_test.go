package pack_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"slices"
	"testing"
	"time"

	"out_edge/build/release/pack"
)

func TestWriteArchive(t *testing.T) {
	at := time.Unix(1_764_771_798, 0)
	files := []pack.File{
		{Name: "examples/b/fluent-bit.conf", Mode: 0o644, Data: []byte("b")},
		{Name: "check.sh", Mode: 0o755, Data: []byte("#!/bin/sh\n")},
		{Name: "examples/a.conf", Mode: 0o644, Data: []byte("a")},
	}
	got := archive(t, files, at)
	slices.Reverse(files)
	if !bytes.Equal(got, archive(t, files, at.UTC())) {
		t.Error("the same files in another order give other bytes")
	}

	want := []string{
		"d 755 out/", "d 755 out/examples/", "d 755 out/examples/b/",
		"- 755 out/check.sh", "- 644 out/examples/a.conf", "- 644 out/examples/b/fluent-bit.conf",
	}
	var list []string
	zr, err := gzip.NewReader(bytes.NewReader(got))
	if err != nil {
		t.Fatal(err)
	}
	if !zr.ModTime.IsZero() || zr.Name != "" {
		t.Errorf("gzip header holds a name %q or a time %v", zr.Name, zr.ModTime)
	}
	for tr := tar.NewReader(zr); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Uid != 0 || h.Gid != 0 || h.Uname != "" || h.Gname != "" || !h.ModTime.Equal(at) {
			t.Errorf("%s: owner %d:%d %q:%q, time %v", h.Name, h.Uid, h.Gid, h.Uname, h.Gname, h.ModTime)
		}
		kind := "-"
		if h.Typeflag == tar.TypeDir {
			kind = "d"
		}
		list = append(list, kind+" "+mode(h.Mode)+" "+h.Name)
	}
	if !slices.Equal(list, want) {
		t.Errorf("archive lists\n%q, want\n%q", list, want)
	}
}

// A document may lead to the source tree; in the archive only the link's words
// are left.
func TestKeepLinks(t *testing.T) {
	there := map[string]bool{"README.md": true, "docs": true, "docs/time.md": true, "examples/a.conf": true}
	has := func(path string) bool { return there[path] }
	for text, want := range map[string]string{
		"[a](time.md), [b](time.md#rules)":   "[a](time.md), [b](time.md#rules)",
		"[a](../README.md) [b](../docs/)":    "[a](../README.md) [b](../docs/)",
		"[a](../examples/a.conf)":            "[a](../examples/a.conf)",
		"[a](#here) [b](https://b.example)":  "[a](#here) [b](https://b.example)",
		"see [a *b*](../build/x/README.md).": "see a *b*.",
		"[a](README.md)":                     "a",
	} {
		if got := pack.KeepLinks("docs/footprint.md", text, has); got != want {
			t.Errorf("KeepLinks(%q) = %q, want %q", text, got, want)
		}
	}
}

func archive(t *testing.T, files []pack.File, at time.Time) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := pack.WriteArchive(&b, "out", files, at); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func mode(m int64) string {
	if m == 0o755 {
		return "755"
	}
	return "644"
}

func TestSums(t *testing.T) {
	got := string(pack.Sums([]pack.File{{Name: "b"}, {Name: "a", Data: []byte("abc")}}))
	want := "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  a\n" +
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  b\n"
	if got != want {
		t.Errorf("Sums = %q, want %q", got, want)
	}
}

func TestExcerpt(t *testing.T) {
	readme := `# out_edge

Intro with [a folder](examples/), [a site](https://example.org) and [code](timefix).

## Two commands

make demo

## Properties

<!-- begin options -->
| key |
<!-- end options -->

` + "```sh\n## not a title\nmake build\nfluent-bit\n```\n" + `
## Map of the code

[plugin/](plugin)

## When things fail

See [time](docs/time.md#rules) and [above](#properties).
`
	want := `# out_edge

Intro with [a folder](examples/), [a site](https://example.org) and code.

## Properties

| key |

` + "```sh\n## not a title\nfluent-bit\n```\n" + `
## When things fail

See [time](docs/time.md#rules) and [above](#properties).
`
	has := func(path string) bool { return path == "examples" || path == "docs/time.md" }
	if got := pack.Excerpt(readme, has); got != want {
		t.Errorf("Excerpt =\n%s\nwant\n%s", got, want)
	}
}
