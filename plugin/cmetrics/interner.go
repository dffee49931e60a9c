package cmetrics

import (
	"bytes"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"out_edge/plugin/metric"
	"out_edge/plugin/wire"
)

// defaultInternLimit is the default of series_limit.
const defaultInternLimit = 10000

// internBytes is the average number of bytes of names and labels for each series of the
// limit, above which old ones are evicted.
const internBytes = 512

// Interner returns the same *metric.Series each time for a series of metrics events, so
// that a known one costs no allocation. The zero value is ready to use; several
// goroutines may use it, one after the other inside Append.
//
// It is a two-generation cache of at most twice Limit series, keyed by the event's own
// bytes, in front of the metric.Interner that creates all series: those in use are in
// the young generation, and when that is full the old one is evicted.
type Interner struct {
	// Limit is the number of series of a generation; 0 means 10000. It must not change
	// once the Interner is in use.
	Limit int
	// Series creates the series; nil is one of the Interner's own. It must not change
	// once the Interner is in use.
	Series *metric.Interner

	// OTLP is for events of OpenTelemetry's services. It must not change once the
	// Interner is in use.
	OTLP OTLP

	clashed atomic.Uint64
	private metric.Interner // used if Series is nil

	mu         sync.Mutex
	young, old map[string]*entry
	bytes      int // of the young entries' keys and counts

	// Working memory of the Append that holds mu.
	checker wire.Checker
	family  family
	static  []staticLabel
	values  [][]byte
	keyText []byte
	otlp    otlp
}

// entry is one series, with its state if it is sent as deltas.
type entry struct {
	key    string
	series *metric.Series
	total  float64
	dist   *metric.Distribution
	counts int // in dist
	// For OpenTelemetry: the metric that makes it, the start and last time of its total
	// (total is the value then), whether it was returned as a counter, and whether its
	// series as a counter has been ended.
	otlp           *otlpFamily
	start, at      int64
	given, isEnded bool
}

// staticLabel is a label of all series of an event, views into the payload.
type staticLabel struct{ name, value []byte }

// Inherit takes over the series of an Interner that nobody uses any more, with their
// totals, if both make the same names. It is called before the first Append.
func (in *Interner) Inherit(old *Interner) {
	if in.Series != old.Series || !in.OTLP.isSame(&old.OTLP) {
		return
	}
	old.mu.Lock()
	defer old.mu.Unlock()
	in.mu.Lock()
	defer in.mu.Unlock()
	in.young, in.old, in.bytes, in.otlp = old.young, old.old, old.bytes, old.otlp
	old.young, old.old, old.bytes, old.otlp = nil, nil, 0, otlp{}
	in.OTLP.Fallen = old.OTLP.Fallen
}

// Clashed returns how many samples Append refused because another OpenTelemetry metric
// makes their series.
func (in *Interner) Clashed() uint64 { return in.clashed.Load() }

// Len returns how many series are held.
func (in *Interner) Len() int {
	in.mu.Lock()
	defer in.mu.Unlock()
	n := len(in.young)
	for key := range in.old {
		if _, ok := in.young[key]; !ok {
			n++
		}
	}
	return n
}

// scratchLimit is how much working memory is kept between payloads, in bytes of text
// and in labels.
const scratchLimit = 64 << 10

// release releases the payload, and keeps the working memory unless an unusual payload
// made it large.
func (in *Interner) release() {
	in.family.reset()
	in.otlp.meta.release()
	if max(cap(in.keyText), cap(in.family.arena), cap(in.family.labels), cap(in.static)) > scratchLimit {
		in.keyText, in.family, in.static, in.values = nil, family{}, nil, nil
	}
	clear(in.static[:cap(in.static)])
	clear(in.values[:cap(in.values)])
}

// separator follows each part of a key. It is not a byte of UTF-8.
const (
	separator = 0xff
	partEnd   = "\xff"
)

// readValues reads the values of a sample's labels, which at is at and passes, most of
// them at most.
func (in *Interner) readValues(most int, at *wire.Reader) {
	in.values = in.values[:0]
	if at.Kind() != wire.Array {
		at.Leave()
		return
	}
	for range at.Len() {
		at.Next()
		if len(in.values) < most {
			in.values = append(in.values, at.Text())
		}
		at.Leave()
	}
}

