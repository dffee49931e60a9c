package statuspage

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"out_edge/exporter/history"
	"out_edge/exporter/telemetry"
	"out_edge/plugin/delivery"
)

// maxInputs is how many tags are shown beside the sinks; the others are a list.
const maxInputs = 10

// flow is what comes from Fluent Bit, what goes to the sinks, and what connects them.
type flow struct {
	Inputs []inputView
	More   []inputView // those beyond maxInputs
	Outs   []outView
	Wires  []wire
	Charts []chart
	// Sent is what all sinks have sent today and would send in a month.
	Sent string
	// Returned is what Fluent Bit has back.
	Returned string
}

// inputView is one tag.
type inputView struct {
	Tag, Short string
	Class      string
	Rate       string // in the last minute
	Total      string
	To         string // the sinks that get something of it
	anonymous  bool   // it stands for several tags
	parts      []float64
	ever       []bool
}

// outView is one sink.
type outView struct {
	Title, Class, Sign, Word string
	Rate                     string
	Waits, Next              string
}

// wire connects an input with a sink.
type wire struct{ Path, Class, Width, Title string }

// flow arranges what comes and goes; sinks are those that the wires end at.
func (in *Instance) flow(f frame, scraped int64) (v flow) {
	sinks := append(append([]string{}, in.Sinks...), delivery.SinkPrometheus)
	for _, t := range in.Traffic.Tags {
		v.Inputs = append(v.Inputs, inputOf(&t, f.now, len(sinks)))
	}
	if len(v.Inputs) > maxInputs {
		v.More = v.Inputs[maxInputs-1:]
		v.Inputs = append(v.Inputs[:maxInputs-1:maxInputs-1], sumOf(v.More, in.Traffic.Tags[maxInputs-1:], len(sinks)))
	}
	for _, sink := range sinks {
		v.Outs = append(v.Outs, in.outView(sink, f.now, scraped))
	}
	v.connect()
	v.charts(in, f, sinks)
	v.Sent = in.sentText(f.now)
	if r := &in.Returned; r.Chunks > 0 {
		v.Returned = chunksText(r.Chunks) + " back in Fluent Bit's buffer" + oldest(r, f.now)
	}
	return v
}

func inputOf(t *telemetry.TagState, now int64, sinks int) inputView {
	v := inputView{Tag: clean(t.Tag), Class: "idle", Rate: "last " + ago(now, t.Last), Total: count(float64(t.Count)) + noun(t.Samples) + " · " + size(float64(t.Bytes))}
	if t.Tag == "" {
		v.Tag, v.anonymous = "further tags", true
	}
	v.Short = shortTag(v.Tag)
	if t.CountRate > 0 {
		v.Class, v.Rate = "live", tempo(t.CountRate, noun(t.Samples))+" · "+tempoOfSize(t.ByteRate)
	}
	for i := range min(sinks, len(t.Parts)) {
		v.parts, v.ever = append(v.parts, t.Parts[i]), append(v.ever, t.Ever[i])
	}
	return v
}

func noun(samples bool) string {
	if samples {
		return " samples"
	}
	return " records"
}

// sumOf is one line for several tags.
func sumOf(all []inputView, tags []telemetry.TagState, sinks int) inputView {
	n, sum := len(all), telemetry.TagState{Tag: " "}
	for i := range tags {
		t := &tags[i]
		sum.Count, sum.Bytes, sum.Last = sum.Count+t.Count, sum.Bytes+t.Bytes, max(sum.Last, t.Last)
		sum.CountRate, sum.ByteRate = sum.CountRate+t.CountRate, sum.ByteRate+t.ByteRate
		for k := range t.Parts {
			sum.Parts[k] += t.Parts[k]
			sum.Ever[k] = sum.Ever[k] || t.Ever[k]
		}
	}
	v := inputOf(&sum, sum.Last, sinks)
	v.Tag, v.anonymous = count(float64(n))+" more tags", true
	if all[n-1].anonymous {
		v.Tag = "more than " + count(float64(n-1)) + " more tags"
	}
	v.Short = v.Tag
	return v
}

// outView is what flows to a sink, and what waits for it.
func (in *Instance) outView(sink string, now, scraped int64) outView {
	c := in.condition(sink, now)
	v := outView{Title: sinkTitle(sink), Class: c.class(), Sign: c.sign(), Word: c.word()}
	if sink == delivery.SinkPrometheus {
		v.Rate = count(float64(in.Series)) + " series"
		v.Waits = "not scraped yet"
		if scraped != 0 {
			v.Waits = "scraped " + ago(now, scraped)
		}
		return v
	}
	last, s := in.sink(sink).Last.Delivered, in.Traffic.Sinks[sink]
	switch {
	case s.Rate > 0:
		v.Rate = tempo(s.Rate, noun(sink != delivery.SinkDatadog))
		if s.ByteRate > 0 {
			v.Rate += " · " + tempoOfSize(s.ByteRate) + " sent"
		}
	case last == 0:
		v.Rate = "nothing delivered yet"
	default:
		v.Rate = "delivered " + ago(now, last)
	}
	v.Waits = "nothing waits"
	for i := range in.Backlog {
		if b := &in.Backlog[i]; b.Sink == sink && b.Chunks > 0 {
			v.Waits = chunksText(b.Chunks) + " waiting, " + size(float64(b.Bytes)) + oldest(b, now)
			v.Next = clean(b.Next)
		}
	}
	return v
}

