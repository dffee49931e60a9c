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
	room   *room
	wall   func() int64 // the clock's time, ns since 1970; 0 where there is none
	mu     sync.Mutex
	series map[string]*series
}

// series is one series and its state, guarded by its table's mutex.
type series struct {
	id    *metric.Series
	total float64              // of a counter
	dist  *metric.Distribution // of a histogram; shared once it is in a sample
	at    int64                // instant of the last sample, ns since 1970
	seen  int64                // arrival of a gauge's last sample
}

// room is how many series an engine has, and may have.
type room struct {
	limit int
	mu    sync.Mutex
	used  int
	bytes int   // of the keys
	swept int64 // when expired gauges were last looked for
}

// take makes room for one series with a key of n bytes.
func (r *room) take(n int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.limit > 0 && (r.used >= r.limit || int64(r.bytes+n) > int64(r.limit)*1024) {
		return false
	}
	r.used++
	r.bytes += n
	return true
}

func (r *room) give(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.used--
	r.bytes -= n
}

// sweep tells whether it is time to look for expired gauges again.
func (r *room) sweep(now, every int64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.swept != 0 && now-r.swept < every {
		return false
	}
	r.swept = now
	return true
}

func newTable(f *family, room *room, static []metric.Label, wall func() int64) *table {
	return &table{family: f, static: static, room: room, wall: wall, series: make(map[string]*series)}
}

// add gives v to the series with the key and returns its sample.
func (t *table) add(key []byte, v float64, unixNano, now int64) (metric.Sample, refusal) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.series[string(key)]
	if s == nil {
		if !t.room.take(len(key)) {
			return metric.Sample{}, overLimit
		}
		text := string(key)
		s = &series{id: t.identity(text)}
		t.series[text] = s
	}
	switch t.family.kind {
	case metric.Counter:
		return s.count(t, v, unixNano)
	case metric.Histogram:
		return s.observe(t, v, unixNano)
	}
	s.seen = now
	return metric.Sample{Series: s.id, UnixNano: unixNano, Value: v}, accepted
}

// count adds to a counter.
func (s *series) count(t *table, v float64, unixNano int64) (metric.Sample, refusal) {
	total := s.total + v
	if math.IsInf(total, 0) {
		return metric.Sample{}, notFinite
	}
	s.total = total
	return metric.Sample{Series: s.id, UnixNano: t.rise(s, unixNano), Value: total, Delta: v, HasDelta: true}, accepted
}

// observe adds to a histogram. The state before may be in anybody's hands, so
// the new one is a copy.
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
	s.dist = d
	return metric.Sample{Series: s.id, UnixNano: t.rise(s, unixNano), Dist: d}, accepted
}

// snapshot makes a family's empty Distribution, in one piece up to 16 counts.
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

// disorder is how far, in ns, the newest record of a series may be ahead of the
// clock, and of the others: 10 minutes. Beyond both, its time was wrong.
const disorder = int64(10 * 60 * 1e9)

// rise makes the instants of a series' totals rise strictly. A total belongs to
// the moment at which it was reached, however late its record: with an older
// instant it would be taken for an older total.
func (t *table) rise(s *series, unixNano int64) int64 {
	if unixNano <= s.at && (s.at-unixNano <= disorder || s.at-disorder <= t.wall()) {
		unixNano = s.at + 1
	}
	s.at = unixNano
	return unixNano
}

// identity makes a series' identity from its key.
func (t *table) identity(key string) *metric.Series {
	f := t.family
	labels := make([]metric.Label, 0, len(f.labels)+len(t.static))
	static := t.static
	for _, name := range f.labels {
		value := key[:strings.IndexByte(key, separator)]
		key = key[len(value)+1:]
		for len(static) > 0 && static[0].Name < name {
			labels = append(labels, static[0])
			static = static[1:]
		}
		if value == "" {
			continue
		}
		labels = append(labels, metric.Label{Name: name, Value: value})
		if len(static) > 0 && static[0].Name == name {
			static = static[1:]
		}
	}
	return &metric.Series{Name: f.name, DatadogName: f.datadog, Help: f.help, Unit: f.unit, Kind: f.kind,
		Labels: append(labels, static...)}
}

// expire drops the gauges that were last seen before the instant, and tells
// whether it did.
func (t *table) expire(before int64) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	dropped := false
	for key, s := range t.series {
		if s.seen < before {
			delete(t.series, key)
			t.room.give(len(key))
			dropped = true
		}
	}
	return dropped
}

// appendKey appends what tells one series from another.
func appendKey(dst []byte, s *metric.Series) []byte {
	dst = append(dst, byte(s.Kind))
	dst = append(append(dst, s.Name...), separator)
	for i := range s.Labels {
		dst = append(append(dst, s.Labels[i].Name...), separator)
		dst = append(append(dst, s.Labels[i].Value...), separator)
	}
	return dst
}
