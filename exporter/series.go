package exporter

import (
	"errors"
	"math"
	"sync/atomic"

	dto "github.com/prometheus/client_model/go"

	"github.com/prometheus/client_golang/prometheus"

	"out_edge/exporter/history"
	"out_edge/plugin/metric"
	"out_edge/timefix"
)

// How far ahead of the clock, in ns, a sample may be and still count as newer than
// the next ones; beyond it its time was wrong, or the clock was set back since, and
// it must not block the series until that time has come. Totals that are made
// elsewhere get long: of those, a late one would look like a restart.
const (
	shortSlack = int64(2e9)
	longSlack  = int64(10 * 60 * 1e9)
)

// series is one series of one instance. Its fields are guarded by the store's
// mutex, but for those that a scrape reads: value and dist are atomic, pairs
// and family are settled before the series is shown.
type series struct {
	id     *metric.Series
	key    string // name and labels
	pairs  []*dto.LabelPair
	family *family
	shown  bool
	value  atomic.Uint64 // math.Float64bits
	dist   atomic.Pointer[metric.Distribution]
	known  bool  // a sample was taken
	at     int64 // of the newest sample, ns since 1970
	seen   int64 // arrival of the last sample
	// history is nil where the status page shows none.
	history *history.History

	ways    []*way // that are remembered
	owner   *way   // the source of a total
	missing int    // samples of other sources since the owner's last
	handed  bool   // the total has changed hands

	resetCount uint32 // of a histogram or summary
}

// take makes a sample that was made elsewhere the value, if it is the newest.
func (s *series) take(sm *metric.Sample, now timefix.Instant, byRule bool) refusal {
	switch s.id.Kind {
	case metric.Histogram, metric.Summary:
		if !sound(sm.Dist, s.id.Kind) {
			return malformed
		}
		sm.ResetCount = s.resetCount
		if byRule && s.grown(sm, now) || !byRule && s.newer(sm.UnixNano, now, longSlack) {
			s.dist.Store(sm.Dist)
		}
	case metric.Counter:
		if !byRule {
			s.total(sm, now)
		} else if s.grown(sm, now) {
			s.set(sm.Value, now)
		}
	default:
		s.keep(sm.Value, sm.UnixNano, now)
	}
	return accepted
}

// grown is newer for a total that a rule has made. Those start once, with the
// plugin, and never fall: the largest is the newest, however late the record.
func (s *series) grown(sm *metric.Sample, now timefix.Instant) bool {
	s.seen = arrival(now)
	if s.known {
		switch d := s.dist.Load(); {
		case sm.Dist != nil && sm.Dist.Count <= d.Count,
			sm.Dist == nil && sm.Value <= math.Float64frombits(s.value.Load()):
			return false
		}
	}
	s.known, s.at = true, sm.UnixNano
	return true
}

// keep makes v the value if it is the newest. Arrival is what keeps a series
// alive, even where the sample is old.
func (s *series) keep(v float64, unixNano int64, now timefix.Instant) {
	if s.newer(unixNano, now, shortSlack) {
		s.set(v, now)
	}
}

// set makes v the value and notes it in the history.
func (s *series) set(v float64, now timefix.Instant) {
	s.value.Store(math.Float64bits(v))
	s.history.Add(arrival(now), v)
}

func (s *series) newer(unixNano int64, now timefix.Instant, slack int64) bool {
	s.seen = arrival(now)
	if s.known && unixNano < s.at && !s.ahead(unixNano, now.Wall, slack) {
		return false
	}
	s.known, s.at = true, unixNano
	return true
}

// ahead tells whether the newest sample is too far ahead of the clock, and the one
// of unixNano is not. Beyond longSlack, no time is right.
func (s *series) ahead(unixNano, wall, slack int64) bool {
	return s.at > wall+longSlack || s.at > wall+slack && unixNano <= wall+slack
}

// total takes a counter's total from a metrics event, and fills in what it has
// grown by since the newest sample before. A total that has gone down started
// again from 0. What a late one has grown by is part of what the newest has. What
// the first one of another source has grown by, nobody knows.
func (s *series) total(sm *metric.Sample, now timefix.Instant) {
	before, known := math.Float64frombits(s.value.Load()), s.known
	newest := s.newer(sm.UnixNano, now, longSlack)
	if newest {
		s.set(sm.Value, now)
	}
	if sm.HasDelta || !known && !s.handed {
		return
	}
	sm.Delta, sm.HasDelta = 0, true
	switch {
	case !known || !newest:
	case sm.Value < before:
		sm.Delta = sm.Value
	default:
		sm.Delta = sm.Value - before
	}
}

