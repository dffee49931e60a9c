package remotewrite_test

import (
	"context"
	"errors"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"out_edge/exporter/remotewrite"
	"out_edge/plugin/delivery"
	"out_edge/plugin/metric"
)

var (
	temperature = gauge("edge_temperature_celsius", metric.Label{Name: "zone", Value: "0"})
	memory      = gauge("edge_memory_bytes", metric.Label{Name: "state", Value: "used"})
	packets     = &metric.Series{Name: "edge_network_packets_total", Help: "Packets.", Kind: metric.Counter}
)

func oneChunk() *flushed {
	return &flushed{samples: []metric.Sample{at(temperature, 0, 21.5), at(memory, 0, 1e6), at(packets, 0, 7), at(temperature, 1, 22)}}
}

const (
	hasTemperature = `{__name__="edge_temperature_celsius",zone="0"}`
	hasMemory      = `{__name__="edge_memory_bytes",state="used"}`
	hasPackets     = `{__name__="edge_network_packets_total"}`
)

func TestSend(t *testing.T) {
	for _, version := range []string{"1", "2", "auto"} {
		t.Run(version, func(t *testing.T) {
			k := newKit(t, func(c *remotewrite.Config) {
				c.Version = version
				c.Headers = []delivery.Header{{Name: "X-Scope-OrgID", Value: delivery.NewSecret("barn")}}
			})
			c := oneChunk()
			k.mustSend(c)
			wantLines(t, stamped(k.in.lines()),
				hasMemory+" 1e+06@800000", hasPackets+" 7@800000", hasTemperature+" 22@801000")
			k.counts.want(t, "delivered 3", "adjusted superseded 1")
			got := k.in.got()
			if len(got) != 1 {
				t.Fatalf("%d requests", len(got))
			}
			h := got[0].header
			want := map[string]string{"Content-Type": "application/x-protobuf", "X-Prometheus-Remote-Write-Version": "0.1.0",
				"Content-Encoding": "snappy", "User-Agent": "out_edge/1.2.3", "X-Scope-Orgid": "barn", "Idempotency-Key": "", "Authorization": ""}
			if version == "2" {
				want["Content-Type"], want["X-Prometheus-Remote-Write-Version"] = "application/x-protobuf;proto=io.prometheus.write.v2.Request", "2.0.0"
				if meta := got[0].series[2].meta; meta != "1 Packets. " {
					t.Errorf("metadata %q", meta)
				}
				if meta := got[0].series[0].meta; meta != "2  celsius" {
					t.Errorf("metadata %q", meta)
				}
			}
			for name, value := range want {
				if h.Get(name) != value {
					t.Errorf("%s: %q, want %q", name, h.Get(name), value)
				}
			}
			if raw, wire := k.counts.get("raw"), k.counts.get("wire"); raw != len(got[0].raw) || wire == 0 || wire >= raw {
				t.Errorf("counted raw %d and wire %d bytes; raw was %d", raw, wire, len(got[0].raw))
			}
			if k.counts.get("request 204") != 1 {
				t.Error("the request is not counted")
			}
			k.mustSend(c) // settled already
			if len(k.in.got()) != 1 {
				t.Error("what is settled was sent again")
			}
		})
	}
}

