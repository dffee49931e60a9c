package harness_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/vmihailenco/msgpack/v5"

	"out_edge/build/harness"
	"out_edge/build/testkit"
)

const scripted = "./build/host/testdata/plugin"

// bench is what the tests share: built once, in TestMain's folder.
type bench struct {
	kit     *harness.Kit
	library string
}

var native bench

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "harness")
	if err != nil {
		panic(err)
	}
	native = newBench(dir, harness.Native())
	code := m.Run()
	if code == 0 {
		if err := testkit.Leaks(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

func newBench(dir string, arch harness.Arch) bench {
	kit, err := harness.NewKit(dir, arch)
	if err != nil {
		panic(err)
	}
	lib, err := kit.Library(context.Background(), scripted)
	if err != nil {
		panic(err)
	}
	return bench{kit, lib}
}

func (b bench) run(t *testing.T, r harness.Run) (harness.Result, error) {
	t.Helper()
	r.Library = b.library
	return b.kit.Run(t.Context(), r)
}

func (b bench) mustRun(t *testing.T, r harness.Run) harness.Result {
	t.Helper()
	res, err := b.run(t, r)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func (b bench) file(t *testing.T, name string) string {
	t.Helper()
	return filepath.Join(b.kit.Root(), "build", "testdata", "chunks", name)
}

func (b bench) chunk(t *testing.T, tag string) harness.Chunk {
	t.Helper()
	return harness.Chunk{Tag: tag, File: b.file(t, "amd64-v5.1.1/app.1.msgpack")}
}

func exitCode(err error) int {
	var exit *harness.ExitError
	if errors.As(err, &exit) {
		return exit.Code
	}
	return 0
}

func TestFlushResults(t *testing.T) {
	type counts struct{ Flushes, OK, Retry, Error, GaveUp, RecordsOK int }
	tests := map[string]struct {
		tag        string
		retryLimit string
		want       counts
	}{
		"ok":                               {"ok", "", counts{Flushes: 1, OK: 1, RecordsOK: 2}},
		"error":                            {"error", "", counts{Flushes: 1, Error: 1}},
		"a recovered panic":                {"recover", "", counts{Flushes: 1, Error: 1}},
		"a result that is none":            {"invalid", "", counts{Flushes: 1, Error: 1}},
		"one retry is core's default":      {"retry.1.a", "", counts{Flushes: 2, Retry: 1, OK: 1, RecordsOK: 2}},
		"two are over the default":         {"retry.2.a", "", counts{Flushes: 2, Retry: 2, GaveUp: 1}},
		"a higher limit":                   {"retry.2.a", "2", counts{Flushes: 3, Retry: 2, OK: 1, RecordsOK: 2}},
		"no limit":                         {"retry.6.a", "no_limits", counts{Flushes: 7, Retry: 6, OK: 1, RecordsOK: 2}},
		"no retries":                       {"retry", "no_retries", counts{Flushes: 1, Retry: 1, GaveUp: 1}},
		"a limit that is none is one":      {"retry", "-3", counts{Flushes: 2, Retry: 2, GaveUp: 1}},
		"8 KiB of C and 1 MiB of Go stack": {"deep", "", counts{Flushes: 1, OK: 1, RecordsOK: 2}},
	}
	for name, tc := range tests {
		for _, threads := range []int{0, 2} {
			t.Run(fmt.Sprintf("%s, %d threads", name, threads), func(t *testing.T) {
				o := native.mustRun(t, harness.Run{
					Chunks: []harness.Chunk{native.chunk(t, tc.tag)}, Threads: threads,
					RetryLimit: tc.retryLimit, RetryBase: time.Millisecond, RetryCap: 4 * time.Millisecond,
				}).Outputs[0]
				got := counts{o.Flushes, o.OK, o.Retry, o.Error, o.GaveUp, o.RecordsOK}
				if got != tc.want {
					t.Errorf("got %+v, want %+v", got, tc.want)
				}
				if o.Chunks != 1 || o.Records != 2 || o.Bytes != 94 {
					t.Errorf("offered %d chunks, %d records, %d bytes, want 1, 2, 94", o.Chunks, o.Records, o.Bytes)
				}
			})
		}
	}
}

func TestPropertiesAreSortedAsInCore(t *testing.T) {
	journal := filepath.Join(t.TempDir(), "journal")
	native.mustRun(t, harness.Run{
		Env: []string{"FROM_ENV=inside"},
		Outputs: []harness.Output{{Name: "scripted", Properties: harness.Props(
			"journal", journal, "instance", "a", "upper", "any case", "workers", "2", "host", "lost",
			"match", "x.*", "empty", "", "from_env", "<${FROM_ENV}${UNSET}>", "twice", "first", "twice", "second")}},
		Chunks: []harness.Chunk{native.chunk(t, "ok"), native.chunk(t, "x.y")},
	})
	lines := readLines(t, journal)
	for i, want := range []string{
		"a init UPPER=any case workers= host= match= empty= from_env=<inside> twice=first",
		"a flush x.y 94 " + fileSum(t, native.file(t, "amd64-v5.1.1/app.1.msgpack")),
		"a exit ctx",
	} {
		if i >= len(lines) || lines[i].text != want {
			t.Fatalf("journal is %+v, want line %d to be %q", lines, i, want)
		}
	}
}

// entry is a line of the scripted plugin's journal without its thread.
type entry struct{ thread, text string }

func readLines(t *testing.T, path string) []entry {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var entries []entry
	for line := range strings.Lines(string(data)) {
		f := strings.SplitN(strings.TrimSuffix(line, "\n"), " ", 3)
		entries = append(entries, entry{f[1], f[0] + " " + f[2]})
	}
	return entries
}

func fileSum(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x", sha256.Sum256(data))
}

func TestInitAndFlushThreads(t *testing.T) {
	tests := map[string]struct {
		threads     int
		sameAsInit  bool
		wantThreads int
	}{
		"without workers on the engine thread": {0, true, 1},
		"one worker":                           {1, false, 1},
		"two workers, at the same time":        {2, false, 2},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			journal := filepath.Join(t.TempDir(), "journal")
			res := native.mustRun(t, harness.Run{
				Outputs: []harness.Output{{Name: "scripted", Properties: harness.Props("journal", journal)}},
				Chunks:  []harness.Chunk{native.chunk(t, "slow.100")}, Repeat: 8, Threads: tc.threads, Trace: true,
			})
			threads := map[string]bool{}
			for _, f := range res.Flushes {
				threads[fmt.Sprint(f.Thread)] = true
			}
			if init := readLines(t, journal)[0].thread; threads[init] != tc.sameAsInit || len(threads) != tc.wantThreads {
				t.Errorf("flush threads %v, init on %s", threads, init)
			}
		})
	}
}

func TestInstancesAndMatch(t *testing.T) {
	res := native.mustRun(t, harness.Run{
		Outputs: []harness.Output{
			{Name: "scripted", Properties: harness.Props("match", "o*", "workers", "1")},
			{Name: "scripted", Properties: harness.Props("match", "*r")},
		},
		Chunks: []harness.Chunk{native.chunk(t, "ok"), native.chunk(t, "error"), native.chunk(t, "ok.r")},
	})
	a, b := res.Outputs[0], res.Outputs[1]
	if a.OK != 2 || a.Error != 0 || a.Workers != 1 || b.OK != 1 || b.Error != 1 || b.Workers != 0 {
		t.Errorf("got %+v and %+v", a, b)
	}
}

func TestFailures(t *testing.T) {
	inits := func(v string) []harness.Output {
		return []harness.Output{{Name: "scripted", Properties: harness.Props("init", v)}}
	}
	tests := map[string]struct {
		run  harness.Run
		code int
		says string
	}{
		"register refuses":      {harness.Run{Env: []string{"REGISTER=-1"}}, harness.ExitPlugin, "gave -1"},
		"init gives 0":          {harness.Run{Outputs: inits("0")}, harness.ExitPlugin, "init of output scripted gave 0"},
		"init gives -1":         {harness.Run{Outputs: inits("-1")}, harness.ExitPlugin, "gave -1"},
		"another output's name": {harness.Run{Outputs: []harness.Output{{Name: "other"}}}, harness.ExitPlugin, "registered as scripted"},
		"tls on":                {harness.Run{Outputs: []harness.Output{{Name: "scripted", Properties: harness.Props("tls", "on")}}}, harness.ExitPlugin, "does not support TLS"},
		"a panic":               {harness.Run{Chunks: []harness.Chunk{native.chunk(t, "panic")}, OwnStack: true}, harness.ExitCrash, "as the tag says"},
		"a panic on a worker":   {harness.Run{Chunks: []harness.Chunk{native.chunk(t, "panic")}, Threads: 1, OwnStack: true}, harness.ExitCrash, "as the tag says"},
		// Go's runtime loses the text: it unwinds to the thread's own stack.
		"a panic on a coroutine's stack": {harness.Run{Chunks: []harness.Chunk{native.chunk(t, "panic")}}, harness.ExitCrash, "crashed by signal 6"},
		"a fault in C":                   {harness.Run{Chunks: []harness.Chunk{native.chunk(t, "segv")}}, harness.ExitCrash, "crashed by signal 11"},
		"an unknown live input":          {harness.Run{Live: []string{"disk"}}, harness.ExitUsage, "only cpu, mem and thermal"},
		"a chunk without a file":         {harness.Run{Chunks: []harness.Chunk{{Tag: "x", File: "absent"}}}, harness.ExitUsage, "read chunk absent"},
		"a wrong garble":                 {harness.Run{Garble: "ms31"}, harness.ExitUsage, "ms31"},
		"writing past the struct of v4.2.2": {
			harness.Run{ABI: "v4.2.2", Guard: true, Env: []string{"EVENT_TYPE=3"}}, harness.ExitCrash, "crashed by signal 11"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			res, err := native.run(t, tc.run)
			if exitCode(err) != tc.code || !strings.Contains(res.Stderr, tc.says) {
				t.Errorf("got %v, want exit status %d and %q on stderr", err, tc.code, tc.says)
			}
		})
	}
}

