package ddsink

import (
	"math"
	"slices"
	"time"

	"out_edge/plugin/delivery/outbox"
	"out_edge/plugin/metric"
	"out_edge/timefix"
)

// Datadog keeps one value for a series and second: of two count points for the same
// second, in one request or in two, the last overwrites the first. So for a counter the
// plugin sends, for each second in which samples arrived, the sum of that second so
// far. Sending that again is harmless, whatever happened to it before.

// never is the second of a series whose counts were never sent.
const never = math.MinInt64

// state is what is known of a series at Datadog.
type state struct {
	// sec is the newest second that a count was sent for, in s since 1970, and sum its
	// sum; before are the values of before the points that are being sent.
	running
	before running
	// newest is the newest total, from which the growth is computed, nil before the
	// first; at is its own time, in ns since 1970.
	newest *total
	at     int64
}

// total is a counter's total, or a distribution's with the number of changes of its
// source.
type total struct {
	value  float64
	dist   *metric.Distribution
	resets uint32
	start  int64 // when it began, in ns since 1970; 0 is not known
}

// running is the sum of one second.
type running struct {
	sec   int64
	value float64
	dist  *metric.Distribution
}

// series is one series at Datadog; item is one of its points being sent: a gauge's
// value, or the growth of a counter, histogram or summary.
type (
	series = outbox.Series[state]
	item   = outbox.Item[state]
)

func (s *Metrics) rules() outbox.Rules[state] {
	return outbox.Rules[state]{
		Clock:   s.clock,
		Key:     appendKey,
		New:     func(*metric.Series) state { return state{running: running{sec: never}} },
		Read:    s.read,
		IsKept:  func(sample *metric.Sample) bool { return sample.Series.Kind.IsTotal() },
		Merge:   merge,
		Stamp:   s.stamp,
		Unstamp: s.unstamp,
		Cost:    s.cost,
		Grain:   int64(time.Second),
		// Without the last total, the whole next one would count as growth.
		Remember: func(se *series) bool { return se.Own.newest != nil },
	}
}

// appendKey appends a series' kind, name and labels.
func appendKey(dst []byte, id *metric.Series) []byte {
	dst = append(append(dst, byte(id.Kind)), id.Name...)
	for _, l := range id.Labels {
		dst = append(append(dst, 0xff), l.Name...)
		dst = append(append(dst, 0xfe), l.Value...)
	}
	return dst
}

// read returns a sample's point. For all but gauges that is the growth, which is
// recorded when the sample arrives.
func (s *Metrics) read(se *series, sample *metric.Sample) (outbox.Point, outbox.SampleOutcome) {
	p := outbox.Point{Value: sample.Value}
	switch kind := sample.Series.Kind; {
	case metricName(sample.Series.DatadogName) == "" && metricName(sample.Series.Name) == "":
		return p, outbox.Dropped(reasonNoName)
	case kind.IsDistribution():
		if d := sample.Dist; d == nil || !finite(d.Sum) || len(d.Bounds) != len(d.Counts)+len(d.Values) {
			return p, outbox.Dropped(reasonNotFinite)
		}
		return s.grown(&se.Own, sample)
	case kind == metric.Counter && !finite(p.Value):
	case kind == metric.Counter && sample.HasDelta:
		p.Value = sample.Delta
	case kind == metric.Counter:
		return s.grown(&se.Own, sample)
	default:
		p.At = timefix.FloorDiv(sample.UnixNano, 1e9)
	}
	if !finite(p.Value) {
		return p, outbox.Dropped(reasonNotFinite)
	}
	return p, outbox.SampleOutcome{}
}

func finite(f float64) bool { return !math.IsNaN(f) && !math.IsInf(f, 0) }

// grown returns the growth of a total since the one before. The first one of a total
// that is kept here is all growth; of any other, the growth is not known.
func (s *Metrics) grown(o *state, sample *metric.Sample) (outbox.Point, outbox.SampleOutcome) {
	newer, last := &total{sample.Value, withoutBounds(sample.Dist), sample.ResetCount, sample.Start}, o.newest
	switch {
	case s.beganHere(newer, last):
		last = new(total)
	case sample.Kept && (last == nil || sample.ResetCount != last.resets && newer.size() == 1):
		last = new(total)
	case last == nil || !newer.continues(last):
		last = nil
	case newer.size() < last.size() && sample.UnixNano <= o.at:
		if o.at > s.clock.Now().Wall+int64(seriesMaxAhead) { // the clock was set back: wait for the next one
			o.at = sample.UnixNano
		}
		return outbox.Point{}, outbox.Absorbed(outbox.ReasonSuperseded)
	case newer.size() < last.size(): // it was reset
		last = new(total)
	}
	o.newest, o.at = newer, sample.UnixNano
	p := outbox.Point{Value: newer.value, Dist: newer.dist}
	switch {
	case last != nil:
		subtract(&p, last.value, last.dist)
	case newer.dist != nil && len(newer.dist.Values) > 0: // a summary's quantiles are not cumulative
		p.Dist = &metric.Distribution{Bounds: newer.dist.Bounds, Values: newer.dist.Values}
	default:
		return p, outbox.Absorbed(reasonFirstSight)
	}
	return p, outbox.SampleOutcome{}
}