func TestDistributions(t *testing.T) {
	k := newKit(t, func(c *remotewrite.Config) { c.Version = "2" })
	h := &metric.Series{Name: "latency_seconds", Help: "H.", Kind: metric.Histogram, Labels: []metric.Label{{Name: "op", Value: "r"}}}
	s := &metric.Series{Name: "rpc_seconds", Kind: metric.Summary}
	k.mustSend(each(
		metric.Sample{Series: h, UnixNano: start.UnixNano(), Dist: &metric.Distribution{Count: 9, Sum: 4.5, Bounds: []float64{0.5, 1, 2.5}, Counts: []uint64{2, 5, 8}}},
		metric.Sample{Series: s, UnixNano: start.UnixNano(), Dist: &metric.Distribution{Count: 3, Sum: 1, Bounds: []float64{0.5, 0.99}, Values: []float64{0.2, math.NaN()}}},
		metric.Sample{Series: h, UnixNano: start.UnixNano() + 2e9, Dist: &metric.Distribution{Count: 10, Sum: 5, Bounds: []float64{0.5, 3}, Counts: []uint64{2, 9}}},
		metric.Sample{Series: h, UnixNano: start.UnixNano() + 1e9, Dist: &metric.Distribution{Count: 1, Bounds: []float64{1}, Counts: []uint64{1, 2}}},
		metric.Sample{Series: h, UnixNano: start.UnixNano() + 1e9, Dist: &metric.Distribution{Count: 1, Bounds: []float64{2, 1}, Counts: []uint64{1, 2}}},
		metric.Sample{Series: s, UnixNano: start.UnixNano() + 1e9},
	)...)
	wantLines(t, stamped(k.in.lines()),
		`{__name__="latency_seconds_bucket",le="+Inf",op="r"} 9@800000 10@802000`,
		`{__name__="latency_seconds_bucket",le="0.5",op="r"} 2@800000 2@802000`,
		`{__name__="latency_seconds_bucket",le="1.0",op="r"} 5@800000`,
		`{__name__="latency_seconds_bucket",le="2.5",op="r"} 8@800000`,
		`{__name__="latency_seconds_bucket",le="3.0",op="r"} 9@802000`,
		`{__name__="latency_seconds_count",op="r"} 9@800000 10@802000`,
		`{__name__="latency_seconds_sum",op="r"} 4.5@800000 5@802000`,
		`{__name__="rpc_seconds",quantile="0.5"} 0.2@800000`,
		`{__name__="rpc_seconds",quantile="0.99"} NaN@800000`,
		`{__name__="rpc_seconds_count"} 3@800000`,
		`{__name__="rpc_seconds_sum"} 1@800000`)
	k.counts.want(t, "delivered 3", "dropped malformed 3")
	if meta := k.in.got()[0].series[0].meta; meta != "3 H. seconds" {
		t.Errorf("metadata %q", meta)
	}
}

func TestLabels(t *testing.T) {
	k := newKit(t, func(c *remotewrite.Config) {
		c.Labels = []metric.Label{{Name: "host", Value: "edge-1"}, {Name: "job", Value: "out_edge"}, {Name: "zone", Value: "all"}}
	})
	k.mustSend(&flushed{samples: []metric.Sample{
		at(temperature, 0, 1),
		at(gauge("1st.thing é", metric.Label{Name: "__x", Value: "a"}, metric.Label{Name: "a-b", Value: "\xff"}, metric.Label{Name: "empty"}, metric.Label{Name: "old", Value: "o"}), 0, 2),
		at(gauge(""), 0, 4),
		at(gauge("g", metric.Label{Name: "Zulu", Value: "1"}, metric.Label{Name: "host", Value: "other"}), 0, 5),
	}})
	wantLines(t, stamped(k.in.lines()),
		`{Zulu="1",__name__="g",host="other",job="out_edge",zone="all"} 5@800000`,
		`{__name__="_1st_thing__",_x="a",a_b="�",host="edge-1",job="out_edge",old="o",zone="all"} 2@800000`,
		`{__name__="edge_temperature_celsius",host="edge-1",job="out_edge",zone="0"} 1@800000`)
	k.counts.want(t, "delivered 3", "dropped no_name 1")
}

// status answers with code until told otherwise.
func status(code int, header ...string) func(*receiver) {
	return func(r *receiver) {
		r.answer = func(_ int, _ request, w http.ResponseWriter) bool {
			for i := 0; i+1 < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			w.WriteHeader(code)
			return true
		}
	}
}

func healthy(r *receiver) { r.answer = nil }

