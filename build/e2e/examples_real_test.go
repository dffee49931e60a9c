package e2e_test

import (
	"bytes"
	"encoding/binary"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"out_edge/build/harness"
)

// TestExamplesInARealFluentBit runs each example, in both formats, by the command that
// stands at its head, under a fluent-bit on PATH.
func TestExamplesInARealFluentBit(t *testing.T) {
	agent, ok := harness.RealAgent()
	if !ok {
		t.Log("no fluent-bit on PATH: the test host has played the examples in its place")
		return
	}
	for _, e := range examples() {
		for _, ending := range []string{".conf", ".yaml"} {
			t.Run(e.folder+"/"+e.file+ending, func(t *testing.T) {
				if e.skipReal != "" {
					t.Skip(e.skipReal)
				}
				playReal(t, agent, &e, ending)
			})
		}
	}
}

func playReal(t *testing.T, agent string, e *example, ending string) {
	s := newStage(t, e)
	command := headCommand(t, filepath.Join(kit.Root(), "examples", e.folder, e.file+ending))
	if want := "fluent-bit -e ../../out_edge.so -c " + e.file + ending; !strings.HasSuffix(command, want) {
		t.Errorf("the head says %q, want %q at its end", command, want)
	}
	conf := s.place(e.file + ending)
	s.writeLines()
	argv := []string{"-e", library(t), "-c", conf}
	trace := filepath.Join(t.TempDir(), "trace")
	if e.folder == "raspberrypi-grafana-cloud" {
		if strace, err := exec.LookPath("strace"); err == nil {
			agent, argv = strace, append([]string{"-D", "-f", "-qq", "-e", "trace=open,openat,creat,rename,renameat,renameat2,mkdir,mkdirat", "-o", trace, agent}, argv...)
		}
	}
	watch := newWatched()
	a, err := harness.StartAgent(t.Context(), agent, argv, s.env(), 2*time.Minute, watch)
	if err != nil {
		t.Fatal(err)
	}
	if e.folder == "fleet" {
		for _, name := range []string{"pump-a", "pump-b"} {
			s.startDevice(name, ending)
		}
	}
	stop, done := make(chan struct{}), make(chan struct{})
	go func() { defer close(done); s.keepWriting(stop) }()
	s.look(withoutSensor(e), watch.String)
	close(stop)
	<-done
	out, err := a.Stop()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	noSecret(t, out)
	if i := strings.Index(out, "[error]"); i >= 0 {
		t.Errorf("errors: %s", out[i:min(len(out), i+300)])
	}
	wroteNothing(t, trace)
}

// startDevice runs a device of the fleet until the end of the test.
func (s *stage) startDevice(name, ending string) {
	s.t.Helper()
	agent, _ := harness.RealAgent()
	text := readFile(s.t, filepath.Join(s.dir, "device"+ending))
	text = regexp.MustCompile(`24224`).ReplaceAllString(text, s.otlp)
	text = strings.ReplaceAll(text, "/var/lib/fluent-bit", filepath.Join(s.state, name))
	text = regexp.MustCompile(`(interval_sec:?\s+)60`).ReplaceAllString(text, "${1}1")
	conf := filepath.Join(s.dir, name+ending)
	writeFile(s.t, conf, text)
	a, err := harness.StartAgent(s.t.Context(), agent, []string{"-c", conf}, []string{"EDGE_DEVICE=" + name, "AGGREGATOR=127.0.0.1"}, 2*time.Minute, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _, _ = a.Stop() }) // it may wait for the aggregator, which has ended
}

// withoutSensor leaves out what only the test host's made-up /sys has, and says what
// this machine's own services send.
func withoutSensor(e *example) *example {
	real := *e
	real.page = nil
	for _, want := range e.page {
		if !strings.Contains(want, "edge_temperature") {
			real.page = append(real.page, want)
		}
	}
	return &real
}

var head = regexp.MustCompile(`(?m)^#   (.*)\n`)

