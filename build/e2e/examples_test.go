package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vmihailenco/msgpack/v5"

	"out_edge/build/harness"
	"out_edge/build/receivers"
	"out_edge/plugin/check"
)

// example is a configuration below examples/, and what must be seen of it.
type example struct {
	folder, file string // file without its ending
	env          map[string]string
	// page, metrics and logs are what must appear: in /metrics, as series at
	// VictoriaMetrics, as messages at VictoriaLogs.
	page, metrics, logs []string
	// skipReal says why a real Fluent Bit on any machine cannot run it.
	skipReal string
}

// examples are all of them: TestEachExampleIsPlayed holds the list to the folders.
func examples() []example {
	key := map[string]string{"DD_API_KEY": theKey}
	node := []string{"node_memory_MemAvailable_bytes", "node_load1"}
	return []example{
		{folder: "armadillo-datadog", file: "fluent-bit", env: key,
			page: []string{`edge_cpu_usage_ratio{cpu="total",mode="total"}`, `edge_temperature_celsius{type="cpu-thermal",zone="thermal_zone0"} 48.312`}, metrics: []string{`{__name__=~"edge.memory.*"}`, `{__name__=~"edge.cpu.*",mode="total"}`}, logs: []string{"pump started"}},
		{folder: "prometheus-exporter", file: "fluent-bit", page: []string{`edge_cpu_usage_ratio{cpu="total",mode="total"}`, `edge_memory_bytes{state="total"}`}},
		{folder: "prometheus-exporter", file: "with-rules",
			page: []string{`app_requests_total{app="orders",level="info",op="checkout"}`, `app_request_duration_seconds_count{app="orders"}`, `app_queue_length{app="orders"} 3`}},
		{folder: "nixos-openobserve", file: "fluent-bit", env: map[string]string{"OPENOBSERVE_USER": "user"},
			metrics: append([]string{"host_listening_sockets", `node_filesystem_avail_bytes{job="host"}`, `node_cpu_seconds_total{mode="idle"}`}, node...)},
		{folder: "raspberrypi-grafana-cloud", file: "fluent-bit", env: map[string]string{"GRAFANA_CLOUD_USER": "user"},
			metrics: append([]string{`node_cpu_seconds_total{instance="raspberrypi",job="integrations/raspberrypi-node",mode="idle"}`}, node...)},
		{folder: "raspberrypi-grafana-cloud", file: "with-node-exporter", env: map[string]string{"GRAFANA_CLOUD_USER": "user"},
			metrics: []string{`node_load1{instance="raspberrypi",job="integrations/raspberrypi-node"}`}},
		{folder: "ecs-mimir", file: "fluent-bit", env: key, metrics: []string{`{__name__=~"shop.requests.*"}`}, logs: []string{"order 42 paid"}},
		{folder: "journald", file: "fluent-bit", env: key, logs: []string{"unit failed"}, skipReal: "needs a systemd journal"},
		{folder: "nginx", file: "fluent-bit", env: key, page: []string{`nginx_http_requests_total{code="502",method="GET",site="shop"}`, `nginx_http_request_duration_seconds_count{site="shop"}`},
			metrics: []string{"nginx_http_requests_total"}},
		{folder: "remote-write-only", file: "fluent-bit", metrics: []string{`edge_cpu_usage_ratio{cpu="total",mode="total"}`, `edge_memory_bytes{state="used"}`}},
		{folder: "fleet", file: "fluent-bit", env: key, metrics: []string{`{__name__="edge_memory_bytes",instance="pump-a",state="used"}`, `{__name__="edge_memory_bytes",instance="pump-b",state="used"}`}},
		{folder: "rules", file: "fluent-bit", page: []string{`room_temperature_celsius{place="north",room="hall",sensor="t-07"} 21.437`,
			`app_errors_total{app="billing",level="error"}`, `nginx_http_requests_total{code="200",code_class="2xx",method="GET",site="shop"}`}},
	}
}