func TestTemporaryFailures(t *testing.T) {
	cases := []struct {
		name  string
		code  int
		head  []string
		after time.Duration
		err   string
		loud  bool
	}{
		{"busy", 429, []string{"Retry-After", "10"}, 10 * time.Second, "HTTP status 429", false},
		{"down", 503, nil, 0, "HTTP status 503", false},
		{"long wait", 503, []string{"Retry-After", "86400"}, delivery.MaxWait, "HTTP status 503", false},
		{"key", 401, nil, 0, "check the files", true},
		{"forbidden", 403, nil, 0, "check the files", true},
		{"path", 404, nil, 0, "check `remote_write_url`", true},
		{"redirect", 302, []string{"Location", "/elsewhere"}, 0, "HTTP status 302", true},
		{"version", 415, nil, 0, "does not take this version", true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			k := newKit(t, func(cfg *remotewrite.Config) { cfg.Version = "1" })
			k.in.set(status(c.code, c.head...))
			ch := oneChunk()
			err := k.send(ch)
			var retry *delivery.RetryError
			if !errors.As(err, &retry) || retry.After != c.after || !strings.Contains(err.Error(), c.err) {
				t.Fatalf("got %v (after %v)", err, retry)
			}
			k.clock.Advance(c.after)
			if err := k.send(ch); err == nil {
				t.Error("settled by a failure")
			}
			lines := k.log.all()
			level := "level=WARN"
			if c.loud {
				level = "level=ERROR"
			}
			if len(lines) != 1 || !strings.HasPrefix(lines[0], level) {
				t.Errorf("logged %q", lines)
			}
			k.clock.Advance(c.after)
			k.in.set(healthy)
			k.mustSend(ch)
			k.counts.want(t, "delivered 3", "adjusted superseded 1")
			if lines := k.log.all(); !strings.Contains(lines[len(lines)-1], "accepted again") {
				t.Errorf("logged %q", lines)
			}
		})
	}
}

// TestWaitIsTold: how long to wait is the gate's to know; what waited goes with
// what comes.
func TestWaitIsTold(t *testing.T) {
	k := newKit(t, nil)
	k.in.set(status(429, "Retry-After", "10"))
	a, b := oneChunk(), &flushed{samples: []metric.Sample{at(temperature, 2, 23)}}
	var retry *delivery.RetryError
	if err := k.send(a); !errors.As(err, &retry) || retry.After != 10*time.Second {
		t.Errorf("got %v", err)
	}
	k.in.set(healthy)
	k.mustSend(b)
	if n := len(k.in.got()); n != 2 || !a.isSettled() {
		t.Errorf("%d requests, want 2: what waited goes with what comes", n)
	}
}

// The newest chunk comes first after an outage, as Fluent Bit has it; the receiver
// takes nothing that is out of order, and gets everything.
func TestOutage(t *testing.T) {
	for _, version := range []string{"1", "2"} {
		t.Run(version, func(t *testing.T) {
			k := newKit(t, func(c *remotewrite.Config) { c.Version = version })
			var chunks []*flushed
			for sec := range 300 {
				c := &flushed{samples: []metric.Sample{at(temperature, float64(sec), float64(sec)), at(packets, float64(sec), float64(10*sec))}}
				switch sec {
				case 120:
					k.in.set(status(503))
				case 180:
					k.in.set(status(429, "Retry-After", "10"))
				case 190:
					k.in.set(healthy)
				}
				err := k.send(c)
				if wantErr := sec >= 120 && sec < 190; (err != nil) != wantErr {
					t.Fatalf("second %d: %v", sec, err)
				}
				if err != nil {
					chunks = append(chunks, c)
				}
				k.clock.Advance(time.Second)
			}
			before := len(k.in.got())
			for i := len(chunks) - 1; i >= 0; i-- {
				k.mustSend(chunks[i])
			}
			if len(k.in.got()) != before {
				t.Error("what had been sent meanwhile was sent again")
			}
			k.in.set(func(r *receiver) {
				for labels, points := range r.stored {
					if len(points) != 300 {
						t.Errorf("%s: %d points", labels, len(points))
					}
					for i, p := range points {
						if p.ms != ms(float64(i)) {
							t.Fatalf("%s: point %d is at %d", labels, i, p.ms)
						}
					}
				}
				if len(r.stored) != 2 {
					t.Errorf("%d series", len(r.stored))
				}
			})
			if d := k.counts.get("samples delivered"); d != 600 {
				t.Errorf("%d delivered", d)
			}
		})
	}
}

