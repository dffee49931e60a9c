package ddsink

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"

	"out_edge/plugin/delivery"
	"out_edge/plugin/delivery/outbox"
	"out_edge/plugin/metric"
)

// seriesBatch is the points of one request. Its parts are series, so that a sample is
// delivered as a whole.
type seriesBatch struct {
	sink  *Metrics
	items []item // by series, then by time
	parts [][2]int
	// trial is set for series that had been set aside: if they are refused, the bad ones
	// are not searched.
	trial, asked bool
	body, tag    []byte
}

// Load makes each series a part.
func (b *seriesBatch) Load(items []item, trial bool) (parts int) {
	b.items, b.trial, b.asked, b.parts = items, trial, false, b.parts[:0]
	for i := range b.items {
		if i > 0 && b.items[i-1].Series == b.items[i].Series {
			b.parts[len(b.parts)-1][1]++
			continue
		}
		b.parts = append(b.parts, [2]int{i, i + 1})
	}
	return len(b.parts)
}

func (b *seriesBatch) of(lo, hi int) []item { return b.items[b.parts[lo][0]:b.parts[hi-1][1]] }

// Delivered settles parts that the intake has accepted.
func (b *seriesBatch) Delivered(lo, hi int, _ delivery.Answer) {
	if b.sink.cfg.DryRun {
		b.sink.box.Settle(b.of(lo, hi), outbox.Absorbed(delivery.ReasonDryRun))
		return
	}
	b.sink.box.Deliver(b.of(lo, hi))
}

// Refused drops a series' points, and sets it aside.
func (b *seriesBatch) Refused(i int, reason string) (lost bool) {
	b.sink.box.Refuse(b.of(i, i+1), reason)
	return true
}

// Kept returns parts to wait for the next Send.
func (b *seriesBatch) Kept(lo, hi int) { b.sink.box.PutBack(b.of(lo, hi)) }

// Uncertain notes that parts may have arrived: they keep their seconds.
func (b *seriesBatch) Uncertain(lo, hi int) { b.sink.box.MarkUncertain(b.of(lo, hi)) }

// Trim drops all series on trial once a request with them was refused.
func (b *seriesBatch) Trim(lo, hi int) (int, int) {
	if b.trial && b.asked && lo < hi {
		b.sink.box.Refuse(b.of(lo, hi), delivery.ReasonRejected)
		return hi, hi
	}
	return lo, hi
}

// seriesHead and seriesTail enclose the series of a request.
const (
	seriesHead = `{"series":[`
	seriesTail = `]}`
)

// Body encodes parts.
func (b *seriesBatch) Body(lo, hi int) []byte {
	b.asked = true
	b.body = append(b.body[:0], seriesHead...)
	for items := b.of(lo, hi); len(items) > 0; {
		n := 1
		for n < len(items) && items[n].Series == items[0].Series && sameBounds(items[n].Dist, items[0].Dist) {
			n++
		}
		for part := range parts(items[0].ID.Kind, &items[0].Point) {
			b.appendSeries(items[:n], part)
		}
		items = items[n:]
	}
	if b.body[len(b.body)-1] == ',' {
		b.body = b.body[:len(b.body)-1]
	}
	b.body = append(b.body, seriesTail...)
	if cap(b.body) > keptBytes {
		defer func() { b.body = nil }()
	}
	return b.body
}

func sameBounds(x, y *metric.Distribution) bool {
	return x == y || x != nil && y != nil && slices.Equal(x.Bounds, y.Bounds)
}

// A gauge or counter is one series at Datadog. A histogram or summary is mapped like in
// Datadog's own OpenMetrics check: counts `.count` and `.sum`, a cumulative count
// `.bucket` for each bound, tagged upper_bound:…, and a gauge `.quantile` for each
// quantile. They are numbered in that order.

// parts returns how many series at Datadog a point has.
func parts(kind metric.Kind, p *outbox.Point) int {
	switch d := p.Dist; {
	case d == nil:
		return 1
	case kind == metric.Summary:
		return 2 + len(d.Values)
	default:
		return 2 + len(d.Counts) + 1 // +Inf
	}
}

// Datadog's types of metrics.
const (
	typeCount = 1
	typeGauge = 3
)

// partValue returns the value of one part of a point.
func partValue(kind metric.Kind, p *outbox.Point, part int) float64 {
	d := p.Dist
	switch {
	case d == nil:
		return p.Value
	case part == 0:
		return float64(d.Count)
	case part == 1 && d.NoSum:
		return math.NaN() // it is left out
	case part == 1:
		return d.Sum
	case kind == metric.Summary:
		return d.Values[part-2]
	case part-2 < len(d.Counts):
		return float64(d.Counts[part-2])
	default:
		return float64(d.Count)
	}
}

// partName is the name of a part: the suffix of its metric's name, its type, and a tag
// that distinguishes it from others with that name.
type partName struct {
	suffix, tag, bound string
	datadogType        int64
}

