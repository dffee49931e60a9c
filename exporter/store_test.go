package exporter_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"out_edge/build/testkit"
	"out_edge/exporter"
	"out_edge/plugin/metric"
)

func temperature(t testing.TB, zone string, v float64) []byte {
	t.Helper()
	return payload(t, "name", "thermal_zone"+zone, "type", "t", "temp", v)
}

func TestGaugesExpire(t *testing.T) {
	clock := newClock()
	cfg := loopback()
	cfg.SeriesTTL = time.Minute
	var expired []string
	cfg.OnExpire = func(s *metric.Series) { expired = append(expired, s.Name) }
	m := open(t, quietExporter(clock), cfg)
	temp := temperature(t, "0", 20)
	observe(m, temp, start)
	observe(m, payload(t, "read_size", 5, "write_size", 6), start)
	apply(m, []metric.Sample{sample(metric.Untyped, "u", 1), sample(metric.Counter, "c_total", 1)})
	shown := []string{"edge_temperature", "edge_disk", "u ", "c_total "}

	clock.Advance(time.Minute)
	wantLines(t, scrape(t, m, shown...), "c_total 1", "edge_disk_read_bytes_total 5", "edge_disk_written_bytes_total 6",
		`edge_temperature_celsius{type="t",zone="thermal_zone0"} 20`, "u 1")
	clock.Advance(1)
	wantLines(t, scrape(t, m, shown...), "c_total 1", "edge_disk_read_bytes_total 5", "edge_disk_written_bytes_total 6")
	slices.Sort(expired)
	wantLines(t, expired, "edge_temperature_celsius", "u")

	apply(m, []metric.Sample{sample(metric.Counter, "u", 2)}) // its name is free for another kind
	wantLines(t, scrape(t, m, "u "), "u 2")

	observe(m, temp, start) // and come back; arrival counts, not the record's age
	wantLines(t, scrape(t, m, "edge_temperature"), `edge_temperature_celsius{type="t",zone="thermal_zone0"} 20`)
	clock.Set(start.AddDate(3, 0, 0)) // no step of the wall clock makes a series old
	wantLines(t, scrape(t, m, "edge_temperature"), `edge_temperature_celsius{type="t",zone="thermal_zone0"} 20`)
}

// A gauge that a route keeps off the page expires for the sinks that have it.
func TestHiddenGaugesExpire(t *testing.T) {
	clock := newClock()
	cfg := loopback()
	cfg.SeriesTTL = time.Minute
	var expired []string
	cfg.OnExpire = func(s *metric.Series) { expired = append(expired, s.Name) }
	m := open(t, quietExporter(clock), cfg)
	m.Apply(exporter.Batch{Samples: []metric.Sample{sample(metric.Gauge, "g", 1)}, Hidden: true})
	clock.Advance(time.Minute + 1)
	wantLines(t, scrape(t, m, "g "))
	wantLines(t, expired, "g")
}

// Each sample starts the time to live anew, an old record's too.
func TestGaugesLive(t *testing.T) {
	clock := newClock()
	cfg := loopback()
	cfg.SeriesTTL = time.Minute
	m := open(t, quietExporter(clock), cfg)
	for range 3 {
		observe(m, temperature(t, "0", 20), start)
		clock.Advance(40 * time.Second)
	}
	wantLines(t, scrape(t, m, "edge_temperature"), `edge_temperature_celsius{type="t",zone="thermal_zone0"} 20`)
}

func TestNoTTL(t *testing.T) {
	clock := newClock()
	cfg := loopback()
	cfg.SeriesTTL = 0
	m := open(t, quietExporter(clock), cfg)
	observe(m, temperature(t, "0", 20), start)
	clock.Advance(20 * 365 * 24 * time.Hour)
	wantLines(t, scrape(t, m, "edge_temperature"), `edge_temperature_celsius{type="t",zone="thermal_zone0"} 20`)
}

// Nobody scrapes, and yet expired series leave.
func TestGaugesExpireUnseen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, _ := newLog()
		cfg := loopback()
		cfg.Listen, cfg.SeriesTTL, cfg.SeriesLimit = exporter.ListenOff, time.Minute, 1
		began := time.Now()
		expired := make(chan time.Duration, 1)
		cfg.OnExpire = func(*metric.Series) { expired <- time.Since(began) }
		m, err := exporter.New(log, testkit.BubbleClock{}).Open(cfg)
		if err != nil {
			t.Fatal(err)
		}
		observe(m, temperature(t, "0", 20), began)
		if after := <-expired; after < time.Minute || after > time.Minute+6*time.Second {
			t.Errorf("expired after %v", after)
		}
		if samples, _ := observe(m, temperature(t, "1", 20), began); len(samples) != 1 {
			t.Error("the expired series still takes room")
		}
		closeNow(t, m)
	})
}

