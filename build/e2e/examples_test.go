package e2e_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"out_edge/build/harness"
	"out_edge/build/intake"
)

// section is one of a classic configuration file.
type section struct {
	kind string // SERVICE, INPUT, OUTPUT
	keys []harness.Property
}

func (s *section) get(key string) string {
	for _, p := range s.keys {
		if p.Key == key {
			return p.Value
		}
	}
	return ""
}

// parseConf reads Fluent Bit's classic format, as far as the examples go.
func parseConf(t *testing.T, path string) (all []*section) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || line[0] == '#':
		case line[0] == '[':
			all = append(all, &section{kind: strings.Trim(line, "[]")})
		default:
			key, value, _ := strings.Cut(line, " ")
			s := all[len(all)-1]
			s.keys = append(s.keys, harness.Property{Key: key, Value: strings.TrimSpace(value)})
		}
	}
	return all
}

// hostRun is what the test host does with a configuration file.
func hostRun(t *testing.T, conf string, env map[string]string) harness.Run {
	t.Helper()
	r := harness.Run{V5: true, Tail: map[string]string{}, Interval: 100 * time.Millisecond, Sysfs: thermalSysfs(t)}
	for _, s := range parseConf(t, conf) {
		switch name := s.get("name"); {
		case s.kind == "INPUT" && name == "tail":
			path := os.Expand(s.get("path"), func(k string) string { return env[k] })
			r.Tail[s.get("tag")] = strings.Replace(path, "*", "app", 1)
		case s.kind == "INPUT":
			r.Live = append(r.Live, name)
		case s.kind == "OUTPUT":
			r.Outputs = append(r.Outputs, harness.Output{Name: name, Properties: s.keys[1:]})
		}
	}
	for k, v := range env {
		r.Env = append(r.Env, k+"="+v)
	}
	return r
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
	for name, text := range map[string]string{"temp": "48312\n", "type": "cpu-thermal\n"} {
		if err := os.WriteFile(filepath.Join(zone, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// surroundings are the environment that the examples ask for.
func surroundings(t *testing.T, in *intake.Server) map[string]string {
	t.Helper()
	env := map[string]string{"EDGE_LOGS": t.TempDir(), "EDGE_STATE": t.TempDir(), "EDGE_INTAKE": in.URL(),
		"EDGE_LISTEN": "127.0.0.1:" + freePort(t), "DD_API_KEY": theKey}
	return env
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

func TestTheDatadogExample(t *testing.T) {
	in := startIntake(t, intake.Config{Keys: []string{theKey}})
	env := surroundings(t, in)
	log := filepath.Join(env["EDGE_LOGS"], "app.log")
	appendTo(t, log, "first\n")
	l := start(t, hostRun(t, example("armadillo-datadog"), env))
	checkDatadogExample(t, in, func() { appendTo(t, log, "second\n") }, 2)
	page := get(t, "http://"+env["EDGE_LISTEN"]+"/metrics")
	if !strings.Contains(page, `edge_temperature_celsius{type="cpu-thermal",zone="thermal_zone0"} 48.312`) {
		t.Errorf("no temperature at /metrics:\n%s", page)
	}
	noSecret(t, l.stop().Stderr)
}

// checkDatadogExample waits until logs and metrics have arrived.
func checkDatadogExample(t *testing.T, in *intake.Server, more func(), logs int) {
	t.Helper()
	more()
	if err := in.WaitLogs(t.Context(), logs); err != nil {
		t.Fatal(err)
	}
	if err := in.WaitSeries(t.Context(), 5); err != nil {
		t.Fatal(err)
	}
	entry := string(in.Logs()[0].JSON)
	for _, want := range []string{`"service":"armadillo"`, `"ddsource":"armadillo-iot-a6e"`, `"ddtags":"env:field,device:a6e"`} {
		if !strings.Contains(entry, want) {
			t.Errorf("no %s in %s", want, entry)
		}
	}
	metric := string(in.Series()[0].JSON)
	if !strings.Contains(metric, `"metric":"edge.`) || !strings.Contains(metric, `"env:field"`) {
		t.Errorf("series: %s", metric)
	}
}

func TestThePrometheusExample(t *testing.T) {
	env := map[string]string{"EDGE_LISTEN": "127.0.0.1:" + freePort(t)}
	r := hostRun(t, example("prometheus-exporter"), env)
	ready := make(chan struct{})
	once := false
	r.ReportEvery = 20 * time.Millisecond
	r.OnReport = func(res harness.Result) {
		if !once && res.Outputs[0].OK >= 6 { // two rounds of three inputs
			once = true
			close(ready)
		}
	}
	l := start(t, r)
	addr := l.address()
	<-ready
	page := get(t, "http://"+addr+"/metrics")
	l.stop()
	for _, want := range []string{
		`edge_cpu_usage_ratio{cpu="total",mode="total"}`,
		`edge_memory_bytes{state="total"}`,
		`edge_temperature_celsius{type="cpu-thermal",zone="thermal_zone0"} 48.312`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("%s is missing:\n%s", want, page)
		}
	}
}

func example(name string) string {
	return filepath.Join(kit.Root(), "examples", name, "fluent-bit.conf")
}

func TestTheExamplesInARealFluentBit(t *testing.T) {
	agent, ok := harness.RealAgent()
	if !ok {
		t.Log("no fluent-bit on PATH: the test host has played the examples in its place")
		return
	}
	in := startIntake(t, intake.Config{Keys: []string{theKey}})
	env := surroundings(t, in)
	log := filepath.Join(env["EDGE_LOGS"], "app.log")
	appendTo(t, log, "")
	var list []string
	for k, v := range env {
		list = append(list, k+"="+v)
	}
	conf := filepath.Join(t.TempDir(), "fluent-bit.conf")
	quick := strings.NewReplacer("interval_sec              10", "interval_sec 1", "flush                     5", "flush 1")
	text, err := os.ReadFile(example("armadillo-datadog"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(conf, []byte(quick.Replace(string(text))), 0o644); err != nil {
		t.Fatal(err)
	}
	watch := newWatched()
	a, err := harness.StartAgent(t.Context(), agent, []string{"-e", library(t), "-c", conf}, list, time.Minute, watch)
	if err != nil {
		t.Fatal(err)
	}
	// The tail input begins at a file's end, once it has found it.
	stop := make(chan struct{})
	go func() {
		for i := 0; ; i++ {
			appendTo(t, log, "line "+strconv.Itoa(i)+"\n")
			select {
			case <-stop:
				return
			case <-time.After(200 * time.Millisecond):
			}
		}
	}()
	checkDatadogExample(t, in, func() {}, 2)
	close(stop)
	out, err := a.Stop()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	noSecret(t, out)
}
