package main

import (
	"fmt"
	"math/rand/v2"

	"out_edge/exporter/remotewrite"
	"out_edge/plugin/record"
)

// device is one simulated device: four cores, one temperature zone, one disk, one
// modem, as Fluent Bit's host inputs show it.
type device struct {
	sender *remotewrite.Sender
	random *rand.Rand
	values []float64
}

func newDevice(number int, cfg remotewrite.Config, deps remotewrite.Deps) (*device, error) {
	cfg.Labels = []record.Label{{Name: "host", Value: fmt.Sprintf("edge-%05d", number)}, {Name: "job", Value: "out_edge"}}
	s, err := remotewrite.New(cfg, deps)
	if err != nil {
		return nil, err
	}
	all := hostSeries()
	d := &device{sender: s, random: rand.New(rand.NewPCG(uint64(number), 1)), values: make([]float64, len(all))}
	return d, nil
}

// samples makes those of the minute that begins at unixNano.
func (d *device) samples(dst []record.Sample, series []*record.Series, unixNano int64, every int) []record.Sample {
	jitter := d.random.Int64N(1e9)
	for sec := 0; sec < 60; sec += every {
		at := unixNano + int64(sec)*1e9 + jitter
		for i, s := range series {
			dst = append(dst, record.Sample{Series: s, UnixNano: at, Value: d.next(i, s)})
		}
	}
	return dst
}

// next moves a value as such a value moves.
func (d *device) next(i int, s *record.Series) float64 {
	v := &d.values[i]
	switch {
	case s.Kind == record.Counter:
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
func hostSeries() (all []*record.Series) {
	add := func(kind record.Kind, name, help string, labels ...string) {
		s := &record.Series{Name: name, Kind: kind, Help: help}
		for i := 0; i+1 < len(labels); i += 2 {
			s.Labels = append(s.Labels, record.Label{Name: labels[i], Value: labels[i+1]})
		}
		all = append(all, s)
	}
	for _, cpu := range []string{"total", "0", "1", "2", "3"} {
		for _, mode := range []string{"total", "user", "system"} {
			add(record.Gauge, "edge_cpu_usage_ratio", "Share of the CPU that is in use.", "cpu", cpu, "mode", mode)
		}
	}
	for _, state := range []string{"total", "used", "free"} {
		add(record.Gauge, "edge_memory_bytes", "Memory by state.", "state", state)
		add(record.Gauge, "edge_swap_bytes", "Swap by state.", "state", state)
	}
	add(record.Gauge, "edge_temperature_celsius", "Temperature of a thermal zone.", "type", "cpu-thermal", "zone", "thermal_zone0")
	add(record.Counter, "edge_disk_read_bytes_total", "Bytes read from disks.")
	add(record.Counter, "edge_disk_written_bytes_total", "Bytes written to disks.")
	for _, what := range []string{"bytes", "packets", "errors"} {
		for _, direction := range []string{"receive", "transmit"} {
			add(record.Counter, "edge_network_"+what+"_total", "Traffic of a network device.", "device", "wwan0", "direction", direction)
		}
	}
	return all
}