// key returns the key of the series whose labels have the values that were read last: its
// kind and name, and its labels' names and values sorted by name. It is valid until the
// next key. Labels without a value are left out: in Prometheus an empty label is none.
func (in *Interner) key(f *family) []byte {
	k := append(in.keyText[:0], byte(f.kind))
	k = append(append(k, f.name...), separator)
	var last familyLabel
	for _, l := range f.labels {
		value := in.valueOf(&l)
		if len(value) == 0 || l.isName && bytes.Equal(value, f.name) {
			continue
		}
		if bytes.Equal(l.name, last.name) {
			if l.attribute != nil && last.attribute != nil {
				k[len(k)-1] = ';'
				k = append(appendText(k, value), separator)
			}
			continue
		}
		last = l
		k = append(append(k, l.name...), separator)
		k = append(appendText(k, value), separator)
	}
	in.keyText = k
	return k
}

// valueOf is a label's value in the sample whose key is made.
func (in *Interner) valueOf(l *familyLabel) []byte {
	value := l.value
	if l.index >= 0 && l.index < len(in.values) {
		value = in.values[l.index]
	}
	if l.isBool && len(value) == 1 {
		switch value[0] {
		case '0':
			return []byte("false")
		case '1':
			return []byte("true")
		}
	}
	return value
}

// intern returns the entry of a key, and creates it if needed.
func (in *Interner) intern(f *family, key []byte) *entry {
	if e, ok := in.young[string(key)]; ok {
		return e
	}
	if e, ok := in.old[string(key)]; ok {
		in.hold(e)
		return e
	}
	e := &entry{key: string(key), counts: len(f.bounds), series: in.seriesOf(f, key), otlp: f.otlp}
	in.hold(e)
	return e
}

// hold adds an entry to the young generation, which becomes the old one when it is
// full.
func (in *Interner) hold(e *entry) {
	limit := in.Limit
	if limit <= 0 {
		limit = defaultInternLimit
	}
	if len(in.young) >= limit || int64(in.bytes) > int64(limit)*internBytes {
		in.old, in.young, in.bytes = in.young, nil, 0
	}
	if in.young == nil {
		in.young = make(map[string]*entry)
	}
	in.young[e.key] = e
	in.bytes += len(e.key) + e.counts*8
}

// seriesOf creates the series of a key.
func (in *Interner) seriesOf(f *family, key []byte) *metric.Series {
	text := f.shared()
	id := metric.Series{DatadogName: text.datadogName, Help: text.help, Unit: text.unit, Kind: f.kind}
	name, rest, _ := strings.Cut(string(key[1:]), partEnd)
	id.Name = name
	for rest != "" {
		var l metric.Label
		l.Name, rest, _ = strings.Cut(rest, partEnd)
		l.Value, rest, _ = strings.Cut(rest, partEnd)
		id.Labels = append(id.Labels, l)
	}
	if f.otlp != nil {
		id.Resource = new(metric.ResourceRef)
	}
	return in.interner().Intern(id)
}

func (in *Interner) interner() *metric.Interner {
	if in.Series == nil {
		return &in.private
	}
	return in.Series
}

// add converts a sample with a delta to one with a total.
func (e *entry) add(s *metric.Sample) {
	s.Kept = s.Series.Kind != metric.Gauge // a gauge is a sum that may fall
	if s.Dist == nil {
		if s.Kept {
			s.Delta, s.HasDelta = s.Value, true
		}
		e.total += s.Value
		s.Value = e.total
		return
	}
	if e.dist != nil {
		addTo(s.Dist, e.dist)
	}
	e.dist = s.Dist
}

// addTo adds a to d, unless their bounds are not the same; those of exponential
// histograms need not be.
func addTo(d, a *metric.Distribution) {
	exponential := d.Exponential && a.Exponential
	if !exponential && !slices.Equal(a.Bounds, d.Bounds) {
		return
	}
	d.Count += a.Count
	d.Sum += a.Sum
	d.NoSum = d.NoSum || a.NoSum
	if exponential {
		d.Native = a.Native.Plus(d.Native)
		d.Bounds, d.Counts = d.Native.Classic()
		return
	}
	for i, n := range a.Counts {
		d.Counts[i] += n
	}
}
