package e2e_test

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"sync"
	"testing"
	"time"

	"out_edge/build/harness"
	"out_edge/build/intake"
	"out_edge/build/testkit"
)

// kit builds the host and the library once for all tests; armv7 and arm64 the
// same for ARM, and sanitized under AddressSanitizer, when they are first asked for.
var (
	kit                     *harness.Kit
	armv7, arm64, sanitized func() (*harness.Kit, error)
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "out_edge-e2e-")
	if err == nil {
		defer os.RemoveAll(dir)
		kit, err = harness.NewKit(dir, harness.Native())
		armv7 = sync.OnceValues(func() (*harness.Kit, error) { return harness.NewKit(dir, harness.ARMv7()) })
		arm64 = sync.OnceValues(func() (*harness.Kit, error) { return harness.NewKit(dir, harness.ARM64()) })
		sanitized = sync.OnceValues(func() (*harness.Kit, error) { return harness.NewKit(dir, harness.Sanitized()) })
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		return 1
	}
	return m.Run()
}

// onEach runs a test on this machine and, under qemu, on ARM.
func onEach(t *testing.T, test func(t *testing.T, k *harness.Kit)) {
	t.Helper()
	for _, get := range []func() (*harness.Kit, error){func() (*harness.Kit, error) { return kit, nil }, armv7, arm64} {
		k, err := get()
		if err != nil {
			t.Fatal(err)
		}
		t.Run(k.Arch().Name, func(t *testing.T) { test(t, k) })
	}
}

// library is the real one.
func library(t *testing.T) string {
	t.Helper()
	return libraryOf(t, kit)
}

func libraryOf(t *testing.T, k *harness.Kit) string {
	t.Helper()
	path, err := k.Library(t.Context(), "./plugin")
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// chunkFile is a captured payload: host/name, as in amd64-v5.1.1/cpu.1.
func chunkFile(host, name string) string {
	return testkit.PayloadFile(kit.Root(), host, name)
}

// noParking is the Run.Without of a host on which flushes go by their threads: with
// `workers` each waits for the receivers, without they go through the queue.
var noParking = []string{"co_switch"}

// edge makes an [OUTPUT] section that serves nothing.
func edge(kv ...string) harness.Output {
	return harness.Output{Name: "edge", Properties: harness.Props(append([]string{"listen", "off"}, kv...)...)}
}

// toIntake adds what sends to in.
func toIntake(in *intake.Server, kv ...string) harness.Output {
	return edge(append([]string{"apikey", theKey, "dd_url", in.URL(), "dd_metrics_url", in.URL(), "dd_hostname", "edge-1"}, kv...)...)
}

// theKey must appear nowhere but in the header of requests.
const theKey = "sEcReT0123456789abcdef"

func startIntake(t *testing.T, cfg intake.Config) *intake.Server {
	t.Helper()
	in, err := intake.Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(in.Close)
	return in
}

// replay runs the host to its end.
func replay(t *testing.T, r harness.Run) harness.Result {
	t.Helper()
	r.Library = library(t)
	res, err := kit.Run(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// live is a host that runs until it is stopped.
type live struct {
	*harness.Process
	log *watched
	t   *testing.T
}

// start starts the host and returns while it runs.
func start(t *testing.T, r harness.Run) *live {
	t.Helper()
	return startOn(t, kit, r)
}

func startOn(t *testing.T, k *harness.Kit, r harness.Run) *live {
	t.Helper()
	l := &live{log: newWatched(), t: t}
	r.Stderr = l.log
	if r.Library == "" {
		r.Library = libraryOf(t, k)
	}
	if r.Seconds == 0 {
		r.Seconds = 300
	}
	p, err := k.Start(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	l.Process = p
	return l
}

// stop ends the host as a user does, and gives what it measured.
func (l *live) stop() harness.Result {
	l.t.Helper()
	if err := l.Signal(os.Interrupt); err != nil {
		l.t.Fatal(err)
	}
	res, err := l.Wait()
	if err != nil {
		l.t.Fatal(err)
	}
	return res
}

// address is where the library listens, as it says in its log.
func (l *live) address() string {
	l.t.Helper()
	return l.log.find(l.t, regexp.MustCompile(`listening on (\S+)`))
}

// get fetches a page of the library.
func get(t *testing.T, url string) string {
	t.Helper()
	_, body := ask(t, url)
	return body
}

// watched is a log that a test can wait on.
type watched struct {
	mu   sync.Mutex
	text bytes.Buffer
	more chan struct{} // closed and made anew by each write
}

func newWatched() *watched { return &watched{more: make(chan struct{})} }

func (w *watched) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	close(w.more)
	w.more = make(chan struct{})
	return w.text.Write(p)
}

// find waits for a line and returns its first group.
func (w *watched) find(t *testing.T, line *regexp.Regexp) string {
	t.Helper()
	enough := time.After(patience)
	for {
		w.mu.Lock()
		text, more := w.text.String(), w.more
		w.mu.Unlock()
		if m := line.FindStringSubmatch(text); m != nil {
			return m[len(m)-1]
		}
		select {
		case <-more:
		case <-enough:
			t.Fatalf("no line %v in the log:\n%s", line, text)
		}
	}
}