func TestKeepGoingFlushesAfterAFailedInit(t *testing.T) {
	res := native.mustRun(t, harness.Run{
		KeepGoing: true, Chunks: []harness.Chunk{native.chunk(t, "ok")},
		Outputs: []harness.Output{{Name: "scripted", Properties: harness.Props("init", "-1")}},
	})
	if o := res.Outputs[0]; o.Init != -1 || o.Flushes != 1 {
		t.Errorf("got %+v, want init -1 and one flush", o)
	}
}

func TestEventTypes(t *testing.T) {
	tests := map[string]struct {
		abi                    string
		env                    []string
		want, chunks, unrouted int
	}{
		"asked for in v5.1.1":          {"v5.1.1", []string{"EVENT_TYPE=3"}, 3, 2, 1},
		"asked for in v4.2.3":          {"v4.2.3", []string{"EVENT_TYPE=7"}, 7, 3, 0},
		"not asked for":                {"v5.1.1", nil, 1, 1, 2},
		"v4.2.2 has no say":            {"v4.2.2", nil, 1, 1, 2},
		"zero is logs":                 {"v5.1.1", []string{"EVENT_TYPE=0"}, 1, 1, 2},
		"metrics only: logs stay away": {"v5.1.1", []string{"EVENT_TYPE=2"}, 2, 1, 2},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			file := native.file(t, "amd64-v5.1.1/otel.3.msgpack")
			res := native.mustRun(t, harness.Run{
				V5: true, ABI: tc.abi, Guard: true, Env: tc.env,
				Chunks: []harness.Chunk{native.chunk(t, "ok"), {Type: harness.Metrics, Tag: "ok", File: file}, {Type: harness.Traces, Tag: "ok", File: file}},
			})
			o := res.Outputs[0]
			if res.EventTypes != tc.want || o.Chunks != tc.chunks || o.Unrouted != tc.unrouted {
				t.Errorf("event types %d, %d chunks, %d unrouted, want %+v", res.EventTypes, o.Chunks, o.Unrouted, tc)
			}
		})
	}
}

