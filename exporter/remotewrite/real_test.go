//go:build !386 && !arm

package remotewrite_test

import (
	"bufio"
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/exp/api/remote"

	"out_edge/build/testkit"
	"out_edge/exporter"
	"out_edge/exporter/remotewrite"
	"out_edge/plugin/chunk"
	"out_edge/plugin/cmetrics"
	"out_edge/plugin/metric"
	"out_edge/timefix"
)

// backend is a real receiver.
type backend interface {
	writeURL() string
	// stored is every sample of a host: labels → ms → values.
	stored(t *testing.T, host string) storage
}

// storage is labels (name=value,... with __name__) → ms → values, one for each
// time that the sample was stored.
type storage map[string]map[int64][]float64

func (s storage) add(labels string, ms int64, v float64) {
	if s[labels] == nil {
		s[labels] = map[int64][]float64{}
	}
	s[labels][ms] = append(s[labels][ms], v)
}

func (s storage) size() (n int) {
	for _, byTime := range s {
		for _, values := range byTime {
			n += len(values)
		}
	}
	return n
}

// key writes a label set in order.
func key(labels map[string]string) string {
	var parts []string
	for name, value := range labels {
		parts = append(parts, name+"="+value)
	}
	slices.Sort(parts)
	return strings.Join(parts, ",")
}

// startServer runs a Debian package's program until the test ends, and returns
// once it has logged ready.
func startServer(t *testing.T, program, ready string, args ...string) {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		t.Fatalf("%s is missing: `make deps` installs it", program)
	}
	cmd := exec.Command(path, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	log := make(chan string, 1)
	go func() { // ends with the program
		defer close(log)
		var seen []string
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			seen = append(seen, lines.Text())
			if strings.Contains(lines.Text(), ready) {
				log <- ""
			}
		}
		log <- strings.Join(seen, "\n")
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		for range log {
		}
		_ = cmd.Wait()
	})
	if text := <-log; text != "" {
		t.Fatalf("%s did not start:\n%s", program, text)
	}
}

// awaitListener returns once somebody listens on addr.
func awaitListener(t *testing.T, addr string) {
	t.Helper()
	poll := time.NewTicker(5 * time.Millisecond)
	defer poll.Stop()
	for {
		if c, err := net.Dial("tcp", addr); err == nil {
			_ = c.Close()
			return
		}
		select {
		case <-poll.C:
		case <-t.Context().Done():
			t.Fatal("nobody listens")
		}
	}
}

// freePort is a port that nobody listens on.
func freePort(t *testing.T) string {
	t.Helper()
	addr, err := testkit.FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	return addr
}

type prometheus struct{ addr string }

func startPrometheus(t *testing.T) backend { return startPrometheusWith(t, "") }

func startPrometheusWith(t *testing.T, settings string) backend {
	dir := t.TempDir()
	config := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(config, []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	p := prometheus{freePort(t)}
	startServer(t, "prometheus", "Server is ready to receive web requests",
		"--config.file="+config, "--storage.tsdb.path="+filepath.Join(dir, "data"),
		"--web.enable-remote-write-receiver", "--web.listen-address="+p.addr)
	return p
}

func (p prometheus) writeURL() string { return "http://" + p.addr + "/api/v1/write" }

func (p prometheus) stored(t *testing.T, host string) storage {
	var answer struct {
		Data struct {
			Result []struct {
				Metric map[string]string
				Values [][2]any
			}
		}
	}
	q := url.Values{"query": {`{host="` + host + `"}[1h]`}, "time": {strconv.FormatInt(time.Now().Unix()+600, 10)}}
	getJSON(t, "http://"+p.addr+"/api/v1/query?"+q.Encode(), func(r io.Reader) error { return json.NewDecoder(r).Decode(&answer) })
	all := storage{}
	for _, r := range answer.Data.Result {
		for _, v := range r.Values {
			f, err := strconv.ParseFloat(v[1].(string), 64)
			if err != nil {
				t.Fatal(err)
			}
			all.add(key(r.Metric), int64(math.Round(v[0].(float64)*1e3)), f)
		}
	}
	return all
}

type victoria struct{ addr string }

func startVictoria(t *testing.T) backend {
	v := victoria{freePort(t)}
	startServer(t, "victoria-metrics", "started VictoriaMetrics",
		"-storageDataPath="+t.TempDir(), "-httpListenAddr="+v.addr, "-memory.allowedBytes=64MB")
	awaitListener(t, v.addr) // it says that it has started before it listens
	return v
}

func (v victoria) writeURL() string { return "http://" + v.addr + "/api/v1/write" }

func (v victoria) stored(t *testing.T, host string) storage {
	getJSON(t, "http://"+v.addr+"/internal/force_flush", func(io.Reader) error { return nil })
	all := storage{}
	q := url.Values{"match[]": {`{host="` + host + `"}`}}
	getJSON(t, "http://"+v.addr+"/api/v1/export?"+q.Encode(), func(r io.Reader) error {
		for d := json.NewDecoder(r); ; {
			var line struct {
				Metric     map[string]string
				Values     []*float64
				Timestamps []int64
			}
			if err := d.Decode(&line); err == io.EOF {
				return nil
			} else if err != nil {
				return err
			}
			for i, ms := range line.Timestamps {
				value := math.NaN()
				if line.Values[i] != nil {
					value = *line.Values[i]
				}
				all.add(key(line.Metric), ms, value)
			}
		}
	})
	return all
}

func getJSON(t *testing.T, address string, read func(io.Reader) error) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		body, _ := io.ReadAll(resp.Body)
		t.Fatalf("%s: %s: %s", address, resp.Status, body)
	}
	if err := read(resp.Body); err != nil {
		t.Fatal(err)
	}
}

