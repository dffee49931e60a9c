package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"out_edge/build/harness"
	"out_edge/build/intake"
	"out_edge/build/receivers"
)

const (
	countedTags  = 20
	countedEvery = 200 * time.Millisecond
)

// realCounts is a run of a real agent: 20 tailed files, three rules, and two outputs,
// whose receivers are in trouble for a third of the time.
type realCounts struct {
	t      *testing.T
	agent  string
	dir    string
	conf   string
	truth  tally
	random *rand.Rand
	pages  []string // of the outputs, /metrics

	*realMetrics
	intake *counting
	way    [2]*intake.Proxy
}

// COUNTS_FOR says how long the run takes, COUNTS_RELOADS how many hot reloads there are
// in it, and COUNTS_RESTART=1 that the agent is started anew in its midst, while nothing
// gets through.
func TestCountsOfARealFluentBit(t *testing.T) {
	agent, ok := harness.RealAgent()
	if !ok {
		t.Log("no fluent-bit on PATH: TestCountsAreExact has shown the same with the test host")
		return
	}
	length, err := time.ParseDuration(os.Getenv("COUNTS_FOR"))
	if err != nil {
		length = 30 * time.Second
	}
	r := newRealCounts(t, agent, length)
	a := r.start(length)
	if n, err := strconv.Atoi(os.Getenv("COUNTS_RELOADS")); err == nil {
		r.reload(a, length/time.Duration(n+1))
	}
	if os.Getenv("COUNTS_RESTART") != "" {
		r.write(length / 2)
		a = r.restart(a, length)
		length /= 2
	}
	r.write(length)
	for _, way := range []interface{ SetScript(intake.Script) }{r.intake, r.way[0], r.way[1]} {
		way.SetScript(nil)
	}
	r.check()
	out, err := a.Stop()
	if err != nil {
		t.Error(err)
	}
	if t.Failed() {
		t.Log(out)
	}
}

func newRealCounts(t *testing.T, agent string, length time.Duration) *realCounts {
	r := &realCounts{t: t, agent: agent, dir: t.TempDir(), truth: tally{}, random: rand.New(rand.NewPCG(13, 13))}
	foul := length / 36
	script := func(first int) intake.Script {
		var kinds [][]intake.Action
		names := []string{"503", "lost", "429", "hang", "reset", "mixed"}
		for i := range names {
			kinds = append(kinds, troubles[names[(first+i)%len(names)]])
		}
		return weather(2*foul, foul, kinds...)
	}
	r.intake = startCounting(t, script(0))
	r.realMetrics = startRealMetrics(t)
	r.way = [2]*intake.Proxy{before(t, r.prometheus.URL, script(2)), before(t, r.victoria.URL, script(4))}
	r.configure()
	return r
}

func (r *realCounts) configure() {
	var c strings.Builder
	fmt.Fprintf(&c, "[SERVICE]\n    flush 1\n    grace 5\n    hot_reload.ensure_thread_safety off\n    storage.path %[1]s/chunks\n    parsers_file %[1]s/parsers.conf\n    scheduler.base 1\n    scheduler.cap 5\n", r.dir)
	for i := range countedTags {
		fmt.Fprintf(&c, "[INPUT]\n    name tail\n    tag %[2]s\n    path %[1]s/%[2]s.log\n    read_from_head on\n    refresh_interval 1\n    db %[1]s/%[2]s.db\n    parser counts\n    storage.type filesystem\n",
			r.dir, countedTag(i))
	}
	outputs := [2][]string{
		{"apikey", theKey, "dd_url", r.intake.URL(), "dd_metrics_url", r.intake.URL(), "remote_write_url", r.way[0].URL() + "/api/v1/write"},
		{"workers", "2", "remote_write_url", r.way[1].URL() + "/api/v1/write"},
	}
	for _, keys := range outputs {
		page := "127.0.0.1:" + freePort(r.t)
		r.pages = append(r.pages, "http://"+page+"/metrics")
		fmt.Fprintf(&c, "[OUTPUT]\n    name edge\n    match app.*\n    retry_limit no_limits\n    config_file %s\n    listen %s\n", countRulesFile(r.t), page)
		for i := 0; i < len(keys); i += 2 {
			fmt.Fprintf(&c, "    %s %s\n", keys[i], keys[i+1])
		}
	}
	r.conf = r.file("fluent-bit.conf", c.String())
	r.file("parsers.conf", "[PARSER]\n    name counts\n    format json\n    time_key at\n    time_format %s.%L\n")
	for i := range countedTags {
		r.file(countedTag(i)+".log", "")
	}
}

func countedTag(i int) string { return fmt.Sprintf("app.%02d", i) }

