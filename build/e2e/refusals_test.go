package e2e_test

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
	"time"

	"out_edge/build/harness"
)

// messages are what the library has logged, without times.
func messages(log string) (found []string) {
	for _, m := range regexp.MustCompile(`(?m)^\[[^]]+\] (\[.*)$`).FindAllStringSubmatch(log, -1) {
		found = append(found, m[1])
	}
	return found
}

// refused demands that Init ends the agent, and that this is all that is said.
func refused(t *testing.T, k *harness.Kit, r harness.Run, want string) {
	t.Helper()
	r.Library, r.V5, r.Outputs, r.Timeout = libraryOf(t, k), true, []harness.Output{edge()}, 20*time.Second
	_, err := k.Run(t.Context(), r)
	var exit *harness.ExitError
	if !errors.As(err, &exit) || exit.Code != harness.ExitPlugin {
		t.Fatalf("got %v, want exit status %d", err, harness.ExitPlugin)
	}
	if got := messages(exit.Stderr); !slices.Equal(got, []string{want}) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// otherGoLibraries are another plugin, and this one under another name.
func otherGoLibraries(t *testing.T, k *harness.Kit) map[string]string {
	t.Helper()
	other, err := k.Library(t.Context(), "./build/host/testdata/plugin")
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(libraryOf(t, k))
	again := filepath.Join(t.TempDir(), "again.so")
	if err := errors.Join(err, os.WriteFile(again, data, 0o600)); err != nil {
		t.Fatal(err)
	}
	return map[string]string{"another plugin": other, "a copy of this one": again}
}

func TestASecondGoLibraryIsRefused(t *testing.T) {
	onEach(t, func(t *testing.T, k *harness.Kit) {
		for name, path := range otherGoLibraries(t, k) {
			t.Run(name, func(t *testing.T) {
				refused(t, k, harness.Run{Also: []string{"libm.so.6", path}},
					"[error] [output:edge] "+path+" is written in Go too, and two Go libraries in one agent crash or hang it: "+
						"move that plugin to an agent of its own and join the two by `forward`; "+
						"OUT_EDGE_ALLOW_OTHER_GO=1 in the environment runs both at your own risk")
			})
		}
	})
}

func TestASecondGoLibraryAtTheUsersRisk(t *testing.T) {
	other := otherGoLibraries(t, kit)["another plugin"]
	res := replay(t, harness.Run{V5: true, Threads: 1, Generate: generated(100), Outputs: []harness.Output{edge(), edge()},
		Also: []string{other}, Env: []string{"OUT_EDGE_ALLOW_OTHER_GO=1"}})
	want := "[ warn] [output:edge] " + other + " is written in Go too: two Go libraries in one agent may crash or hang it at any time, " +
		"and OUT_EDGE_ALLOW_OTHER_GO=1 takes that risk"
	if got := messages(res.Stderr); slices.Index(got, want) != 0 || slices.Contains(got[1:], want) || res.Outputs[0].OK != 1 {
		t.Errorf("%+v, log %q, want it to begin with, once, %q", res.Outputs[0], got, want)
	}
}

// Neither a library in C is a reason to refuse, nor the library itself, which a
// hot reload finds still mapped.
func TestOtherLibrariesAreNoReason(t *testing.T) {
	onEach(t, func(t *testing.T, k *harness.Kit) {
		lib := libraryOf(t, k)
		res, err := k.Run(t.Context(), harness.Run{Library: lib, V5: true, Threads: 1, Cycles: 3, Overlap: true, Generate: generated(100),
			Outputs: []harness.Output{edge()}, Also: []string{"libm.so.6", lib}})
		if err != nil || res.Cycles != 3 || res.Outputs[0].OK != 3 {
			t.Errorf("%+v: %v", res, err)
		}
	})
}

// `daemon on` forks between Register and Init.
func TestAForkedAgentIsRefused(t *testing.T) {
	onEach(t, func(t *testing.T, k *harness.Kit) {
		refused(t, k, harness.Run{Daemon: true}, "[error] [output:edge] the agent has forked since it loaded this library, and a Go library does not survive that: "+
			"remove `daemon on` and let systemd or the container keep the agent running")
	})
}

// A daemon's standard error is closed, and its number may be another file's, which
// is none of the library's business.
func TestAForkedAgentWithoutStandardError(t *testing.T) {
	file := filepath.Join(t.TempDir(), "other")
	_, err := kit.Run(t.Context(), harness.Run{Library: library(t), V5: true, Outputs: []harness.Output{edge()}, Timeout: 20 * time.Second,
		Daemon: true, DaemonStderr: file})
	var exit *harness.ExitError
	if !errors.As(err, &exit) || exit.Code != harness.ExitPlugin {
		t.Fatalf("got %v, want exit status %d", err, harness.ExitPlugin)
	}
	data, err := os.ReadFile(file)
	if got := messages(string(data)); err != nil || len(got) > 0 {
		t.Errorf("the library wrote %q to another file, %v", got, err)
	}
}