// beganHere reports whether all of a total is growth: it began after the one before,
// or, if it is the first one, after this sink.
func (s *Metrics) beganHere(newer, last *total) bool {
	switch {
	case newer.start == 0:
		return false
	case last != nil:
		return last.start != 0 && newer.start > last.start
	}
	now := s.clock.Now()
	return newer.start > now.Offset()+int64(s.began)
}

// withoutBounds is a distribution as Datadog gets it: the bounds of exponential
// histograms change from one to the next, so that they have no differences.
func withoutBounds(d *metric.Distribution) *metric.Distribution {
	if d == nil || !d.Exponential {
		return d
	}
	return &metric.Distribution{Count: d.Count, Sum: d.Sum, NoSum: d.NoSum}
}

// size is a value that never decreases unless the total is reset.
func (t *total) size() float64 {
	if t.dist != nil {
		return float64(t.dist.Count)
	}
	return t.value
}

// continues reports whether the difference from last can be computed.
func (t *total) continues(last *total) bool {
	return t.dist == nil || last.dist != nil && t.resets == last.resets && slices.Equal(t.dist.Bounds, last.dist.Bounds)
}

// combine returns a with b's counts and sum added or subtracted; the rest is a's.
func combine(a, b *metric.Distribution, sign int) *metric.Distribution {
	c := &metric.Distribution{
		Count: a.Count + uint64(sign)*b.Count, Sum: a.Sum + float64(sign)*b.Sum, NoSum: a.NoSum || b.NoSum,
		Bounds: a.Bounds, Values: a.Values, Counts: slices.Clone(a.Counts),
	}
	for i := range min(len(c.Counts), len(b.Counts)) {
		c.Counts[i] += uint64(sign) * b.Counts[i]
	}
	return c
}

// merge adds up two counts, at the time of the newer: no count is sent with a time
// before its arrival.
func merge(newer, older *outbox.Point) {
	newer.At = older.At
	add(newer, older.Value, older.Dist)
}

func add(p *outbox.Point, value float64, dist *metric.Distribution) {
	p.Value += value
	if p.Dist != nil && dist != nil {
		p.Dist = combine(p.Dist, dist, 1)
	}
}

// stamp sets a point's second. A count's is that of its arrival, or a later one if that
// is too old for Datadog; what arrived in a second whose sum was already sent is added
// to that sum.
func (s *Metrics) stamp(se *series, p, before *outbox.Point) outbox.SampleOutcome {
	o, now := &se.Own, s.clock.Now()
	oldest := timefix.FloorDiv(now.Wall-int64(seriesMaxAge-seriesMargin)-1, 1e9) + 1
	latest := timefix.FloorDiv(now.Wall+int64(seriesMaxAhead-seriesMargin), 1e9)
	if before == nil {
		o.before = o.running
	}
	switch {
	case p.Stamped && p.At < oldest:
		return outbox.Dropped(reasonTooOld)
	case p.Stamped && p.At > latest:
		s.logTooNew()
		return outbox.Dropped(reasonTooNew)
	case p.Stamped && p.Kept:
		return outbox.SampleOutcome{}
	case !p.Kept:
		return replacing(p, before)
	}
	s.place(o, p, now, oldest, latest)
	return replacing(p, before)
}

// place sets a count's second, and adds the count to the sum of that second.
func (s *Metrics) place(o *state, p *outbox.Point, now timefix.Instant, oldest, latest int64) {
	sec := timefix.FloorDiv(min(p.At+now.Offset(), now.Wall), 1e9)
	if sec < oldest {
		sec = oldest
		s.telemetry.Adjusted(s.Name(), reasonFolded, int(p.N))
	}
	if o.sec > latest { // the clock was set back: Datadog accepted none of that
		o.running = running{sec: never}
	}
	if sec <= o.sec {
		sec = o.sec
		add(p, o.value, o.dist)
	}
	p.At, p.Stamped = sec, true
	o.running = running{sec, p.Value, p.Dist}
}

// replacing sends only the later of two points of one second.
func replacing(p, before *outbox.Point) outbox.SampleOutcome {
	if before != nil && before.At == p.At {
		return outbox.Replaces()
	}
	return outbox.SampleOutcome{}
}

// unstamp subtracts counts that certainly did not arrive from the sums of their
// seconds.
func (s *Metrics) unstamp(se *series, points []outbox.Point) {
	o, now := &se.Own, s.clock.Now()
	last := o.before
	for i := range points {
		switch p := &points[i]; {
		case !p.Kept:
		case p.Sealed():
			last = running{p.At, p.Value, p.Dist}
		default:
			if p.At == o.before.sec {
				subtract(p, o.before.value, o.before.dist)
			}
			p.Stamped = false
			p.At = p.At*1e9 - now.Offset()
		}
	}
	o.running = last
}

func subtract(p *outbox.Point, value float64, dist *metric.Distribution) {
	p.Value -= value
	if p.Dist != nil && dist != nil {
		p.Dist = combine(p.Dist, dist, -1)
	}
}