func (r *realCounts) file(name, text string) string {
	r.t.Helper()
	path := filepath.Join(r.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
	return path
}

func (r *realCounts) start(length time.Duration) *harness.Agent {
	r.t.Helper()
	a, err := harness.StartAgent(r.t.Context(), r.agent, []string{"-Y", "-e", library(r.t), "-c", r.conf}, nil, 2*length+4*patience, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	return a
}

// reload has the agent reload each time that so much has gone by, until the test ends.
func (r *realCounts) reload(a *harness.Agent, every time.Duration) {
	tick := time.NewTicker(every)
	r.t.Cleanup(tick.Stop)
	go func() {
		for {
			select {
			case <-tick.C:
				if err := a.Reload(); err != nil {
					r.t.Errorf("reload: %v", err)
				}
			case <-r.t.Context().Done():
				return
			}
		}
	}()
}

// restart stops the agent while nothing gets through, and starts it again; then the
// weather is fair for good. Nobody could know of answers that were lost just before, so
// that all is settled first.
func (r *realCounts) restart(a *harness.Agent, length time.Duration) *harness.Agent {
	r.t.Helper()
	for _, way := range []interface{ SetScript(intake.Script) }{r.intake, r.way[0], r.way[1]} {
		way.SetScript(nil)
	}
	r.write(20 * time.Second)
	r.arrive()
	out := func(int, *http.Request) intake.Action { return intake.Action{Status: 503} }
	for _, way := range []interface{ SetScript(intake.Script) }{r.intake, r.way[0], r.way[1]} {
		way.SetScript(out)
	}
	r.write(5 * time.Second)
	if said, err := a.Stop(); err != nil {
		r.t.Errorf("%v\n%s", err, said)
	}
	a = r.start(length)
	r.write(5 * time.Second)
	for _, way := range []interface{ SetScript(intake.Script) }{r.intake, r.way[0], r.way[1]} {
		way.SetScript(nil)
	}
	return a
}

// write writes records for a while: one a tag each moment, now and then one that is
// nine minutes ahead or an hour late.
func (r *realCounts) write(length time.Duration) {
	r.t.Helper()
	tick := time.NewTicker(countedEvery)
	defer tick.Stop()
	for end := time.Now().Add(length); time.Now().Before(end); <-tick.C {
		for i := range countedTags {
			at := time.Now()
			switch r.random.IntN(50) {
			case 0:
				at = at.Add(9 * time.Minute)
			case 1:
				at = at.Add(-time.Hour)
			case 2:
				at = at.Add(-time.Second)
			}
			v := r.random.IntN(9)
			line, err := json.Marshal(map[string]any{"at": json.Number(fmt.Sprintf("%d.%03d", at.Unix(), at.Nanosecond()/1e6)), "v": v})
			if err != nil {
				r.t.Fatal(err)
			}
			appendTo(r.t, filepath.Join(r.dir, countedTag(i)+".log"), string(line)+"\n")
			r.truth.add(countedTag(i), v)
		}
	}
}

// arrive waits until all receivers have what was written.
func (r *realCounts) arrive() (tallies map[string]tally) {
	r.t.Helper()
	eventually(r.t, patience, func() error {
		tallies = map[string]tally{"intake": r.intake.tally()}
		for name, ask := range map[string]func(context.Context, string) ([]receivers.Series, error){"Prometheus": r.prometheus.Series, "VictoriaMetrics": r.victoria.Series} {
			all, err := ask(r.t.Context(), `{__name__=~"(lines|units|sizes).*"}`)
			if err != nil {
				return err
			}
			tallies[name] = tallyOf(r.t, all)
		}
		for name, c := range tallies {
			for k, want := range r.truth {
				if c[k] < want {
					return fmt.Errorf("%s: %s is %v, want %v", name, k, c[k], want)
				}
			}
		}
		return nil
	})
	return tallies
}

// check waits until all is there, and compares.
func (r *realCounts) check() {
	r.t.Helper()
	tallies := r.arrive()
	for name, c := range tallies {
		r.truth.want(r.t, name, c)
	}
	if os.Getenv("COUNTS_RESTART") == "" {
		for _, page := range r.pages {
			r.truth.want(r.t, page, tallyOfPage(r.t, get(r.t, page)))
		}
	}
	if n := r.intake.ahead.Load(); n > 0 {
		r.t.Errorf("%d points were ahead of the clock", n)
	}
	noneRefused(r.t, r.intake.Server, false)
	r.t.Logf("%v records of %d tags: %d requests at the intake, %d at Prometheus, %d at VictoriaMetrics", r.truth["sizes_count"], countedTags,
		len(r.intake.Requests()), len(r.way[0].Forwarded()), len(r.way[1].Forwarded()))
}