// The struct is an exact block, so that a heap checker names who writes on.
func TestValgrindSeesAWritePastTheStruct(t *testing.T) {
	tests := map[string]struct {
		abi string
		env []string
		bad bool
	}{
		"five fields, five written": {"v4.2.2", nil, false},
		"five fields, six written":  {"v4.2.2", []string{"EVENT_TYPE=1"}, true},
		"six fields, six written":   {"v4.2.3", []string{"EVENT_TYPE=1"}, false},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			res := native.mustRun(t, harness.Run{ABI: tc.abi, Env: tc.env, OwnStack: true, Wrap: harness.Valgrind(), Timeout: 2 * time.Minute})
			if got := res.InvalidWrites(); (len(got) > 0) != tc.bad || tc.bad && !strings.Contains(got[0], "set_event_type") {
				t.Errorf("got %q, want some: %v", got, tc.bad)
			}
		})
	}
}

func TestShutdownLeavesWhatGraceDoesNotSettle(t *testing.T) {
	run := harness.Run{
		Chunks: []harness.Chunk{native.chunk(t, "retry")}, RetryLimit: "no_limits",
		RetryBase: time.Minute, Seconds: 0.5, NoGrace: true,
	}
	if o := native.mustRun(t, run).Outputs[0]; o.Unsettled != 1 || o.Flushes != 1 {
		t.Errorf("without grace: %+v, want one unsettled chunk", o)
	}
	run.Chunks = []harness.Chunk{native.chunk(t, "retry.1.a")}
	run.NoGrace = false
	if o := native.mustRun(t, run).Outputs[0]; o.Unsettled != 0 || o.OK != 1 {
		t.Errorf("with 5 s of grace: %+v, want the retry brought forward and settled", o)
	}
}

