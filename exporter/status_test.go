package exporter_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"html"
	"net/http"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"out_edge/build/testkit"
	"out_edge/exporter"
	"out_edge/exporter/statuspage"
	"out_edge/exporter/tail"
	"out_edge/exporter/telemetry"
	"out_edge/plugin/delivery"
	"out_edge/plugin/metric"
	"out_edge/timefix"
)

// device is a Config for the status page.
func device() exporter.Config {
	cfg := loopback()
	cfg.Device = "edge-7"
	cfg.Sinks = []string{delivery.SinkDatadog, delivery.SinkRemoteWrite}
	return cfg
}

// status is the status page as text: a line for each cell, without tags.
func status(t testing.TB, m *exporter.Instance) string {
	t.Helper()
	resp, body := fetch(t, m, "/")
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("/: %s: %s", resp.Status, body)
	}
	body = regexp.MustCompile(`(?s)<(style|script)>.*?</(style|script)>`).ReplaceAllString(body, "")
	body = regexp.MustCompile(`<path class="slot".*?</path>`).ReplaceAllString(body, "")
	body = regexp.MustCompile(`<span (?:class="(?:sign|hidden)"|aria-hidden)[^>]*>(.*?)</span>`).ReplaceAllString(body, "$1")
	body = regexp.MustCompile(`<(small|b|span)[ >]`).ReplaceAllString(body, "\n$0")
	body = regexp.MustCompile(`</(t[hdr]|h\d|p|li|small|b|span|title|summary|caption|figcaption|del|ins|dt|dd)>`).ReplaceAllString(body, "\n")
	body = html.UnescapeString(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(body, ""))
	var lines []string
	for line := range strings.Lines(body) {
		if line = strings.Join(strings.Fields(line), " "); line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n") + "\n"
}

func wantText(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(text, p) {
			t.Errorf("no %q in\n%s", p, text)
		}
	}
}

func TestStatusOfAWellDevice(t *testing.T) {
	clock := newClock()
	m := open(t, quietExporter(clock), device())
	for i := range 10 {
		at := clock.Now().Time()
		observe(m, payload(t, "cpu_p", 10+i, "user_p", 5, "system_p", 5, "cpu10.p_cpu", 7, "cpu9.p_cpu", 8), at)
		observe(m, payload(t, "Mem.total", 1<<20, "Mem.used", 1<<19, "Mem.free", 1<<19, "Swap.total", 0, "Swap.used", 0, "Swap.free", 0), at)
		observe(m, temperature(t, "0", float64(40+i)), at)
		observe(m, payload(t, "eth0.rx.bytes", 2048, "eth0.tx.bytes", 1024, "lo.rx.bytes", 1, "lo.tx.bytes", 1), at)
		m.Telemetry().Delivered(delivery.SinkDatadog, 1000)
		m.Telemetry().Delivered(delivery.SinkRemoteWrite, 1)
		clock.Advance(time.Second)
	}
	clock.Advance(4 * time.Second)
	wantText(t, status(t, m), "✓ edge-7: Well\n", "✓ Well\nNothing is amiss. The last data came 5 s ago.\n",
		"CPU\n19 %\n100 %\n0 %\n14 s ago\n10 to 19 %\nnow\n", "Memory used\n50 % of 1 GiB\n512 MiB\n1 GiB\n0 B\n14 s ago\n512 MiB\n", "Temperature\nthermal_zone0 t\n49 °C\n51 °C\n39 °C\n14 s ago\n40 to 49 °C\n",
		"eth0 in\n2 KiB/s\n2 KiB/s\n0 B/s\n", "eth0 out\n1 KiB/s\n", "4 more\n", "CPU 9\n8 %\n", "now\nCPU 10\n7 %\n", "lo in\n",
		"Datadog logs\n714/s\n1,000/s\n0/s\n14 s ago\n1,000/s\nnow\n",
		"✓ Datadog logs : Well\nLast success\n5 s ago\nLast fault\nnone\nDelivered\n10,000\nRetried\n0\nDropped\n0\n",
		"No time has needed a repair.\n", "Last scrape\nnever\n")
	if strings.Contains(status(t, m), "Swap") {
		t.Error("swap that is not used is shown")
	}
	m.Telemetry().Skew(-4 * time.Second)
	if strings.Contains(status(t, m), "intake's clock") {
		t.Error("4 s are made a fuss about")
	}
	m.Telemetry().Skew(-75 * time.Second)
	wantText(t, status(t, m), "the intake's clock is 75 s behind this one\n")
	fetch(t, m, "/metrics")
	clock.Advance(2 * time.Minute)
	wantText(t, status(t, m), "Last scrape\n2 min ago\n")
}