// oldest is the age of what waits.
func oldest(b *Backlog, now int64) string {
	if b.Since == 0 {
		return ""
	}
	return ", the oldest for " + span(time.Duration(now-b.Since))
}

// The picture of the wires: the lines of both sides are equally high in it.
const (
	wiresWidth  = 100
	wiresHeight = 1000
)

// connect draws the wires.
func (v *flow) connect() {
	most := 0.0
	for i := range v.Inputs {
		for _, rate := range v.Inputs[i].parts {
			most = max(most, rate)
		}
	}
	for i := range v.Inputs {
		in := &v.Inputs[i]
		var to []string
		for k, ever := range in.ever {
			if ever {
				to = append(to, v.Outs[k].Title)
				v.Wires = append(v.Wires, wireOf(in, &v.Outs[k], center(i, len(v.Inputs)), center(k, len(v.Outs)), in.parts[k], most))
			}
		}
		in.To = strings.Join(to, ", ")
	}
}

func center(i, n int) string { return strconv.Itoa(wiresHeight * (2*i + 1) / (2 * n)) }

func wireOf(in *inputView, out *outView, from, to string, rate, most float64) wire {
	w := wire{Path: fmt.Sprintf("M0,%s C%d,%s %d,%s %d,%s", from, wiresWidth/2, from, wiresWidth/2, to, wiresWidth, to), Class: "idle", Width: "1",
		Title: in.Tag + " to " + out.Title + ": nothing in the last minute"}
	if rate > 0 {
		w.Class, w.Width = "live "+out.Class, formatFloat(1.5+5*math.Sqrt(rate/most))
		w.Title = in.Tag + " to " + out.Title + ": " + tempoOf(rate)(rate)
	}
	return w
}

// charts are the courses of what comes in, and of what each sink has delivered.
func (v *flow) charts(in *Instance, f frame, sinks []string) {
	now := 0.0
	for i := range in.Traffic.Tags {
		now += in.Traffic.Tags[i].CountRate
	}
	v.chart("From Fluent Bit", now, in.Traffic.Course, f)
	for _, sink := range sinks {
		if s := in.Traffic.Sinks[sink]; len(s.Course) > 0 {
			v.chart(sinkTitle(sink), s.Rate, s.Course, f)
		}
	}
}

// chart adds the chart of a total's growth.
func (v *flow) chart(name string, now float64, course []history.Point, f frame) {
	points := recent(rates(course), f.from)
	if len(points) == 0 {
		return
	}
	low, high := extent(points)
	f.write = tempoOf(high)
	f.low, f.high = 0, max(rounded(high, false), 1./60)
	c := chart{Name: name, Now: f.write(now), Range: spread(low, high, f.write)}
	c.fill(points, &f)
	v.Charts = append(v.Charts, c)
}

// sentText is what all sinks have sent.
func (in *Instance) sentText(now int64) string {
	var total telemetry.SinkTimes
	for _, s := range in.Telemetry.Sinks {
		total.Sent += s.Last.Sent
		total.SentToday += s.Last.SentToday
	}
	if total.Sent == 0 {
		return ""
	}
	text := "sent today " + size(float64(total.SentToday))
	if month := total.Month(time.Duration(now - in.Opened)); month > 0 {
		text += ", a month at this rate " + size(month)
	}
	return text
}

// perSecond and perMinute write how often something happens.
func perSecond(v float64) string { return tempoDigits(v) + "/s" }
func perMinute(v float64) string { return tempoDigits(v*60) + "/min" }

// tempoOf is the one of them that suits a rate.
func tempoOf(v float64) format {
	if v < 1 {
		return perMinute
	}
	return perSecond
}

// tempo writes a rate with its noun: 12 records/s.
func tempo(v float64, noun string) string {
	number, unit, _ := strings.Cut(tempoOf(v)(v), "/")
	return number + noun + "/" + unit
}

// tempoDigits are as many as the rate of a minute has a meaning for.
func tempoDigits(v float64) string {
	switch {
	case v >= 9.95:
		return count(v)
	case v >= .95 || v <= 0:
		return strings.TrimSuffix(strconv.FormatFloat(v, 'f', 1, 64), ".0")
	}
	return strconv.FormatFloat(v, 'g', 1, 64)
}

func tempoOfSize(v float64) string {
	if v > 0 && v < 1 {
		return size(v*60) + "/min"
	}
	return size(v) + "/s"
}

// shortTag is a tag of which the beginning and the end are seen: those of containers
// begin alike.
func shortTag(tag string) string {
	const head, rest = 10, 20
	all := []rune(tag)
	if len(all) <= head+rest+3 {
		return tag
	}
	return string(all[:head]) + "…" + string(all[len(all)-rest:])
}
