package exporter_test

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/vmihailenco/msgpack/v5"

	"out_edge/build/testkit"
	"out_edge/exporter"
	"out_edge/plugin/chunk"
	"out_edge/plugin/metric"
)

// line writes a sample as /metrics would, with its time and delta.
func line(s metric.Sample) string {
	text := s.Series.Name
	for _, l := range s.Series.Labels {
		text += fmt.Sprintf(" %s=%s", l.Name, l.Value)
	}
	text += fmt.Sprintf(" %v", s.Value)
	if s.HasDelta {
		text += fmt.Sprintf(" +%v", s.Delta)
	}
	return text
}

func lines(samples []metric.Sample) (out []string) {
	for _, s := range samples {
		out = append(out, line(s))
	}
	return out
}

func TestObserveUnits(t *testing.T) {
	for _, c := range []struct {
		name  string
		pairs []any
		want  []string
	}{
		{"cpu in percent, over 100 too", []any{"cpu_p", 50.0, "user_p", 150.5, "system_p", 1, "cpu11.p_cpu", 25.0, "cpuX.p_cpu", 1.0, "cpu1.p_idle", 1.0},
			[]string{"edge_cpu_usage_ratio cpu=total mode=total 0.5", "edge_cpu_usage_ratio cpu=total mode=user 1.505",
				"edge_cpu_usage_ratio cpu=total mode=system 0.01", "edge_cpu_usage_ratio cpu=11 mode=total 0.25"}},
		{"keys of a filter stand beside", []any{"hostname", "h1", "cpu_p", 1, "user_p", 1, "system_p", 0, "n", map[string]int{"x": 1}},
			[]string{"edge_cpu_usage_ratio cpu=total mode=total 0.01", "edge_cpu_usage_ratio cpu=total mode=user 0.01", "edge_cpu_usage_ratio cpu=total mode=system 0"}},
		{"mem in KiB", []any{"Mem.total", 4, "Mem.used", 3, "Mem.free", 1, "Swap.total", 2, "Swap.used", 2, "Swap.free", 0},
			[]string{"edge_memory_bytes state=total 4096", "edge_memory_bytes state=used 3072", "edge_memory_bytes state=free 1024",
				"edge_swap_bytes state=total 2048", "edge_swap_bytes state=used 2048", "edge_swap_bytes state=free 0"}},
		{"mem with pid", []any{"Mem.total", 4, "Mem.used", 3, "Mem.free", 1, "proc_bytes", 12345, "proc_hr", int64(3063482104)},
			[]string{"edge_memory_bytes state=total 4096", "edge_memory_bytes state=used 3072", "edge_memory_bytes state=free 1024",
				"edge_process_memory_bytes kind=rss process=some.tag 12345"}},
		{"thermal", []any{"name", "thermal_zone3", "type", "soc", "temp", -40.25},
			[]string{"edge_temperature_celsius type=soc zone=thermal_zone3 -40.25"}},
		{"thermal without a type", []any{"name", "thermal_zone3", "type", "", "temp", 7},
			[]string{"edge_temperature_celsius zone=thermal_zone3 7"}},
		{"disk", []any{"read_size", 512, "write_size", uint64(1) << 33},
			[]string{"edge_disk_read_bytes_total 512 +512", "edge_disk_written_bytes_total 8.589934592e+09 +8.589934592e+09"}},
		{"disk, with keys of filters", []any{"hostname", "h1", "read_size", 5, "write_size", 6, "site", "barn", "type", "edge"},
			[]string{"edge_disk_read_bytes_total 5 +5", "edge_disk_written_bytes_total 6 +6"}},
		{"netif, verbose, a dotted device", []any{"eth0.100.rx.bytes", 10, "eth0.100.rx.packets", 1, "eth0.100.rx.errors", 2, "eth0.100.rx.drop", 3,
			"eth0.100.rx.fifo", 9, "eth0.100.rx.multicast", 9, "eth0.100.tx.bytes", 20, "eth0.100.tx.colls", 9},
			[]string{"edge_network_bytes_total device=eth0.100 direction=receive 10 +10", "edge_network_packets_total device=eth0.100 direction=receive 1 +1",
				"edge_network_errors_total device=eth0.100 direction=receive 2 +2", "edge_network_drops_total device=eth0.100 direction=receive 3 +3",
				"edge_network_bytes_total device=eth0.100 direction=transmit 20 +20"}},
		{"proc", []any{"alive", true, "proc_name", "sshd", "pid", 7, "mem.VmRSS", 3000, "mem.Vm", 1, "fd", 5},
			[]string{"edge_process_up process=sshd 1", "edge_process_memory_bytes kind=rss process=sshd 3072", "edge_process_open_fds process=sshd 5"}},
		{"proc, dead: the rest is garbage", []any{"alive", false, "proc_name", "sshd", "pid", 7, "mem.VmRSS", 3000, "fd", 5},
			[]string{"edge_process_up process=sshd 0"}},
		{"proc, never found", []any{"alive", true, "proc_name", "sshd", "pid", -1, "mem.VmRSS", uint64(math.MaxUint64), "fd", 5},
			[]string{"edge_process_up process=sshd 0"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := loopback()
			cfg.Listen, cfg.Hostname = exporter.ListenOff, "h1"
			m := open(t, quietExporter(newClock()), cfg)
			samples, taken := observe(m, payload(t, c.pairs...), start)
			if taken != 1 {
				t.Fatal("not taken for a host record")
			}
			wantLines(t, lines(samples), c.want...)
			for _, s := range samples {
				if s.UnixNano != start.UnixNano() || s.Index != 0 {
					t.Errorf("%s: at %d, record %d", s.Series.Name, s.UnixNano, s.Index)
				}
			}
		})
	}
}