// A device whose metrics are those of node_exporter_metrics is shown like any other.
func TestStatusOfNodeExporterMetrics(t *testing.T) {
	clock := newClock()
	m := open(t, quietExporter(clock), device())
	label := func(name, value string) metric.Label { return metric.Label{Name: name, Value: value} }
	for i := range 10 {
		n := float64(i)
		disk := []metric.Label{label("device", "/dev/vda"), label("fstype", "ext4"), label("mountpoint", "/")}
		samples := []metric.Sample{
			sample(metric.Counter, "node_cpu_seconds_total", 0.75*n, label("cpu", "0"), label("mode", "idle")),
			sample(metric.Counter, "node_cpu_seconds_total", 0.25*n, label("cpu", "1"), label("mode", "idle")),
			sample(metric.Counter, "node_cpu_seconds_total", 7*n, label("cpu", "1"), label("mode", "user")),
			sample(metric.Gauge, "node_memory_MemTotal_bytes", 1<<30), sample(metric.Gauge, "node_memory_MemAvailable_bytes", 1<<28),
			sample(metric.Gauge, "node_filesystem_size_bytes", 8<<30, disk...), sample(metric.Gauge, "node_filesystem_avail_bytes", 6<<30, disk...),
			sample(metric.Counter, "node_network_receive_bytes_total", 2048*n, label("device", "eth0")),
			sample(metric.Counter, "node_network_transmit_bytes_total", 1024*n, label("device", "eth0")),
			sample(metric.Gauge, "node_thermal_zone_temp", 40+n, label("type", "soc"), label("zone", "0")),
			sample(metric.Gauge, "node_hwmon_temp_celsius", 50, label("chip", "adc"), label("sensor", "temp1")),
		}
		for j := range samples {
			samples[j].UnixNano = clock.Now().Wall
		}
		apply(m, samples)
		clock.Advance(time.Second)
	}
	text := status(t, m)
	wantText(t, text, "CPU\n50 %\n", "CPU 0\n25 %\n", "CPU 1\n75 %\n", "Memory used\n75 % of 1 GiB\n768 MiB\n",
		"Filesystem /\n25 % of 8 GiB\n2 GiB\n", "eth0 in\n2 KiB/s\n", "eth0 out\n1 KiB/s\n",
		"Temperature\n0 soc\n49 °C\n", "Temperature\nadc temp1\n50 °C\n")
	if strings.Contains(text, "node_") || strings.Contains(text, "No host metrics") {
		t.Errorf("the page does not know\n%s", text)
	}
	observe(m, payload(t, "cpu_p", 10, "user_p", 5, "system_p", 5), clock.Now().Time())
	wantText(t, status(t, m), "CPU\n10 %\n") // the input's
}

