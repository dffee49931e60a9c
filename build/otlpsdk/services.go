package main

import (
	"context"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/attribute"
	api "go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/trace"
)

// service is one task of a service, and what it measures.
type service struct {
	provider *metric.MeterProvider
	reader   *metric.ManualReader
	weight   int64 // tells the values of tasks apart

	requests api.Int64Counter
	io       api.Int64Counter
	active   api.Int64UpDownCounter
	balance  api.Float64UpDownCounter
	queue    api.Int64Gauge
	seconds  api.Float64Histogram
	size     api.Float64Histogram
}

// start makes a task. Delta has it send what was added in place of totals.
func start(namespace, name, instance, version string, weight int64, delta bool) (*service, error) {
	attributes := []attribute.KeyValue{
		attribute.String("service.namespace", namespace), attribute.String("service.name", name),
		attribute.String("service.instance.id", instance), attribute.String("service.version", version),
		attribute.String("host.name", "task-"+instance), attribute.String("deployment.environment.name", "prod"),
		attribute.Bool("spot", true),
	}
	var options []metric.ManualReaderOption
	if delta {
		options = append(options, metric.WithTemporalitySelector(metric.DeltaTemporalitySelector))
	}
	s := &service{weight: weight, reader: metric.NewManualReader(options...)}
	exponential := metric.NewView(metric.Instrument{Name: "rpc.*"}, metric.Stream{Aggregation: metric.AggregationBase2ExponentialHistogram{MaxSize: 20, MaxScale: 20}})
	bounds := metric.NewView(metric.Instrument{Name: "http.server.duration"},
		metric.Stream{Aggregation: metric.AggregationExplicitBucketHistogram{Boundaries: []float64{0.1, 0.5, 1}}})
	s.provider = metric.NewMeterProvider(metric.WithReader(s.reader), metric.WithView(exponential, bounds),
		metric.WithResource(resource.NewWithAttributes("https://opentelemetry.io/schemas/1.26.0", attributes...)))
	return s, s.instruments()
}

func (s *service) instruments() (err error) {
	m := s.provider.Meter("shop/web", api.WithInstrumentationVersion("1.2.0"), api.WithInstrumentationAttributes(attribute.String("team", "web")))
	note := func(e error) {
		if err == nil && e != nil {
			err = fmt.Errorf("make instrument: %w", e)
		}
	}
	var e error
	s.requests, e = m.Int64Counter("http.server.requests", api.WithUnit("{request}"), api.WithDescription("Requests that were answered."))
	note(e)
	s.io, e = m.Int64Counter("http.server.io", api.WithUnit("By"))
	note(e)
	s.active, e = m.Int64UpDownCounter("http.server.active_requests", api.WithUnit("{request}"))
	note(e)
	s.balance, e = m.Float64UpDownCounter("account.balance", api.WithUnit("EUR"))
	note(e)
	s.queue, e = m.Int64Gauge("queue.fill", api.WithUnit("1"))
	note(e)
	s.seconds, e = m.Float64Histogram("http.server.duration", api.WithUnit("s"))
	note(e)
	s.size, e = m.Float64Histogram("rpc.size", api.WithUnit("By"))
	note(e)
	return err
}

// traced is a context with a sampled span, which makes exemplars.
func traced(ctx context.Context, n int64) context.Context {
	return trace.ContextWithSpanContext(ctx, trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID{0x0a, 0xf7, 15: byte(n)}, SpanID: trace.SpanID{0xb7, 7: byte(n)}, TraceFlags: trace.FlagsSampled,
	}))
}

// work is one round of a task.
func (s *service) work(ctx context.Context, round int64) {
	route := api.WithAttributes(attribute.String("http.route", "/cart"), attribute.Bool("cached", round%2 == 0), attribute.Int("rpc.grpc.status_code", 0))
	s.requests.Add(traced(ctx, s.weight), 5*s.weight, route)
	s.io.Add(ctx, 1000*s.weight)
	s.active.Add(ctx, 1)
	s.balance.Add(ctx, -2.5*float64(s.weight))
	s.queue.Record(ctx, round)
	for i := range 4 * s.weight {
		s.seconds.Record(traced(ctx, i+1), 0.05*float64(1+i), route)
		s.size.Record(traced(ctx, i+1), float64(int64(100)<<i)*float64(round+1))
	}
	if round == 1 {
		s.size.Record(ctx, 0)
		s.size.Record(ctx, -3)
	}
}

// numRounds is how many rounds there are.
const numRounds = 4

// rounds sends what four tasks measure to all exporters: two of one service, another
// service, and one that sends deltas.
func rounds(ctx context.Context, exporters []metric.Exporter, pause time.Duration) error {
	var tasks []*service
	for _, t := range []struct {
		name, instance string
		weight         int64
		delta          bool
	}{{"checkout", "i-1", 1, false}, {"checkout", "i-2", 2, false}, {"pay", "p-1", 3, false}, {"batch", "b-1", 1, true}} {
		s, err := start("shop", t.name, t.instance, "1.4.2", t.weight, t.delta)
		if err != nil {
			return err
		}
		tasks = append(tasks, s)
	}
	for round := range int64(numRounds) {
		for _, s := range tasks {
			s.work(ctx, round)
			if err := s.export(ctx, exporters); err != nil {
				return err
			}
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func (s *service) export(ctx context.Context, exporters []metric.Exporter) error {
	var measured metricdata.ResourceMetrics
	if err := s.reader.Collect(ctx, &measured); err != nil {
		return fmt.Errorf("collect: %w", err)
	}
	for _, e := range exporters {
		if err := e.Export(ctx, &measured); err != nil {
			return fmt.Errorf("export: %w", err)
		}
	}
	return nil
}

// liveTask counts ten times a second until it ends, and prints its count.
func liveTask(ctx context.Context, e metric.Exporter, instance string, last, pause time.Duration) error {
	provider := metric.NewMeterProvider(metric.WithReader(metric.NewPeriodicReader(e, metric.WithInterval(pause))),
		metric.WithResource(resource.NewSchemaless(attribute.String("service.namespace", "shop"), attribute.String("service.name", "checkout"),
			attribute.String("service.instance.id", instance), attribute.String("host.name", "task-"+instance))))
	requests, err := provider.Meter("shop/web").Int64Counter("http.server.requests", api.WithUnit("{request}"))
	if err != nil {
		return fmt.Errorf("make instrument: %w", err)
	}
	// An increase is counted from the first value on: that is 0, and exported.
	requests.Add(ctx, 0)
	if err := provider.ForceFlush(ctx); err != nil {
		return fmt.Errorf("export: %w", err)
	}
	end, tick, count := time.After(last), time.NewTicker(100*time.Millisecond), int64(0)
	defer tick.Stop()
	for done := false; !done; {
		select {
		case <-tick.C:
			requests.Add(ctx, 3)
			count += 3
		case <-end:
			done = true
		case <-ctx.Done():
			done = true
		}
	}
	fmt.Println(count)
	return provider.Shutdown(context.WithoutCancel(ctx))
}
