package main

import (
	"cmp"
	"context"
	"debug/elf"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"out_edge/build/release/pack"
)

// owners maps the beginnings of package paths to owners; the first match applies.
var owners = []struct{ prefix, name string }{
	{"out_edge/", "this repository"},
	{"crypto/", "TLS and certificates (crypto)"},
	{"vendor/golang.org/x/crypto/", "TLS and certificates (crypto)"},
	{"encoding/asn1", "TLS and certificates (crypto)"},
	{"math/big", "TLS and certificates (crypto)"},
	{"net", "HTTP and the network (net)"},
	{"vendor/", "HTTP and the network (net)"},
	{"mime", "HTTP and the network (net)"},
	{"google.golang.org/protobuf/", "protobuf, which client_golang keeps metrics in"},
	{"github.com/prometheus/", "Prometheus' libraries"},
	{"github.com/grafana/regexp", "Prometheus' libraries"},
	{"go.yaml.in/yaml/v2", "YAML, as exporter-toolkit reads it"},
	{"go.yaml.in/yaml/v3", "YAML with line numbers, for config_file"},
	{"github.com/klauspost/compress/", "gzip, zstd and snappy"},
	{"github.com/DataDog/", "Datadog's client"},
	{"runtime", "Go's runtime"},
	{"internal/runtime", "Go's runtime"},
	{"github.com/", "other modules"},
	{"golang.org/", "other modules"},
	{"go.", "other modules"},
	{"", "the rest of the standard library"},
}

// parts prints a library's sections, and its code by owner.
func parts(ctx context.Context, w io.Writer, build pack.Build, t pack.Target, dir string) error {
	build.Symbols = true
	path := filepath.Join(dir, "symbols.so")
	if err := build.Library(ctx, t, path); err != nil {
		return fmt.Errorf("measure parts: %w", err)
	}
	f, err := elf.Open(path)
	if err != nil {
		return fmt.Errorf("measure parts: %w", err)
	}
	defer f.Close()
	symbols, err := f.Symbols()
	if err != nil {
		return fmt.Errorf("measure parts: %w", err)
	}
	code := make(map[string]uint64)
	for _, s := range symbols {
		if elf.ST_TYPE(s.Info) == elf.STT_FUNC {
			code[owner(s.Name)] += s.Size
		}
	}
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(tw, "\n%s\tkB\t  of the file\n", t.Name)
	for _, s := range f.Sections {
		if s.Flags&elf.SHF_ALLOC != 0 && s.Type != elf.SHT_NOBITS && s.Size > 50_000 {
			fmt.Fprintf(tw, "%s\t%d\t  %s\n", s.Name, s.Size/1000, sections[s.Name])
		}
	}
	fmt.Fprintf(tw, "\n%s\tkB\t  of the code\n", t.Name)
	for _, name := range slices.SortedFunc(maps.Keys(code), func(a, b string) int { return cmp.Compare(code[b], code[a]) }) {
		fmt.Fprintf(tw, "\t%d\t  %s\n", code[name]/1000, name)
	}
	return tw.Flush()
}

var sections = map[string]string{
	".text":        "code",
	".gopclntab":   "lines and stack maps of the code, for the collector and stack traces",
	".rodata":      "constants",
	".data.rel.ro": "types, tables and texts with addresses",
	".rela.dyn":    "where addresses stand, for the loader",
	".rel.dyn":     "where addresses stand, for the loader",
	".noptrdata":   "variables",
	".data":        "variables",
}

// owner returns the owner of a function; for a generic one, of the package that defines
// it.
func owner(function string) string {
	path := strings.NewReplacer("%2e", ".", "type:.eq.", "", "type:.hash.", "").Replace(function)
	if i := strings.IndexAny(path, "[("); i >= 0 {
		path = path[:i]
	}
	slash := strings.LastIndexByte(path, '/') + 1
	if dot := strings.IndexByte(path[slash:], '.'); dot >= 0 {
		path = path[:slash+dot]
	}
	for _, o := range owners {
		if strings.HasPrefix(path+"/", o.prefix) {
			return o.name
		}
	}
	return path
}
