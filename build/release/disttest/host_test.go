//go:build dist

package disttest_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"out_edge/build/captured"
	"out_edge/build/harness"
	"out_edge/build/release/pack"
	"out_edge/build/testkit"
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

// library is a target's, with what builds a host for it.
func library(t *testing.T, target pack.Target) (*harness.Kit, string) {
	t.Helper()
	kit, err := harness.NewKit(t.TempDir(), arch(t, target))
	if err != nil {
		t.Fatal(err)
	}
	return kit, artefact(target.Library())
}

// TestEachLibraryFlushes loads every library in the C host of its own
// architecture, flushes all captured payloads, and wants the same log entries,
// series and /metrics of all: what a 32-bit device sends is what a server would
// have sent.
func TestEachLibraryFlushes(t *testing.T) {
	sent := make(map[string]map[string]captured.Sent)
	for _, target := range pack.Targets() {
		t.Run(target.Name, func(t *testing.T) { sent[target.Name] = flush(t, target) })
	}
	want := sent["amd64"]
	if len(want) == 0 {
		t.Fatal("amd64 has sent nothing")
	}
	for name, got := range sent {
		for set, w := range want {
			if g := got[set]; g != w {
				t.Errorf("%s, %s: not as on amd64\nsent: %s\nshown: %s", name, set,
					testkit.Difference(w.Intake, g.Intake), testkit.Difference(w.Page, g.Page))
			}
		}
	}
}

// flush gives what became of each host's set of payloads. Log payloads have a
// golden file.
func flush(t *testing.T, target pack.Target) map[string]captured.Sent {
	kit, lib := library(t, target)
	all := make(map[string]captured.Sent)
	played := 0
	for _, host := range captured.Hosts() {
		for _, set := range captured.Sets() {
			sent, err := set.Play(t.Context(), kit, lib, host)
			if err != nil {
				t.Fatal(err)
			}
			name := host + "-" + set.Name
			all[name] = sent
			played += sent.Played + sent.Unrouted
			if set.Name == "events" {
				continue
			}
			golden := string(read(t, filepath.Join(release.Root, "build/e2e/testdata/intake-"+name+".jsonl")))
			if sent.Intake != golden {
				t.Errorf("%s is not sent as written down: %s", name, testkit.Difference(golden, sent.Intake))
			}
		}
	}
	if files, err := filepath.Glob(testkit.PayloadFile(release.Root, "*", "*")); err != nil || played != len(files) {
		t.Errorf("%d payloads were played of %d: %v", played, len(files), err)
	}
	return all
}

// TestEachLibraryRefusesACopyOfItself holds although a released library shows
// neither Go's symbols nor its build ID.
func TestEachLibraryRefusesACopyOfItself(t *testing.T) {
	for _, target := range pack.Targets() {
		t.Run(target.Name, func(t *testing.T) {
			kit, lib := library(t, target)
			again := filepath.Join(t.TempDir(), "again.so")
			if err := os.WriteFile(again, read(t, lib), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := kit.Run(t.Context(), harness.Run{Library: lib, Also: []string{again},
				Outputs: []harness.Output{{Name: "edge", Properties: harness.Props("listen", "off")}}})
			var exit *harness.ExitError
			if !errors.As(err, &exit) || exit.Code != harness.ExitPlugin || !strings.Contains(exit.Stderr, again+" is written in Go too") {
				t.Errorf("got %v, want a refusal that names %s", err, again)
			}
		})
	}
}