// officialHandler is client_golang's own receiver, for version 2 alone.
type officialHandler struct {
	server *httptest.Server
	t      *testing.T
	all    storage
}

func startOfficial(t *testing.T) backend {
	h := &officialHandler{t: t, all: storage{}}
	h.server = httptest.NewServer(remote.NewWriteHandler(h, remote.MessageTypes{remote.WriteV2MessageType}))
	t.Cleanup(h.server.Close)
	return h
}

func (h *officialHandler) Store(r *http.Request, _ remote.WriteMessageType) (*remote.WriteResponse, error) {
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	w := remote.NewWriteResponse()
	for _, s := range decode2(h.t, raw) {
		labels := map[string]string{}
		for part := range strings.SplitSeq(s.labels, `",`) {
			name, value, _ := strings.Cut(part, "=")
			text, err := strconv.Unquote(strings.TrimSuffix(value, `"`) + `"`)
			if err != nil {
				return nil, err
			}
			labels[name] = text
		}
		for _, p := range s.points {
			h.all.add(key(labels), p.ms, p.value)
			w.Samples++
		}
	}
	return w, nil
}

func (h *officialHandler) writeURL() string                  { return h.server.URL + "/api/v1/write" }
func (h *officialHandler) stored(*testing.T, string) storage { return h.all }

// captured is what the plugin makes of all captured chunks of a host, the times
// moved so that the newest is ten seconds old: receivers take nothing that is long
// past, and VictoriaMetrics shows nothing of its last second. Each came with its
// newest sample.
func captured(t *testing.T, host string) (chunks []*flushed) {
	t.Helper()
	exp := exporter.New(slog.New(slog.DiscardHandler), timefix.SystemClock{})
	m, err := exp.Open(exporter.Config{Listen: exporter.ListenOff})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = m.Close(context.Background()) }()
	var in cmetrics.Interner
	for _, c := range testkit.Inputs(t, host) {
		p := c.Payload
		var samples []metric.Sample
		if chunk.Detect(p) == chunk.Metrics {
			const arrival = 1795238800e9 // the day of the capture
			if samples, err = cmetrics.Append(samples, p, arrival, &in); err != nil {
				t.Fatal(err)
			}
		}
		var d chunk.Decoder
		for d.Reset(p); d.Next(); {
			raw := d.Record().RawTime
			raw = raw[len(raw)-8:]
			at := int64(binary.BigEndian.Uint32(raw))*1e9 + int64(binary.BigEndian.Uint32(raw[4:]))
			made, _ := m.Observe(nil, "t", d.Record(), at)
			samples = append(samples, m.Apply(exporter.Batch{Samples: made, Tag: c.Name, Origin: exporter.FromHost})...)
		}
		if len(samples) > 0 {
			chunks = append(chunks, &flushed{samples: samples, arrived: newest(samples)})
		}
	}
	slices.SortStableFunc(chunks, func(a, b *flushed) int { return cmp.Compare(a.arrived, b.arrived) })
	shift := time.Now().Add(-10*time.Second).UnixNano() - chunks[len(chunks)-1].arrived
	for _, c := range chunks {
		c.arrived += shift
		for i := range c.samples {
			c.samples[i].UnixNano += shift
		}
	}
	return chunks
}

func newest(samples []metric.Sample) (at int64) {
	for _, s := range samples {
		at = max(at, s.UnixNano)
	}
	return at
}

