package statuspage

import (
	"cmp"
	"net/url"
	"regexp"
	"slices"
	"strconv"
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
	Words                  []word
}

// section is one instance.
type section struct {
	Title, Labels string
	Running       string
	Backlog       string
	Skew          string
	Ranges        []rangeLink
	charts
	Flow     flow
	Sinks    []sinkView
	Tail     tailView
	Repaired string
	Verdicts []reasonCount
	Repairs  []repairView
	Settings []Setting
	Defaults int // how many settings are at theirs
}

// rangeLink is a choice of how far the charts go back.
type rangeLink struct {
	Name, Title string
	Chosen      bool
}

// sinkView is the state of one sink.
type sinkView struct {
	Title, Class, Sign, Word string
	Rows                     []sinkRow
	Reasons                  []reasonCount
}

// sinkRow is one line; Word is the entry of words that explains it, or empty.
type sinkRow struct{ Name, Value, Word string }

type reasonCount struct{ Reason, Count string }

type repairView struct {
	Tag, Age, Verdict, Before, After, Shift, Why string
}

func newView(s *Snapshot) *view {
	now := int64(s.Now.Elapsed())
	v := &view{Device: clean(s.Device), Several: len(s.Instances) > 1, Words: words(),
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
		section := in.section(s)
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

func (in *Instance) section(s *Snapshot) section {
	now := int64(s.Now.Elapsed())
	f := frame{now: now, wall: s.Now.Wall, from: max(now-int64(s.Range), 0)}
	v := section{Labels: labelText(in.Labels), Running: span(time.Duration(now - in.Opened)),
		Skew: skewText(in.Telemetry.Skew), charts: chartsOf(in.Charts, f), Tail: in.tailView(now)}
	f.from = now - max(v.window, 1)
	v.Flow = in.flow(f, s.Scraped)
	for _, r := range chartRanges {
		v.Ranges = append(v.Ranges, rangeLink{Name: r.name, Title: r.title, Chosen: r.span == s.Range})
	}
	backlog := in.backlog()
	v.Backlog = backlog[""]
	for _, sink := range in.sinks() {
		if k, shown := in.sinkView(sink, backlog[sink], s.Scraped, now); shown {
			v.Sinks = append(v.Sinks, k)
		}
	}
	v.repairs(in, now)
	v.Settings, v.Defaults = shownSettings(in.Settings)
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
	c := in.condition(sink, now)
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

// condition is how well a sink is.
func (in *Instance) condition(sink string, now int64) condition {
	last := in.sink(sink).Last
	c := worst(sinkFindings(sink, last, now))
	if c == well && last.Delivered == 0 && (sink != delivery.SinkPrometheus || in.Telemetry.Arrived == 0) && sink != delivery.SinkDecode {
		c = waiting
	}
	for i := range in.Backlog {
		if b := &in.Backlog[i]; b.Sink == sink && b.Stalled {
			c = max(c, doubtful)
		}
	}
	return c
}

// rowWords are the words that explain the lines of sinks.
var rowWords = map[string]string{"Waiting": "waiting", "Last fault": "fault", "Delivered": "counts", "Retried": "counts", "Dropped": "counts", "Refused": "counts",
	"Sent today": "sent", "A month at this rate": "sent"}

func (v *sinkView) add(name, value string) {
	v.Rows = append(v.Rows, sinkRow{name, value, rowWords[name]})
}

// sent returns what a sink has sent: bytes of bodies, without headers.
func (v *sinkView) sent(last telemetry.SinkTimes, running time.Duration) {
	if last.Sent == 0 {
		return
	}
	v.add("Sent today", size(float64(last.SentToday)))
	if month := last.Month(running); month > 0 {
		v.add("A month at this rate", size(month))
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
		all = append(all, reasonCount{prefix + plainWords(k), count(by[k])})
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
		v.Repairs = append(v.Repairs, repairView{Tag: clean(r.Tag), Age: ago(now, int64(r.At.Elapsed())), Verdict: plainWords(r.Verdict.String()),
			Before: shortStamp(r.Before), After: shortStamp(r.After), Shift: shift(r), Why: clean(r.Why)})
	}
}

// shift is how far a time was moved.
func shift(r *timefix.Repair) string {
	d := time.Duration(r.After - r.Before)
	switch {
	case r.Before == 0:
		return ""
	case d.Abs() < time.Second:
		return "by less than a second"
	case d < 0:
		return "back by " + longSpan(-d)
	}
	return "ahead by " + longSpan(d)
}

// longSpan is a time that may be of years.
func longSpan(d time.Duration) string {
	const year = 8766 * time.Hour
	if d >= 2*year {
		return strconv.Itoa(int(d/year)) + " years"
	}
	return span(d)
}

// shortStamp is a time to the millisecond.
func shortStamp(unixNano int64) string {
	return time.Unix(0, unixNano).UTC().Format("2006-01-02 15:04:05.000")
}

// hidden is shown instead of a secret.
const hidden = "••••••"

var passwordInURL = regexp.MustCompile(`//[^/@\s]+@`)

// shownSettings are the settings that differ from their defaults, without secrets.
func shownSettings(settings []Setting) (set []Setting, defaults int) {
	for _, s := range settings {
		if s.Default {
			defaults++
			continue
		}
		s.Secret = s.Secret || looksSecret(s.Key)
		if s.Value = clean(passwordInURL.ReplaceAllString(s.Value, "//"+hidden+"@")); s.Secret && s.Value != "" {
			s.Value = hidden
		}
		s.Key = clean(s.Key)
		set = append(set, s)
	}
	return set, defaults
}

// looksSecret reports whether a setting of this name may hold a secret. The name
// of a file is none.
func looksSecret(key string) bool {
	key = strings.ToLower(key)
	return !strings.HasSuffix(key, "_file") && slices.ContainsFunc(
		[]string{"apikey", "api_key", "password", "passwd", "token", "secret", "header"},
		func(part string) bool { return strings.Contains(key, part) })
}