func TestProbesAreSmall(t *testing.T) {
	k := newKit(t, nil)
	k.in.set(status(503))
	c := many(1000)
	_, _ = k.send(c), k.ask(true, c)
	got := k.in.got()
	if got[0].points() != 1000 || got[1].points() != 64 {
		t.Errorf("%d and %d points", got[0].points(), got[1].points())
	}
	k.in.set(healthy)
	if err := k.ask(true, c); err != nil || c.isSettled() {
		t.Errorf("the probe: %v, all settled: %v", err, c.isSettled())
	}
	k.mustSend(c)
	got = k.in.got()
	if len(got) != 4 || got[2].points() != 64 || got[3].points() != 936 {
		t.Errorf("%d requests", len(got))
	}
}

// many is a chunk of n series.
func many(n int) *flushed {
	c := &flushed{}
	for i := range n {
		c.samples = append(c.samples, at(gauge("g", metric.Label{Name: "i", Value: strconv.Itoa(i)}), 0, float64(i)))
	}
	return c
}

func TestRequestsAreBounded(t *testing.T) {
	k := newKit(t, nil)
	k.mustSend(many(5000))
	var sizes []int
	for _, r := range k.in.got() {
		sizes = append(sizes, r.points())
	}
	if len(sizes) != 3 || sizes[0] != 2000 || sizes[2] != 1000 {
		t.Errorf("requests of %v points", sizes)
	}
	var one []*flushed
	for i := range 5000 {
		one = append(one, each(at(temperature, float64(i), 1))...)
	}
	k.mustSend(one...)
	sizes = nil
	for _, r := range k.in.got()[3:] {
		sizes = append(sizes, r.points())
	}
	if len(sizes) != 3 || sizes[0] != 2000 || sizes[2] != 1000 {
		t.Errorf("requests of %v points of one series", sizes)
	}
	long := strings.Repeat("x", 1<<19)
	k.mustSend(&flushed{samples: []metric.Sample{at(gauge("a", metric.Label{Name: "l", Value: long}), 0, 1), at(gauge("b", metric.Label{Name: "l", Value: long}), 0, 1), at(gauge("c"), 0, 1)}})
	if got := k.in.got()[6:]; len(got) != 2 {
		t.Errorf("%d requests for 1 MiB of labels", len(got))
	}
}

// blame refuses requests that hold a point of which is true.
func blame(code int, text string, bad func(series, point) bool) func(*receiver) {
	return func(r *receiver) {
		r.answer = func(_ int, req request, w http.ResponseWriter) bool {
			for _, s := range req.series {
				for _, p := range s.points {
					if bad(s, p) {
						http.Error(w, text, code)
						return true
					}
				}
			}
			return false
		}
	}
}

func TestBadPointsAreFound(t *testing.T) {
	cases := []struct {
		name, text, reason string
		code               int
		series             bool // it says something of the series
	}{
		{"prometheus", "out of order sample", "out_of_order", 400, false},
		{"old", "too old sample", "too_old", 400, false},
		{"bounds", "out of bounds", "too_old", 400, false},
		{"future", "out of bounds: timestamp is too far in the future", "too_new", 400, false},
		{"same time", "duplicate sample for timestamp", "duplicate", 400, false},
		{"mimir", "failed pushing to ingester: (err-mimir-sample-out-of-order). The affected sample has timestamp", "out_of_order", 400, false},
		{"thanos", "store locally: add 1 samples: out of order sample", "out_of_order", 409, false},
		{"unknown", "no such luck", "rejected", 400, true},
		{"entity", "label limit", "rejected", 422, true},
		{"large", "", "too_large", 413, true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			k := newKit(t, nil)
			k.in.set(blame(c.code, c.text, func(_ series, p point) bool { return p.value == 13 }))
			var samples []metric.Sample
			for i := range 40 {
				samples = append(samples, at(temperature, float64(i), float64(i)), at(memory, float64(i), float64(100+i)))
			}
			samples[50].Value = 13
			k.mustSend(each(samples...)...)
			if c.series {
				k.counts.want(t, "delivered 40", "dropped "+c.reason+" 40")
			} else {
				k.counts.want(t, "delivered 78", "dropped "+c.reason+" 2")
			}
			lines := k.log.all()
			if len(lines) != 1 || !strings.Contains(lines[0], "reason="+c.reason) {
				t.Errorf("logged %q", lines)
			}
			if n := len(k.in.got()); n > 30 {
				t.Errorf("%d requests", n)
			}
		})
	}
}

