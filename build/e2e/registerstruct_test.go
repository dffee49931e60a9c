package e2e_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"out_edge/build/harness"
)

// Up to Fluent Bit 4.2.2 the register struct ends before event_type (32 bytes in
// 1.9.10, 2.2.3, 3.2.10 and 4.0.14), up to 5.1.0 before config_map (40 bytes in 4.2.8
// and 5.0.9; 48 in 5.1.1): writing on runs over the heap. The library writes as far as
// the allocator says that the block reaches, and asks, by host and environment, for:
var registrations = []struct {
	name  string
	v5    bool
	abi   string
	env   []string
	types int // logs 1, metrics 2
}{
	{"v4.2.2", false, "v4.2.2", nil, 1},
	{"v4.2.2, told so", false, "v4.2.2", []string{"OUT_EDGE_EVENTS=logs"}, 1},
	{"v4.2.2, nonsense", false, "v4.2.2", []string{"OUT_EDGE_EVENTS=Metrics,1,all"}, 1},
	{"v4.2.2, empty", false, "v4.2.2", []string{"OUT_EDGE_EVENTS="}, 1},
	{"v4.2.3", false, "v4.2.3", nil, 3},
	{"v4.2.3, held back", false, "v4.2.3", []string{"OUT_EDGE_EVENTS=logs"}, 1},
	{"v4.2.3, told so", false, "v4.2.3", []string{"OUT_EDGE_EVENTS=metrics"}, 3},
	{"v5.1.1", true, "v5.1.1", nil, 3},
	{"v5.1.1, held back", true, "v5.1.1", []string{"OUT_EDGE_EVENTS=logs"}, 1},
}

// register takes a whole life cycle with one chunk of each kind through a host.
func register(t *testing.T, k *harness.Kit, r harness.Run, types int) harness.Result {
	t.Helper()
	lib, err := k.Library(t.Context(), "./plugin")
	if err != nil {
		t.Fatal(err)
	}
	r.Library, r.Timeout, r.Outputs = lib, 2*time.Minute, []harness.Output{edge()}
	r.Chunks = []harness.Chunk{
		{Tag: "app", File: chunkFile(hosts[0], "app.1")},
		{Type: harness.Metrics, Tag: "node", File: chunkFile(hosts[0], "node_metrics.1")},
	}
	res, err := k.Run(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	version := "4.2.2" // the host builds'
	if r.V5 {
		version = "5.1.1"
	}
	if !strings.Contains(res.Stderr, " in Fluent Bit "+version+": takes logs") {
		t.Errorf("the start line does not name Fluent Bit %s:\n%s", version, res.Stderr)
	}
	unrouted := 0
	if types == 1 {
		unrouted = 1
	}
	if o := res.Outputs[0]; res.EventTypes != types || o.Unrouted != unrouted || o.OK != 2-unrouted {
		t.Errorf("event types %d, want %d; %+v\n%s", res.EventTypes, types, o, res.Stderr)
	}
	return res
}

// A page that cannot be written lies behind the struct.
func TestRegisterWritesNothingBehindTheStruct(t *testing.T) {
	arm, err := armv7()
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range []*harness.Kit{kit, arm} {
		for _, tc := range registrations {
			t.Run(k.Arch().Name+"/"+tc.name, func(t *testing.T) {
				register(t, k, harness.Run{V5: tc.v5, ABI: tc.abi, Env: tc.env, Guard: true}, tc.types)
			})
		}
	}
}

// The struct is a block of exactly its size: valgrind watches what stands behind.
func TestRegisterUnderAHeapChecker(t *testing.T) {
	for _, tc := range registrations {
		t.Run(tc.name, func(t *testing.T) {
			r := harness.Run{V5: tc.v5, ABI: tc.abi, Env: tc.env, OwnStack: true, Wrap: harness.Valgrind()}
			if writes := heapOverruns(register(t, kit, r, tc.types)); len(writes) > 0 {
				t.Errorf("%d writes outside of what is allocated, the first:\n%s", len(writes), writes[0])
			}
		})
	}
}

// heapOverruns are valgrind's reports of writes beside C's blocks. Those into
// memory that it never saw allocated are Go's own heap.
func heapOverruns(r harness.Result) (found []string) {
	for _, report := range strings.Split(r.Stderr, "Invalid write")[1:] {
		report, _, _ = strings.Cut(report, "Invalid ")
		if strings.Contains(report, "a block of size") {
			found = append(found, "Invalid write"+report)
		}
	}
	return found
}

// Who tells the library that an old host is a new one gets what these checks are
// for: it proves that they would see it.
func TestTheChecksSeeAWriteBehindTheStruct(t *testing.T) {
	lie := []string{"OUT_EDGE_EVENTS=metrics"}
	arm, err := armv7()
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range []*harness.Kit{kit, arm} {
		t.Run("guard on "+k.Arch().Name, func(t *testing.T) {
			lib, err := k.Library(t.Context(), "./plugin")
			if err != nil {
				t.Fatal(err)
			}
			_, err = k.Run(t.Context(), harness.Run{Library: lib, ABI: "v4.2.2", Guard: true, Env: lie, Outputs: []harness.Output{edge()}})
			var exit *harness.ExitError
			if !errors.As(err, &exit) || exit.Code != harness.ExitCrash {
				t.Errorf("got %v, want a crash", err)
			}
		})
	}
	t.Run("AddressSanitizer", func(t *testing.T) {
		k, err := sanitized()
		if err != nil {
			t.Fatal(err)
		}
		_, err = k.Run(t.Context(), harness.Run{Library: libraryOf(t, k), ABI: "v4.2.2", Env: lie, Outputs: []harness.Output{edge()}})
		if err == nil || !strings.Contains(err.Error(), "heap-buffer-overflow") {
			t.Errorf("got %v, want a report", err)
		}
	})
	t.Run("valgrind", func(t *testing.T) {
		res, err := kit.Run(t.Context(), harness.Run{Library: library(t), ABI: "v4.2.2", OwnStack: true, Wrap: harness.Valgrind(), Env: lie,
			Outputs: []harness.Output{edge()}, Timeout: 2 * time.Minute})
		if len(heapOverruns(res)) == 0 {
			t.Errorf("valgrind reports nothing (%v):\n%.2000s", err, res.Stderr)
		}
	})
}