func TestNewestWins(t *testing.T) {
	clock := newClock()
	m := open(t, quietExporter(clock), loopback())
	for _, c := range []struct {
		name  string
		value float64
		at    time.Time
		want  string
	}{
		{"first", 1, start, "1"},
		{"hours old, from a backlog", 2, start.Add(-5 * time.Hour), "1"},
		{"same instant", 3, start, "3"},
		{"newer", 4, start.Add(time.Second), "4"},
		{"far in the future", 5, start.AddDate(1, 0, 0), "5"},
		{"now: the future one was wrong", 6, start.Add(2 * time.Second), "6"},
	} {
		samples, _ := observe(m, temperature(t, "0", c.value), c.at)
		if len(samples) != 1 || samples[0].Value != c.value || samples[0].UnixNano != c.at.UnixNano() {
			t.Errorf("%s: the other sinks get %v", c.name, samples)
		}
		got := scrape(t, m, "edge_temperature")
		if want := `edge_temperature_celsius{type="t",zone="thermal_zone0"} ` + c.want; len(got) != 1 || got[0] != want {
			t.Errorf("%s: got %q, want %q", c.name, got, want)
		}
	}
}

// A clock that is set back does not hold gauges until it is where it was, and
// makes no restart of a late total.
func TestClockSetBack(t *testing.T) {
	const back = 5 * time.Minute
	clock := newClock()
	m := open(t, quietExporter(clock), loopback())
	page := func(gauge, total, hist string) {
		t.Helper()
		wantLines(t, scrape(t, m, "edge_temp", "c_total", "hist_count"), "c_total "+total,
			`edge_temperature_celsius{type="t",zone="thermal_zone0"} `+gauge, "hist_count "+hist)
	}
	take := func(v float64, at time.Time) string {
		observe(m, temperature(t, "0", v), at)
		samples := []metric.Sample{sample(metric.Counter, "c_total", v), distribution(metric.Histogram, "hist")}
		samples[1].Dist.Count = uint64(v)
		samples[0].UnixNano, samples[1].UnixNano = at.UnixNano(), at.UnixNano()
		return line(apply(m, samples)[0])
	}
	take(100, start)
	page("100", "100", "100")
	take(90, start.Add(-time.Minute)) // late
	page("100", "100", "100")
	clock.Set(start.Add(-time.Second)) // as much as clocks differ by
	take(95, start.Add(-time.Second))
	page("100", "100", "100")

	clock.Set(start.Add(-back))
	wantLines(t, []string{take(99, start.Add(-back))}, "c_total 99 +0")
	page("99", "100", "100")
	take(98, start.Add(-back-time.Second)) // late again
	page("99", "100", "100")
	clock.Advance(back)
	wantLines(t, []string{take(120, start)}, "c_total 120 +20")
	page("120", "120", "120")

	take(121, start.Add(2*time.Minute)) // a source whose clock is ahead
	take(119, start.Add(time.Minute))
	page("121", "121", "121")
}