// stage is what an example plays on: receivers that nobody here wrote, and folders
// in the place of those that it names.
type stage struct {
	t         *testing.T
	dir       string // the example's folder, copied
	state     string
	logs      string
	listen    string
	metrics   *receivers.VictoriaMetrics
	records   *receivers.VictoriaLogs
	writeURL  string // of metrics, behind basic auth
	scraped   *url.URL
	otlp      string
	variables map[string]string
}

const stagePassword = "pAsSwOrD-of-the-stage"

func newStage(t *testing.T, e *example) *stage {
	t.Helper()
	s := &stage{t: t, dir: t.TempDir(), state: t.TempDir(), logs: t.TempDir(), listen: "127.0.0.1:" + freePort(t), otlp: freePort(t)}
	if err := os.CopyFS(s.dir, os.DirFS(filepath.Join(kit.Root(), "examples", e.folder))); err != nil {
		t.Fatal(err)
	}
	var err error
	if s.metrics, err = receivers.StartVictoriaMetrics(t.Context(), t.TempDir()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.metrics.Close)
	if s.records, err = receivers.StartVictoriaLogs(t.Context(), t.TempDir()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.records.Close)
	s.writeURL = s.guarded() + "/api/v1/write"
	s.scraped = s.nodeExporter()
	writeFile(t, filepath.Join(s.dir, "password"), stagePassword)
	s.variables = map[string]string{"MIMIR_URL": s.metrics.WriteURL(), "TEMPO_HOST": "127.0.0.1"}
	maps.Copy(s.variables, e.env)
	return s
}

// guarded is a proxy before VictoriaMetrics that asks for a user and a password.
func (s *stage) guarded() string {
	target, err := url.Parse(s.metrics.URL)
	if err != nil {
		s.t.Fatal(err)
	}
	pass := httputil.NewSingleHostReverseProxy(target)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "user" || password != stagePassword {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		pass.ServeHTTP(w, r)
	}))
	s.t.Cleanup(server.Close)
	return server.URL
}

// nodeExporter answers with the page of a node_exporter.
func (s *stage) nodeExporter() *url.URL {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "# TYPE node_load1 gauge\nnode_load1 0.25\n# TYPE go_goroutines gauge\ngo_goroutines 8\n")
	}))
	s.t.Cleanup(server.Close)
	u, err := url.Parse(server.URL)
	if err != nil {
		s.t.Fatal(err)
	}
	return u
}

// A property that the stage sets, in both formats: `key value` and `key: value`.
func property(key, value string) (*regexp.Regexp, string) {
	return regexp.MustCompile(`(?m)^([ \t-]*)` + regexp.QuoteMeta(key) + `(:?[ \t]+)\S.*$`), "${1}" + key + "${2}" + value
}

// place writes the example's configuration with the stage's places into it, and
// returns its path. Nothing else is changed.
func (s *stage) place(file string) string {
	s.t.Helper()
	path := filepath.Join(s.dir, file)
	raw, err := os.ReadFile(path)
	if err != nil {
		s.t.Fatal(err)
	}
	text := strings.NewReplacer("/var/lib/fluent-bit", s.state, "/var/log/edge", s.logs, "/var/log/nginx", s.logs).Replace(string(raw))
	set := map[string]string{
		"flush": "1", "interval_sec": "1", "scrape_interval": "1", "collector.filesystem.scrape_interval": "1", "interface": "lo",
		"config_file": filepath.Join(s.dir, "rules.yaml"), "web_config_file": filepath.Join(s.dir, "web.yml"),
		"remote_write_password_file": filepath.Join(s.dir, "password"),
	}
	if strings.Contains(text, "remote_write_username") {
		set["remote_write_url"] = s.writeURL
	} else {
		set["remote_write_url"] = s.metrics.WriteURL()
	}
	for key, value := range set {
		re, to := property(key, value)
		text = re.ReplaceAllString(text, to)
	}
	text = regexp.MustCompile(`(?m)(host:?\s+)'?127\.0\.0\.1'?(\s+port:?\s+)9100`).ReplaceAllString(text, "${1}"+s.scraped.Hostname()+"${2}"+s.scraped.Port())
	text = regexp.MustCompile(`(?m)(listen:?\s+)'?0\.0\.0\.0'?(\s+port:?\s+)(?:4318|24224)`).ReplaceAllString(text, "${1}127.0.0.1${2}"+s.otlp)
	text = s.outputs(text, strings.HasSuffix(file, ".yaml"))
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return path
}

