package exporter

import (
	"cmp"
	"math"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"out_edge/plugin/delivery"
	"out_edge/timefix"
)

// statusView is what status.qtpl shows. All texts are plain; the template
// escapes them.
type statusView struct {
	Icon string // a URL

	Device, Version        string
	Class, Sign, Condition string
	Summary                string
	Time                   string
	Findings               []finding
	Sections               []statusSection
	Several                bool
}

// statusSection is one instance.
type statusSection struct {
	Title, Labels      string
	Running            string
	Backlog            string
	Skew               string
	Window             string
	Host, Minor, Other []hostRow
	Sinks              []sinkView
	Shared             bool // the sinks' figures are another instance's too
	Repaired           string
	Verdicts           []reasonCount
	Repairs            []repairView
	Settings           []Setting
	SettingsSet        int
}

// sinkView is the state of one sink.
type sinkView struct {
	Title, Class, Sign, Word string
	Rows                     []sinkRow
	Reasons                  []reasonCount
}

type sinkRow struct{ Name, Value string }

type reasonCount struct{ Reason, Count string }

type repairView struct {
	Tag, Age, Verdict, Before, After, Why string
}

// view gathers what the page shows now.
func (s *statusPage) view() *statusView {
	p := s.page
	instant := p.clock.Now()
	now := arrival(instant)
	v := &statusView{Device: clean(s.device),
		Time: time.Unix(0, instant.Wall).UTC().Format("2006-01-02 15:04:05 UTC")}
	instances := p.attached()
	v.Several = len(instances) > 1
	selves := make(map[*Self]bool)
	last := int64(0)
	for i, m := range instances {
		title := "Output " + count(float64(i+1))
		for _, f := range m.findings(now) {
			if v.Several {
				f.Text = title + ": " + f.Text
			}
			v.Findings = append(v.Findings, f)
		}
		v.Version = clean(m.cfg.Version)
		section := m.section(now)
		section.Title, section.Shared = title, selves[m.self]
		selves[m.self] = true
		v.Sections = append(v.Sections, section)
		last = max(last, m.self.newest())
	}
	v.judge(now, last)
	return v
}

// judge sums the findings up.
func (v *statusView) judge(now, last int64) {
	slices.SortStableFunc(v.Findings, func(a, b finding) int { return cmp.Compare(b.condition, a.condition) })
	c := worst(v.Findings)
	v.Class, v.Sign, v.Condition = c.class(), c.sign(), c.word()
	v.Icon = statusIcon(c)
	if c == well {
		v.Summary = "Nothing is amiss. The last data came " + ago(now, last) + "."
	}
}

// statusIcon is a dot in the condition's colour, for the browser's tab.
func statusIcon(c condition) string {
	colour := [...]string{"#1a7f37", "#6b7785", "#b07400", "#c62828"}[c]
	svg := `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><circle cx="4" cy="4" r="4" fill="` + colour + `"/></svg>`
	return "data:image/svg+xml," + url.PathEscape(svg)
}

// newest is when something last came or went.
func (s *Self) newest() int64 {
	last := s.arrived.Load()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, st := range s.states {
		last = max(last, st.delivered)
	}
	return last
}

func (m *Metrics) section(now int64) statusSection {
	charts, series := m.charted()
	v := statusSection{Labels: labelText(m.labels), Running: span(time.Duration(now - m.opened))}
	var window int64
	v.Host, v.Minor, v.Other, window = hostRows(charts, now)
	v.Window = since(window)
	v.Skew = m.self.skewText()
	backlog := m.backlog()
	v.Backlog = backlog[""]
	figures := m.self.figures()
	for _, sink := range m.sinks() {
		if s, shown := m.sinkView(sink, figures[sink], backlog[sink], series, now); shown {
			v.Sinks = append(v.Sinks, s)
		}
	}
	v.repairs(m, now)
	v.Settings, v.SettingsSet = m.settings()
	return v
}