func TestSharedPage(t *testing.T) {
	clock := newClock()
	exp := quietExporter(clock)
	first, second := loopback(), loopback()
	first.Status = func() exporter.Status { return exporter.Status{NotReady: []string{"first: no key"}} }
	second.Status = func() exporter.Status { return exporter.Status{} }
	a, b := open(t, exp, first), open(t, exp, second)
	if a.Addr().String() != b.Addr().String() {
		t.Fatal("two addresses")
	}
	disk := payload(t, "read_size", 100, "write_size", 0)
	observe(a, disk, start)
	twin, _ := observe(b, disk, start)
	wantLines(t, lines(twin), "edge_disk_read_bytes_total 100 +100", "edge_disk_written_bytes_total 0 +0")
	observe(b, disk, start.Add(time.Second))
	observe(b, temperature(t, "9", 1), start)
	b.Telemetry().Dropped("datadog", "rejected", 0)
	a.Telemetry().Delivered("datadog", 1) // the other one's receiver has never answered
	b.Telemetry().Delivered("datadog", 0)
	wantLines(t, scrape(t, a, "edge_disk_read", "edge_temp", "shown_by_other", `edge_last_delivery_timestamp_seconds{output="1"`, `result="delivered"`),
		"edge_disk_read_bytes_total 100",
		`edge_dropped_records_total{output="0",reason="shown_by_other_instance",sink="prometheus"} 0`,
		`edge_dropped_records_total{output="1",reason="shown_by_other_instance",sink="prometheus"} 0`,
		`edge_last_delivery_timestamp_seconds{output="1",sink="prometheus"} 1.7952408e+09`,
		`edge_records_total{output="0",result="delivered",sink="datadog"} 1`,
		`edge_records_total{output="0",result="delivered",sink="prometheus"} 2`,
		`edge_records_total{output="1",result="delivered",sink="datadog"} 0`,
		`edge_records_total{output="1",result="delivered",sink="prometheus"} 5`,
		`edge_temperature_celsius{type="t",zone="thermal_zone9"} 1`)

	closeNow(t, a)
	wantLines(t, scrape(t, b, "edge_disk_read", "edge_temp"), `edge_temperature_celsius{type="t",zone="thermal_zone9"} 1`)
	observe(b, disk, start.Add(2*time.Second)) // and takes the place over
	wantLines(t, scrape(t, b, "edge_disk_read"), "edge_disk_read_bytes_total 300")
}

// Of two outputs that make one series of different records, the page shows the first,
// and counts and says what it does not show of the other.
func TestSharedPageOtherRecords(t *testing.T) {
	var log testkit.Buffer
	exp := exporter.New(slog.New(slog.NewTextHandler(&log, nil)), newClock())
	a, b := open(t, exp, loopback()), open(t, exp, loopback())
	take := func(m *exporter.Instance, tag string, v float64) {
		m.Apply(exporter.Batch{Samples: []metric.Sample{sample(metric.Gauge, "level", v)}, Tag: tag, Origin: exporter.FromRule})
	}
	take(a, "tank.north", 1)
	take(b, "tank.south", 2)
	take(b, "tank.south", 3)
	take(b, "tank.north", 1)
	wantLines(t, scrape(t, a, "level ", "edge_dropped_records_total{output=\"0\",reason=\"shown", "edge_dropped_records_total{output=\"1\",reason=\"shown"),
		`edge_dropped_records_total{output="0",reason="shown_by_other_instance",sink="prometheus"} 0`,
		`edge_dropped_records_total{output="1",reason="shown_by_other_instance",sink="prometheus"} 2`, "level 1")
	if n := strings.Count(log.String(), "series=level tag=tank.south"); n != 1 {
		t.Errorf("said %d times:\n%s", n, log.String())
	}
}

func TestSharedPageOtherLabels(t *testing.T) {
	exp := quietExporter(newClock())
	first, second := loopback(), loopback()
	first.Labels = []metric.Label{{Name: "site", Value: "a"}}
	second.Labels = []metric.Label{{Name: "room", Value: "b"}, {Name: "zone", Value: "lost: the series has its own"}}
	a, b := open(t, exp, first), open(t, exp, second)
	observe(a, temperature(t, "0", 1), start)
	observe(b, temperature(t, "0", 2), start)
	a.Telemetry().Delivered("datadog", 3)
	wantLines(t, scrape(t, a, "edge_temp", `edge_records_total{output="0",result="delivered",`, `edge_records_total{output="1",result="delivered",`),
		`edge_records_total{output="0",result="delivered",sink="datadog",site="a"} 3`,
		`edge_records_total{output="0",result="delivered",sink="prometheus",site="a"} 1`,
		`edge_records_total{output="1",result="delivered",room="b",sink="prometheus",zone="lost: the series has its own"} 1`,
		`edge_temperature_celsius{site="a",type="t",zone="thermal_zone0"} 1`,
		`edge_temperature_celsius{room="b",type="t",zone="thermal_zone0"} 2`)
}

func TestListenOffIsPrivate(t *testing.T) {
	exp := quietExporter(newClock())
	cfg := loopback()
	cfg.Listen = exporter.ListenOff
	a, b := open(t, exp, cfg), open(t, exp, cfg)
	if a.Telemetry() == b.Telemetry() || a.Addr() != nil {
		t.Error("two pages that are off are one")
	}
}