// outputs gives each edge output the stage's addresses. One that listens nowhere
// goes on so.
func (s *stage) outputs(text string, yaml bool) string {
	more := map[string]string{"dd_url": s.records.URL, "dd_metrics_url": s.metrics.DatadogURL()}
	here := regexp.MustCompile(`(?m)^(\s+listen:?\s+)'?127\.0\.0\.1:2021'?$`)
	switch off, _ := property("listen", "off"); {
	case here.MatchString(text):
		text = here.ReplaceAllString(text, "${1}"+s.listen)
	case !strings.Contains(off.FindString(text), "off"):
		more["listen"] = s.listen
	}
	begin, format := regexp.MustCompile(`(?m)^( +)name +edge$`), "${1}%s %s\n"
	if yaml {
		begin, format = regexp.MustCompile(`(?m)^( +)- name: edge$`), "${1}  %s: %s\n"
	}
	lines := ""
	for _, key := range slices.Sorted(maps.Keys(more)) {
		lines += fmt.Sprintf(format, key, more[key])
	}
	return begin.ReplaceAllString(text, "${0}\n"+strings.TrimRight(lines, "\n"))
}

func (s *stage) env() (list []string) {
	for k, v := range s.variables {
		list = append(list, k+"="+v)
	}
	return list
}

// look gives what appears at the receivers and on the page until all is there.
func (s *stage) look(e *example, log func() string) {
	s.t.Helper()
	eventually(s.t, browserWait, func() error {
		if missing := s.missing(e); len(missing) > 0 {
			return fmt.Errorf("not to be seen: %s\n%s", strings.Join(missing, ", "), log())
		}
		return nil
	})
}

func (s *stage) missing(e *example) (missing []string) {
	if len(e.page) > 0 {
		page := s.page()
		for _, want := range e.page {
			if !strings.Contains(page, "\n"+want) {
				missing = append(missing, want+" at /metrics")
			}
		}
	}
	for _, want := range e.metrics {
		if found, err := s.metrics.Series(s.t.Context(), want); err != nil || len(found) == 0 {
			missing = append(missing, want+" at VictoriaMetrics")
		}
	}
	for _, want := range e.logs {
		if found, err := s.records.Logs(s.t.Context(), `"`+want+`"`); err != nil || len(found) == 0 {
			missing = append(missing, want+" at VictoriaLogs")
		}
	}
	return missing
}

// page is /metrics, asked with the password of prometheus-exporter/web.yml.
func (s *stage) page() string {
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, "http://"+s.listen+"/metrics", nil)
	if err != nil {
		s.t.Fatal(err)
	}
	req.SetBasicAuth("prometheus", "change-me")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "" // it is starting
	}
	defer resp.Body.Close()
	var b bytes.Buffer
	_, _ = b.ReadFrom(resp.Body)
	return b.String()
}

// lines are what the applications write into the files that examples follow.
func (s *stage) writeLines() {
	appendTo(s.t, filepath.Join(s.logs, "app.log"), "pump started\n")
	appendTo(s.t, filepath.Join(s.logs, "orders.json"),
		`{"time":"`+time.Now().UTC().Format("2006-01-02T15:04:05.000+00:00")+`","level":"info","op":"checkout","seconds":0.021,"queue":3}`+"\n")
	appendTo(s.t, filepath.Join(s.logs, "access.log"),
		`192.0.2.1 - - [`+time.Now().Format("02/Jan/2006:15:04:05 -0700")+`] "GET /cart HTTP/1.1" 502 157 "-" "curl/8.5.0" 0.021`+"\n")
}