// add counts delta and returns the new total.
func (s *series) add(delta float64, unixNano int64, now timefix.Instant) float64 {
	s.newer(unixNano, now, shortSlack)
	total := math.Float64frombits(s.value.Load()) + delta
	s.set(total, now)
	return total
}

// arrival is the clock that a series' life is measured by: the one since boot,
// which nobody sets, where there is one.
func arrival(now timefix.Instant) int64 {
	if now.Boot != 0 {
		return now.Boot
	}
	return now.Wall
}

// expires tells whether this is a series that goes when its samples stop.
func (s *series) expires() bool {
	return s.id.Kind == metric.Gauge || s.id.Kind == metric.Untyped
}

// Desc is part of prometheus.Metric.
func (s *series) Desc() *prometheus.Desc { return s.family.desc }

// Write is part of prometheus.Metric. A series that cannot be written costs
// itself alone.
func (s *series) Write(m *dto.Metric) (err error) {
	defer func() {
		if r := recover(); r != nil {
			s.family.store.panicked(r)
			err = errUnwritable
		}
	}()
	return s.write(m)
}

var errUnwritable = errors.New("write series: it contradicts itself")

func (s *series) write(m *dto.Metric) error {
	m.Label = s.pairs
	v := math.Float64frombits(s.value.Load())
	switch s.family.kind {
	case metric.Gauge:
		b := &struct {
			g dto.Gauge
			v float64
		}{v: v}
		b.g.Value, m.Gauge = &b.v, &b.g
	case metric.Counter:
		b := &struct {
			c dto.Counter
			v float64
		}{v: v}
		b.c.Value, m.Counter = &b.v, &b.c
	case metric.Histogram, metric.Summary:
		return writeDistribution(m, s.dist.Load(), s.family.kind)
	default:
		m.Untyped = &dto.Untyped{Value: &v}
	}
	return nil
}

func writeDistribution(m *dto.Metric, d *metric.Distribution, kind metric.Kind) error {
	switch {
	case d == nil:
		return errUnwritable
	case kind == metric.Histogram:
		m.Histogram = histogram(d)
	default:
		m.Summary = summary(d)
	}
	return nil
}

func histogram(d *metric.Distribution) *dto.Histogram {
	h := &dto.Histogram{SampleCount: &d.Count, SampleSum: &d.Sum, Bucket: make([]*dto.Bucket, len(d.Bounds))}
	for i := range d.Bounds {
		h.Bucket[i] = &dto.Bucket{UpperBound: &d.Bounds[i], CumulativeCount: &d.Counts[i]}
	}
	if d.Native != nil {
		addNative(h, d.Native)
	}
	return h
}

func summary(d *metric.Distribution) *dto.Summary {
	s := &dto.Summary{SampleCount: &d.Count, SampleSum: &d.Sum, Quantile: make([]*dto.Quantile, len(d.Bounds))}
	for i := range d.Bounds {
		s.Quantile[i] = &dto.Quantile{Quantile: &d.Bounds[i], Value: &d.Values[i]}
	}
	return s
}

// sound tells whether a distribution can be shown as kind.
func sound(d *metric.Distribution, kind metric.Kind) bool {
	if d == nil || kind == metric.Summary && len(d.Values) != len(d.Bounds) ||
		kind == metric.Histogram && len(d.Counts) != len(d.Bounds) {
		return false
	}
	for i, b := range d.Bounds {
		if math.IsNaN(b) || i > 0 && b <= d.Bounds[i-1] {
			return false
		}
		if kind == metric.Histogram && (d.Counts[i] > d.Count || i > 0 && d.Counts[i] < d.Counts[i-1]) {
			return false
		}
	}
	return d.Native == nil || kind == metric.Histogram && soundNative(d.Native, d.Count)
}

// pairsOf makes the label pairs in one piece.
func pairsOf(labels []metric.Label) []*dto.LabelPair {
	if len(labels) == 0 {
		return nil
	}
	backing := make([]dto.LabelPair, len(labels))
	pairs := make([]*dto.LabelPair, len(labels))
	for i := range labels {
		backing[i].Name, backing[i].Value = &labels[i].Name, &labels[i].Value
		pairs[i] = &backing[i]
	}
	return pairs
}
