package pipeline_test

import (
	"fmt"
	"maps"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"out_edge/build/testkit"
	"out_edge/exporter/remotewrite"
	"out_edge/exporter/rules"
	"out_edge/plugin/pipeline"
)

// lives is an instance that is replaced now and then, with a host that offers again what
// it has on disk.
type lives struct {
	*bench
	in     *intake
	to     *stored
	status atomic.Int64 // of the intake; the receiver of remote write does likewise
	left   [][2]string  // tag and payload of chunks without OK
	onDisk map[string][]byte
	// arrived is how many lines arrived in which second.
	arrived map[int64]float64
}

const livesRules = `
metrics:
  - {name: lines_total, type: counter, help: Lines., match: app}
  - {name: sizes, type: histogram, help: Sizes., match: app, value_field: v, buckets: [2, 5]}
`

func newLives(t *testing.T) *lives {
	t.Helper()
	l := &lives{to: newStored(t), onDisk: map[string][]byte{}, arrived: map[int64]float64{}}
	l.in = newIntake(t, func(int, string) int { return int(l.status.Load()) })
	l.bench = start(t, l.in, func(c *pipeline.Config) {
		c.Metrics.Listen, c.Rules = "127.0.0.1:0", rulesOf(t, livesRules)
		c.RemoteWrite = &remotewrite.Config{URL: l.to.URL}
	})
	l.weather(http.StatusAccepted)
	return l
}