// newestOf are the samples of chunks that go: the newest of each series and chunk.
// Totals that are kept here have the time of their arrival.
func newestOf(chunks []*flushed) (samples []metric.Sample) {
	for _, c := range chunks {
		last := map[*metric.Series]metric.Sample{}
		for _, s := range c.samples {
			if s.Kept {
				s.UnixNano = c.arrived
			}
			if before, has := last[s.Series]; !has || s.UnixNano >= before.UnixNano {
				last[s.Series] = s
			}
		}
		samples = slices.AppendSeq(samples, maps.Values(last))
	}
	return samples
}

// expected is what a receiver should have of samples: written for this test, from
// OpenMetrics.
func expected(samples []metric.Sample, extra ...metric.Label) storage {
	all := storage{}
	for _, s := range samples {
		put := func(suffix string, v float64, own ...metric.Label) {
			labels := map[string]string{"__name__": s.Series.Name + suffix}
			for _, l := range append(append(slices.Clone(extra), s.Series.Labels...), own...) {
				if l.Value != "" {
					labels[l.Name] = l.Value
				}
			}
			k, at := key(labels), s.UnixNano/1e6
			delete(all[k], at) // of two points at one millisecond the later counts
			all.add(k, at, v)
		}
		if s.Dist == nil {
			put("", s.Value)
			continue
		}
		put("_sum", s.Dist.Sum)
		put("_count", float64(s.Dist.Count))
		if s.Series.Kind == metric.Histogram {
			put("_bucket", float64(s.Dist.Count), metric.Label{Name: "le", Value: "+Inf"})
		}
		for i, b := range s.Dist.Bounds {
			bound := fmt.Sprint(b)
			if b == math.Trunc(b) { // as OpenMetrics has it
				bound += ".0"
			}
			if s.Series.Kind == metric.Histogram {
				put("_bucket", float64(s.Dist.Counts[i]), metric.Label{Name: "le", Value: bound})
			} else {
				put("", s.Dist.Values[i], metric.Label{Name: "quantile", Value: bound})
			}
		}
	}
	return all
}

// compare holds what is stored to what is wanted. VictoriaMetrics keeps some
// fifteen digits of a value.
func compare(t *testing.T, got, want storage) {
	t.Helper()
	if got.size() != want.size() || len(got) != len(want) {
		t.Errorf("%d series with %d samples, want %d with %d", len(got), got.size(), len(want), want.size())
	}
	bad := 0
	for labels, byTime := range want {
		for ms, values := range byTime {
			g := got[labels][ms]
			ok := len(g) == 1 && (g[0] == values[0] || math.IsNaN(g[0]) && math.IsNaN(values[0]) ||
				math.Abs(g[0]-values[0]) <= 1e-12*math.Abs(values[0]))
			if !ok {
				if bad++; bad < 10 {
					t.Errorf("%s at %d: %v, want %v", labels, ms, g, values)
				}
			}
		}
	}
}

func TestCapturedChunksArrive(t *testing.T) {
	cases := []struct {
		name              string
		start             func(*testing.T) backend
		version, compress string
	}{
		{"prometheus 1", startPrometheus, "1", ""},
		{"prometheus 2", startPrometheus, "2", ""},           // Debian's knows version 1 alone
		{"prometheus zstd", startPrometheus, "auto", "zstd"}, // which it refuses
		{"victoria-metrics 1", startVictoria, "1", ""},
		{"victoria-metrics 2", startVictoria, "2", ""},
		{"victoria-metrics zstd", startVictoria, "1", "zstd"},
		{"client_golang 2", startOfficial, "2", ""},
		{"client_golang auto", startOfficial, "auto", ""},
	}
	for _, c := range cases {
		for _, host := range []string{"amd64-v5.1.1", "armv7-v4.2.0"} {
			t.Run(c.name+" "+host, func(t *testing.T) {
				b := c.start(t)
				label := metric.Label{Name: "host", Value: host}
				counts := newCounts()
				s := realSink(t, remotewrite.Config{URL: b.writeURL(), Version: c.version, Compress: c.compress, Labels: []metric.Label{label}}, wallClock{}, counts)
				chunks := captured(t, host)
				s.mustSend(t, chunks...)
				compare(t, b.stored(t, host), expected(newestOf(chunks), label))
				all := 0
				for _, c := range chunks {
					all += len(c.samples)
				}
				if got := counts.get("samples delivered") + counts.get("samples adjusted same_time") + counts.get("samples adjusted superseded"); got != all {
					t.Errorf("%d of %d samples are accounted for", got, all)
				}
			})
		}
	}
}

// wallClock knows the wall clock alone.
type wallClock struct{}

func (wallClock) Now() timefix.Instant { return timefix.Instant{Wall: time.Now().UnixNano()} }

// gate stands before a receiver, and can be shut.
type gate struct {
	server *httptest.Server
	state  atomic.Int32
}