// What record_modifier adds to each record of each input hides none of them, this
// device's name among it.
func TestObserveFiltered(t *testing.T) {
	for _, name := range []string{"cpu.1", "mem.1", "disk.1", "netif.1", "thermal.1", "proc.1"} {
		t.Run(name, func(t *testing.T) {
			cfg := loopback()
			cfg.Listen, cfg.Hostname = exporter.ListenOff, "h1"
			pairs := firstBody(t, name)
			want, _ := observe(open(t, quietExporter(newClock()), cfg), payload(t, pairs...), start)
			m := open(t, quietExporter(newClock()), cfg)
			filtered := payload(t, append(pairs, "hostname", "h1", "site", "barn")...)
			got, taken := observe(m, filtered, start)
			if taken != 1 || len(want) == 0 {
				t.Fatalf("taken: %d, samples without the filter: %d", taken, len(want))
			}
			wantLines(t, lines(got), lines(want)...)
			var d chunk.Decoder
			d.Reset(filtered)
			d.Next()
			if n := testkit.Allocs(func() { m.Recognises(d.Record()) }); n != 0 {
				t.Errorf("%v allocations", n)
			}
		})
	}
}

// Records that name their hosts are of two devices, a counter's too; a tag is no
// device.
func TestHostsAreToldApart(t *testing.T) {
	m := open(t, quietExporter(newClock()), loopback())
	for _, f := range testkit.Sequence(t, "two-hosts") {
		var d chunk.Decoder
		for d.Reset(f.Payload); d.Next(); {
			made, _ := m.Observe(nil, f.Tag, d.Record(), f.At.UnixNano())
			for _, s := range m.Apply(exporter.Batch{Samples: made, Tag: f.Tag, Origin: exporter.FromHost}) {
				if want := map[string]string{"dev-a.mem": "pump-a", "dev-b.mem": "pump-b"}[f.Tag]; s.Series.Host != want {
					t.Errorf("%s: %s is of host %q", f.Tag, line(s), s.Series.Host)
				}
			}
		}
	}
	wantLines(t, scrape(t, m, `state="used"`, `"second_source"`),
		`edge_dropped_records_total{reason="second_source",sink="prometheus"} 0`,
		`edge_memory_bytes{instance="pump-a",state="used"} 1.024e+08`, `edge_memory_bytes{instance="pump-b",state="used"} 9.216e+08`,
		`edge_swap_bytes{instance="pump-a",state="used"} 0`, `edge_swap_bytes{instance="pump-b",state="used"} 0`)
}