func TestStatusConditions(t *testing.T) {
	for _, c := range []struct {
		name string
		cfg  func(*exporter.Config)
		do   func(*telemetry.Telemetry, *testkit.Clock)
		want string
	}{
		{"nothing has come", nil, func(_ *telemetry.Telemetry, c *testkit.Clock) { c.Advance(90 * time.Second) },
			"… Waiting for data\n… nothing has come from Fluent Bit in 1 min\n"},
		{"not ready", func(c *exporter.Config) {
			c.Status = func() exporter.Status { return exporter.Status{NotReady: []string{"clock: <not> set"}} }
		},
			func(s *telemetry.Telemetry, _ *testkit.Clock) { s.Delivered("datadog", 1) }, "✕ Not well\n✕ clock: <not> set\n"},
		{"one fault is no drama", nil, func(s *telemetry.Telemetry, c *testkit.Clock) {
			s.Delivered("datadog", 1)
			s.Request("logs", "timeout")
			c.Advance(59 * time.Second)
		}, "! Needs a look\n! Datadog logs has failed for 59 s: timeout, no answer within the time allowed\n"},
		{"a minute of faults is", nil, func(s *telemetry.Telemetry, c *testkit.Clock) {
			s.Delivered("datadog", 1)
			s.Request("remote_write", "503")
			c.Advance(50 * time.Second)
			s.Request("remote_write", "401")
			c.Advance(10 * time.Second)
		}, "✕ Not well\n✕ Remote write has failed for 1 min: 401, the key is missing or wrong\n"},
		{"a success ends it", nil, func(s *telemetry.Telemetry, c *testkit.Clock) {
			s.Request("logs", "503")
			c.Advance(2 * time.Minute)
			s.Request("logs", "202")
			s.Delivered("datadog", 1)
		}, "✓ Well\n"},
		{"so does a delivery", nil, func(s *telemetry.Telemetry, c *testkit.Clock) {
			s.Request("logs", "503")
			c.Advance(2 * time.Minute)
			s.Delivered("datadog", 1)
		}, "✓ Well\n"},
		{"what is canceled is no fault", nil, func(s *telemetry.Telemetry, _ *testkit.Clock) {
			s.Delivered("datadog", 1)
			s.Request("logs", delivery.CodeCanceled)
		}, "✓ Well\n"},
		{"a bad entry is the entry's fault", nil, func(s *telemetry.Telemetry, c *testkit.Clock) {
			s.Delivered("datadog", 1)
			s.Request("logs", "400")
			c.Advance(2 * time.Minute)
		}, "✓ Well\n"},
		{"a drop", nil, func(s *telemetry.Telemetry, c *testkit.Clock) {
			s.Delivered("datadog", 1)
			s.Dropped("datadog", "too_large", 3)
			c.Advance(14 * time.Minute)
		}, "! Needs a look\n! Datadog logs dropped data 14 min ago: too large\n"},
		{"a drop long ago", nil, func(s *telemetry.Telemetry, c *testkit.Clock) {
			s.Delivered("datadog", 1)
			s.Dropped("datadog", "too_large", 3)
			c.Advance(15 * time.Minute)
		}, "✓ Well\n"},
		{"what the page should refuse", nil, func(s *telemetry.Telemetry, _ *testkit.Clock) {
			s.Delivered("datadog", 1)
			s.Dropped("prometheus", "wrapped", 3)
		}, "✓ Well\n"},
		{"series over the limit", nil, func(s *telemetry.Telemetry, _ *testkit.Clock) {
			s.Delivered("datadog", 1)
			s.Dropped("prometheus", "series_limit", 3)
		}, "! Needs a look\n! Prometheus page dropped data just now: series limit\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			clock, cfg := newClock(), device()
			if c.cfg != nil {
				c.cfg(&cfg)
			}
			m := open(t, quietExporter(clock), cfg)
			c.do(m.Telemetry(), clock)
			wantText(t, status(t, m), "\n"+c.want)
		})
	}
}

func TestStatusOfSilence(t *testing.T) {
	clock, cfg := newClock(), device()
	cfg.SeriesTTL = time.Minute
	m := open(t, quietExporter(clock), cfg)
	observe(m, temperature(t, "0", 1), start)
	clock.Advance(61 * time.Second)
	wantText(t, status(t, m), "! Needs a look\n! no sample for 1 min: what Fluent Bit measures has stopped\n")
}