// sample makes a sample of a series without labels, at start.
func sample(kind metric.Kind, name string, v float64, labels ...metric.Label) metric.Sample {
	return metric.Sample{Series: intern(metric.Series{Name: name, Help: "Help.", Kind: kind, Labels: labels}), UnixNano: start.UnixNano(), Value: v}
}

func TestApply(t *testing.T) {
	cfg := loopback()
	cfg.Labels = []metric.Label{{Name: "site", Value: "a"}}
	m := open(t, quietExporter(newClock()), cfg)
	samples := []metric.Sample{
		sample(metric.Gauge, "node_load1", 0.5),
		sample(metric.Gauge, "node load/5", 0.25, metric.Label{Name: "a-b", Value: "x\xffy"}, metric.Label{Name: "site", Value: "own"}),
		sample(metric.Untyped, "u", 7, metric.Label{Name: "empty"}),
		sample(metric.Counter, "events", 3),
		{Series: intern(metric.Series{Name: "h", Kind: metric.Histogram}), UnixNano: 1,
			Dist: &metric.Distribution{Count: 3, Sum: 4.5, Bounds: []float64{1, 2}, Counts: []uint64{1, 2}}},
		{Series: intern(metric.Series{Name: "s", Kind: metric.Summary}), UnixNano: 1,
			Dist: &metric.Distribution{Count: 2, Sum: 8, Bounds: []float64{0.5, 0.9}, Values: []float64{3, 5}}},
	}
	before := slices.Clone(samples)
	apply(m, samples)

	_, body := fetch(t, m, "/metrics?name[]=node_load1&name[]=node_load_5&name[]=u&name[]=events&name[]=h&name[]=s")
	want := `# HELP events Help.
# TYPE events counter
events{site="a"} 3
# HELP h 
# TYPE h histogram
h_bucket{site="a",le="1"} 1
h_bucket{site="a",le="2"} 2
h_bucket{site="a",le="+Inf"} 3
h_sum{site="a"} 4.5
h_count{site="a"} 3
# HELP node_load1 Help.
# TYPE node_load1 gauge
node_load1{site="a"} 0.5
# HELP node_load_5 Help.
# TYPE node_load_5 gauge
node_load_5{a_b="x�y",site="own"} 0.25
# HELP s 
# TYPE s summary
s{site="a",quantile="0.5"} 3
s{site="a",quantile="0.9"} 5
s_sum{site="a"} 8
s_count{site="a"} 2
# HELP u Help.
# TYPE u untyped
u{site="a"} 7
`
	if body != want {
		t.Errorf("got\n%s\nwant\n%s", body, want)
	}
	if len(before[0].Series.Labels) != 0 || len(samples[0].Series.Labels) != 1 {
		t.Error("the sample does not carry the instance's label, or its series was written to")
	}
}

func TestApplyRefuses(t *testing.T) {
	m := open(t, quietExporter(newClock()), loopback())
	hist := func(name string, d *metric.Distribution) metric.Sample {
		return metric.Sample{Series: intern(metric.Series{Name: name, Kind: metric.Histogram}), Dist: d}
	}
	good := &metric.Distribution{Count: 1, Bounds: []float64{1}, Counts: []uint64{1}}
	apply(m, []metric.Sample{
		sample(metric.Gauge, "one", 1),
		sample(metric.Counter, "one", 2),                                      // conflict
		sample(metric.Counter, "one", 2, metric.Label{Name: "a", Value: "b"}), // conflict
		sample(metric.Counter, "edge_records_total", 2, metric.Label{Name: "sink", Value: "x"}, metric.Label{Name: "result", Value: "y"}), // conflict: it could be a self series
		hist("hist", good), sample(metric.Gauge, "hist_sum", 1), // conflict: a line of hist
		sample(metric.Gauge, "gaug_count", 1), hist("gaug", good), // conflict, the other way round
		hist("wrong1", nil), // malformed
		hist("wrong2", &metric.Distribution{Bounds: []float64{1}}),                                      // malformed
		hist("wrong3", &metric.Distribution{Count: 9, Bounds: []float64{2, 1}, Counts: []uint64{1, 1}}), // malformed
		hist("wrong4", &metric.Distribution{Count: 9, Bounds: []float64{1, 2}, Counts: []uint64{2, 1}}), // malformed
		hist("wrong5", &metric.Distribution{Count: 1, Bounds: []float64{1}, Counts: []uint64{2}}),       // malformed
		hist("wrong6", &metric.Distribution{Count: 1, Native: &metric.Native{ZeroThreshold: 1}}),        // malformed
		sample(metric.Gauge, "", 1), // malformed
		{Series: intern(metric.Series{Name: "le", Kind: metric.Histogram, Labels: []metric.Label{{Name: "le", Value: "1"}}}), Dist: good}, // malformed
	})
	wantLines(t, scrape(t, m, "one ", "hist_", "gaug_", "wrong", `"name_conflict"`, `"malformed"`),
		`edge_dropped_records_total{reason="malformed",sink="prometheus"} 8`,
		`edge_dropped_records_total{reason="name_conflict",sink="prometheus"} 5`,
		"gaug_count 1", `hist_bucket{le="1"} 1`, `hist_bucket{le="+Inf"} 1`, "hist_sum 0", "hist_count 1", "one 1")
}