func nameOfPart(kind metric.Kind, d *metric.Distribution, part int) partName {
	number := func(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }
	switch {
	case d == nil && kind == metric.Counter:
		return partName{"", "", "", typeCount}
	case d == nil:
		return partName{"", "", "", typeGauge}
	case part == 0:
		return partName{".count", "", "", typeCount}
	case part == 1:
		return partName{".sum", "", "", typeCount}
	case kind == metric.Summary:
		return partName{".quantile", "quantile", number(d.Bounds[part-2]), typeGauge}
	case part-2 < len(d.Counts):
		return partName{".bucket", "upper_bound", number(d.Bounds[part-2]), typeCount}
	default:
		return partName{".bucket", "upper_bound", "inf", typeCount}
	}
}

// appendSeries appends one part of a series' points, and a comma. A value that is not
// finite, like an empty summary's quantiles, is left out.
func (b *seriesBatch) appendSeries(run []item, part int) {
	id, start := run[0].ID, len(b.body)
	name := nameOfPart(id.Kind, run[0].Dist, part)
	b.body = append(b.body, `{"metric":"`...)
	b.body = appendMetric(b.body, id, name.suffix)
	b.body = append(b.body, `","type":`...)
	b.body = strconv.AppendInt(b.body, name.datadogType, 10)
	b.body = append(b.body, `,"points":[`...)
	first := len(b.body)
	for i := range run {
		value := partValue(id.Kind, &run[i].Point, part)
		if !finite(value) {
			continue
		}
		if len(b.body) > first {
			b.body = append(b.body, ',')
		}
		b.body = append(b.body, `{"timestamp":`...)
		b.body = strconv.AppendInt(b.body, run[i].At, 10)
		b.body = append(b.body, `,"value":`...)
		b.body = appendFloat(b.body, value)
		b.body = append(b.body, '}')
	}
	if len(b.body) == first {
		b.body = b.body[:start]
		return
	}
	b.body = append(b.body, ']')
	b.appendTags(id, name.tag, name.bound)
	if id.Unit != "" && name.suffix != ".count" && name.suffix != ".bucket" {
		b.body = append(b.body, `,"unit":`...)
		b.body = appendString(b.body, []byte(id.Unit))
	}
	if host := b.sink.hostOf(id); host != "" {
		b.body = append(b.body, `,"resources":[{"name":`...)
		b.body = appendString(b.body, []byte(host))
		b.body = append(b.body, `,"type":"host"}]`...)
	}
	b.body = append(b.body, `},`...)
}

// hostOf is the machine that a series is of: its resource's, its own, this one.
func (s *Metrics) hostOf(id *metric.Series) string {
	if res := id.Resource.Get(); res != nil && res.Host != "" {
		return res.Host
	}
	return cmp.Or(id.Host, s.host)
}

// appendMetric appends the name of one part of a series at Datadog.
func appendMetric(dst []byte, id *metric.Series, suffix string) []byte {
	name := metricName(id.DatadogName)
	if name == "" {
		name = metricName(id.Name)
		if base, ok := strings.CutSuffix(name, "_total"); ok && id.Kind == metric.Counter {
			name, suffix = base, ".count" // like Datadog's OpenMetrics check
		}
	}
	dst = append(dst, name[:min(len(name), maxNameChars-len(suffix))]...)
	return append(dst, suffix...)
}

// appendTags appends the tags: the series' labels, the part's tag, and the user's.
func (b *seriesBatch) appendTags(id *metric.Series, name, value string) {
	b.body = append(b.body, `,"tags":[`...)
	first := len(b.body)
	add := func(name, value string) {
		b.tag = appendMetricTag(b.tag[:0], name, value)
		if len(b.tag) == 0 {
			return
		}
		if len(b.body) > first {
			b.body = append(b.body, ',')
		}
		b.body = appendString(b.body, b.tag)
	}
	for _, l := range id.Labels {
		if l.Value != "" {
			add(l.Name, l.Value)
		}
	}
	if res := id.Resource.Get(); res != nil {
		for _, l := range res.Tags {
			add(l.Name, l.Value)
		}
	}
	if name != "" {
		add(name, value)
	}
	for _, tag := range b.sink.tags {
		add(tag, "")
	}
	b.body = append(b.body, ']')
}

// tagsSize is about what labels take as tags.
func tagsSize(labels []metric.Label) (size int) {
	for _, l := range labels {
		size += len(l.Name) + len(l.Value) + 4
	}
	return size
}

// cost returns the usual maximum size of n points of a series in a request.
func (s *Metrics) cost(se *series, n int) (points, bytes int) {
	const fixed, pointBytes = 160, 56
	id := se.ID
	each := fixed + len(id.DatadogName) + len(id.Name) + len(s.cfg.Tags) + len(s.host) + len(id.Host)
	each += tagsSize(id.Labels)
	if res := id.Resource.Get(); res != nil {
		each += len(res.Host) + tagsSize(res.Tags)
	}
	width := parts(id.Kind, se.First())
	return n * width, width * (each + n*pointBytes)
}
