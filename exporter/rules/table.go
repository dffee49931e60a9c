package rules

import (
	"math"
	"strings"
	"sync"

	"out_edge/plugin/metric"
)

// table holds a metric's series by their label values.
type table struct {
	family *family
	static []metric.Label // of every series
	// tagLabel, if not empty, is the label with the tag, which is at the end of the key.
	tagLabel string
	intern   *metric.Interner
	budget   *seriesBudget
	mu       sync.Mutex
	series   map[string]*series
	resets   uint32 // how often totals were dropped
}

// series is one series and its state; its table's mutex guards it.
type series struct {
	id    *metric.Series
	total float64              // of a counter
	dist  *metric.Distribution // of a histogram; shared once it is in a sample
	at    int64                // instant of the last sample, ns since 1970
	seen  int64                // arrival of a gauge's last sample
	reset uint32               // Sample.ResetCount: totals that were dropped and started again have a new one
}

// seriesBudget is the number of series of an engine, and its limit.
type seriesBudget struct {
	limit int
	mu    sync.Mutex
	used  int
	bytes int   // of the keys
	swept int64 // last search for expired gauges
}

// take reserves room for one series with a key of n bytes.
func (r *seriesBudget) take(n int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.limit > 0 && (r.used >= r.limit || int64(r.bytes+n) > int64(r.limit)*1024) {
		return false
	}
	r.used++
	r.bytes += n
	return true
}

func (r *seriesBudget) give(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.used--
	r.bytes -= n
}

// sweep reports whether it is time to search for expired gauges again.
func (r *seriesBudget) sweep(now, every int64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.swept != 0 && now-r.swept < every {
		return false
	}
	r.swept = now
	return true
}

func newTable(f *family, e *Engine) *table {
	return &table{family: f, static: e.cfg.Labels, tagLabel: e.cfg.TagLabel, intern: e.cfg.Series, budget: &e.budget,
		series: make(map[string]*series)}
}

// inherit takes over the totals of a table of the same name; it need not be of the same
// metric.
func (t *table) inherit(old *table) {
	old.mu.Lock()
	defer old.mu.Unlock()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.resets = old.resets + 1
	if t.family.kind == metric.Gauge || !t.family.isSame(old.family) {
		return
	}
	for key, s := range old.series {
		if t.budget.take(len(key)) {
			t.series[key] = s
		}
	}
	old.series = nil
}

// add adds v to the series with the key and returns its sample.
func (t *table) add(key []byte, v float64, unixNano, now int64) (metric.Sample, refusal) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.series[string(key)]
	if s == nil {
		if !t.budget.take(len(key)) {
			return metric.Sample{}, overLimit
		}
		text := string(key)
		s = &series{id: t.identity(text), reset: t.resets}
		t.series[text] = s
	}
	switch t.family.kind {
	case metric.Counter:
		return s.count(v, unixNano)
	case metric.Histogram:
		return s.observe(t, v, unixNano)
	}
	s.seen = now
	return metric.Sample{Series: s.id, UnixNano: unixNano, Value: v}, accepted
}

// count adds to a counter.
func (s *series) count(v float64, unixNano int64) (metric.Sample, refusal) {
	total := s.total + v
	if math.IsInf(total, 0) {
		return metric.Sample{}, notFinite
	}
	s.total, s.at = total, unixNano
	return metric.Sample{Series: s.id, UnixNano: unixNano, Value: total, Delta: v, HasDelta: true, Kept: true, ResetCount: s.reset}, accepted
}

// observe adds to a histogram. Others may still use the state before, so the new one is
// a copy.
func (s *series) observe(t *table, v float64, unixNano int64) (metric.Sample, refusal) {
	f := t.family
	d := snapshot(f)
	d.Bounds, d.Count, d.Sum = f.bounds, 1, v
	last := s.dist
	if last != nil {
		d.Count += last.Count
		d.Sum += last.Sum
		copy(d.Counts, last.Counts)
	}
	if math.IsInf(d.Sum, 0) {
		return metric.Sample{}, notFinite
	}
	for i := f.bucket(v); i < len(d.Counts); i++ {
		d.Counts[i]++
	}
	if d.Native != nil {
		if last != nil {
			*d.Native = *last.Native
		}
		f.native.observe(d.Native, v)
	}
	s.dist, s.at = d, unixNano
	return metric.Sample{Series: s.id, UnixNano: unixNano, Dist: d, Kept: true, ResetCount: s.reset}, accepted
}

// snapshot returns a family's empty Distribution, in one allocation up to 16 counts.
func snapshot(f *family) *metric.Distribution {
	n := len(f.bounds)
	if f.native != (native{}) {
		return f.native.snapshot(n)
	}
	if n > 16 {
		return &metric.Distribution{Counts: make([]uint64, n)}
	}
	s := &struct {
		metric.Distribution
		counts [16]uint64
	}{}
	s.Counts = s.counts[:n:n]
	return &s.Distribution
}

// identity creates a series from its key. A label on every series replaces an empty one
// of the rule.
func (t *table) identity(key string) *metric.Series {
	f := t.family
	labels := make([]metric.Label, 0, len(f.labels)+1+len(t.static))
	for _, name := range f.labels {
		var value string
		value, key, _ = strings.Cut(key, separatorText)
		labels = append(labels, metric.Label{Name: name, Value: value})
	}
	if t.tagLabel != "" {
		labels = append(labels, metric.Label{Name: t.tagLabel, Value: strings.TrimSuffix(key, separatorText)})
	}
	return t.intern.Intern(metric.Series{Name: f.name, DatadogName: f.datadog, Help: f.help, Unit: f.unit, Kind: f.kind,
		Labels: append(labels, t.static...)})
}

// newest returns the instant of the newest sample of a total, in ns since 1970.
func (t *table) newest() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	newest := int64(math.MinInt64)
	for _, s := range t.series {
		newest = max(newest, s.at)
	}
	return newest
}

// expire removes the gauges that were last seen before one instant, and the totals
// whose last record is from before another, and reports whether there was one.
func (t *table) expire(seen, at int64) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	dropped := false
	for key, s := range t.series {
		if gauge := t.family.kind == metric.Gauge; gauge && s.seen < seen || !gauge && s.at < at {
			delete(t.series, key)
			t.budget.give(len(key))
			dropped = true
		}
	}
	if dropped {
		t.resets++
	}
	return dropped
}
