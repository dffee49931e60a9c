package pipeline

import (
	"context"
	"errors"
	"log/slog"
	"sync"

	"out_edge/exporter"
	"out_edge/exporter/rules"
	"out_edge/plugin/chunk"
	"out_edge/plugin/delivery"
	"out_edge/plugin/metric"
	"out_edge/timefix"
)

// Preview shows what an instance would make of a payload, without opening a connection,
// file or port.
type Preview struct {
	p    *Pipeline
	mu   sync.Mutex
	took map[string]Taken // by sink
}

// Taken is what one sink would get of a payload.
type Taken struct {
	Sink string
	// Logs is how many records it would get as logs.
	Logs    int
	Samples []metric.Sample
}

// NewPreview creates a Preview of an instance with these settings.
func NewPreview(cfg Config, clock timefix.Clock) (*Preview, error) {
	v := &Preview{}
	log := slog.New(slog.DiscardHandler)
	rows := cfg.sinks()
	if cfg.Metrics.Listen != exporter.ListenOff {
		rows = append(rows, sinkRow{name: delivery.SinkPrometheus, route: route{wants: func(r rules.Route) bool { return r.Prometheus }}})
	}
	cfg.moreSinks = nil
	for _, row := range rows {
		row.isOn = func(*Config) bool { return true }
		row.open = func(*Pipeline) (delivery.Sink, error) { return &previewSink{row: row, to: v}, nil }
		cfg.moreSinks = append(cfg.moreSinks, row)
	}
	cfg.Datadog, cfg.RemoteWrite, cfg.Mode = nil, nil, Sync
	cfg.Metrics.Listen, cfg.Metrics.WebConfigFile = exporter.ListenOff, ""
	var err error
	v.p, err = New(cfg, Deps{Exporter: exporter.New(log, clock), Clock: clock, Log: log})
	return v, err
}

// errNoAnswer means that a payload was not processed.
var errNoAnswer = errors.New("the clock of this machine is not set")

// Take returns what each sink would get of a payload of log records, in the order of
// the sinks; nil is nothing.
func (v *Preview) Take(tag string, payload []byte) ([]Taken, error) {
	v.mu.Lock()
	v.took = map[string]Taken{}
	v.mu.Unlock()
	if v.p.Flush(tag, payload, v.p.thread+1) == Retry {
		return nil, errNoAnswer
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	var all []Taken
	for _, w := range v.p.workers {
		if one, ok := v.took[w.sink.Name()]; ok {
			all = append(all, one)
		}
	}
	return all, nil
}

// Sinks returns the names of the sinks that there would be; prometheus is the page.
func (v *Preview) Sinks() (names []string) {
	for _, w := range v.p.workers {
		names = append(names, w.sink.Name())
	}
	return names
}

// Close ends the preview.
func (v *Preview) Close(ctx context.Context) error { return v.p.Close(ctx) }

// previewSink replaces a sink.
type previewSink struct {
	row sinkRow
	to  *Preview
}

func (s *previewSink) Name() string                          { return s.row.name }
func (s *previewSink) Reasons() (dropped, adjusted []string) { return nil, nil }
func (s *previewSink) Admit(*delivery.Job)                   {}
func (s *previewSink) Close(context.Context) error           { return nil }

// Send records what the sink gets.
func (s *previewSink) Send(_ context.Context, jobs []*delivery.Job, _ bool) error {
	for _, j := range jobs {
		one := Taken{Sink: s.row.name}
		if s.row.logs {
			var taken []int
			j.Records(func(rec *chunk.Record, _ int64) bool {
				taken = append(taken, rec.Index)
				return true
			})
			one.Logs = len(taken)
			j.Deliver(taken...)
		} else {
			for i, sample := range j.Samples() {
				if !j.IsDone(i) {
					one.Samples = append(one.Samples, sample)
					j.Deliver(i)
				}
			}
		}
		s.to.mu.Lock()
		s.to.took[s.row.name] = one
		s.to.mu.Unlock()
	}
	return nil
}