// Whatever answers 400 to everything is no receiver: nothing is dropped.
func TestUnprovenReceiver(t *testing.T) {
	cases := map[string]struct {
		version  string
		answer   func(*receiver)
		requests int // at most, by five tries
		log      string
	}{
		"portal":                            {"auto", status(400), 5 * 16, ""},
		"portal with small limit":           {"auto", status(413), 5 * 16, ""},
		"portal, 2 wanted":                  {"2", status(400), 5 * 2 * 16, ""},
		"portal with small limit, 2 wanted": {"2", status(413), 5 * 2 * 16, ""},
		"https": {"auto", blame(400, "Client sent an HTTP request to an HTTPS server.\n",
			func(series, point) bool { return true }), 5, "must begin with https://"},
		"https of nginx": {"auto", blame(400, "<h1>400 The plain HTTP request was sent to HTTPS port</h1>",
			func(series, point) bool { return true }), 5, "must begin with https://"},
	}
	for name, c := range cases {
		version, answer, most, log := c.version, c.answer, c.requests, c.log
		t.Run(name, func(t *testing.T) {
			k := newKit(t, func(cfg *remotewrite.Config) { cfg.Version = version })
			k.in.set(answer)
			c := many(2000)
			for range 5 {
				if err := k.send(c); err == nil {
					t.Fatal("settled")
				}
			}
			if n := len(k.in.got()); n > most {
				t.Errorf("%d requests", n)
			}
			if text := strings.Join(k.log.all(), "\n"); !strings.Contains(text, log) {
				t.Errorf("logged %s", text)
			}
			k.in.set(healthy)
			k.mustSend(c)
			k.counts.want(t, "delivered 2000")
		})
	}
}

// silent2 is a receiver that takes version 2 alone, and never says what it has
// written.
func silent2(r *receiver) {
	r.answer = func(_ int, q request, w http.ResponseWriter) bool {
		switch text := r.refusal(q); {
		case !q.version2():
			w.WriteHeader(415)
		case text != "":
			http.Error(w, text, 400)
		default:
			r.store(q)
			w.WriteHeader(204)
		}
		return true
	}
}

// Once version 1 is refused, a refusal of version 2 is one of the points.
func TestSilentReceiverRefuses(t *testing.T) {
	for _, version := range []string{"auto", "2"} {
		t.Run(version, func(t *testing.T) {
			k := newKit(t, func(cfg *remotewrite.Config) { cfg.Version = version })
			k.in.set(silent2)
			k.in.set(func(r *receiver) { r.stored[strings.Trim(hasTemperature, "{}")] = []point{{ms(1.5), 20}} })
			k.mustSend(oneChunk())
			k.counts.want(t, "delivered 2", "dropped out_of_order 1", "adjusted superseded 1")
			refused := 0
			for _, q := range k.in.got() {
				if !q.version2() {
					refused++
				}
			}
			if refused != 1 {
				t.Errorf("version 1 was refused %d times", refused)
			}
		})
	}
}

