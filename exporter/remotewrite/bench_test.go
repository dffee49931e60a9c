package remotewrite_test

import (
	"context"
	"fmt"
	"testing"

	"out_edge/build/testkit"
	"out_edge/exporter/remotewrite"
	"out_edge/plugin/delivery"
	"out_edge/plugin/metric"
)

// device is a minute's samples of one device, as the host inputs make them every
// ten seconds.
func device(second float64) (samples []metric.Sample) {
	for i := range 6 {
		at := second + float64(10*i)
		for _, s := range deviceSeries {
			v := float64(int(at*7)%100) / 128
			if s.Kind == metric.Counter {
				v = at * 1400
			}
			samples = append(samples, metric.Sample{Series: s, UnixNano: start.UnixNano() + int64(at*1e9), Value: v})
		}
	}
	return samples
}

var deviceSeries = func() (all []*metric.Series) {
	add := func(kind metric.Kind, name, help string, labels ...string) {
		s := &metric.Series{Name: name, Kind: kind, Help: help}
		for i := 0; i < len(labels); i += 2 {
			s.Labels = append(s.Labels, metric.Label{Name: labels[i], Value: labels[i+1]})
		}
		all = append(all, s)
	}
	for _, cpu := range []string{"total", "0", "1", "2", "3"} {
		for _, mode := range []string{"total", "user", "system"} {
			add(metric.Gauge, "edge_cpu_usage_ratio", "CPU time.", "cpu", cpu, "mode", mode)
		}
	}
	for _, state := range []string{"total", "used", "free"} {
		add(metric.Gauge, "edge_memory_bytes", "Memory.", "state", state)
		add(metric.Gauge, "edge_swap_bytes", "Swap.", "state", state)
	}
	add(metric.Gauge, "edge_temperature_celsius", "Temperature.", "type", "cpu-thermal", "zone", "thermal_zone0")
	for _, name := range []string{"bytes", "packets", "errors"} {
		for _, dir := range []string{"receive", "transmit"} {
			add(metric.Counter, "edge_network_"+name+"_total", "Network.", "device", "wwan0", "direction", dir)
		}
	}
	return all
}()

// discard takes every request.
type discard struct{ blockingTransport }

func newDiscard() *discard {
	d := &discard{blockingTransport{release: make(chan struct{})}}
	close(d.release)
	return d
}

func BenchmarkSend(b *testing.B) {
	for _, version := range []string{"1", "2"} {
		b.Run("version "+version, func(b *testing.B) {
			s, err := remotewrite.New(remotewrite.Config{URL: "http://127.0.0.1:1/", Version: version}, remotewrite.Deps{Clock: newClock()})
			if err != nil {
				b.Fatal(err)
			}
			s.SetTransport(newDiscard())
			samples := device(0)
			b.ReportAllocs()
			watch := testkit.StartCPUWatch()
			for n := 0; b.Loop(); n++ {
				for i := range samples {
					samples[i].UnixNano += 60e9
				}
				c := &flushed{samples: samples}
				if err := s.Send(context.Background(), []*delivery.Job{c.admit(s, newClock(), nil)}, false); err != nil {
					b.Fatal(err)
				}
			}
			watch.Report(b, len(samples), "sample")
		})
	}
}

func BenchmarkEncode(b *testing.B) {
	for _, version2 := range []bool{false, true} {
		for c, name := range []string{"snappy", "stored"} {
			b.Run(fmt.Sprintf("version2=%v/%s", version2, name), func(b *testing.B) {
				e := remotewrite.NewEncoding(remotewrite.Config{Labels: []metric.Label{{Name: "host", Value: "edge-0001"}, {Name: "job", Value: "out_edge"}}}, device(0))
				var body, wire []byte
				b.ReportAllocs()
				for b.Loop() {
					body = e.Encode(version2)
					wire = remotewrite.Compress(remotewrite.Compression(c), body)
				}
				b.ReportMetric(float64(len(body)), "raw-bytes")
				b.ReportMetric(float64(len(wire)), "wire-bytes")
				b.SetBytes(int64(len(body)))
			})
		}
	}
}

// The budget: what net/http takes for a request, and nothing a sample.
func TestSendAllocations(t *testing.T) {
	s := newSilent(t, newDiscard())
	allocations := func(samples []metric.Sample) float64 {
		return testkit.Allocs(func() {
			for i := range samples {
				samples[i].UnixNano += 60e9
			}
			c := &flushed{samples: samples}
			if err := s.Send(context.Background(), []*delivery.Job{c.admit(s, newClock(), nil)}, false); err != nil {
				t.Error(err)
			}
		})
	}
	few, many := allocations(device(0)[:1]), allocations(device(1e6))
	if many > few+8 { // the job's Set grows
		t.Errorf("%v allocations for 168 samples, %v for one", many, few)
	}
	if few > 60 {
		t.Errorf("%v allocations for a request", few)
	}
}