// since is a window of time in words.
func since(ns int64) string { return span(time.Duration(ns)) }

// backlog is what waits, by sink.
func (m *Metrics) backlog() map[string]string {
	if m.cfg.Backlog == nil {
		return nil
	}
	all := make(map[string]string)
	for _, b := range m.cfg.Backlog() {
		text := "nothing"
		if b.Chunks > 0 || b.Bytes > 0 {
			text = count(float64(b.Chunks)) + " chunks, " + size(float64(b.Bytes))
		}
		all[b.Sink] = text
	}
	return all
}

// sinkFigures are a sink's counters.
type sinkFigures struct {
	result            map[string]float64
	dropped, adjusted map[string]float64 // by reason
}

// figures reads the counters, by sink.
func (s *Self) figures() map[string]*sinkFigures {
	all := make(map[string]*sinkFigures)
	of := func(sink string) *sinkFigures {
		if all[sink] == nil {
			all[sink] = &sinkFigures{map[string]float64{}, map[string]float64{}, map[string]float64{}}
		}
		return all[sink]
	}
	eachCounter(s.records, func(labels map[string]string, v float64) { of(labels["sink"]).result[labels["result"]] = v })
	eachCounter(s.dropped, func(labels map[string]string, v float64) { of(labels["sink"]).dropped[labels["reason"]] = v })
	eachCounter(s.adjusted, func(labels map[string]string, v float64) { of(labels["sink"]).adjusted[labels["reason"]] = v })
	return all
}

// eachCounter goes through the counters of a collector.
func eachCounter(c prometheus.Collector, do func(labels map[string]string, v float64)) {
	ch := make(chan prometheus.Metric, 16)
	go func() { c.Collect(ch); close(ch) }()
	for m := range ch {
		var d dto.Metric
		if m.Write(&d) != nil {
			continue
		}
		labels := make(map[string]string, len(d.Label))
		for _, l := range d.Label {
			labels[l.GetName()] = l.GetValue()
		}
		do(labels, d.GetCounter().GetValue())
	}
}

// sinkView is what the page shows of one sink; shown is false where there is
// nothing to tell.
func (m *Metrics) sinkView(sink string, f *sinkFigures, backlog string, series int, now int64) (v sinkView, shown bool) {
	if f == nil {
		f = new(sinkFigures)
	}
	if sink == delivery.SinkDecode && f.result[resultDropped] == 0 {
		return v, false
	}
	st := m.self.stateOf(sink)
	c := worst(sinkFindings(sink, st, now))
	if c == well && st.delivered == 0 && (sink != delivery.SinkPrometheus || m.self.arrived.Load() == 0) && sink != delivery.SinkDecode {
		c = waiting
	}
	v = sinkView{Title: sinkTitle(sink), Class: c.class(), Sign: c.sign(), Word: c.word()}
	switch sink {
	case delivery.SinkPrometheus:
		v.add("Last sample", ago(now, m.self.arrived.Load()))
		v.add("Last scrape", ago(now, m.page.scraped.Load()))
		v.add("Series", seriesText(series, m.cfg.SeriesLimit))
		v.add("Samples shown", count(f.result[resultDelivered]))
		v.add("Refused", count(f.result[resultDropped]))
	case delivery.SinkDecode:
		v.add("Dropped", count(f.result[resultDropped]))
	default:
		v.add("Last success", ago(now, st.delivered))
		if backlog != "" {
			v.add("Waiting", backlog)
		}
		v.add("Last fault", faultRow(st, now))
		v.add("Delivered", count(f.result[resultDelivered]))
		v.add("Retried", count(f.result[resultRetried]))
		v.add("Dropped", count(f.result[resultDropped]))
	}
	v.Reasons = append(reasons(f.dropped, ""), reasons(f.adjusted, "adjusted: ")...)
	return v, true
}

func (v *sinkView) add(name, value string) { v.Rows = append(v.Rows, sinkRow{name, value}) }