// The states of a gate: open, or what it does to requests.
const (
	gateOpen = iota
	gateDown
	gateBusy
)

func newGate(t *testing.T, b backend) *gate {
	u, err := url.Parse(b.writeURL())
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: u.Scheme, Host: u.Host})
	proxy.Transport = transport
	g := &gate{}
	g.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch g.state.Load() {
		case gateDown:
			panic(http.ErrAbortHandler)
		case gateBusy:
			w.Header().Set("Retry-After", "10")
			w.WriteHeader(http.StatusTooManyRequests)
		default:
			proxy.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(func() { g.server.Close(); transport.CloseIdleConnections() })
	return g
}

// Five minutes of records, a chunk a second; for a minute of them the receiver is
// down, then it answers 429 for ten seconds. Prometheus refuses what is out of
// order, and VictoriaMetrics would store twice what is sent twice.
func TestOutageWithRealReceivers(t *testing.T) {
	for name, start := range map[string]func(*testing.T) backend{"prometheus": startPrometheus, "victoria-metrics": startVictoria} {
		t.Run(name, func(t *testing.T) {
			b := start(t)
			g := newGate(t, b)
			clock := newClock()
			begin := time.Now().Add(-6 * time.Minute).Truncate(time.Millisecond)
			clock.Set(begin)
			label := metric.Label{Name: "host", Value: "h"}
			counts := newCounts()
			s := realSink(t, remotewrite.Config{URL: g.server.URL + "/api/v1/write", Labels: []metric.Label{label}}, clock, counts)
			var all []metric.Sample
			var waiting []*flushed
			for sec := range 300 {
				g.state.Store([]int32{gateOpen, gateDown, gateBusy, gateOpen}[phase(sec)])
				at := begin.Add(time.Duration(sec)*time.Second + 123*time.Millisecond).UnixNano()
				c := &flushed{samples: []metric.Sample{
					{Series: temperature, UnixNano: at, Value: 20 + float64(sec)/10},
					{Series: packets, UnixNano: at, Value: float64(7 * sec)},
					{Series: memory, UnixNano: at - 5e8, Value: float64(sec) * 4096},
				}}
				all = append(all, c.samples...)
				waiting = append(waiting, c)
				if s.send(t.Context(), waiting...) == nil {
					waiting = nil
				}
				clock.Advance(time.Second)
			}
			s.mustSend(t, waiting...)
			compare(t, b.stored(t, "h"), expected(all, label))
			if d := counts.get("samples delivered"); d != len(all) {
				t.Errorf("%d of %d delivered", d, len(all))
			}
		})
	}
}

// After a restart nothing is remembered, and old chunks come after newer ones.
// Prometheus refuses them, unless it is told to take what is late.
func TestRestart(t *testing.T) {
	cases := []struct{ name, settings, want string }{
		{"default", "", "samples dropped out_of_order"},
		{"window", "storage: {tsdb: {out_of_order_time_window: 1h}}\n", "samples delivered"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			b := startPrometheusWith(t, c.settings)
			begin := time.Now().Add(-5 * time.Minute)
			minute := func(from int) (chunks []*flushed) {
				for sec := from; sec < from+60; sec++ {
					at := begin.Add(time.Duration(sec) * time.Second).UnixNano()
					chunks = append(chunks, &flushed{samples: []metric.Sample{{Series: temperature, UnixNano: at, Value: float64(sec)},
						{Series: memory, UnixNano: at, Value: float64(sec)}}})
				}
				return chunks
			}
			counts := newCounts()
			all := 0
			for _, from := range []int{180, 120, 0} {
				s := realSink(t, remotewrite.Config{URL: b.writeURL(), Labels: []metric.Label{{Name: "host", Value: "h"}}}, timefix.SystemClock{}, counts)
				chunks := minute(from)
				all += 2 * len(chunks)
				s.mustSend(t, chunks...)
			}
			counted := counts.get("samples delivered") + counts.get("samples dropped out_of_order")
			if counted != all || counts.get(c.want) < 2*all/3 {
				t.Errorf("%d of %d accounted for, %d %s", counted, all, counts.get(c.want), c.want)
			}
			if got := b.stored(t, "h").size(); got != counts.get("samples delivered") {
				t.Errorf("%d stored, %d delivered", got, counts.get("samples delivered"))
			}
			if n := counts.get("request 400"); n > 300 { // two a point of one series, few of the others
				t.Errorf("%d requests were refused", n)
			}
		})
	}
}

func phase(sec int) int {
	switch {
	case sec < 120:
		return 0
	case sec < 180:
		return 1
	case sec < 190:
		return 2
	default:
		return 3
	}
}
