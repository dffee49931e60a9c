package statuspage

import (
	"cmp"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"out_edge/exporter/telemetry"
	"out_edge/plugin/delivery"
	"out_edge/timefix"
)

// view is what status.qtpl shows. All texts are plain; the template escapes them.
type view struct {
	Icon string // a URL

	Device, Version        string
	Class, Sign, Condition string
	Summary                string
	Time                   string
	Findings               []finding
	Sections               []section
	Several                bool
}

// section is one instance.
type section struct {
	Title, Labels      string
	Running            string
	Backlog            string
	Skew               string
	Window             string
	Host, Minor, Other []row
	Sinks              []sinkView
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

func newView(s *Snapshot) *view {
	now := int64(s.Now.Elapsed())
	v := &view{Device: clean(s.Device), Several: len(s.Instances) > 1,
		Time: time.Unix(0, s.Now.Wall).UTC().Format("2006-01-02 15:04:05 UTC")}
	last := int64(0)
	for i := range s.Instances {
		in := &s.Instances[i]
		title := "Output " + clean(in.Output)
		for _, f := range in.findings(now) {
			if v.Several {
				f.Text = title + ": " + f.Text
			}
			v.Findings = append(v.Findings, f)
		}
		v.Version = clean(in.Version)
		section := in.section(now, s.Scraped)
		section.Title = title
		v.Sections = append(v.Sections, section)
		last = max(last, in.newest())
	}
	v.judge(now, last)
	return v
}

// judge sums the findings up.
func (v *view) judge(now, last int64) {
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

func (in *Instance) section(now, scraped int64) section {
	v := section{Labels: labelText(in.Labels), Running: span(time.Duration(now - in.Opened)),
		Skew: skewText(in.Telemetry.Skew)}
	var window int64
	v.Host, v.Minor, v.Other, window = rowsOf(in.Charts, now)
	v.Window = span(time.Duration(window))
	backlog := in.backlog()
	v.Backlog = backlog[""]
	for _, sink := range in.sinks() {
		if s, shown := in.sinkView(sink, backlog[sink], scraped, now); shown {
			v.Sinks = append(v.Sinks, s)
		}
	}
	v.repairs(in, now)
	v.Settings, v.SettingsSet = shownSettings(in.Settings)
	return v
}

// backlog is what waits, by sink.
func (in *Instance) backlog() map[string]string {
	all := make(map[string]string)
	for _, b := range in.Backlog {
		text := "nothing"
		if b.Chunks > 0 || b.Bytes > 0 {
			text = count(float64(b.Chunks)) + " chunks, " + size(float64(b.Bytes))
		}
		all[b.Sink] = text
	}
	return all
}

// sinkView is what the page shows of one sink; shown is false where nothing
// happened that is worth a table.
func (in *Instance) sinkView(sink, backlog string, scraped, now int64) (v sinkView, shown bool) {
	s, arrived := in.sink(sink), in.Telemetry.Arrived
	if sink == delivery.SinkDecode && s.Dropped == 0 {
		return v, false
	}
	c := worst(sinkFindings(sink, s.Last, now))
	if c == well && s.Last.Delivered == 0 && (sink != delivery.SinkPrometheus || arrived == 0) && sink != delivery.SinkDecode {
		c = waiting
	}
	v = sinkView{Title: sinkTitle(sink), Class: c.class(), Sign: c.sign(), Word: c.word()}
	switch sink {
	case delivery.SinkPrometheus:
		v.add("Last sample", ago(now, arrived))
		v.add("Last scrape", ago(now, scraped))
		v.add("Series", seriesText(in.Series, in.SeriesLimit))
		v.add("Samples shown", count(s.Delivered))
		v.add("Refused", count(s.Dropped))
	case delivery.SinkDecode:
		v.add("Dropped", count(s.Dropped))
	default:
		v.add("Last success", ago(now, s.Last.Delivered))
		if backlog != "" {
			v.add("Waiting", backlog)
		}
		v.add("Last fault", faultRow(now, s.Last.Fault, s.Last.Code))
		v.add("Delivered", count(s.Delivered))
		v.add("Retried", count(s.Retried))
		v.add("Dropped", count(s.Dropped))
		v.sent(s.Last, time.Duration(now-in.Opened))
	}
	v.Reasons = append(reasons(s.DropReasons, ""), reasons(s.AdjustReasons, "adjusted: ")...)
	return v, true
}

func (v *sinkView) add(name, value string) { v.Rows = append(v.Rows, sinkRow{name, value}) }

// enoughToProject is how long an instance must have run before its traffic is projected
// to a month.
const enoughToProject = 10 * time.Minute

// sent returns what a sink has sent: bytes of bodies, without headers.
func (v *sinkView) sent(last telemetry.SinkTimes, running time.Duration) {
	if last.Sent == 0 {
		return
	}
	v.add("Sent today", size(float64(last.SentToday)))
	if running >= enoughToProject {
		const month = 30 * 24 * time.Hour
		v.add("A month at this rate", size(float64(last.Sent)*float64(month)/float64(running)))
	}
}

func faultRow(now, at int64, code string) string {
	if at == 0 {
		return "none"
	}
	return ago(now, at) + ": " + faultText(code)
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

// smallSkew is a difference of clocks without meaning: the intake's time is in whole
// seconds.
const smallSkew = 5 * time.Second

func skewText(skew time.Duration) string {
	switch {
	case skew.Abs() < smallSkew:
		return ""
	case skew < 0:
		return "the intake's clock is " + digits3(-skew.Seconds()) + " s behind this one"
	}
	return "the intake's clock is " + digits3(skew.Seconds()) + " s ahead of this one"
}

// maxRepairViews is how many time repairs the page shows; /debug/time has more.
const maxRepairViews = 8

func (v *section) repairs(in *Instance, now int64) {
	by, repaired := make(map[string]float64), 0.0
	for i, n := range in.Telemetry.Repairs {
		if verdict := timefix.Verdict(i); verdict != timefix.OK {
			by[verdict.String()] = n
			repaired += n
		}
	}
	v.Repaired, v.Verdicts = count(repaired), reasons(by, "")
	for i := range in.Repairs[:min(len(in.Repairs), maxRepairViews)] {
		r := &in.Repairs[i]
		v.Repairs = append(v.Repairs, repairView{Tag: clean(r.Tag), Age: ago(now, int64(r.At.Elapsed())), Verdict: words(r.Verdict.String()),
			Before: shortStamp(r.Before), After: shortStamp(r.After), Why: clean(r.Why)})
	}
}

// shortStamp is a time to the millisecond.
func shortStamp(unixNano int64) string {
	return time.Unix(0, unixNano).UTC().Format("2006-01-02 15:04:05.000")
}

// hidden is shown instead of a secret.
const hidden = "••••••"

var passwordInURL = regexp.MustCompile(`//[^/@\s]+@`)

// shownSettings are the settings without secrets, the user's own first.
func shownSettings(settings []Setting) (all []Setting, set int) {
	var defaults []Setting
	for _, s := range settings {
		s.Secret = s.Secret || looksSecret(s.Key)
		if s.Value = clean(passwordInURL.ReplaceAllString(s.Value, "//"+hidden+"@")); s.Secret && s.Value != "" {
			s.Value = hidden
		}
		s.Key = clean(s.Key)
		if s.Default {
			defaults = append(defaults, s)
		} else {
			all = append(all, s)
		}
	}
	return append(all, defaults...), len(all)
}

// looksSecret reports whether a setting of this name may hold a secret. The name
// of a file is none.
func looksSecret(key string) bool {
	key = strings.ToLower(key)
	return !strings.HasSuffix(key, "_file") && slices.ContainsFunc(
		[]string{"apikey", "api_key", "password", "passwd", "token", "secret", "header"},
		func(part string) bool { return strings.Contains(key, part) })
}
