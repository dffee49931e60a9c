package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vmihailenco/msgpack/v5"

	"out_edge/build/testkit"
	"out_edge/ddsink"
	"out_edge/exporter"
	"out_edge/exporter/remotewrite"
	"out_edge/exporter/rules"
	"out_edge/plugin/delivery"
	"out_edge/plugin/pipeline"
	"out_edge/timefix"
)

// curve is what one thing costs as their number grows.
type curve struct {
	Name   string  `json:"name"`
	Thing  string  `json:"thing"`
	Points []point `json:"points"`
}

// point is a thing's cost where there are Size of them.
type point struct {
	Size     int     `json:"size"`
	CPUNanos float64 `json:"cpu_ns"`
	Allocs   float64 `json:"allocs"`
	Bytes    float64 `json:"bytes"`
}

// dimension is something that grows.
type dimension struct {
	name, thing string
	sizes       []int
	// prepare makes what a job of a size needs. The job returns how many things it has
	// handled, and may be called again.
	prepare func(w *world, n int) (job func() (things int, err error), err error)
}

// powers are 1, 10, 100 … up to most.
func powers(from, most int) (all []int) {
	for n := from; n <= most; n *= 10 {
		all = append(all, n)
	}
	return all
}

func dimensions() []dimension {
	return []dimension{
		{"records a chunk", "record", powers(1, 100_000), recordsJob},
		{"fields a record", "field", []int{2, 5, 10, 20, 50, 100, 200}, fieldsJob},
		{"tags", "chunk", powers(1, 10_000), tagsJob},
		{"series, by remote write", "series", powers(10, 100_000), seriesJob},
		{"series, in a scrape", "series", powers(10, 100_000), scrapeJob},
		{"chunks that wait for a receiver", "chunk", []int{1, 4, 16, 64, 256, 1024, 4096, 16_384}, backlogJob},
		{"threads that flush", "record", []int{1, 2, 4, 8}, threadsJob},
	}
}

// second is when the records of growth happen.
const second = 1795239857

// engineThread is not that of any flush here.
const engineThread = -1

// world is one pipeline and its receiver, which counts.
type world struct {
	intake   *httptest.Server
	pipeline *pipeline.Pipeline
	refuses  atomic.Bool
	refused  chan struct{} // has a signal once something was refused
	bytes    atomic.Int64
}

// everyRecord is a rule by which each record makes a series.
const everyRecord = "metrics: [{name: seen_total, type: counter, help: Records., labels: {seq: $seq}}]"

func newWorld(config func(*pipeline.Config, string) error) (*world, error) {
	w := &world{refused: make(chan struct{}, 1)}
	w.intake = httptest.NewServer(http.HandlerFunc(w.serve))
	cfg := pipeline.Config{Metrics: exporter.Config{Listen: exporter.ListenOff},
		Time: timefix.Config{BuildDate: time.Unix(second-3600, 0)}, Mode: pipeline.Park}
	if err := config(&cfg, w.intake.URL); err != nil {
		return nil, err
	}
	log, clock := slog.New(slog.DiscardHandler), runningClock{time.Now()}
	var err error
	w.pipeline, err = pipeline.New(cfg, pipeline.Deps{Exporter: exporter.New(log, clock), Clock: clock, Log: log, Thread: engineThread})
	return w, err
}

// runningClock begins at second when it is made.
type runningClock struct{ start time.Time }

func (c runningClock) Now() timefix.Instant {
	ran := int64(time.Since(c.start))
	return timefix.Instant{Wall: second*1e9 + ran, Boot: int64(time.Hour) + ran}
}

func (w *world) serve(out http.ResponseWriter, r *http.Request) {
	n, _ := io.Copy(io.Discard, r.Body)
	if w.refuses.Load() {
		out.WriteHeader(http.StatusServiceUnavailable)
		select {
		case w.refused <- struct{}{}:
		default:
		}
		return
	}
	w.bytes.Add(n)
	out.WriteHeader(http.StatusAccepted)
}

func (w *world) close(ctx context.Context) {
	_ = w.pipeline.Close(ctx)
	w.intake.Close()
}

func toDatadog(cfg *pipeline.Config, intake string) error {
	cfg.Datadog = &ddsink.Config{URL: intake, MetricsURL: intake, APIKey: delivery.NewSecret("key")}
	return nil
}

func toRemoteWrite(cfg *pipeline.Config, intake string) (err error) {
	cfg.RemoteWrite = &remotewrite.Config{URL: intake + "/api/v1/write", Version: "1"}
	cfg.Rules, err = rules.Parse("growth.yaml", []byte(everyRecord))
	return err
}

var errNotDelivered = errors.New("a chunk was not delivered")

// flush delivers one chunk on a thread of its own.
func (w *world) flush(tag string, chunk []byte) error {
	if w.pipeline.Flush(tag, chunk, engineThread+1) != pipeline.OK {
		return errNotDelivered
	}
	return nil
}

// recordsJob flushes chunks of n records.
func recordsJob(w *world, n int) (func() (int, error), error) {
	chunk, flushes := testkit.LogChunk(n, second), max(1, min(100, 20_000/n))
	return func() (int, error) {
		for range flushes {
			if err := w.flush("app", chunk); err != nil {
				return 0, err
			}
		}
		return n * flushes, nil
	}, nil
}