func rulesOf(t *testing.T, text string) *rules.File {
	t.Helper()
	file, err := rules.Parse("test.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func (l *lives) weather(status int) {
	l.status.Store(int64(status))
	l.to.down.Store(status == http.StatusServiceUnavailable)
	l.to.loses.Store(status == lostAnswer)
}

// second flushes the chunks of one second, and again what was returned before. Some
// records are ahead of the clock, some late.
func (l *lives) second(n int) {
	l.t.Helper()
	sec := uint32(present + n)
	logs := slices.Concat(recordOf(l.t, sec-uint32(n%4)*900, map[string]any{"log": fmt.Sprint("m", n), "v": n % 9}), recordOf(l.t, sec+uint32(n%3)*240, map[string]any{"log": fmt.Sprint("n", n), "v": 1}))
	l.arrived[l.clock.Now().Wall/1e9] += 2
	l.left = append(l.left, [2]string{"app", string(logs)}, [2]string{"disk", string(recordOf(l.t, sec, map[string]any{"read_size": n, "write_size": 1}))},
		[2]string{"node", string(event(l.t, int64(sec)*1e9, float64(100*n)))})
	l.offer()
	l.clock.Advance(time.Second)
}

func (l *lives) offer() {
	l.left = slices.DeleteFunc(l.left, func(c [2]string) bool {
		if l.onDisk[c[1]] == nil {
			l.onDisk[c[1]] = testkit.OnDisk(l.t, []byte(c[1]))
		}
		return l.Flush(c[0], l.onDisk[c[1]], workerThread) == pipeline.OK
	})
}

// settle offers what is left, in fair weather.
func (l *lives) settle() {
	l.t.Helper()
	l.weather(http.StatusAccepted)
	l.pause()
	if l.offer(); len(l.left) > 0 {
		l.t.Fatalf("%d chunks are left\n%s", len(l.left), l.log)
	}
}

// TestAReloadGoesOn: whatever happens to requests before reloads, nothing is counted
// twice or lost, no total falls, and no log arrives twice. At Datadog each second has
// what arrived in it.
func TestAReloadGoesOn(t *testing.T) {
	const seconds = 60
	for name, weather := range map[string]int{"fair": http.StatusAccepted, "refused": http.StatusServiceUnavailable, "lost": lostAnswer} {
		t.Run(name, func(t *testing.T) {
			l := newLives(t)
			for n := range seconds {
				switch n % 10 {
				case 0:
					l.weather(http.StatusAccepted)
					l.pause()
				case 5:
					l.weather(weather)
				case 7:
					l.reload()
				}
				l.second(n)
			}
			l.settle()
			l.wantAll(seconds)
		})
	}
}

func (l *lives) wantAll(seconds int) {
	l.t.Helper()
	read := float64(seconds * (seconds - 1) / 2)
	for name, want := range map[string]float64{"lines_total": 2 * float64(seconds), "sizes_count": 2 * float64(seconds), "edge_disk_read_bytes_total": read, "edge_disk_written_bytes_total": float64(seconds)} {
		points := l.to.of(l.t, name)
		if !slices.IsSortedFunc(points, func(a, b storedPoint) int { return int(a.value - b.value) }) || points[len(points)-1].value != want {
			l.t.Errorf("remote write: %s is %v, want %v", name, points, want)
		}
	}
	for name, want := range map[string]float64{"lines_total": 2 * float64(seconds), "sizes.count": 2 * float64(seconds), "edge.disk.read_bytes_total": read, "node.net.bytes_total": float64(100 * (seconds - 1))} {
		l.in.wantSum(l.t, name, want)
	}
	if got := l.in.seconds("lines_total"); !maps.Equal(got, l.arrived) {
		l.t.Errorf("Datadog has %v, and there arrived %v", got, l.arrived)
	}
	l.wantPage(fmt.Sprint("lines_total ", 2*seconds), fmt.Sprint("edge_disk_read_bytes_total ", read))
	logs := l.in.accepted()
	slices.Sort(logs)
	if n := len(logs); n != 2*seconds || len(slices.Compact(logs)) != n {
		l.t.Errorf("%d logs arrived, want %d", n, 2*seconds)
	}
}

// Another receiver has nothing of what the one before has got: the chunks that are still
// there are for it as a whole.
func TestAnotherReceiverBeginsAnew(t *testing.T) {
	l := newLives(t)
	l.weather(http.StatusServiceUnavailable)
	l.second(0)
	other := newStored(t)
	l.cfg.RemoteWrite = &remotewrite.Config{URL: other.URL}
	l.reload()
	l.settle()
	if points := other.of(t, "lines_total"); len(points) != 1 || points[0].value != 2 {
		t.Errorf("it has %v", points)
	}
}

// A metric that is another one after a reload begins anew; the others go on.
func TestAReloadWithOtherRules(t *testing.T) {
	l := newLives(t)
	l.second(1)
	l.cfg.Rules = rulesOf(t, strings.Replace(livesRules, "buckets: [2, 5]", "buckets: [3]", 1))
	l.reload()
	l.second(2)
	l.settle()
	l.in.wantSum(t, "lines_total", 4)
	l.in.wantSum(t, "sizes.count", 4)
	l.wantPage("lines_total 4", "sizes_count 2")
}

// What Fluent Bit did not hear of is offered again: it is not delivered again.
func TestAResultThatIsNotHeard(t *testing.T) {
	l := newLives(t)
	chunk := testkit.OnDisk(t, recordOf(t, present, map[string]any{"log": "m", "v": 1}))
	l.flush(pipeline.OK, chunk, workerThread)
	before := l.Pipeline
	l.reload()
	before.Unheard("app", chunk)
	l.flush(pipeline.OK, chunk, workerThread)
	if got := l.in.accepted(); len(got) != 1 {
		t.Errorf("%v arrived", got)
	}
	l.flush(pipeline.OK, chunk, workerThread) // another one with the same text
	l.in.wantSum(t, "lines_total", 2)
}

// TestARestartLosesNoCount: a new process knows nothing of the one before. What was open
// then counts again: never less than the truth, and at most that more.
func TestARestartLosesNoCount(t *testing.T) {
	const seconds = 60
	for name, weather := range map[string]int{"refused": http.StatusServiceUnavailable, "lost": lostAnswer} {
		t.Run(name, func(t *testing.T) {
			l, open := newLives(t), 0
			for n := range seconds {
				switch n % 20 {
				case 0:
					l.weather(http.StatusAccepted)
					l.pause()
				case 5:
					l.weather(weather)
				case 7:
					open += l.restart()
				}
				l.second(n)
			}
			l.settle()
			sum, _ := l.in.sums()
			for receiver, got := range map[string]float64{"Datadog": sum["lines_total"], "remote write": increase(l.to.of(t, "lines_total"))} {
				if more := got - 2*seconds; more < 0 || more > 2*float64(open) || weather == lostAnswer && more == 0 {
					t.Errorf("%s has %v lines of %d; %d chunks were open", receiver, got, 2*seconds, open)
				}
			}
		})
	}
}

// restart ends the process, and starts another one. It returns how many chunks of lines
// were open.
func (l *lives) restart() (open int) {
	for _, c := range l.left {
		if c[0] == "app" {
			open++
		}
	}
	l.deps.Keeper = new(pipeline.Keeper)
	l.reload()
	return open
}

// increase is what a total has grown by; one that falls began at 0.
func increase(points []storedPoint) (sum float64) {
	last := 0.0
	for _, p := range points {
		if p.value < last {
			last = 0
		}
		sum += p.value - last
		last = p.value
	}
	return sum
}

// A chunk that one output has, and another has not, comes again to both: the one has it.
func TestAChunkThatAnotherOutputLacks(t *testing.T) {
	l, other := newLives(t), newLives(t)
	l.cfg.Metrics.Output, other.cfg.Metrics.Output = "edge.0", "edge.1"
	other.deps.Keeper = l.deps.Keeper
	l.reload()
	other.reload()
	chunk := testkit.OnDisk(t, recordOf(t, present, map[string]any{"log": "m", "v": 1}))
	reload := func() {
		l.stop(ample)
		other.stop(ample)
		l.open()
		other.open()
	}
	other.weather(http.StatusServiceUnavailable)
	l.flush(pipeline.OK, chunk, workerThread)
	other.flush(pipeline.Retry, chunk, workerThread)
	for range 2 {
		reload()
		l.flush(pipeline.OK, chunk, workerThread)
		other.flush(pipeline.Retry, chunk, workerThread)
	}
	other.weather(http.StatusAccepted)
	other.pause()
	other.flush(pipeline.OK, chunk, workerThread)
	other.Unheard("app", chunk)
	reload()
	l.flush(pipeline.OK, chunk, workerThread)
	other.flush(pipeline.OK, chunk, workerThread)
	for _, one := range []*lives{l, other} {
		one.in.wantSum(t, "lines_total", 1)
		if got := one.in.accepted(); len(got) != 1 {
			t.Errorf("%v arrived", got)
		}
	}
}

// What is in memory alone ends with its instance, but what has been counted of it stays.
func TestCountsOutliveChunksInMemory(t *testing.T) {
	l := newLives(t)
	l.weather(http.StatusServiceUnavailable)
	l.flush(pipeline.Retry, logChunk(t, present, "m"), workerThread)
	result := make(chan pipeline.Result, 1)
	l.Park(pipeline.Parked{Tag: "app", Payload: logChunk(t, present, "n"), Done: func(r pipeline.Result) { result <- r }})
	for held := 0; held == 0; held, _ = l.Waiting() {
		runtime.Gosched()
	}
	l.reload()
	if got := <-result; got != pipeline.Retry {
		t.Errorf("got %d", got)
	}
	l.weather(http.StatusAccepted)
	l.pause()
	l.flush(pipeline.OK, logChunk(t, present, "o"), workerThread)
	l.wantPage("lines_total 3")
	l.in.wantSum(t, "lines_total", 3)
}