// headCommand is what the head of a configuration says to type, on one line.
func headCommand(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	command := ""
	for _, m := range head.FindAllStringSubmatch(string(text), -1) {
		line, more := strings.CutSuffix(strings.TrimSpace(m[1]), `\`)
		command += line
		if !more {
			break
		}
	}
	return command
}

// keepWriting is what goes on around an agent: lines in files, and OTLP.
func (s *stage) keepWriting(stop <-chan struct{}) {
	tick := time.NewTicker(300 * time.Millisecond)
	defer tick.Stop()
	for n := 1; ; n++ {
		s.writeLines()
		s.sendOTLP(n)
		select {
		case <-stop:
			return
		case <-tick.C:
		}
	}
}

// sendOTLP sends a counter by gRPC and a log by HTTP, where something listens.
func (s *stage) sendOTLP(n int) {
	now := time.Now().UnixNano()
	log := `{"resourceLogs":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}}]},"scopeLogs":[{"logRecords":[{"timeUnixNano":"` +
		strconv.FormatInt(now, 10) + `","body":{"stringValue":"order 42 paid"}}]}]}]}`
	if resp, err := http.Post("http://127.0.0.1:"+s.otlp+"/v1/logs", "application/json", strings.NewReader(log)); err == nil {
		resp.Body.Close()
	}
	frame := append([]byte{0}, binary.BigEndian.AppendUint32(nil, 0)...)
	body := counterRequest("shop.requests", int64(n), uint64(now))
	binary.BigEndian.PutUint32(frame[1:], uint32(len(body)))
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost,
		"http://127.0.0.1:"+s.otlp+"/opentelemetry.proto.collector.metrics.v1.MetricsService/Export", bytes.NewReader(append(frame, body...)))
	if err != nil {
		return
	}
	req.Header.Set("Content-Type", "application/grpc")
	req.Header.Set("TE", "trailers")
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	defer transport.CloseIdleConnections()
	if resp, err := (&http.Client{Transport: transport, Timeout: 2 * time.Second}).Do(req); err == nil {
		resp.Body.Close()
	}
}

// counterRequest is an ExportMetricsServiceRequest with one cumulative sum.
func counterRequest(name string, value int64, unixNano uint64) []byte {
	message := func(number protowire.Number, body []byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(nil, number, protowire.BytesType), body)
	}
	fixed := func(number protowire.Number, v uint64) []byte {
		return protowire.AppendFixed64(protowire.AppendTag(nil, number, protowire.Fixed64Type), v)
	}
	varint := func(number protowire.Number, v uint64) []byte {
		return protowire.AppendVarint(protowire.AppendTag(nil, number, protowire.VarintType), v)
	}
	point := append(fixed(2, unixNano-1e9), append(fixed(3, unixNano), fixed(6, uint64(value))...)...)
	const cumulative = 2
	sum := append(message(1, point), append(varint(2, cumulative), varint(3, 1)...)...)
	metric := append(message(1, []byte(name)), message(7, sum)...)
	service := message(1, append(message(1, []byte("service.name")), message(2, message(1, []byte("shop")))...))
	return message(1, append(message(1, service), message(2, message(2, metric))...))
}

var written = regexp.MustCompile(`(?m)^\d+ +(?:(?:open|openat|creat)\((?:AT_FDCWD, )?"([^"]*)", [^)]*O_(?:WRONLY|RDWR)|(?:rename|renameat2?|mkdir|mkdirat)\([^"]*"([^"]*)")`)

// wroteNothing looks through strace's output for files that were opened for writing:
// an SD card wears out.
func wroteNothing(t *testing.T, trace string) {
	t.Helper()
	text, err := os.ReadFile(trace)
	if err != nil {
		return // not traced
	}
	for _, m := range written.FindAllStringSubmatch(string(text), -1) {
		if path := m[1] + m[2]; !strings.HasPrefix(path, "/dev/") && !strings.HasPrefix(path, "/proc/") {
			t.Errorf("writes %s", path)
		}
	}
}
