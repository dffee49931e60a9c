package ddsink

import (
	"cmp"
	"math"
	"slices"
	"strconv"

	"out_edge/plugin/metric"

	"github.com/cespare/xxhash/v2"
)

// part says what of a sample a point carries. A gauge or counter has one; a
// histogram or summary becomes what Datadog's own OpenMetrics check makes of it:
// counts `.count` and `.sum`, a count `.bucket` for each bound, tagged
// upper_bound:…, cumulative, and a gauge `.quantile` for each quantile.
type part uint8

const (
	partValue part = iota
	partCount
	partSum
	partBucket
	partQuantile
)

// Datadog's types of metrics.
const (
	typeCount = 1
	typeGauge = 3
)

// point is one value on its way to Datadog.
type point struct {
	block   int    // of points that go or fail together; see seriesBatch
	part    part   //
	nth     int    // the bucket or quantile
	key     uint64 // of the series and part
	sec     int64  // seconds since 1970
	value   float64
	sample  int  // its place in the samples
	count   bool // a count, else a gauge
	claimed bool // value was taken from the totals, under key
}

func comparePoints(a, b point) int {
	return cmp.Or(
		cmp.Compare(a.block, b.block),
		cmp.Compare(a.part, b.part),
		cmp.Compare(a.nth, b.nth),
		cmp.Compare(a.sec, b.sec),
	)
}

// sameSeries says whether a and b go into one series of the request.
func sameSeries(a, b point) bool {
	return a.block == b.block && a.part == b.part && a.nth == b.nth
}

// identity is a hash of a series' name, labels and reset count: what another source
// adds up is another total.
func identity(s *metric.Series, resets uint32) uint64 {
	var d xxhash.Digest
	d.Reset()
	_, _ = d.WriteString(s.Name)
	for _, l := range s.Labels {
		_, _ = d.WriteString("\xff" + l.Name + "\xfe" + l.Value)
	}
	if resets != 0 {
		_, _ = d.WriteString("\xfd" + strconv.FormatUint(uint64(resets), 10))
	}
	return d.Sum64()
}

// keyOf is the identity of one part of a series.
func keyOf(series uint64, p part, nth int) uint64 {
	return series ^ (uint64(p)<<32|uint64(nth))*0x9e3779b97f4a7c15
}

// appendPoints appends the points that sample s makes. reason says why it makes
// none and is given up; with no points and no reason there is nothing to send.
func (b *seriesBatch) appendPoints(s metric.Sample, base point) (reason string) {
	base.sec = floorDiv(s.UnixNano, 1e9)
	id := identity(s.Series, s.ResetCount)
	switch s.Series.Kind {
	case metric.Histogram, metric.Summary:
		if s.Dist == nil {
			return reasonNotFinite
		}
		return b.appendDistribution(s, base, id)
	case metric.Counter:
		if s.HasDelta {
			return b.appendDelta(s.Delta, base, id)
		}
		return b.appendTotal(s.Value, s.UnixNano, base, id)
	default:
		return b.appendGauge(s.Value, base, id)
	}
}

func (b *seriesBatch) appendGauge(value float64, p point, id uint64) string {
	if !finite(value) {
		return reasonNotFinite
	}
	p.key, p.value = keyOf(id, p.part, p.nth), value
	b.points = append(b.points, p)
	return ""
}

func (b *seriesBatch) appendDelta(delta float64, p point, id uint64) string {
	p.count = true
	return b.appendGauge(delta, p, id)
}

// appendTotal appends what was added to a total since it was seen last.
func (b *seriesBatch) appendTotal(value float64, at int64, p point, id uint64) string {
	if !finite(value) {
		return reasonNotFinite
	}
	p.key, p.count, p.claimed = keyOf(id, p.part, p.nth), true, true
	added, known, full := b.sink.totals.take(p.key, value, at, b.now)
	if full {
		return reasonSeriesLimit
	}
	if known {
		p.value = added
		b.points = append(b.points, p)
	}
	return ""
}

// appendDistribution appends the parts of a histogram or summary. A part that is
// no number, as an empty summary's quantiles are, is left out.
func (b *seriesBatch) appendDistribution(s metric.Sample, p point, id uint64) (reason string) {
	d := s.Dist
	p.part = partCount
	reason = b.appendTotal(float64(d.Count), s.UnixNano, p, id)
	p.part = partSum
	_ = b.appendTotal(d.Sum, s.UnixNano, p, id)
	for i := range min(len(d.Bounds), len(d.Counts)) {
		p.part, p.nth = partBucket, i
		_ = b.appendTotal(float64(d.Counts[i]), s.UnixNano, p, id)
	}
	if s.Series.Kind == metric.Histogram {
		p.part, p.nth = partBucket, len(d.Bounds) // +Inf: all of them
		_ = b.appendTotal(float64(d.Count), s.UnixNano, p, id)
	}
	for i := range min(len(d.Bounds), len(d.Values)) {
		p.part, p.nth = partQuantile, i
		_ = b.appendGauge(d.Values[i], p, id)
	}
	return reason
}