func faultRow(st sinkState, now int64) string {
	if st.fault == 0 {
		return "none"
	}
	return ago(now, st.fault) + ": " + faultText(st.code)
}

func seriesText(n, limit int) string {
	if limit == 0 {
		return count(float64(n))
	}
	return count(float64(n)) + " of " + count(float64(limit))
}

// reasons are the counts that are not 0, the largest first.
func reasons(by map[string]float64, prefix string) (all []reasonCount) {
	keys := make([]string, 0, len(by))
	for k, n := range by {
		if n > 0 {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, func(a, b string) int { return cmp.Or(cmp.Compare(by[b], by[a]), cmp.Compare(a, b)) })
	for _, k := range keys {
		all = append(all, reasonCount{prefix + words(k), count(by[k])})
	}
	return all
}

// smallSkew is a difference of clocks, in seconds, that means nothing: the
// intake tells whole seconds.
const smallSkew = 5

func (s *Self) skewText() string {
	var d dto.Metric
	if s.skew.Write(&d) != nil || math.Abs(d.GetGauge().GetValue()) < smallSkew {
		return ""
	}
	skew := d.GetGauge().GetValue()
	if skew < 0 {
		return "the intake's clock is " + digits3(-skew) + " s behind this one"
	}
	return "the intake's clock is " + digits3(skew) + " s ahead of this one"
}

// maxRepairViews is how many time repairs the page shows; /debug/time has more.
const maxRepairViews = 8

func (v *statusSection) repairs(m *Metrics, now int64) {
	by, repaired := make(map[string]float64), 0.0
	for i, c := range m.self.repairs {
		var d dto.Metric
		if verdict := timefix.Verdict(i); verdict != timefix.OK && c.Write(&d) == nil {
			by[verdict.String()] = d.GetCounter().GetValue()
			repaired += d.GetCounter().GetValue()
		}
	}
	v.Repaired, v.Verdicts = count(repaired), reasons(by, "")
	if m.cfg.Repairs == nil {
		return
	}
	all := m.cfg.Repairs()
	for i := range all[:min(len(all), maxRepairViews)] {
		r := &all[i]
		v.Repairs = append(v.Repairs, repairView{Tag: clean(r.Tag), Age: ago(now, arrival(r.At)), Verdict: words(r.Verdict.String()),
			Before: shortStamp(r.Before), After: shortStamp(r.After), Why: clean(r.Why)})
	}
}

// shortStamp is a time to the millisecond.
func shortStamp(unixNano int64) string {
	return time.Unix(0, unixNano).UTC().Format("2006-01-02 15:04:05.000")
}

// struckOut stands for a secret.
const struckOut = "••••••"

// settings are those in force, the user's own first, without secrets.
func (m *Metrics) settings() (all []Setting, set int) {
	if m.cfg.Settings == nil {
		return nil, 0
	}
	passwords := regexp.MustCompile(`//[^/@\s]+@`)
	for _, s := range m.cfg.Settings() {
		if !s.Default {
			set++
		}
		s.Secret = s.Secret || looksSecret(s.Key)
		if s.Value = clean(passwords.ReplaceAllString(s.Value, "//"+struckOut+"@")); s.Secret && s.Value != "" {
			s.Value = struckOut
		}
		s.Key = clean(s.Key)
		all = append(all, s)
	}
	slices.SortStableFunc(all, func(a, b Setting) int {
		switch {
		case a.Default == b.Default:
			return 0
		case b.Default:
			return -1
		}
		return 1
	})
	return all, set
}

// looksSecret tells whether a setting of this name may hold a secret. The name
// of a file is none.
func looksSecret(key string) bool {
	key = strings.ToLower(key)
	if strings.HasSuffix(key, "_file") {
		return false
	}
	for _, part := range []string{"apikey", "api_key", "password", "passwd", "token", "secret", "header"} {
		if strings.Contains(key, part) {
			return true
		}
	}
	return false
}