// hostRun is what the test host does with a configuration: what it has no input for
// is played from payloads of a real agent, or made.
func (s *stage) hostRun(path string) harness.Run {
	s.t.Helper()
	sections, faults := check.Read(path, func(name string) (string, bool) { v, ok := s.variables[name]; return v, ok })
	if len(faults) > 0 {
		s.t.Fatal(faults)
	}
	r := harness.Run{V5: true, ABI: "v5.1.1", Tail: map[string]string{}, Interval: 100 * time.Millisecond, Sysfs: thermalSysfs(s.t), Env: s.env()}
	for _, section := range sections {
		get := func(key string) string { e, _ := section.Get(key); return e.Value }
		switch name := get("name"); {
		case section.Name == "output" && name == "edge":
			r.Outputs = append(r.Outputs, harness.Output{Name: name, Properties: properties(section)})
		case section.Name == "input" && slices.Contains([]string{"cpu", "mem", "thermal"}, name):
			r.Live = append(r.Live, name)
		case section.Name == "input" && name == "tail" && get("parser") == "":
			r.Tail[get("tag")] = strings.Replace(get("path"), "*", "app", 1)
		case section.Name == "input":
			r.Chunks = append(r.Chunks, s.payloads(name, section)...)
		}
	}
	return r
}

func properties(section *check.Section) (all []harness.Property) {
	for _, e := range section.Entries {
		if e.Key != "name" && !strings.HasPrefix(e.Key, "storage.") && e.Key != "match_regex" {
			all = append(all, harness.Property{Key: e.Key, Value: e.Value})
		}
	}
	return all
}

// payloads are what an input that the test host does not have hands over.
func (s *stage) payloads(input string, section *check.Section) (all []harness.Chunk) {
	s.t.Helper()
	get := func(key string) string { e, _ := section.Get(key); return e.Value }
	tag := get("tag")
	record := func(tag string, body map[string]any) {
		file := filepath.Join(s.t.TempDir(), "record.msgpack")
		if err := os.WriteFile(file, recordPayload(s.t, time.Now(), body), 0o600); err != nil {
			s.t.Fatal(err)
		}
		all = append(all, harness.Chunk{Tag: tag, File: file})
	}
	captured := func(kind harness.Type, name string) {
		all = append(all, harness.Chunk{Type: kind, Tag: tag, File: chunkFile("amd64-v5.1.1", name)})
	}
	switch input {
	case "node_exporter_metrics", "prometheus_scrape":
		captured(harness.Metrics, "node_metrics.1")
		captured(harness.Metrics, "node_metrics.2")
	case "netif":
		captured(harness.Logs, "netif.1")
	case "exec":
		record(tag, map[string]any{"exec": "17"})
	case "systemd":
		record("journal.pump.service", map[string]any{"MESSAGE": "unit failed", "PRIORITY": "3", "SYSTEMD_UNIT": "pump.service"})
	case "opentelemetry":
		record("v1_logs", map[string]any{"log": "order 42 paid"})
		all = append(all, s.otlpMetrics()...)
	case "forward":
		all = append(all, s.twoHosts()...)
	case "dummy":
		var body map[string]any
		if err := json.Unmarshal([]byte(get("dummy")), &body); err != nil {
			s.t.Fatal(err)
		}
		record(tag, body)
	case "tail":
		record(tag, parsedLine(tag))
	}
	return all
}

// parsedLine is what the parsers of the examples make of their line.
func parsedLine(tag string) map[string]any {
	if tag == "nginx.shop" {
		return map[string]any{"remote": "192.0.2.1", "method": "GET", "path": "/cart", "code": "502", "size": "157", "request_time": "0.021"}
	}
	return map[string]any{"level": "info", "op": "checkout", "seconds": 0.021, "queue": 3}
}

// otlpMetrics are those of a service, as Fluent Bit's OTLP input hands them over.
func (s *stage) otlpMetrics() (all []harness.Chunk) {
	files, err := filepath.Glob(filepath.Join(kit.Root(), "build/testdata/sequences/otlp-services/00[1-6].*.msgpack"))
	if err != nil || len(files) == 0 {
		s.t.Fatal("no sequence", err)
	}
	for _, f := range files {
		all = append(all, harness.Chunk{Type: harness.Metrics, Tag: "v1_metrics", File: f})
	}
	return all
}