// Two tags that make the same series are told apart by tag_label.
func TestTagLabel(t *testing.T) {
	cfg := loopback()
	cfg.TagLabel = "input"
	m := open(t, quietExporter(newClock()), cfg)
	for i, tag := range []string{"one", "two", "one", "two"} {
		m.Apply(exporter.Batch{Samples: []metric.Sample{sample(metric.Counter, "c_total", float64(i))}, Tag: tag})
	}
	wantLines(t, scrape(t, m, "c_total"), `c_total{input="one"} 2`, `c_total{input="two"} 3`)
}

// The series of another out_edge that is scraped stand beside our own, as far as
// labels tell them apart.
func TestSeriesOfAnotherOutEdge(t *testing.T) {
	m := open(t, quietExporter(newClock()), loopback())
	theirs := []metric.Label{{Name: "sink", Value: "datadog"}, {Name: "result", Value: "delivered"}}
	apply(m, []metric.Sample{
		sample(metric.Counter, "edge_records_total", 7, append(theirs, metric.Label{Name: "site", Value: "barn"})...),
		sample(metric.Counter, "edge_records_total", 9, theirs...), // it could be ours
		sample(metric.Gauge, "edge_build_info", 1, metric.Label{Name: "version", Value: "v0"}),
	})
	wantLines(t, scrape(t, m, `edge_records_total{result="delivered"`, `version="v0"`, `"name_conflict"`), `edge_build_info{version="v0"} 1`,
		`edge_dropped_records_total{reason="name_conflict",sink="prometheus"} 1`,
		`edge_records_total{result="delivered",sink="prometheus"} 2`,
		`edge_records_total{result="delivered",sink="datadog",site="barn"} 7`)
}

// firstBody gives the keys and values of a captured chunk's first record.
func firstBody(t *testing.T, name string) (pairs []any) {
	var d chunk.Decoder
	d.Reset(testkit.Payload(t, "amd64-v5.1.1", name))
	d.Next()
	for it := d.Record().Body.Map(); ; {
		key, val, ok := it.Next()
		if !ok {
			return pairs
		}
		pairs = append(pairs, msgpack.RawMessage(key), msgpack.RawMessage(val))
	}
}

