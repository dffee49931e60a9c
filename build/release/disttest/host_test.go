//go:build dist

package disttest_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"out_edge/build/harness"
	"out_edge/build/release/pack"
)

// arch is the target's host: this machine's, or qemu.
func arch(t *testing.T, target pack.Target) harness.Arch {
	t.Helper()
	if native := harness.Native(); target.Name == native.Name {
		return native
	}
	switch target.Name {
	case "arm64":
		return harness.ARM64()
	case "armv7":
		return harness.ARMv7()
	}
	t.Fatalf("nothing here runs %s", target.Name)
	return harness.Arch{}
}

// intake takes log entries and keeps them.
type intake struct {
	mu      sync.Mutex
	entries []string
}

func (in *intake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var entries []json.RawMessage
	if err == nil && strings.HasPrefix(r.URL.Path, "/api/v2/logs") {
		err = json.Unmarshal(body, &entries)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	for _, e := range entries {
		in.entries = append(in.entries, string(e))
	}
	w.WriteHeader(http.StatusAccepted)
}

// TestEachLibraryFlushes loads every library in the C host of its own
// architecture, flushes all captured chunks, and wants the same log entries of
// all: what a 32-bit device sends is what a server would have sent.
func TestEachLibraryFlushes(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(release.Root, "build/testdata/chunks/armv7-*/*.msgpack"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no captured chunks: %v", err)
	}
	sent := make(map[string][]string)
	for _, target := range pack.Targets() {
		t.Run(target.Name, func(t *testing.T) { sent[target.Name] = flush(t, target, files) })
	}
	want := sent["amd64"]
	if len(want) == 0 {
		t.Fatal("amd64 has sent nothing")
	}
	for name, got := range sent {
		if !slices.Equal(got, want) {
			t.Errorf("%s has sent %d entries, other than amd64's %d: %s", name, len(got), len(want), firstDifference(got, want))
		}
	}
}

// arrivals are times within 100 s of clock_start: those that no record brought,
// and that differ by how fast the host is.
var arrivals = regexp.MustCompile(`"timestamp":17952408\d{5}\b`)

func flush(t *testing.T, target pack.Target, files []string) []string {
	kit, err := harness.NewKit(t.TempDir(), arch(t, target))
	if err != nil {
		t.Fatal(err)
	}
	in := &intake{}
	server := httptest.NewServer(in)
	defer server.Close()
	run := harness.Run{
		Library: artefact(target.Library()), Guard: true, Threads: 1, Timeout: 2 * time.Minute,
		Outputs: []harness.Output{{Properties: harness.Props(
			"listen", "127.0.0.1:0", "apikey", strings.Repeat("0", 32), "dd_url", server.URL, "dd_metrics_url", server.URL,
			"compress", "off", "dd_hostname", "device", "workers", "1", "host_metrics", "logs", "clock_start", "2026-11-21T06:00:00Z",
			"retry_limit", "3", "edge_log_level", "warn",
		)}},
	}
	for _, f := range files {
		tag, _, _ := strings.Cut(filepath.Base(f), ".")
		run.Chunks = append(run.Chunks, harness.Chunk{Tag: tag, File: f})
	}
	result, err := kit.Run(t.Context(), run)
	if err != nil {
		t.Fatalf("%v\n%s", err, result.Stderr)
	}
	out := result.Outputs[0]
	if result.Plugin != "edge" || out.OK != len(files) || out.Unsettled != 0 || out.Error != 0 {
		t.Errorf("plugin %q, %d of %d chunks accepted, %d errors, %d unsettled\n%s", result.Plugin, out.OK, len(files), out.Error, out.Unsettled, result.Stderr)
	}
	for i, e := range in.entries {
		in.entries[i] = arrivals.ReplaceAllString(e, `"timestamp":"arrival"`)
	}
	slices.Sort(in.entries)
	return in.entries
}

func firstDifference(a, b []string) string {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return a[i] + "\nwant " + b[i]
		}
	}
	return "one is longer"
}
