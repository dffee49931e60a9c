package pipeline_test

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"math"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/klauspost/compress/snappy"
	"google.golang.org/protobuf/encoding/protowire"

	"out_edge/build/testkit"
	"out_edge/exporter/remotewrite"
	"out_edge/exporter/rules"
	"out_edge/plugin/cmetrics"
	"out_edge/plugin/metric"
	"out_edge/plugin/pipeline"
)

// stored is what a remote-write receiver has: by series, as PromQL writes it without
// the device's own labels, the points in the order in which they came.
type stored struct {
	*httptest.Server
	down   atomic.Bool // it answers 503
	loses  atomic.Bool // it stores, and answers as if it had not
	mu     sync.Mutex
	points map[string][]storedPoint
	taken  int
}

type storedPoint struct {
	ms    int64
	value float64
}

func newStored(t *testing.T) *stored {
	s := &stored{points: map[string][]storedPoint{}}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if s.down.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		packed, err := io.ReadAll(req.Body)
		if err != nil {
			t.Error(err)
		}
		body, err := snappy.Decode(nil, packed)
		if err != nil {
			t.Error(err)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		before := s.taken
		if strings.Contains(req.Header.Get("Content-Type"), "io.prometheus.write.v2.Request") {
			var symbols []string
			each(body, 4, func(symbol []byte) { symbols = append(symbols, string(symbol)) })
			each(body, 5, func(series []byte) { s.takeV2(series, symbols) })
			w.Header().Set("X-Prometheus-Remote-Write-Samples-Written", fmt.Sprint(s.taken-before))
		} else {
			each(body, 1, s.take)
		}
		if s.loses.Load() {
			w.WriteHeader(lostAnswer)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(s.Close)
	return s
}

// take reads a TimeSeries: labels (1) and samples (2).
func (s *stored) take(series []byte) {
	var parts []string
	each(series, 1, func(label []byte) { each2(label, func(p []byte) { parts = append(parts, string(p)) }) })
	s.takeSamples(series, parts)
}

// takeV2 reads a TimeSeries of version 2: references to symbols (1) and samples (2).
func (s *stored) takeV2(series []byte, symbols []string) {
	var parts []string
	each(series, 1, func(refs []byte) {
		for len(refs) > 0 {
			ref, n := protowire.ConsumeVarint(refs)
			parts, refs = append(parts, symbols[ref]), refs[n:]
		}
	})
	s.takeSamples(series, parts)
}

// takeSamples reads the samples of a series with the names and values of its labels.
func (s *stored) takeSamples(series []byte, parts []string) {
	var name string
	var labels []string
	for i := 0; i < len(parts); i += 2 {
		switch parts[i] {
		case "__name__":
			name = parts[i+1]
		default:
			labels = append(labels, fmt.Sprintf("%s=%q", parts[i], parts[i+1]))
		}
	}
	key := name + "{" + strings.Join(labels, ",") + "}"
	each(series, 2, func(sample []byte) {
		var p storedPoint
		for len(sample) > 0 {
			num, typ, n := protowire.ConsumeTag(sample)
			if num == 1 {
				bits, _ := protowire.ConsumeFixed64(sample[n:])
				p.value = math.Float64frombits(bits)
			} else {
				ms, _ := protowire.ConsumeVarint(sample[n:])
				p.ms = int64(ms)
			}
			sample = sample[n+protowire.ConsumeFieldValue(num, typ, sample[n:]):]
		}
		s.points[key] = append(s.points[key], p)
		s.taken++
	})
}

// inBothVersions runs a test with each version of remote write.
func inBothVersions(t *testing.T, test func(t *testing.T, version func(*pipeline.Config))) {
	t.Helper()
	for _, v := range []string{remotewrite.Version1, remotewrite.Version2} {
		t.Run("version "+v, func(t *testing.T) {
			test(t, func(c *pipeline.Config) { c.RemoteWrite.Version = v })
		})
	}
}

// course is what Datadog has of one series of one host: the last value of each second.
type course map[int64]float64

// courses are what Datadog has, by metric, host and tags, with the metrics' types.
func (in *intake) courses() (all map[string]course, types map[string]int) {
	in.mu.Lock()
	defer in.mu.Unlock()
	all, types = map[string]course{}, map[string]int{}
	for _, r := range in.requests {
		for _, s := range r.series.Series {
			key := fmt.Sprint(s.Metric, s.Resources, s.Tags)
			if all[key] == nil {
				all[key], types[key] = course{}, s.Type
			}
			for _, p := range s.Points {
				all[key][p.Timestamp] = p.Value
			}
		}
	}
	return all, types
}

// newest is the time of the newest point.
func (c course) newest() (at int64) {
	for sec := range c {
		at = max(at, sec)
	}
	return at
}

// of are the points of the one series with the name, or of none.
func (s *stored) of(t *testing.T, name string) []storedPoint {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []storedPoint
	for key, points := range s.points {
		if strings.HasPrefix(key, name+"{") {
			if found != nil {
				t.Errorf("two series %s", name)
			}
			found = points
		}
	}
	return found
}

// play flushes a sequence at its own times, to a page and a receiver of remote write.
func play(t *testing.T, name string, change func(*pipeline.Config)) (*bench, *stored) {
	t.Helper()
	return playTo(t, nil, name, change)
}

// playTo is play, with Datadog's intake unless that is nil.
func playTo(t *testing.T, in *intake, name string, change func(*pipeline.Config)) (*bench, *stored) {
	t.Helper()
	s := newStored(t)
	b := start(t, in, func(c *pipeline.Config) {
		c.Metrics.Listen, c.Metrics.SeriesTTL = "127.0.0.1:0", time.Minute
		c.RemoteWrite = &remotewrite.Config{URL: s.URL}
		if change != nil {
			change(c)
		}
	})
	for _, f := range testkit.Sequence(t, name) {
		b.clock.Advance(f.At.Sub(b.clock.Now().Time()))
		if got := b.Flush(f.Tag, f.Payload, workerThread); got != pipeline.OK {
			t.Errorf("Flush = %d\n%s", got, b.log)
		}
	}
	return b, s
}

// Two scrapes of the same series: what is stored is one of them, and grows by what
// that one grew by.
func TestTwoScrapesAreStoredAsOne(t *testing.T) { inBothVersions(t, testTwoScrapes) }

func testTwoScrapes(t *testing.T, version func(*pipeline.Config)) {
	in := newIntake(t, accept)
	b, s := playTo(t, in, "two-scrapes", version)
	points := s.of(t, "app_requests_total")
	if len(points) != 9 {
		t.Errorf("%d points, want 9", len(points))
	}
	for i, p := range points {
		if p.value != float64(100+10*i) {
			t.Errorf("point %d is %v", i, p.value)
		}
	}
	in.wantSum(t, "app.requests.total", 80)
	b.wantPage("app_requests_total 180", `edge_dropped_records_total{reason="second_source",sink="prometheus"} 27`)
}

// With tag_label, both are stored.
func TestTwoScrapesAreToldApartByTag(t *testing.T) {
	in := newIntake(t, accept)
	b, s := playTo(t, in, "two-scrapes", func(c *pipeline.Config) { c.Metrics.TagLabel = "target" })
	in.wantSum(t, "app.requests.total", 160)
	for tag, first := range map[string]int{"one": 100, "two": 90000} {
		points := s.points[fmt.Sprintf("app_requests_total{target=%q}", tag)]
		if len(points) != 9 || points[0].value != float64(first) || points[8].value != float64(first+80) {
			t.Errorf("%s: %v", tag, points)
		}
	}
	b.wantPage(`app_requests_total{target="one"} 180`, `app_requests_total{target="two"} 90080`,
		`edge_dropped_records_total{reason="second_source",sink="prometheus"} 0`)
}

// What does not change is stored at each event, so that it stays within the look-back.
func TestUnchangedSeriesAreStoredAgain(t *testing.T) { inBothVersions(t, testUnchanged) }

func testUnchanged(t *testing.T, version func(*pipeline.Config)) {
	in := newIntake(t, accept)
	b, s := playTo(t, in, "unchanged", version)
	newest := int64(0)
	for _, points := range s.points {
		newest = max(newest, points[len(points)-1].ms)
	}
	for series, points := range s.points {
		if old := newest - points[len(points)-1].ms; old > 2500 {
			t.Errorf("%s: the newest point is %d ms old", series, old)
		}
	}
	shown := slices.DeleteFunc(strings.Split(b.page(), "\n"), func(l string) bool { return !strings.HasPrefix(l, "fluentbit_") })
	if len(shown) != len(s.points) || len(shown) < 64 {
		t.Errorf("%d lines on the page, %d series stored", len(shown), len(s.points))
	}
	courses, _ := in.courses()
	for series, points := range courses {
		if old := newest/1000 - points.newest(); old > 3 {
			t.Errorf("Datadog: %s: the newest point is %d s old", series, old)
		}
	}
	if len(courses) < len(s.points) {
		t.Errorf("Datadog has %d series, %d are stored", len(courses), len(s.points))
	}
}

// What was unplugged ends with a marker, at the receiver too, while the rest goes on.
func TestUnpluggedSeriesEnd(t *testing.T) { inBothVersions(t, testUnplugged) }

func testUnplugged(t *testing.T, version func(*pipeline.Config)) {
	in := newIntake(t, accept)
	b, s := playTo(t, in, "unplugged", version)
	flushes := testkit.Sequence(t, "unplugged")
	last := flushes[len(flushes)-1]
	times := newestTimes(t, last.Payload)
	for range 30 { // the input goes on: all but the stick is measured
		b.clock.Advance(3 * time.Second)
		payload := last.Payload
		for at := range times {
			payload = bytes.ReplaceAll(payload, timeOf(at), timeOf(b.clock.Now().Wall-1e9))
		}
		if got := b.Flush(last.Tag, payload, workerThread); got != pipeline.OK {
			t.Errorf("Flush = %d", got)
		}
		b.page() // which looks for what has expired
	}
	stick := 0
	for series, points := range s.points {
		ended := math.Float64bits(points[len(points)-1].value) == metric.StaleNaN
		if gone := strings.Contains(series, "/mnt/stick"); ended != gone {
			t.Errorf("%s: ended %v", series, ended)
		} else if gone {
			stick++
		}
	}
	courses, _ := in.courses()
	newest := int64(0)
	for _, points := range courses {
		newest = max(newest, points.newest())
	}
	for series, points := range courses {
		if old := newest - points.newest(); (old > 60) != strings.Contains(series, "/mnt/stick") {
			t.Errorf("Datadog: %s: the newest point is %d s old", series, old)
		}
	}
	if stick != 7 || strings.Contains(b.page(), "/mnt/stick") {
		t.Errorf("%d series of the stick\n%s", stick, b.page())
	}
}

// newestTimes are a metrics event's times of the last half second, in ns.
func newestTimes(t *testing.T, payload []byte) map[int64]bool {
	t.Helper()
	samples, err := cmetrics.Append(nil, payload, 1, new(cmetrics.Interner))
	if err != nil {
		t.Fatal(err)
	}
	newest := slices.MaxFunc(samples, func(a, b metric.Sample) int { return cmp.Compare(a.UnixNano, b.UnixNano) }).UnixNano
	times := map[int64]bool{}
	for _, s := range samples {
		if newest-s.UnixNano < int64(time.Second/2) {
			times[s.UnixNano] = true
		}
	}
	return times
}

// timeOf is a time as MessagePack has it.
func timeOf(unixNano int64) []byte {
	return binary.BigEndian.AppendUint64([]byte{0xcf}, uint64(unixNano))
}

// What another Prometheus pushes has no label that says its own name.
func TestPushedSeriesKeepTheirName(t *testing.T) { inBothVersions(t, testPushed) }

func testPushed(t *testing.T, version func(*pipeline.Config)) {
	in := newIntake(t, accept)
	b, s := playTo(t, in, "remote-write-in", version)
	want := []string{`a_temp{instance="127.0.0.1:49205",job="app",room="x"}`, `a_total{instance="127.0.0.1:49205",job="app"}`}
	if got := slices.Sorted(maps.Keys(s.points)); !slices.Equal(got, want) {
		t.Errorf("stored %q, want %q", got, want)
	}
	if page := b.page(); strings.Contains(page, "__name__") || !strings.Contains(page, "\n"+want[0]+" ") || !strings.Contains(page, "\n"+want[1]+" ") {
		t.Errorf("the page is\n%s", page)
	}
	courses, _ := in.courses()
	if len(courses) < 2 {
		t.Errorf("Datadog has %v", courses)
	}
	for series := range courses {
		if strings.Contains(series, "__name__") {
			t.Errorf("Datadog has %s", series)
		}
	}
}

// Records of two hosts that come through one aggregator are of those hosts, at every
// sink, and nothing is said to be the aggregator's.
func TestTwoHostsKeepTheirNames(t *testing.T) { inBothVersions(t, testTwoHosts) }

func testTwoHosts(t *testing.T, version func(*pipeline.Config)) {
	in := newIntake(t, accept)
	b, s := playTo(t, in, "two-hosts", func(c *pipeline.Config) {
		version(c)
		c.Metrics.Hostname, c.Datadog.Hostname, c.Host = "aggregator", "aggregator", pipeline.HostBoth
		c.RemoteWrite.Labels = []metric.Label{{Name: "instance", Value: "aggregator"}}
	})
	for series := range s.points {
		if !strings.Contains(series, `instance="pump-a"`) && !strings.Contains(series, `instance="pump-b"`) {
			t.Errorf("stored %s", series)
		}
	}
	hosts := map[string]int{}
	for _, r := range in.requests {
		for _, series := range r.series.Series {
			hosts[series.Resources[0].Name]++
		}
		for _, entry := range r.body {
			hosts[fmt.Sprint("log of ", entry["hostname"])]++
		}
	}
	if len(hosts) != 4 || hosts["pump-a"] != hosts["pump-b"] || hosts["log of pump-a"] != hosts["log of pump-b"] || hosts["pump-a"] == 0 {
		t.Errorf("Datadog has hosts %v", hosts)
	}
	b.wantPage(`edge_memory_bytes{instance="pump-a",state="used"} 1.024e+08`, `edge_memory_bytes{instance="pump-b",state="used"} 9.216e+08`)
}

// Records that no rule takes, and that go nowhere as logs, are counted, and spoken of
// once a tag with a rule to write. With that rule, their numbers are on the page.
func TestRecordsThatNothingTakesAreCounted(t *testing.T) {
	b, _ := play(t, "app-records", nil)
	n := len(testkit.Sequence(t, "app-records"))
	b.wantPage(fmt.Sprintf(`edge_dropped_records_total{reason="no_rule",sink="decode"} %d`, n))
	said := regexp.MustCompile(`nothing comes of this tag's records.*tag=app numeric_fields=temp_c rule="(.*)"`).FindAllStringSubmatch(b.log.String(), -1)
	if len(said) != 1 {
		t.Fatalf("said %d times:\n%s", len(said), b.log)
	}
	file, err := rules.Parse("rules.yaml", []byte(said[0][1]))
	if err != nil {
		t.Fatal(err)
	}
	b, _ = play(t, "app-records", func(c *pipeline.Config) { c.Rules = file })
	b.wantPage(`edge_dropped_records_total{reason="no_rule",sink="decode"} 0`, `app_value{field="temp_c"} 61.5`)
}

// What goes to Datadog as a log, and what a route drops, is not counted so.
func TestRecordsThatSomethingTakesAreNotCounted(t *testing.T) {
	nowhere, err := rules.Parse("rules.yaml", []byte("routes: [{match: app, sinks: []}]"))
	if err != nil {
		t.Fatal(err)
	}
	const none = `edge_dropped_records_total{reason="no_rule",sink="decode"} 0`
	b, _ := playTo(t, newIntake(t, accept), "app-records", nil)
	b.wantPage(none)
	b, _ = play(t, "app-records", func(c *pipeline.Config) { c.Rules = nowhere })
	b.wantPage(none)
}

// A Go program's page has a gauge beside a counter of the same name with _total, and a
// summary: all of it goes every way.
func TestAGoProgramsSeriesStandSideBySide(t *testing.T) { inBothVersions(t, testGoProgram) }

func testGoProgram(t *testing.T, version func(*pipeline.Config)) {
	in := newIntake(t, accept)
	b, s := playTo(t, in, "go-program", version)
	page := b.page()
	for _, name := range []string{"go_memstats_alloc_bytes", "go_memstats_alloc_bytes_total", "rpc_seconds_sum", "rpc_seconds_count"} {
		shown := regexp.MustCompile(`(?m)^` + name + ` (\S+)$`).FindStringSubmatch(page)
		points := s.of(t, name)
		if shown == nil || len(points) == 0 {
			t.Errorf("%s: on the page %q, %d points stored", name, shown, len(points))
			continue
		}
		if last := points[len(points)-1].value; fmt.Sprint(last) != shown[1] {
			t.Errorf("%s: on the page %s, stored %v", name, shown[1], last)
		}
	}
	for series := range s.points {
		if name, _, _ := strings.Cut(series, "{"); !regexp.MustCompile(`(?m)^` + name + `[ {]`).MatchString(page) {
			t.Errorf("%s is stored, and not on the page", series)
		}
	}
	b.wantPage(`edge_dropped_records_total{reason="name_conflict",sink="prometheus"} 0`)
	_, types := in.courses()
	counts, gauges := 0, 0
	for series, kind := range types {
		switch {
		case !strings.HasPrefix(series, "go.memstats.alloc_bytes"):
		case kind == 1:
			counts++
		default:
			gauges++
		}
	}
	if counts != 1 || gauges != 1 {
		t.Errorf("Datadog has %d counts and %d gauges go.memstats.alloc_bytes", counts, gauges)
	}
}