func TestStatusShowsNoSecret(t *testing.T) {
	cfg := device()
	cfg.Settings = []statuspage.Setting{{Key: "listen", Value: "0.0.0.0:2021", Default: true}, {Key: "apikey", Value: "s3cret-1"},
		{Key: "proxy", Value: "http://u:s3cret-2@proxy:3128"}, {Key: "REMOTE_WRITE_HEADERS", Value: "X: s3cret-3"}, {Key: "odd", Value: "s3cret-4", Secret: true},
		{Key: "apikey_file", Value: "/run/key"}, {Key: "header", Default: true}}
	m := open(t, quietExporter(newClock()), cfg)
	text := status(t, m)
	wantText(t, text, "Settings\n5 set, 2 at their defaults\n", "apikey\n••••••\n", "proxy\nhttp://••••••@proxy:3128\n",
		"REMOTE_WRITE_HEADERS\n••••••\n", "odd\n••••••\n", "apikey_file\n/run/key\nWords\n")
	if _, body := fetch(t, m, "/"); strings.Contains(body, "s3cret") {
		t.Error("a secret is on the page")
	}
}

func TestStatusEscapes(t *testing.T) {
	const evil = `<script>alert('x')</script>"&` + "\x00\n\u202e"
	cfg := device()
	cfg.Device, cfg.Version = evil, evil
	cfg.Labels = []metric.Label{{Name: "l", Value: evil}}
	cfg.Settings = []statuspage.Setting{{Key: evil, Value: evil}}
	cfg.Status = func() exporter.Status {
		return exporter.Status{NotReady: []string{evil},
			Repairs: []timefix.Repair{{Tag: evil + strings.Repeat("x", 300), Why: evil, Verdict: timefix.Arrival}}}
	}
	m := open(t, quietExporter(newClock()), cfg)
	observe(m, payload(t, "name", "thermal_zone0", "type", evil, "temp", 1), start)
	observe(m, payload(t, "alive", true, "proc_name", evil, "pid", 7), start)
	apply(m, []metric.Sample{{Series: intern(metric.Series{Name: "rule_x", Kind: metric.Gauge, Labels: []metric.Label{{Name: "x", Value: evil}}}), Value: 1}})
	m.Telemetry().Dropped("datadog", evil, 1)
	m.Telemetry().Dropped("<b>", "r", 1)
	m.Telemetry().Request("logs", evil)
	_, body := fetch(t, m, "/")
	if n := strings.Count(body, "<script>"); n != 1 {
		t.Errorf("%d scripts", n)
	}
	if strings.ContainsAny(body, "\x00\u202e") {
		t.Error("a control character stands on the page")
	}
	if n := strings.Count(body, "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&quot;&amp;\uFFFD\uFFFD\uFFFD"); n < 10 {
		t.Errorf("the text is shown %d times", n)
	}
	if !strings.Contains(body, "x…</bdi>") || strings.Contains(body, strings.Repeat("x", 200)) {
		t.Error("a long tag is not cut")
	}
}