// twoHosts are the records of two devices, as they come by forward.
func (s *stage) twoHosts() (all []harness.Chunk) {
	files, err := filepath.Glob(filepath.Join(kit.Root(), "build/testdata/sequences/two-hosts/00[1-4].*.msgpack"))
	if err != nil || len(files) == 0 {
		s.t.Fatal("no sequence", err)
	}
	for _, f := range files {
		all = append(all, harness.Chunk{Tag: strings.Split(filepath.Base(f), ".")[1] + ".mem", File: f})
	}
	return all
}

// recordPayload packs one record as Fluent Bit does.
func recordPayload(t *testing.T, at time.Time, body map[string]any) []byte {
	t.Helper()
	var b bytes.Buffer
	sec, nsec := uint32(at.Unix()), uint32(at.Nanosecond())
	b.Write([]byte{0x92, 0x92, 0xd7, 0x00, byte(sec >> 24), byte(sec >> 16), byte(sec >> 8), byte(sec),
		byte(nsec >> 24), byte(nsec >> 16), byte(nsec >> 8), byte(nsec), 0x80})
	if err := msgpack.NewEncoder(&b).Encode(body); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// thermalSysfs makes a /sys with one thermal zone: machines without one are
// common where tests run.
func thermalSysfs(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	zone := filepath.Join(dir, "class", "thermal", "thermal_zone0")
	if err := os.MkdirAll(zone, 0o755); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(zone, "temp"), "48312\n")
	writeFile(t, filepath.Join(zone, "type"), "cpu-thermal\n")
	return dir
}

func appendTo(t *testing.T, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
}

// TestEachExampleIsPlayed: no configuration below examples/ is left out.
func TestEachExampleIsPlayed(t *testing.T) {
	listed := map[string]bool{}
	for _, e := range examples() {
		listed[filepath.Join(e.folder, e.file+".conf")] = true
	}
	root := filepath.Join(kit.Root(), "examples")
	files, err := filepath.Glob(filepath.Join(root, "*", "*.conf"))
	if err != nil || len(files) == 0 {
		t.Fatal("no examples", err)
	}
	for _, file := range files {
		name, _ := filepath.Rel(root, file)
		// parsers.conf and what FireLens includes do not run by themselves; the real
		// agent's test of fleet runs device.conf.
		if !slices.Contains([]string{"parsers.conf", "firelens-output.conf", "device.conf"}, filepath.Base(file)) && !listed[name] {
			t.Errorf("no test plays %s", name)
		}
	}
}

// TestExamples plays each example in the test host: what it promises arrives at
// VictoriaMetrics, VictoriaLogs and /metrics.
func TestExamples(t *testing.T) {
	for _, e := range examples() {
		t.Run(e.folder+"/"+e.file, func(t *testing.T) {
			s := newStage(t, &e)
			s.writeLines()
			if e.folder == "ecs-mimir" {
				e.metrics = []string{`{__name__=~"http_server_requests.*"}`} // those of the captured services
			}
			conf := s.place(e.file + ".conf")
			yaml := s.place(e.file + ".yaml")
			r := s.hostRun(conf)
			sameProperties(t, r, s.hostRun(yaml))
			l := start(t, r)
			s.look(&e, l.log.String)
			res := l.stop()
			noSecret(t, res.Stderr)
			if strings.Contains(res.Stderr, stagePassword) {
				t.Error("the password is printed")
			}
			if strings.Contains(res.Stderr, "[error]") {
				t.Errorf("errors:\n%s", res.Stderr)
			}
		})
	}
}

// sameProperties demands that both formats set the same, in any order.
func sameProperties(t *testing.T, classic, yaml harness.Run) {
	t.Helper()
	for i := range classic.Outputs {
		a, b := classic.Outputs[i].Properties, yaml.Outputs[i].Properties
		for _, props := range [][]harness.Property{a, b} {
			slices.SortFunc(props, func(x, y harness.Property) int { return strings.Compare(x.Key, y.Key) })
		}
		if !slices.Equal(a, b) {
			t.Errorf("classic %v\nYAML    %v", a, b)
		}
	}
}