func TestCycles(t *testing.T) {
	for _, overlap := range []bool{false, true} {
		journal := filepath.Join(t.TempDir(), "journal")
		res := native.mustRun(t, harness.Run{
			Cycles: 3, Overlap: overlap, ExitCalls: 2, Chunks: []harness.Chunk{native.chunk(t, "ok")},
			Outputs: []harness.Output{{Name: "scripted", Properties: harness.Props("journal", journal)}},
		})
		if res.Cycles != 3 || len(res.CycleRSSAnonKB) != 3 || res.Outputs[0].OK != 3 {
			t.Errorf("overlap %v: got %+v", overlap, res)
		}
		if got := len(readLines(t, journal)); got != 3*4 {
			t.Errorf("overlap %v: %d calls, want 12: three times init, flush, exit, exit", overlap, got)
		}
	}
}

func TestTimeoutKills(t *testing.T) {
	begun := time.Now()
	_, err := native.run(t, harness.Run{Chunks: []harness.Chunk{native.chunk(t, "slow.60000")}, Timeout: 300 * time.Millisecond})
	if exitCode(err) != -1 || time.Since(begun) > 10*time.Second {
		t.Errorf("got %v after %v, want a killed process", err, time.Since(begun))
	}
}

func TestInterruptEndsCleanly(t *testing.T) {
	res := native.runUntil(t, harness.Run{Live: []string{"mem"}, Interval: 10 * time.Millisecond}, 3)
	if res.Outputs[0].OK < 3 || len(res.Reports) == 0 || res.Now.RSSKB == 0 || res.Now.Threads < 2 {
		t.Errorf("got %+v", res)
	}
}