// The policy allows what stands in the document, by its hash, and nothing else.
func TestStatusPolicy(t *testing.T) {
	m := open(t, quietExporter(newClock()), device())
	resp, body := fetch(t, m, "/")
	policy := "default-src 'none'"
	for _, tag := range []string{"style", "script"} {
		_, text, _ := strings.Cut(body, "<"+tag+">")
		text, _, _ = strings.Cut(text, "</"+tag+">")
		sum := sha256.Sum256([]byte(text))
		policy += "; " + tag + "-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	policy += "; img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	if got := resp.Header.Get("Content-Security-Policy"); got != policy {
		t.Errorf("got  %s\nwant %s", got, policy)
	}
	if resp.Header.Get("Cache-Control") != "no-store" {
		t.Error("the page may be kept")
	}
	if regexp.MustCompile(`(?i)\son[a-z]+=|\sstyle=|src=|href="(https?:)?//`).MatchString(body) {
		t.Error("a handler, a style attribute or an address stands in the page")
	}
	packed, small := fetch(t, m, "/", "Accept-Encoding", "br, gzip")
	if packed.Header.Get("Content-Encoding") != "gzip" || len(small) > len(body)/2 {
		t.Errorf("packed: %q, %d of %d bytes", packed.Header.Get("Content-Encoding"), len(small), len(body))
	}
	if plain, _ := fetch(t, m, "/", "Accept-Encoding", "gzip;q=0"); plain.Header.Get("Content-Encoding") != "" {
		t.Error("packed for one who cannot unpack")
	}
}

func TestStatusOfSeveralInstances(t *testing.T) {
	exp := quietExporter(newClock())
	first, second, third := device(), device(), device()
	first.Output, second.Output = "edge.0", "lte"
	second.Labels = []metric.Label{{Name: "site", Value: "b"}}
	second.Status = func() exporter.Status {
		return exporter.Status{NotReady: []string{"no key"}, Backlog: []statuspage.Backlog{{Chunks: 2, Bytes: 4096}, {Sink: delivery.SinkRemoteWrite}, {Sink: delivery.SinkDatadog, Chunks: 1200, Bytes: 3 << 20}}}
	}
	a := open(t, exp, first)
	open(t, exp, second)
	open(t, exp, third)
	wantText(t, status(t, a), "✕ Output lte: no key\n", "Output edge.0\n", "Output lte site=b\n", "Output 2\n", "waiting: 2 chunks, 4 KiB\n",
		"Waiting\nnothing\n", "Waiting\n1,200 chunks, 3 MiB\n")
}

// While chunks wait the page never says that all is well: it says how many wait, since
// when, and what happens next. What is just on its way does not wait.
func TestStatusOfWaitingChunks(t *testing.T) {
	clock, cfg := newClock(), device()
	status2 := exporter.Status{Backlog: []statuspage.Backlog{{Chunks: 12, Bytes: 4096}, {Sink: delivery.SinkDatadog, Chunks: 12, Bytes: 4096}}}
	cfg.Status = func() exporter.Status { return status2 }
	m := open(t, quietExporter(clock), cfg)
	observe(m, temperature(t, "0", 20), clock.Now().Time())
	wantText(t, status(t, m), "✓ Well\n")
	since := int64(clock.Now().Elapsed())
	clock.Advance(25 * time.Second)
	status2.Backlog[1].Stalled, status2.Backlog[1].Since, status2.Backlog[1].Next = true, since, "one small request asks again in 3 s"
	status2.Returned = statuspage.Backlog{Chunks: 1, Bytes: 7, Since: since, Stalled: true, Next: "it comes again"}
	wantText(t, status(t, m), "! Needs a look\n", "! Datadog logs: 12 chunks are waiting, the oldest for 25 s; one small request asks again in 3 s\n",
		"! 1 chunk is waiting, the oldest for 25 s; it comes again\n")
	status2 = exporter.Status{Notes: []string{"dry run: nothing is sent"}}
	wantText(t, status(t, m), "! dry run: nothing is sent\n")
}

// A repair is shown with its time before and after.
func TestStatusOfRepairs(t *testing.T) {
	clock, cfg := newClock(), device()
	var all []timefix.Repair
	for i := range 100 {
		all = append(all, timefix.Repair{Tag: fmt.Sprint("tag", i), Before: 3835207407 * 1e9, After: start.UnixNano(),
			Verdict: timefix.WrappedMs, Why: "why", At: timefix.Instant{Wall: start.UnixNano(), Boot: int64(time.Hour) - int64(i)*1e9}})
	}
	cfg.Status = func() exporter.Status { return exporter.Status{Repairs: all} }
	m := open(t, quietExporter(clock), cfg)
	m.Telemetry().Repairs(timefix.Counts{timefix.OK: 7, timefix.WrappedMs: 4000, timefix.Arrival: 5})
	text := status(t, m)
	wantText(t, text, "Time repairs\n4,005 · wrapped ms 4,000 · arrival 5\n",
		"tag3\n", "3 s ago · wrapped ms\n", "before 2091-07-13 23:23:27.000\n→ after 2026-11-21 06:00:00.000\nback by 64 years: why\n")
	if strings.Contains(text, "tag8") {
		t.Error("more than 8 repairs are shown")
	}
}

// 100 histories, each of them full, fit into 1 MiB, their series included; and
// what comes after them has none.
func TestHistoryIsBounded(t *testing.T) {
	clock := newClock()
	m := open(t, quietExporter(clock), device())
	fill := func(i int) {
		for zone := range 150 {
			observe(m, temperature(t, fmt.Sprint(zone), float64(i%17)), clock.Now().Time())
		}
		clock.Advance(time.Second)
	}
	before := testkit.Heap()
	for i := range 300 {
		fill(i)
	}
	if grown := testkit.Heap() - before; grown > 1<<20 {
		t.Errorf("%d bytes for 100 histories", grown)
	}
	_, body := fetch(t, m, "/")
	if n := strings.Count(body, "<polyline"); n != 100 {
		t.Errorf("%d sparklines, want 100", n)
	}
	runtime.KeepAlive(m)
}

// However long it goes on, a line has no more than 120 points and reaches over
// an hour; and the page shows the newest value.
func TestHistoryReachesFar(t *testing.T) {
	clock := newClock()
	m := open(t, quietExporter(clock), device())
	for i := range 3 * 3600 {
		observe(m, temperature(t, "0", float64(i%7)), clock.Now().Time())
		clock.Advance(time.Second)
	}
	for name, since := range map[string]string{"": "1 h", "?range=15m": "15 min", "?range=1h": "1 h", "?range=6h": "2 h 58 min", "?range=<odd>": "1 h"} {
		_, body := fetch(t, m, "/"+name)
		points := regexp.MustCompile(`<polyline points="([^"]*)"`).FindStringSubmatch(body)
		if n := strings.Count(points[1], ","); n < 60 || n > 120 {
			t.Errorf("%s: %d points", name, n)
		}
		if !strings.Contains(body, "<small>"+since+" ago</small>") || strings.Contains(body, "odd") {
			t.Errorf("%s: not %s ago: %s", name, since, regexp.MustCompile("<small[^>]*>[^<]* ago</small>").FindString(body))
		}
	}
	wantText(t, status(t, m), "\n5 °C\n")
	_, body := fetch(t, m, "/?range=6h")
	if n := strings.Count(body, `aria-current="true"`); n != 1 || !strings.Contains(body, `<a href="?range=6h" aria-current="true">6 h</a>`) {
		t.Errorf("%d choices are marked", n)
	}
	if slot := regexp.MustCompile(`<title>\d\d:\d\d UTC: \d to \d °C</title>`).FindString(body); slot == "" {
		t.Errorf("no part of the chart says its values: %s", regexp.MustCompile(`<title>[^<]*</title>`).FindAllString(body, 5))
	}
}

// A gauge that expires gives its place to another.
func TestHistoryOfExpiredSeries(t *testing.T) {
	clock, cfg := newClock(), device()
	cfg.SeriesTTL = time.Minute
	m := open(t, quietExporter(clock), cfg)
	for zone := range 100 {
		observe(m, temperature(t, fmt.Sprint(zone), 1), clock.Now().Time())
	}
	clock.Advance(2 * time.Minute)
	fetch(t, m, "/metrics")
	observe(m, temperature(t, "new", 1), clock.Now().Time())
	if _, body := fetch(t, m, "/"); strings.Count(body, "<polyline") != 1 || !strings.Contains(body, "thermal_zonenew") {
		t.Error("the new series has no line")
	}
}

// What the clock or a counter does, a line survives.
func TestHistoryOfOddCourses(t *testing.T) {
	clock := newClock()
	m := open(t, quietExporter(clock), device())
	for i := range 20 {
		if i == 10 {
			clock.Advance(10 * time.Minute) // a gap
		}
		observe(m, temperature(t, "0", 1e300*float64(i%2)), clock.Now().Time())
		apply(m, []metric.Sample{{Series: restarting, Value: float64(i % 10), UnixNano: clock.Now().Wall}})
		clock.Advance(time.Second)
	}
	_, body := fetch(t, m, "/")
	if n := strings.Count(body, "<polyline"); n != 4 {
		t.Errorf("%d lines, want 2 of each series", n)
	}
	if odd := regexp.MustCompile(`points="[^"]*[^0-9., "][^"]*"`).FindString(body); odd != "" {
		t.Error(odd)
	}
	wantText(t, status(t, m), "rule_events_total\n1/s\n")
}

// A clock that is set back begins a line anew, and breaks nothing.
func TestHistoryWhenTheClockGoesBack(t *testing.T) {
	clock := newClock()
	clock.HideBoot()
	m := open(t, quietExporter(clock), device())
	for i := range 20 {
		if i == 10 {
			clock.Set(start.Add(-time.Hour))
		}
		observe(m, temperature(t, "0", float64(i)), clock.Now().Time())
		clock.Advance(time.Second)
	}
	_, body := fetch(t, m, "/")
	points := regexp.MustCompile(`<polyline points="([^"]*)"`).FindAllStringSubmatch(body, -1)
	if len(points) != 1 || strings.Count(points[0][1], ",") != 10 {
		t.Errorf("lines %q, want one of 10 points", points)
	}
}

var restarting = intern(metric.Series{Name: "rule_events_total", Kind: metric.Counter})

// A page that serves nothing keeps no histories, and a closed one leaves none.
func TestNoHistoryWithoutAPage(t *testing.T) {
	cfg := device()
	cfg.Listen = exporter.ListenOff
	m, err := quietExporter(newClock()).Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	before := testkit.Heap()
	for zone := range 100 {
		observe(m, temperature(t, fmt.Sprint(zone), 1), start)
	}
	if grown := testkit.Heap() - before; grown > 200_000 { // with the page 290,000
		t.Errorf("%d bytes for 100 series without a page", grown)
	}
	if err := m.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
}

// TestStatusSaysWhatWasSent: bytes of bodies today, by sink, and once that says
// something what a month would be.
func TestStatusSaysWhatWasSent(t *testing.T) {
	clock := newClock()
	m := open(t, quietExporter(clock), device())
	m.Telemetry().Sent("logs", 4096, 1024)
	if text := status(t, m); !strings.Contains(text, "Sent today\n1 KiB\n") || strings.Contains(text, "A month") {
		t.Errorf("at once:\n%s", text)
	}
	clock.Advance(24 * time.Hour)
	m.Telemetry().Sent("logs", 4096, 1024)
	wantText(t, status(t, m), "Sent today\n1 KiB\n", "A month at this rate\n60 KiB\n")
}

// TestStatusRecords: who sees the last records.
func TestStatusRecords(t *testing.T) {
	const record, elsewhere = "it happened", "X-Forwarded-For"
	for _, c := range []struct {
		name   string
		who    statuspage.Records
		header []string
		want   string
	}{
		{"this machine", statuspage.RecordsAuto, nil, record},
		{"somebody behind a proxy", statuspage.RecordsAuto, []string{elsewhere, "192.0.2.7"}, "Records may hold what is not for everybody on the network."},
		{"anybody, when told so", statuspage.RecordsOn, []string{elsewhere, "192.0.2.7"}, record},
		{"nobody", statuspage.RecordsOff, nil, "status_records is off: no record is kept for this page.\n"},
	} {
		cfg := device()
		cfg.StatusRecords = c.who
		cfg.Tail = func() []tail.Entry {
			return []tail.Entry{{Tag: "app", Time: start, Verdict: timefix.WrappedMs, Text: record}}
		}
		m := open(t, quietExporter(newClock()), cfg)
		_, body := fetch(t, m, "/", c.header...)
		if strings.Contains(body, record) != (c.want == record) || !strings.Contains(body, strings.TrimSpace(c.want)) {
			t.Errorf("%s: not %q", c.name, c.want)
		}
		if c.want == record && !strings.Contains(body, `<a class="mended" href="#repairs">wrapped ms</a>`) {
			t.Errorf("%s: the record's verdict is not there", c.name)
		}
	}
}