// Prometheus tells metrics apart by the names of their lines, in OpenMetrics too, where
// the counter x_total is the family x.
func TestNamesSideBySide(t *testing.T) {
	m := open(t, quietExporter(newClock()), loopback())
	hist := distribution(metric.Histogram, "g")
	apply(m, []metric.Sample{
		sample(metric.Counter, "a_total", 1), sample(metric.Gauge, "a", 2),
		sample(metric.Gauge, "b", 1), sample(metric.Counter, "b_total", 2),
		sample(metric.Counter, "c", 1), sample(metric.Counter, "c_total", 2),
		sample(metric.Untyped, "d_total", 1), sample(metric.Counter, "d", 2),
		sample(metric.Gauge, "edge_records", 2),
		sample(metric.Counter, "f_total", 1), sample(metric.Counter, "f_total_total", 2),
		hist, sample(metric.Gauge, "g_max", 3), sample(metric.Counter, "g_total", 4),
		distribution(metric.Summary, "h"), sample(metric.Counter, "h_total", 5),
	})
	want := []string{"a 2", "a_total 1", "b 1", "b_total 2", "c 1", "c_total 2", "d 2", "d_total 1", "edge_records 2", "f_total 1", "f_total_total 2",
		"g_count 2", "g_max 3", "g_total 4", "h_count 2", "h_total 5"}
	for _, accept := range []string{"text/plain", "application/openmetrics-text; version=1.0.0"} {
		_, body := fetch(t, m, "/metrics", "Accept", accept)
		got := strings.Split(strings.ReplaceAll(body, ".0\n", "\n"), "\n")
		got = slices.DeleteFunc(got, func(l string) bool { return !slices.Contains(want, l) })
		slices.Sort(got)
		wantLines(t, got, want...)
	}
	wantLines(t, scrape(t, m, `"name_conflict"`), `edge_dropped_records_total{reason="name_conflict",sink="prometheus"} 0`)
}

func TestApplyCounterDeltas(t *testing.T) {
	m := open(t, quietExporter(newClock()), loopback())
	var got []string
	for i, v := range []float64{100, 130, 130, 20} {
		s := []metric.Sample{sample(metric.Counter, "c_total", v)} // another pointer each time
		s[0].UnixNano += int64(i)
		apply(m, s)
		got = append(got, line(s[0]))
	}
	late := []metric.Sample{sample(metric.Counter, "c_total", 999)}
	late[0].UnixNano -= int64(time.Hour)
	apply(m, late)
	wantLines(t, append(got, line(late[0])), "c_total 100", "c_total 130 +30", "c_total 130 +0", "c_total 20 +20", "c_total 999 +0")
	wantLines(t, scrape(t, m, "c_total"), "c_total 20")
}

// A rule's total never falls, so the largest is the newest.
func TestLargestTotalOfARuleWins(t *testing.T) {
	m := open(t, quietExporter(newClock()), loopback())
	counter := intern(metric.Series{Name: "c_total", Kind: metric.Counter})
	hist := intern(metric.Series{Name: "hist", Kind: metric.Histogram})
	for _, c := range []struct {
		v    uint64
		late time.Duration
		want string
	}{{2, 0, "2"}, {3, time.Hour, "3"}, {1, -time.Second, "3"}, {3, 0, "3"}, {5, 2 * time.Hour, "5"}, {4, time.Minute, "5"}} {
		at := start.Add(-c.late).UnixNano()
		kept := applyRules(m, []metric.Sample{
			{Series: counter, UnixNano: at, Value: float64(c.v), Delta: 1, HasDelta: true},
			{Series: hist, UnixNano: at, Dist: &metric.Distribution{Count: c.v}}})
		if len(kept) != 2 || kept[0].Delta != 1 || kept[1].Dist.Count != c.v {
			t.Errorf("%d: the other sinks get %+v", c.v, kept)
		}
		wantLines(t, scrape(t, m, "c_total ", "hist_count"), "c_total "+c.want, "hist_count "+c.want)
	}
}