func TestObserveLeavesLogsAlone(t *testing.T) {
	cfg := loopback()
	cfg.Listen = exporter.ListenOff
	m := open(t, quietExporter(newClock()), cfg)
	for _, c := range []struct {
		name  string
		pairs []any
	}{
		{"empty", nil},
		{"a temp", []any{"temp", 21.5}},
		{"a sensor that is no thermal zone", []any{"name", "kitchen", "type", "probe", "temp", 21.5}},
		{"thermal, but the temperature is text", []any{"name", "thermal_zone0", "type", "x", "temp", "21"}},
		{"cpu in part", []any{"cpu_p", 1.0, "user_p", 1.0}},
		{"cpu as text", []any{"cpu_p", "1", "user_p", "1", "system_p", "0"}},
		{"a log that tells of cpu", []any{"cpu_p", 1.0, "user_p", 1.0, "system_p", 0.0, "message", "high load"}},
		{"disk words in a log", []any{"read_size", 1, "write_size", 2, "file", "a"}},
		{"disk words beside a level", []any{"level", "info", "read_size", 1, "write_size", 2}},
		{"disk words beside another number", []any{"read_size", 1, "write_size", 2, "hostname", "h", "took_ms", 3}},
		{"disk words beside a bool", []any{"read_size", 1, "write_size", 2, "ok", true}},
		{"disk words beside a map", []any{"read_size", 1, "write_size", 2, "request", map[string]string{"id": "x"}}},
		{"disk words beside null", []any{"read_size", 1, "write_size", 2, "user", nil}},
		{"disk words, one twice", []any{"read_size", 1, "read_size", 1, "write_size", 2}},
		{"disk words with fractions", []any{"read_size", 1.5, "write_size", 2}},
		{"one direction", []any{"eth0.rx.bytes", 1}},
		{"no device", []any{".rx.bytes", 1, ".tx.bytes", 1}},
		{"health", []any{"alive", true, "hostname", "h", "port", 80}},
		{"docker", []any{"id", "x", "name", "n", "cpu_used", 1, "mem_used", 2, "mem_limit", uint64(math.MaxUint64)}},
		{"proc without a name", []any{"alive", true, "pid", 1}},
		{"keys that are no text", []any{1, 2, 3.5, 4}},
	} {
		t.Run(c.name, func(t *testing.T) {
			samples, taken := observe(m, payload(t, c.pairs...), start)
			if taken != 0 || samples != nil {
				t.Errorf("taken, as %q", lines(samples))
			}
		})
	}
	for _, name := range []string{"app.1", "dummy.meta.1", "statsd.1"} {
		if _, taken := observe(m, testkit.Payload(t, "amd64-v5.1.1", name), start); taken != 0 {
			t.Errorf("%s was taken", name)
		}
	}
}

func TestDeltas(t *testing.T) {
	m := open(t, quietExporter(newClock()), loopback())
	for i, step := range []struct {
		read any
		want string // "" where it is refused
	}{
		{100, "edge_disk_read_bytes_total 100 +100"},
		{uint64(18446744073709551000), ""}, // a reset counter, in 64 bits
		{-616, ""},                         // the same, read as signed
		{int64(4294967295), ""},            // a full counter of 32 bits
		{int64(1) << 40, ""},               // a TB in a second
		{int64(4294967294), "edge_disk_read_bytes_total 4.294967394e+09 +4.294967294e+09"},
		{0, "edge_disk_read_bytes_total 4.294967394e+09 +0"},
	} {
		samples, _ := observe(m, payload(t, "read_size", step.read, "write_size", 1), start.Add(time.Duration(i)*time.Second))
		got := ""
		if samples[0].Series.Name == "edge_disk_read_bytes_total" {
			got = line(samples[0])
		}
		if got != step.want {
			t.Errorf("step %d, %v: got %q, want %q", i, step.read, got, step.want)
		}
	}
	wantLines(t, scrape(t, m, "edge_disk", `reason="wrapped"`, `reason="stuck"`, `reason="implausible"`, `result="delivered",sink="prom`),
		"edge_disk_read_bytes_total 4.294967394e+09",
		"edge_disk_written_bytes_total 7",
		`edge_dropped_records_total{reason="implausible",sink="prometheus"} 1`,
		`edge_dropped_records_total{reason="stuck",sink="prometheus"} 1`,
		`edge_dropped_records_total{reason="wrapped",sink="prometheus"} 2`,
		`edge_records_total{result="delivered",sink="prometheus"} 10`)
}

// A difference after a gap stands for the whole gap.
func TestDeltaAfterGap(t *testing.T) {
	m := open(t, quietExporter(newClock()), loopback())
	net := func(n int64) []byte { return payload(t, "e.rx.bytes", n, "e.tx.bytes", 0) }
	observe(m, net(1), start)
	observe(m, net(int64(1e12)), start.Add(10*time.Minute)) // 13 Gbit/s
	observe(m, net(int64(1e12)), start.Add(10*time.Minute+time.Second))
	wantLines(t, scrape(t, m, "edge_network_bytes_total{device=\"e\",direction=\"receive", "implausible"),
		`edge_dropped_records_total{reason="implausible",sink="prometheus"} 1`,
		`edge_network_bytes_total{device="e",direction="receive"} 1.000000000001e+12`)
}

