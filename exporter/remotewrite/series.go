package remotewrite

import (
	"math"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"

	"out_edge/plugin/delivery/outbox"
	"out_edge/plugin/metric"
)

// never is the time of a series without an accepted point.
const never = math.MinInt64

// state is what is known of a series at the receiver. Times are in ms since 1970.
type state struct {
	outputs
	// stored is the time of the newest accepted point, given the newest time of any
	// point that was sent; or never.
	stored, given int64
	// floor is the newest time that was refused as out of order: older points are not
	// sent. never: none was.
	floor int64
	// single sends each point as a part of its own, after one was refused.
	single bool
	// disorders is how often in a row the receiver has refused the newest point as out
	// of order.
	disorders int
	// exemplars is the time of the newest exemplar that was accepted, in ns.
	exemplars int64
}

// series is one series at the receiver; item is one of its points being sent.
type (
	series = outbox.Series[state]
	item   = outbox.Item[state]
)

// outputs are the receiver's series for one of ours, as the label fields of a version 1
// TimeSeries: one for a gauge, counter or untyped series; for a histogram _count, _sum
// and the buckets, +Inf last; for a summary _count, _sum and the quantiles. bounds are
// those of the distribution that they were made for. native are the labels of an
// exponential histogram that is sent as one, nil if the user has set bounds.
type outputs struct {
	fields [][]byte
	native []byte
	noSum  bool // of the newest distribution
	bounds []float64
	bytes  int
}

// appendKey appends what identifies a series at the receiver.
func (s *Sink) appendKey(dst []byte, id *metric.Series) []byte {
	return s.appendLabels(append(dst, byte(id.Kind)), id, "")
}

// fit makes the outputs of a series match a distribution's bounds.
func (s *Sink) fit(o *outputs, id *metric.Series, d *metric.Distribution) {
	var bounds []float64
	if id.Kind.IsDistribution() {
		if d == nil { // a marker ends what there is
			return
		}
		bounds, o.noSum = d.Bounds, d.NoSum
	}
	if o.fields != nil && slices.Equal(o.bounds, bounds) {
		return
	}
	*o = outputs{bounds: bounds, noSum: o.noSum}
	add := func(suffix string, extra ...metric.Label) {
		field := s.appendLabels(nil, id, suffix, extra...)
		o.fields = append(o.fields, field)
		o.bytes += len(field)
	}
	if !id.Kind.IsDistribution() {
		add("")
		return
	}
	if d.Native != nil && (d.Exponential || len(bounds) == 0) {
		o.native = s.appendLabels(nil, id, "")
	}
	add("_count")
	add("_sum")
	for _, b := range bounds {
		if id.Kind == metric.Histogram {
			add("_bucket", metric.Label{Name: "le", Value: metric.FormatBound(b)})
		} else {
			add("", metric.Label{Name: "quantile", Value: metric.FormatBound(b)})
		}
	}
	if id.Kind == metric.Histogram {
		add("_bucket", metric.Label{Name: "le", Value: "+Inf"})
	}
}

// value returns the value of one output, in the order of fit.
func value(kind metric.Kind, p *outbox.Point, output int) float64 {
	d := p.Dist
	switch {
	case d == nil:
		return p.Value
	case output == 0:
		return float64(d.Count)
	case output == 1:
		return canonical(d.Sum)
	case kind == metric.Summary:
		return canonical(d.Values[output-2])
	case output-2 < len(d.Counts):
		return float64(d.Counts[output-2])
	default: // +Inf
		return float64(d.Count)
	}
}

// appendLabels appends the label fields of a series' output.
func (s *Sink) appendLabels(dst []byte, id *metric.Series, suffix string, extra ...metric.Label) []byte {
	for _, l := range labelsOf(id.Name+suffix, id.Labels, extra, s.cfg.Labels) {
		dst = appendLabel(dst, l)
	}
	return dst
}

// appendLabel appends field 1 of a version 1 TimeSeries.
func appendLabel(dst []byte, l metric.Label) []byte {
	size := fieldSize(len(l.Name)) + fieldSize(len(l.Value))
	dst = protowire.AppendTag(dst, 1, protowire.BytesType)
	dst = protowire.AppendVarint(dst, uint64(size))
	dst = protowire.AppendTag(dst, 1, protowire.BytesType)
	dst = protowire.AppendString(dst, l.Name)
	dst = protowire.AppendTag(dst, 2, protowire.BytesType)
	return protowire.AppendString(dst, l.Value)
}

// fieldSize is the size of a field of n bytes whose tag takes one.
func fieldSize(n int) int { return 1 + protowire.SizeBytes(n) }

// isValid reports whether a sample can be sent: a histogram or summary needs a value
// for each of its bounds, which must be ascending.
func isValid(s *metric.Sample) bool {
	d := s.Dist
	switch {
	case !s.Series.Kind.IsDistribution():
		return true
	case d == nil,
		s.Series.Kind == metric.Summary && len(d.Values) != len(d.Bounds),
		s.Series.Kind == metric.Histogram && len(d.Counts) != len(d.Bounds):
		return false
	}
	for i, b := range d.Bounds {
		if math.IsNaN(b) || math.IsInf(b, 0) || i > 0 && b <= d.Bounds[i-1] {
			return false
		}
	}
	return true
}

// Prometheus' NaNs: one is a value, the other marks the end of a series. Source:
// prometheus/model/value.
const (
	normalNaN = 0x7ff8000000000001
	staleNaN  = 0x7ff0000000000002
)

// canonical makes sure that no value looks like a staleness marker.
func canonical(v float64) float64 {
	if math.IsNaN(v) {
		return math.Float64frombits(normalNaN)
	}
	return v
}

// metricType is version 2's Metadata.MetricType.
type metricType uint8

const (
	typeUnknown   metricType = 0
	typeCounter   metricType = 1
	typeGauge     metricType = 2
	typeHistogram metricType = 3
	typeSummary   metricType = 5
)

func typeOf(k metric.Kind) metricType {
	switch k {
	case metric.Counter:
		return typeCounter
	case metric.Gauge:
		return typeGauge
	case metric.Histogram:
		return typeHistogram
	case metric.Summary:
		return typeSummary
	default:
		return typeUnknown
	}
}

// unitOf returns the unit at the end of a name, or "": OpenMetrics requires a unit to
// be the name's suffix.
func unitOf(name string) string {
	name = strings.TrimSuffix(name, "_total")
	switch unit := name[strings.LastIndexByte(name, '_')+1:]; unit {
	case "seconds", "bytes", "celsius", "ratio", "meters", "grams", "volts", "amperes", "joules", "watts", "hertz":
		return unit
	}
	return ""
}