func TestSeriesLimit(t *testing.T) {
	const limit, pushed = 10_000, 200_000
	cfg := loopback()
	cfg.SeriesLimit = limit
	m := open(t, quietExporter(newClock()), cfg)
	before := testkit.Heap()
	batch := make([]metric.Sample, 1)
	for i := range pushed {
		batch[0] = sample(metric.Gauge, "sensor_value", float64(i), metric.Label{Name: "id", Value: fmt.Sprintf("sensor-%d", i)})
		apply(m, batch)
	}
	grown := testkit.Heap() - before
	t.Logf("%d series in %d KiB", limit, grown>>10)
	if grown > 16<<20 {
		t.Errorf("%d bytes for %d series", grown, limit)
	}
	samples, taken := observe(m, temperature(t, "0", 1), start)
	if taken != 1 || len(samples) != 0 {
		t.Error("a new host series got over the limit")
	}
	batch[0] = sample(metric.Gauge, "sensor_value", -1, metric.Label{Name: "id", Value: "sensor-0"})
	apply(m, batch)
	got := scrape(t, m, "sensor_value", `"series_limit"`)
	if len(got) != limit+1 {
		t.Fatalf("%d lines", len(got))
	}
	wantLines(t, got[:2], fmt.Sprintf(`edge_dropped_records_total{reason="series_limit",sink="prometheus"} %d`, pushed-limit+1),
		`sensor_value{id="sensor-0"} -1`)
}

// Few series with huge labels are bounded as well.
func TestSeriesLimitBytes(t *testing.T) {
	cfg := loopback()
	cfg.SeriesLimit = 10
	m := open(t, quietExporter(newClock()), cfg)
	huge := make([]byte, 6000)
	for i := range huge {
		huge[i] = 'x'
	}
	for _, id := range []string{"a", "b"} {
		apply(m, []metric.Sample{sample(metric.Gauge, "g", 1, metric.Label{Name: "id", Value: id + string(huge)})})
	}
	wantLines(t, scrape(t, m, `"series_limit"`), `edge_dropped_records_total{reason="series_limit",sink="prometheus"} 1`)
}

// A source that makes each sample a Series anew does not pile them up.
func TestSeriesDoNotPileUp(t *testing.T) {
	m := open(t, quietExporter(newClock()), loopback())
	before := testkit.Heap()
	for i := range 50_000 {
		apply(m, []metric.Sample{sample(metric.Gauge, "g", float64(i))})
	}
	if grown := testkit.Heap() - before; grown > 1<<20 {
		t.Errorf("%d bytes for one series", grown)
	}
	wantLines(t, scrape(t, m, "g 4"), "g 49999")
}

// A label of the instance gives way where a self series has it itself.
func TestLabelsOfSelfWin(t *testing.T) {
	cfg := loopback()
	for _, name := range []string{"sink", "reason", "le", "version", "site"} {
		cfg.Labels = append(cfg.Labels, metric.Label{Name: name, Value: "mine"})
	}
	m := open(t, quietExporter(newClock()), cfg)
	m.Telemetry().Dropped("datadog", "too_large", 2)
	wantLines(t, scrape(t, m, "too_large", "edge_build_info", "flush_duration_seconds_sum", `result="dropped",sink="datadog"`)[1:],
		`edge_dropped_records_total{le="mine",reason="too_large",sink="datadog",site="mine",version="mine"} 2`,
		`edge_flush_duration_seconds_sum{reason="mine",sink="mine",site="mine",version="mine"} 0`,
		`edge_records_total{le="mine",reason="mine",result="dropped",sink="datadog",site="mine",version="mine"} 2`)
}

func TestClosed(t *testing.T) {
	m := open(t, quietExporter(newClock()), loopback())
	observe(m, temperature(t, "0", 1), start)
	closeNow(t, m)
	if err := m.Close(context.Background()); err != nil {
		t.Errorf("second Close: %v", err)
	}
	if samples, taken := observe(m, temperature(t, "0", 1), start); taken != 1 || len(samples) != 0 {
		t.Error("a closed instance makes series")
	}
	m.Telemetry().Delivered("datadog", 1)
}