func TestVersionFallsBack(t *testing.T) {
	cases := []struct {
		name    string
		version string
		set     func(*receiver)
		// types are the versions of the requests of two chunks.
		types string
	}{
		{"silent", "2", func(r *receiver) { r.v1only = true }, "2 1 1"},
		{"415", "2", func(r *receiver) {
			r.answer = func(_ int, q request, w http.ResponseWriter) bool {
				if q.version2() {
					w.WriteHeader(415)
				}
				return q.version2()
			}
		}, "2 1 1"},
		{"400", "2", func(r *receiver) {
			r.v1only = true
			r.answer = func(_ int, q request, w http.ResponseWriter) bool {
				if len(q.series) == 0 {
					http.Error(w, "empty write request", 400)
				}
				return len(q.series) == 0
			}
		}, "2 1 1"},
		{"version 2 alone", "auto", func(r *receiver) {
			r.answer = func(_ int, q request, w http.ResponseWriter) bool {
				if !q.version2() {
					w.WriteHeader(415)
				}
				return !q.version2()
			}
		}, "1 2 2"},
		{"version 2 alone, silent", "auto", silent2, "1 2 2"},
		{"version 2 alone, silent, 2 wanted", "2", silent2, "2 1 2"},
		{"both", "auto", func(*receiver) {}, "1 1"},
		{"both, 2 wanted", "2", func(*receiver) {}, "2 2"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			k := newKit(t, func(cfg *remotewrite.Config) { cfg.Version = c.version })
			k.in.set(c.set)
			k.mustSend(oneChunk())
			k.mustSend(&flushed{samples: []metric.Sample{at(temperature, 5, 25)}})
			var types []string
			for _, r := range k.in.got() {
				types = append(types, strconv.Itoa(1+len(r.header.Get("Content-Type"))/30))
			}
			if got := strings.Join(types, " "); got != c.types {
				t.Errorf("versions %s, want %s", got, c.types)
			}
			k.counts.want(t, "delivered 4", "adjusted superseded 1")
			wantLines(t, stamped(k.in.lines()),
				hasMemory+" 1e+06@800000", hasPackets+" 7@800000", hasTemperature+" 22@801000 25@805000")
			if lines := k.log.all(); len(lines) != strings.Count(c.types, " ")-1 {
				t.Errorf("logged %q", lines)
			}
		})
	}
}

// With `remote_write_compress zstd` a receiver that refuses the first body gets snappy.
func TestZstdFallsBack(t *testing.T) {
	refuse := func(code int, refused func(request) bool) func(*receiver) {
		return func(r *receiver) {
			r.answer = func(_ int, q request, w http.ResponseWriter) bool {
				if refused(q) {
					w.WriteHeader(code)
				}
				return refused(q)
			}
		}
	}
	isZstd := func(q request) bool { return q.header.Get("Content-Encoding") == "zstd" }
	for name, c := range map[string]struct {
		set   func(*receiver)
		types string // of the requests of two chunks
		lines int
	}{
		"taken":           {func(*receiver) {}, "zstd1 zstd1", 0},
		"415":             {refuse(415, isZstd), "zstd1 snappy1 snappy1", 1},
		"400":             {refuse(400, isZstd), "zstd1 snappy1 snappy1", 1},
		"version 2 alone": {refuse(415, func(q request) bool { return isZstd(q) || !q.version2() }), "zstd1 snappy1 snappy2 snappy2", 2},
	} {
		t.Run(name, func(t *testing.T) {
			k := newKit(t, func(cfg *remotewrite.Config) { cfg.Compress = remotewrite.CompressZstd })
			k.in.set(func(r *receiver) { r.anyCoding = true })
			k.in.set(c.set)
			k.mustSend(oneChunk())
			k.mustSend(&flushed{samples: []metric.Sample{at(temperature, 5, 25)}})
			var types []string
			for _, r := range k.in.got() {
				types = append(types, r.header.Get("Content-Encoding")+strconv.Itoa(1+len(r.header.Get("Content-Type"))/30))
			}
			if got := strings.Join(types, " "); got != c.types {
				t.Errorf("requests %s, want %s", got, c.types)
			}
			k.counts.want(t, "delivered 4", "adjusted superseded 1")
			wantLines(t, stamped(k.in.lines()),
				hasMemory+" 1e+06@800000", hasPackets+" 7@800000", hasTemperature+" 22@801000 25@805000")
			if lines := k.log.all(); len(lines) != c.lines {
				t.Errorf("logged %q", lines)
			}
		})
	}
}

// A receiver that has taken zstd does not lose it to a point that it refuses.
func TestZstdStays(t *testing.T) {
	k := newKit(t, func(cfg *remotewrite.Config) { cfg.Compress = remotewrite.CompressZstd })
	k.in.set(func(r *receiver) { r.anyCoding = true })
	k.mustSend(oneChunk())
	k.in.set(status(400))
	k.mustSend(&flushed{samples: []metric.Sample{at(temperature, 5, 25)}})
	for _, r := range k.in.got() {
		if got := r.header.Get("Content-Encoding"); got != "zstd" {
			t.Errorf("a request with %s", got)
		}
	}
}