// runUntil runs until so many records were delivered, then interrupts.
func (b bench) runUntil(t *testing.T, r harness.Run, records int) harness.Result {
	t.Helper()
	enough := make(chan struct{})
	var once sync.Once
	r.Library = b.library
	r.ReportEvery = 10 * time.Millisecond
	r.OnReport = func(r harness.Result) {
		if r.Outputs[0].RecordsOK >= records {
			once.Do(func() { close(enough) })
		}
	}
	p, err := b.kit.Start(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		select {
		case <-enough:
			_ = p.Signal(syscall.SIGINT)
		case <-t.Context().Done():
		}
	}()
	res, err := p.Wait()
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// dump runs until so many records were delivered, or to the run's own end, and
// gives back each tag's payloads in order.
func dump(t *testing.T, r harness.Run, records int) map[string][][]byte {
	t.Helper()
	dir := t.TempDir()
	r.Outputs = []harness.Output{{Name: "scripted", Properties: harness.Props("dump", dir)}}
	if len(r.Live)+len(r.Tail) > 0 {
		native.runUntil(t, r, records)
	} else {
		native.mustRun(t, r)
	}
	payloads := map[string][][]byte{}
	for _, tag := range []string{"gen", "cpu", "mem", "thermal", "log"} {
		for n := 1; ; n++ {
			data, err := os.ReadFile(filepath.Join(dir, fmt.Sprintf("%s.%d", tag, n)))
			if err != nil {
				break
			}
			payloads[tag] = append(payloads[tag], data)
		}
	}
	return payloads
}

// eventRecord is a v2 record whose time's ext bytes are kept.
type eventRecord struct {
	sec, nsec uint32
	body      map[string]any
	keys      []string
}

func decode(t *testing.T, payload []byte) []eventRecord {
	t.Helper()
	rest := bytes.NewReader(payload) // the decoder reads it unbuffered
	d := msgpack.NewDecoder(rest)
	var records []eventRecord
	for rest.Len() > 0 {
		records = append(records, decodeOne(t, d))
	}
	return records
}

func decodeOne(t *testing.T, d *msgpack.Decoder) eventRecord {
	t.Helper()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	var r eventRecord
	for range 2 {
		n, err := d.DecodeArrayLen()
		if check(err); n != 2 {
			t.Fatalf("array of %d, want 2", n)
		}
	}
	id, size, err := d.DecodeExtHeader()
	if check(err); id != 0 || size != 8 {
		t.Fatalf("ext type %d of %d bytes, want an EventTime", id, size)
	}
	var raw [8]byte
	check(d.ReadFull(raw[:]))
	r.sec = uint32(raw[0])<<24 | uint32(raw[1])<<16 | uint32(raw[2])<<8 | uint32(raw[3])
	r.nsec = uint32(raw[4])<<24 | uint32(raw[5])<<16 | uint32(raw[6])<<8 | uint32(raw[7])
	check(d.Skip())
	n, err := d.DecodeMapLen()
	check(err)
	r.body = make(map[string]any)
	for range n {
		key, err := d.DecodeString()
		check(err)
		value, err := d.DecodeInterface()
		check(err)
		r.keys = append(r.keys, key)
		r.body[key] = value
	}
	return r
}

func TestGeneratedRecords(t *testing.T) {
	payloads := dump(t, harness.Run{
		Generate: harness.Generate{Records: 25, PerChunk: 10, RecordBytes: 300, IDs: true, IDPrefix: "r"}}, 25)["gen"]
	ids := map[any]bool{}
	for i, want := range []int{10, 10, 5} {
		records := decode(t, payloads[i])
		if len(records) != want {
			t.Fatalf("chunk %d has %d records, want %d", i, len(records), want)
		}
		for _, r := range records {
			ids[r.body["id"]] = true
			if age := time.Since(time.Unix(int64(r.sec), int64(r.nsec))); age < 0 || age > time.Minute {
				t.Errorf("a record is %v old", age)
			}
		}
		if size := len(payloads[i]) / want; size < 250 || size > 350 {
			t.Errorf("a record takes %d bytes, want about 300", size)
		}
	}
	if len(payloads) != 3 || len(ids) != 25 || !ids["r-00000001"] || !ids["r-00000025"] {
		t.Errorf("%d chunks, ids %v", len(payloads), ids)
	}
}

func TestLiveRecordsAreTheInputsOwn(t *testing.T) {
	sysfs := t.TempDir()
	for name, text := range map[string]string{
		"thermal_zone0/type": "cpu-thermal\n", "thermal_zone0/temp": "48312\n",
		"thermal_zone1/type": "board-thermal\n", "thermal_zone1/temp": "-2500\n"} {
		path := filepath.Join(sysfs, "class", "thermal", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, host := range []struct {
		headers, captured string
		head              []byte
	}{
		{"fixarray", "amd64-v5.1.1", []byte{0x92, 0x92, 0xd7, 0x00}},
		{"array32", "armv7-v4.2.0", []byte{0xdd, 0, 0, 0, 2, 0xdd, 0, 0, 0, 2, 0xd7, 0x00}},
	} {
		t.Run(host.headers, func(t *testing.T) {
			payloads := dump(t, harness.Run{
				Live: []string{"cpu,mem", "thermal"}, Interval: 30 * time.Millisecond,
				Sysfs: sysfs, Headers: host.headers}, 12)
			for _, tag := range []string{"cpu", "mem"} {
				real, err := os.ReadFile(native.file(t, host.captured+"/"+tag+".1.msgpack"))
				if err != nil {
					t.Fatal(err)
				}
				got, want := decode(t, payloads[tag][0])[0], decode(t, real)[0]
				if !slices.Equal(got.keys[:6], want.keys[:6]) || !bytes.HasPrefix(payloads[tag][0], host.head) {
					t.Errorf("%s: keys %v, want them to begin as %v", tag, got.keys, want.keys)
				}
			}
			zones := decode(t, payloads["thermal"][0])
			if len(zones) != 2 || zones[0].body["temp"] != 48.312 || zones[1].body["temp"] != -2.5 ||
				zones[1].body["name"] != "thermal_zone1" || zones[1].body["type"] != "board-thermal" {
				t.Errorf("thermal gave %+v", zones)
			}
		})
	}
}

func TestTailGarbles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	if err := os.WriteFile(path, []byte("plain\n\nGARBLE me\nlast, not yet whole"), 0o600); err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	tests := map[string]struct {
		want func(at time.Time) (uint32, uint32)
	}{
		"ms32": {func(at time.Time) (uint32, uint32) { return uint32(at.UnixMilli()), 0 }},
		"us32": {func(at time.Time) (uint32, uint32) { return uint32(at.UnixMicro()), 0 }},
		"ns32": {func(at time.Time) (uint32, uint32) { return uint32(at.UnixNano()), 0 }},
		"nsec": {func(at time.Time) (uint32, uint32) { return uint32(at.Unix()), 4000000000 }},
		"zero": {func(time.Time) (uint32, uint32) { return 0, 0 }},
	}
	for how, tc := range tests {
		t.Run(how, func(t *testing.T) {
			payloads := dump(t, harness.Run{Tail: map[string]string{"log": path}, Garble: how}, 2)
			records := decode(t, payloads["log"][0])
			if len(records) != 2 || records[0].body["log"] != "plain" || records[1].body["log"] != "GARBLE me" {
				t.Fatalf("got %+v, want the two whole lines that are not empty", records)
			}
			at := time.Unix(int64(records[0].sec), int64(records[0].nsec))
			if at.Before(now.Add(-time.Minute)) || at.After(now.Add(time.Minute)) {
				t.Errorf("the plain line's time is %v", at)
			}
			// Both lines were stamped within a second of each other.
			sec, nsec := tc.want(at)
			if step := records[1].sec - sec; records[1].nsec != nsec || how == "ms32" && step > 1000 || how == "us32" && step > 1000000 {
				t.Errorf("the garbled time is %d.%d, want about %d.%d", records[1].sec, records[1].nsec, sec, nsec)
			}
		})
	}
}

// Every captured chunk reaches the plugin byte for byte, on each architecture,
// with the register struct of its Fluent Bit ending at a guard page.
func TestReplayOnEachArchitecture(t *testing.T) {
	for _, arch := range []harness.Arch{harness.Native(), harness.ARMv7(), harness.ARM64()} {
		t.Run(arch.Name, func(t *testing.T) {
			b := native
			if arch.Name != native.kit.Arch().Name {
				b = newBench(t.TempDir(), arch)
			}
			journal := filepath.Join(t.TempDir(), "journal")
			files, err := filepath.Glob(b.file(t, "*/*.msgpack"))
			if err != nil || len(files) != 66 {
				t.Fatalf("%d chunks, want 66, %v", len(files), err)
			}
			run := harness.Run{Guard: true, ABI: "v4.2.2", Threads: 2, Outputs: []harness.Output{
				{Name: "scripted", Properties: harness.Props("journal", journal)}}}
			var want []string
			for _, file := range files {
				tag := "ok." + filepath.Base(file)
				run.Chunks = append(run.Chunks, harness.Chunk{Tag: tag, File: file})
				st, err := os.Stat(file)
				if err != nil {
					t.Fatal(err)
				}
				want = append(want, fmt.Sprintf(" flush %s %d %s", tag, st.Size(), fileSum(t, file)))
			}
			res := b.mustRun(t, run)
			var got []string
			for _, e := range readLines(t, journal) {
				if strings.HasPrefix(e.text, " flush") {
					got = append(got, e.text)
				}
			}
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) || res.Outputs[0].OK != 66 {
				t.Errorf("got %v, want %v", got, want)
			}
			if wantBits := map[string]int{"armv7": 32, "386": 32}[arch.Name]; wantBits == 32 && res.Bits != 32 {
				t.Errorf("%d bits, want 32", res.Bits)
			}
		})
	}
}

func TestBuildErrorsAreKept(t *testing.T) {
	for range 2 {
		if _, err := native.kit.Library(t.Context(), "./build/absent"); err == nil || !strings.Contains(err.Error(), "build/absent") {
			t.Errorf("got %v, want the go command's message", err)
		}
	}
	if err := (harness.Arch{Name: "z80", CC: "z80-cc"}).Check(); err == nil || !strings.Contains(err.Error(), "z80-cc") {
		t.Errorf("got %v, want the missing compiler named", err)
	}
}

func TestAgentArgs(t *testing.T) {
	r := harness.Run{Library: "./out_edge.so", Live: []string{"cpu"}, Interval: time.Second, Threads: 1,
		Tail:    map[string]string{"app": "/var/log/app.log"},
		Outputs: []harness.Output{{Name: "edge", Properties: harness.Props("listen", "off")}}}
	want := "--flush 1 --plugin ./out_edge.so --input cpu --tag cpu --prop interval_sec=1 --input tail --tag app " +
		"--prop path=/var/log/app.log --prop read_from_head=on --prop refresh_interval=1 " +
		"--output edge --match * --prop workers=1 --prop listen=off"
	if got := strings.Join(r.AgentArgs(), " "); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
