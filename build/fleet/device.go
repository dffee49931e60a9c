package main

import (
	"fmt"
	"math/rand/v2"

	"out_edge/exporter/remotewrite"
	"out_edge/plugin/metric"
)

// device is one simulated device: four cores, one temperature zone, one disk, one
// modem, as Fluent Bit's host inputs show it.
type device struct {
	sink   *remotewrite.Sink
	random *rand.Rand
	values []float64
}

func newDevice(number int, cfg remotewrite.Config, deps remotewrite.Deps) (*device, error) {
	cfg.Labels = []metric.Label{{Name: "host", Value: fmt.Sprintf("edge-%05d", number)}, {Name: "job", Value: "out_edge"}}
	s, err := remotewrite.New(cfg, deps)
	if err != nil {
		return nil, err
	}
	all := hostSeries()
	d := &device{sink: s, random: rand.New(rand.NewPCG(uint64(number), 1)), values: make([]float64, len(all))}
	return d, nil
}

// samples makes those of the minute that begins at unixNano.
func (d *device) samples(dst []metric.Sample, series []*metric.Series, unixNano int64, every int) []metric.Sample {
	jitter := d.random.Int64N(1e9)
	for sec := 0; sec < 60; sec += every {
		at := unixNano + int64(sec)*1e9 + jitter
		for i, s := range series {
			dst = append(dst, metric.Sample{Series: s, UnixNano: at, Value: d.next(i, s)})
		}
	}
	return dst
}

// next moves a value as such a value moves.
func (d *device) next(i int, s *metric.Series) float64 {
	v := &d.values[i]
	switch {
	case s.Kind == metric.Counter:
		*v += float64(d.random.IntN(20_000))
	case s.Name == "edge_memory_bytes" || s.Name == "edge_swap_bytes":
		*v = 4096 * float64(100_000+d.random.IntN(5000))
	case s.Name == "edge_temperature_celsius":
		*v = 45 + float64(d.random.IntN(4000))/1000
	default: // a ratio, as cpu percents with six digits give it
		*v = float64(d.random.IntN(20_000)) / 1e6
	}
	return *v
}

// hostSeries is what the inputs cpu, mem, thermal, disk and netif make.
func hostSeries() (all []*metric.Series) {
	add := func(kind metric.Kind, name, help string, labels ...string) {
		s := &metric.Series{Name: name, Kind: kind, Help: help}
		for i := 0; i+1 < len(labels); i += 2 {
			s.Labels = append(s.Labels, metric.Label{Name: labels[i], Value: labels[i+1]})
		}
		all = append(all, s)
	}
	for _, cpu := range []string{"total", "0", "1", "2", "3"} {
		for _, mode := range []string{"total", "user", "system"} {
			add(metric.Gauge, "edge_cpu_usage_ratio", "Share of the CPU that is in use.", "cpu", cpu, "mode", mode)
		}
	}
	for _, state := range []string{"total", "used", "free"} {
		add(metric.Gauge, "edge_memory_bytes", "Memory by state.", "state", state)
		add(metric.Gauge, "edge_swap_bytes", "Swap by state.", "state", state)
	}
	add(metric.Gauge, "edge_temperature_celsius", "Temperature of a thermal zone.", "type", "cpu-thermal", "zone", "thermal_zone0")
	add(metric.Counter, "edge_disk_read_bytes_total", "Bytes read from disks.")
	add(metric.Counter, "edge_disk_written_bytes_total", "Bytes written to disks.")
	for _, what := range []string{"bytes", "packets", "errors"} {
		for _, direction := range []string{"receive", "transmit"} {
			add(metric.Counter, "edge_network_"+what+"_total", "Traffic of a network device.", "device", "wwan0", "direction", direction)
		}
	}
	return all
}