// fieldsJob flushes 100 records of n fields.
func fieldsJob(w *world, n int) (func() (int, error), error) {
	const records = 100
	var b bytes.Buffer
	for i := range records {
		var fields testkit.Pairs
		for f := range n {
			fields = append(fields, "field_"+strconv.Itoa(f), "value "+strconv.Itoa(i*f))
		}
		testkit.LogHeader(&b, second)
		if err := msgpack.NewEncoder(&b).Encode(fields); err != nil {
			return nil, err
		}
	}
	return func() (int, error) { return n * records, w.flush("app", b.Bytes()) }, nil
}

// tagsJob parks a chunk of ten records of each of n tags.
func tagsJob(w *world, n int) (func() (int, error), error) {
	chunks := make([][]byte, n)
	for i := range chunks {
		chunks[i] = testkit.LogChunk(10, second)
	}
	return func() (int, error) {
		w.park(chunks, func(i int) string { return "tag." + strconv.Itoa(i) })
		return n, nil
	}, nil
}

// park parks chunks, those that come back again and again, until all are delivered.
func (w *world) park(chunks [][]byte, tag func(i int) string) {
	chunks = slices.Clone(chunks)
	for open := len(chunks); open > 0; {
		var wait sync.WaitGroup
		var delivered atomic.Int64
		var together []pipeline.Parked
		for i, chunk := range chunks {
			if chunk == nil {
				continue
			}
			wait.Add(1)
			together = append(together, pipeline.Parked{Tag: tag(i), Payload: chunk, Done: func(r pipeline.Result) {
				if r == pipeline.OK {
					delivered.Add(1)
					chunks[i] = nil
				}
				wait.Done()
			}})
		}
		w.pipeline.Park(together...)
		if w.refuses.Load() {
			<-w.refused
			w.refuses.Store(false)
		}
		wait.Wait()
		open -= int(delivered.Load())
	}
}

// seriesJob has n series grow, and sends them.
func seriesJob(w *world, n int) (func() (int, error), error) {
	chunk := testkit.LogChunk(n, second)
	return func() (int, error) { return n, w.flush("app", chunk) }, w.flush("app", chunk)
}

// scrapeJob asks for a page of n series.
func scrapeJob(w *world, n int) (func() (int, error), error) {
	if err := w.flush("app", testkit.LogChunk(n, second)); err != nil {
		return nil, err
	}
	page := "http://" + w.pipeline.Page() + "/metrics"
	return func() (int, error) {
		resp, err := http.Get(page)
		if err != nil {
			return 0, err
		}
		defer resp.Body.Close()
		size, err := io.Copy(io.Discard, resp.Body)
		if err == nil && size < int64(20*n) {
			err = fmt.Errorf("a page of %d bytes", size)
		}
		w.bytes.Add(size)
		return n, err
	}, nil
}

// backlogJob lets n chunks of ten records wait for a receiver that refuses at first.
func backlogJob(w *world, n int) (func() (int, error), error) {
	return func() (int, error) {
		chunks := make([][]byte, n)
		for i := range chunks {
			chunks[i] = testkit.LogChunk(10, second-uint32(i%1000))
		}
		w.refuses.Store(true)
		w.park(chunks, func(i int) string { return "tag." + strconv.Itoa(i%10) })
		return n, nil
	}, nil
}

// threadsJob flushes on n threads at once, 40 chunks of 100 records in all.
func threadsJob(w *world, n int) (func() (int, error), error) {
	const flushes, records = 40, 100
	chunk := testkit.LogChunk(records, second)
	return func() (int, error) {
		var wait sync.WaitGroup
		failures := make([]error, n)
		for t := range n {
			wait.Go(func() {
				for range flushes / n {
					failures[t] = errors.Join(failures[t], w.flush("app."+strconv.Itoa(t), chunk))
				}
			})
		}
		wait.Wait()
		return flushes / n * n * records, errors.Join(failures...)
	}, nil
}

// configOf is what a dimension's pipeline sends, and to whom.
func configOf(d *dimension) func(*pipeline.Config, string) error {
	switch d.thing {
	case "series":
		return func(cfg *pipeline.Config, intake string) error {
			cfg.Metrics.Listen = "127.0.0.1:0"
			return toRemoteWrite(cfg, intake)
		}
	default:
		return toDatadog
	}
}

// growth measures every dimension at each of its sizes.
func (s *settings) growth(ctx context.Context, r *report) error {
	for _, d := range dimensions() {
		c := curve{Name: d.name, Thing: d.thing}
		for _, n := range d.sizes {
			p, err := measureGrowth(ctx, &d, n, max(1, s.rounds))
			if err != nil {
				return fmt.Errorf("%s, %d: %w", d.name, n, err)
			}
			c.Points = append(c.Points, p)
		}
		r.Growth = append(r.Growth, c)
	}
	return nil
}

// measureGrowth keeps the least of some rounds.
func measureGrowth(ctx context.Context, d *dimension, n, rounds int) (least point, err error) {
	w, err := newWorld(configOf(d))
	if err != nil {
		return least, err
	}
	defer w.close(ctx)
	job, err := d.prepare(w, n)
	if err != nil {
		return least, err
	}
	for round := range rounds {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		w.bytes.Store(0)
		cpu := testkit.CPUTime()
		things, err := job()
		if err != nil {
			return least, err
		}
		cpu = testkit.CPUTime() - cpu
		runtime.ReadMemStats(&after)
		per := float64(things)
		if p := (point{n, float64(cpu) / per, float64(after.Mallocs-before.Mallocs) / per, float64(w.bytes.Load()) / per}); round == 0 || p.CPUNanos < least.CPUNanos {
			least = p
		}
	}
	return least, nil
}