func TestNeitherVersion(t *testing.T) {
	k := newKit(t, nil)
	k.in.set(status(415))
	c := oneChunk()
	if err := k.send(c); err == nil || !strings.Contains(err.Error(), "HTTP status 415") {
		t.Errorf("got %v", err)
	}
	k.in.set(healthy)
	k.mustSend(c)
	k.counts.want(t, "delivered 3", "adjusted superseded 1")
}

func TestFewerWritten(t *testing.T) {
	k := newKit(t, func(c *remotewrite.Config) { c.Version = "2" })
	k.in.set(status(200, "X-Prometheus-Remote-Write-Samples-Written", "3"))
	k.mustSend(many(4))
	k.counts.want(t, "delivered 3", "dropped not_written 1")
	if lines := k.log.all(); len(lines) != 1 || !strings.Contains(lines[0], "reason=not_written") {
		t.Errorf("logged %q", lines)
	}
}

func secretFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestAuth(t *testing.T) {
	const secret = "hunter2hunter2"
	cases := map[string]struct {
		config func(c *remotewrite.Config, file string)
		want   string
	}{
		"basic":  {func(c *remotewrite.Config, f string) { c.Username, c.PasswordFile = "me", f }, "Basic bWU6aHVudGVyMmh1bnRlcjI="},
		"bearer": {func(c *remotewrite.Config, f string) { c.BearerTokenFile = f }, "Bearer " + secret},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			file := secretFile(t, "old")
			k := newKit(t, func(cfg *remotewrite.Config) { c.config(cfg, file) })
			k.in.set(func(r *receiver) {
				r.answer = func(_ int, q request, w http.ResponseWriter) bool {
					if q.header.Get("Authorization") != c.want {
						w.WriteHeader(401)
						return true
					}
					return false
				}
			})
			ch := oneChunk()
			err := k.send(ch)
			if err == nil {
				t.Fatal("accepted with the old secret")
			}
			if err := os.WriteFile(file, []byte(secret+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			k.mustSend(ch) // refused, read again, sent again
			if n := len(k.in.got()); n != 3 {
				t.Errorf("%d requests", n)
			}
			for _, text := range append(k.log.all(), err.Error()) {
				if strings.Contains(text, secret) || strings.Contains(text, c.want) {
					t.Errorf("the secret shows: %s", text)
				}
			}
		})
	}
}

func TestMissingSecretIsAwaited(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	k := newKit(t, func(c *remotewrite.Config) { c.BearerTokenFile = file })
	c := oneChunk()
	if err := k.send(c); err == nil || !strings.Contains(err.Error(), "no password or token yet") {
		t.Errorf("got %v", err)
	}
	if err := os.WriteFile(file, []byte("t"), 0o600); err != nil {
		t.Fatal(err)
	}
	k.clock.Advance(10 * time.Second)
	k.mustSend(c)
	if h := k.in.got()[0].header.Get("Authorization"); h != "Bearer t" {
		t.Errorf("Authorization: %s", h)
	}
}

func TestContextEnds(t *testing.T) {
	k := newKit(t, nil)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	c := oneChunk()
	var retry *delivery.RetryError
	if err := k.Send(ctx, []*delivery.Job{c.admit(k.Sink, k.clock, k.counts)}, false); !errors.As(err, &retry) || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	k.mustSend(c)
	k.counts.want(t, "delivered 3", "adjusted superseded 1")
}

// A dry run sends nothing, drops nothing, and says what would go.
func TestDryRun(t *testing.T) {
	k := newKit(t, func(c *remotewrite.Config) { c.DryRun = true })
	k.mustSend(oneChunk())
	if n := len(k.in.got()); n != 0 {
		t.Errorf("%d requests", n)
	}
	k.counts.want(t, "adjusted dry_run 3", "adjusted superseded 1")
	all := strings.Join(k.log.all(), "\n")
	for _, part := range []string{"dry run: would send", "entries=3", `edge_memory_bytes{state=\"used\"} 1e+06 @`, `edge_network_packets_total{} 7 @`} {
		if !strings.Contains(all, part) {
			t.Errorf("the log lacks %s:\n%s", part, all)
		}
	}
}