func finite(f float64) bool { return !math.IsNaN(f) && !math.IsInf(f, 0) }

// merge brings the points of one series, sorted by time, to one a second: gauges
// keep the last, counts are added up, and look for seconds that no other request
// has used. It works in place and returns what is left.
func (b *seriesBatch) merge(pts []point, latest int64) []timedValue {
	b.values = b.values[:0]
	for _, p := range pts {
		n := len(b.values)
		switch {
		case n == 0 || b.values[n-1].sec != p.sec:
			b.values = append(b.values, timedValue{p.sec, p.value})
		case p.count:
			b.values[n-1].value += p.value
		default:
			b.values[n-1].value = p.value
		}
	}
	if pts[0].count {
		b.values = b.ownSeconds(b.values, pts[0].key, latest)
	}
	return b.values
}

// timedValue is a point as it is sent.
type timedValue struct {
	sec   int64
	value float64
}

// ownSeconds moves what stands at a second that is taken to the next point, or
// behind the last.
func (b *seriesBatch) ownSeconds(values []timedValue, key uint64, latest int64) []timedValue {
	var (
		out   = values[:0]
		carry float64
		last  int64
		left  bool
	)
	for _, v := range values {
		last = v.sec
		v.value += carry
		if left = !b.claim(key, v.sec); left {
			carry = v.value
			continue
		}
		carry = 0
		out = append(out, v)
	}
	if !left || carry == 0 && len(out) > 0 {
		return out
	}
	sec := last + 1
	for sec < latest && !b.claim(key, sec) {
		sec++
	}
	return append(out, timedValue{sec, carry})
}

// claim takes a second and remembers that, for the case that the block fails.
func (b *seriesBatch) claim(key uint64, sec int64) bool {
	if !b.sink.seconds.claim(key, sec, b.now) {
		return false
	}
	b.claims = append(b.claims, claim{key, sec})
	return true
}

// appendSeries appends one series of the request.
func (b *seriesBatch) appendSeries(dst []byte, s *metric.Series, d *metric.Distribution, p point, values []timedValue) []byte {
	kind := typeGauge
	if p.count {
		kind = typeCount
	}
	dst = append(dst, `{"metric":"`...)
	dst = appendMetric(dst, s, p.part)
	dst = append(dst, `","type":`...)
	dst = strconv.AppendInt(dst, int64(kind), 10)
	dst = append(dst, `,"points":[`...)
	for i, v := range values {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"timestamp":`...)
		dst = strconv.AppendInt(dst, v.sec, 10)
		dst = append(dst, `,"value":`...)
		dst = appendFloat(dst, v.value)
		dst = append(dst, '}')
	}
	dst = append(dst, ']')
	dst = b.appendTags(dst, s, d, p)
	if s.Unit != "" && (p.part == partValue || p.part == partSum || p.part == partQuantile) {
		dst = append(dst, `,"unit":`...)
		dst = appendString(dst, []byte(s.Unit))
	}
	dst = append(dst, b.sink.hostJSON...)
	return append(dst, '}')
}

// appendTags appends the tags: the series' labels, what tells its parts apart,
// and the user's.
func (b *seriesBatch) appendTags(dst []byte, s *metric.Series, d *metric.Distribution, p point) []byte {
	dst = append(dst, `,"tags":[`...)
	first := len(dst)
	add := func(name, value string) {
		b.tag = appendMetricTag(b.tag[:0], name, value)
		if len(b.tag) == 0 {
			return
		}
		if len(dst) > first {
			dst = append(dst, ',')
		}
		dst = appendString(dst, b.tag)
	}
	for _, l := range s.Labels {
		if l.Value != "" {
			add(l.Name, l.Value)
		}
	}
	switch {
	case p.part == partBucket && p.nth == len(d.Bounds):
		add("upper_bound", "inf")
	case p.part == partBucket:
		add("upper_bound", strconv.FormatFloat(d.Bounds[p.nth], 'g', -1, 64))
	case p.part == partQuantile:
		add("quantile", strconv.FormatFloat(d.Bounds[p.nth], 'g', -1, 64))
	}
	for _, tag := range b.sink.tags {
		add(tag, "")
	}
	return append(dst, ']')
}

func sortPoints(p []point) { slices.SortStableFunc(p, comparePoints) }
