package e2e_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"out_edge/build/intake"
	"out_edge/build/intake/strict"
	"out_edge/build/receivers"
)

// countRules count what a test's records say: how many there are of each tag, what all
// tags together have, and how it is spread. last is a gauge.
const countRules = `metrics:
  - {name: lines_total, type: counter, help: Records by tag., labels: {tag: $TAG}}
  - {name: units_total, type: counter, help: What the records of all tags hold., value_field: v}
  - {name: sizes, type: histogram, help: The same by size., value_field: v, buckets: [2, 5]}
`

func countRulesFile(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "rules.yaml")
	if err := os.WriteFile(file, []byte(countRules), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// tally is what has been counted of each series, by its name at Prometheus and its
// labels tag and le.
type tally map[string]float64

func tallyKey(name string, labels map[string]string) string {
	for _, label := range []string{"le", "tag"} {
		if v := strings.TrimSuffix(labels[label], ".0"); v != "" {
			name += " " + label + "=" + v
		}
	}
	return name
}

// add counts a record.
func (c tally) add(tag string, v int) {
	c["lines_total tag="+tag]++
	c["units_total"] += float64(v)
	c["sizes_count"]++
	c["sizes_sum"] += float64(v)
	for _, bound := range []string{"2", "5", "+Inf"} {
		le, err := strconv.Atoi(bound)
		if n := c["sizes_bucket le="+bound]; err != nil || v <= le {
			c["sizes_bucket le="+bound] = n + 1
		} else {
			c["sizes_bucket le="+bound] = n // it stands there from the first record on
		}
	}
}

// times is the tally of n times as much.
func (c tally) times(n int) tally {
	all := maps.Clone(c)
	for k := range all {
		all[k] *= float64(n)
	}
	return all
}

// want compares what a receiver has with the truth.
func (c tally) want(t *testing.T, where string, got tally) {
	t.Helper()
	wrong := 0
	for _, k := range slices.Sorted(maps.Keys(c)) {
		if got[k] != c[k] && wrong < 5 {
			wrong++
			t.Errorf("%s: %s is %v, want %v", where, k, got[k], c[k])
		}
	}
	for k := range got {
		if _, ok := c[k]; !ok {
			t.Errorf("%s has %s", where, k)
		}
	}
}

// tallyOf adds up what totals have grown by, as PromQL's increase does without
// guessing: one that falls began anew.
func tallyOf(t *testing.T, all []receivers.Series) tally {
	t.Helper()
	got := tally{}
	for _, s := range all {
		last := 0.0
		sum := 0.0
		for i, p := range s.Points {
			if i > 0 && p.UnixMilli <= s.Points[i-1].UnixMilli {
				t.Errorf("%v: a point of %d after one of %d", s.Labels, p.UnixMilli, s.Points[i-1].UnixMilli)
			}
			if p.Value < last {
				last = 0
			}
			sum += p.Value - last
			last = p.Value
		}
		got[tallyKey(s.Labels["__name__"], s.Labels)] += sum
	}
	return got
}

var tallyLine = regexp.MustCompile(`(?m)^((?:lines|units|sizes)[a-z_]*)(?:\{(.*)\})? (\S+)$`)

// tallyOfPage reads /metrics.
func tallyOfPage(t *testing.T, page string) tally {
	t.Helper()
	got := tally{}
	for _, m := range tallyLine.FindAllStringSubmatch(page, -1) {
		labels := map[string]string{}
		for pair := range strings.SplitSeq(m[2], ",") {
			name, value, _ := strings.Cut(pair, "=")
			labels[name] = strings.Trim(value, `"`)
		}
		v, err := strconv.ParseFloat(m[3], 64)
		if err != nil {
			t.Fatal(err)
		}
		got[tallyKey(m[1], labels)] = v
	}
	return got
}

// counting is an intake that judges strictly, and adds up what it has.
type counting struct {
	*intake.Server
	ahead atomic.Int64 // points that were ahead of the clock when they came

	mu     sync.Mutex
	points map[string]map[int64]float64 // by series and second the last value, as at Datadog
}

func startCounting(t *testing.T, script intake.Script) *counting {
	t.Helper()
	c := &counting{points: map[string]map[int64]float64{}}
	c.Server = startIntake(t, intake.Config{Script: script, CountOnly: true, Check: new(strict.Checker).Check, OnAccept: func(endpoint string, entries []intake.Entry) {
		if endpoint == intake.Series {
			c.take(t, entries)
		}
	}})
	return c
}

func (c *counting) take(t *testing.T, entries []intake.Entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now().Unix()
	for _, e := range entries {
		s := seriesOf(t, e)
		key := datadogKey(s.Metric, s.Tags)
		if c.points[key] == nil {
			c.points[key] = map[int64]float64{}
		}
		for _, p := range s.Points {
			c.points[key][p.Timestamp] = p.Value
			if p.Timestamp > now {
				c.ahead.Add(1)
			}
		}
	}
}

// datadogKey is the tallyKey of a metric as Datadog has it.
func datadogKey(metric string, tags []string) string {
	labels := map[string]string{}
	for _, tag := range tags {
		name, value, _ := strings.Cut(tag, ":")
		labels[name] = value
	}
	labels["le"] = strings.Replace(labels["upper_bound"], "inf", "+Inf", 1)
	return tallyKey(strings.ReplaceAll(metric, ".", "_"), labels)
}

func (c *counting) tally() tally {
	c.mu.Lock()
	defer c.mu.Unlock()
	got := tally{}
	for key, points := range c.points {
		if name, _, _ := strings.Cut(key, "_"); name != "lines" && name != "units" && name != "sizes" {
			continue
		}
		for _, v := range points {
			got[key] += v
		}
	}
	return got
}

// The kinds of trouble that a receiver can be in. Of the last three it is not known
// whether what was sent is there.
var troubles = map[string][]intake.Action{
	"429":   {{Status: 429, Header: http.Header{"Retry-After": {"1"}}}},
	"503":   {{Status: 503}},
	"reset": {{ResetBefore: true}},
	"hang":  {{Hang: true}},
	"lost":  {{ResetAfter: true}},
	"late":  {{Delay: 1500 * time.Millisecond}},
	"mixed": {{Status: 503}, {ResetAfter: true}, {}, {Status: 429}, {Cut: true}, {ResetBefore: true}, {Raw: "no HTTP\r\n\r\n"}, {Status: 500}},
}

// weather is fair for a while, then foul, and so on, each time with the next kind of
// trouble.
func weather(fair, foul time.Duration, kinds ...[]intake.Action) intake.Script {
	began := sync.OnceValue(time.Now)
	return func(n int, _ *http.Request) intake.Action {
		since := time.Since(began())
		if since%(fair+foul) < fair {
			return intake.Action{}
		}
		trouble := kinds[int(since/(fair+foul))%len(kinds)]
		return trouble[n%len(trouble)]
	}
}

// eventually calls check each moment until it holds, or patience ends.
func eventually(t *testing.T, patience time.Duration, check func() error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		err := check()
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal(fmt.Errorf("it does not come about: %w", err))
		}
	}
}