func TestNotFinite(t *testing.T) {
	m := open(t, quietExporter(newClock()), loopback())
	samples, _ := observe(m, payload(t, "cpu_p", math.NaN(), "user_p", math.Inf(1), "system_p", 2.0), start)
	wantLines(t, lines(samples), "edge_cpu_usage_ratio cpu=total mode=system 0.02")
	wantLines(t, scrape(t, m, "edge_cpu", "not_finite"),
		`edge_cpu_usage_ratio{cpu="total",mode="system"} 0.02`,
		`edge_dropped_records_total{reason="not_finite",sink="prometheus"} 2`)
}

func TestDatadogNames(t *testing.T) {
	cfg := loopback()
	cfg.Listen, cfg.Prefix = exporter.ListenOff, "my_box"
	m := open(t, quietExporter(newClock()), cfg)
	var got []string
	for _, p := range [][]byte{
		payload(t, "cpu_p", 1, "user_p", 1, "system_p", 1), payload(t, "read_size", 1, "write_size", 1),
		payload(t, "name", "thermal_zone0", "type", "t", "temp", 1), payload(t, "alive", false, "proc_name", "p", "pid", 1),
	} {
		samples, _ := observe(m, p, start)
		s := samples[0].Series
		got = append(got, s.Name+" "+s.DatadogName+" "+s.Unit)
	}
	wantLines(t, got, "my_box_cpu_usage_ratio my_box.cpu.usage_ratio fraction",
		"my_box_disk_read_bytes_total my_box.disk.read_bytes_total byte",
		"my_box_temperature_celsius my_box.temperature.celsius degree celsius",
		"my_box_process_up my_box.process.up ")
}

// The same series is the same pointer, and costs nothing.
func TestObserveAllocates(t *testing.T) {
	m := open(t, quietExporter(newClock()), loopback())
	for _, name := range []string{"cpu.1", "mem.1", "disk.1", "netif.1", "proc.1", "thermal.1", "app.1"} {
		var d chunk.Decoder
		d.Reset(testkit.Payload(t, "amd64-v5.1.1", name))
		d.Next()
		dst := make([]metric.Sample, 0, 32)
		host := func(at int64) []metric.Sample {
			made, _ := m.Observe(dst, "t", d.Record(), at)
			return m.Apply(exporter.Batch{Samples: made, Tag: "t", Origin: exporter.FromHost})
		}
		first := slices.Clone(host(1))
		allocs := testkit.Allocs(func() {
			again := host(2)
			for i := range again {
				if again[i].Series != first[i].Series {
					t.Fatal("another series")
				}
			}
		})
		if allocs != 0 {
			t.Errorf("%s: %v allocations, want 0", name, allocs)
		}
	}
}

func TestRecognisesStoresNothing(t *testing.T) {
	m := open(t, quietExporter(newClock()), loopback())
	for _, c := range []struct {
		name  string
		pairs []any
		want  bool
	}{
		{"cpu", []any{"cpu_p", 1, "user_p", 1, "system_p", 0}, true},
		{"disk", []any{"read_size", 1, "write_size", 1}, true},
		{"a log", []any{"log", "x", "cpu_p", 1, "user_p", 1, "system_p", 0}, false},
		{"nothing", nil, false},
	} {
		var d chunk.Decoder
		d.Reset(payload(t, c.pairs...))
		if !d.Next() {
			t.Fatal(c.name)
		}
		if got := m.Recognises(d.Record()); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
	wantLines(t, scrape(t, m, "edge_cpu", "edge_disk", `edge_records_total{result="delivered",sink="prometheus"}`),
		`edge_records_total{result="delivered",sink="prometheus"} 0`)
}
