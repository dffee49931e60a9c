package hostmetrics

import (
	"math"
	"sync"

	"out_edge/plugin/chunk"
	"out_edge/plugin/metric"
	"out_edge/plugin/wire"
)

// InstanceLabel is the label for the device of a record, if the record names one:
// Prometheus' own name for that.
const InstanceLabel = "instance"

// defaultLimit is Config.Limit's default, that of series_limit.
const defaultLimit = 10_000

// Config is one instance's settings.
type Config struct {
	// Prefix is the start of the name of every series.
	Prefix string
	// Series creates the series; it must not be nil.
	Series *metric.Interner
	// Hostname is this device's own name, or "". Records that name another device
	// get its name in the label instance and in Series.Host.
	Hostname string
	// Limit is how many series a generation of the cache has (up to three times as many
	// are kept); 0 is 10000. Evicted series are found again.
	Limit int
	// Dropped is called with the reason, one of Reasons, when values made no sample. May
	// be nil. It is called without locks held, from several goroutines.
	Dropped func(reason string, n int)
}

// Engine makes samples of host records. It is safe for concurrent use.
type Engine struct {
	cfg   Config
	names [numMetrics]struct{ prometheus, datadog string }

	mu sync.Mutex
	// The groups of records, by the records' keys, as a two-generation cache: groups in
	// use are in young; when that is full it becomes old, and the old groups are
	// evicted.
	young, old map[string]*group
	recent     [numInputs]*group // that of the last record
	slots      int               // of the young
	key        []byte            // scratch
}

// group is the state for the records of one input that differ only in their values:
// those of one device, and of one process or thermal zone.
type group struct {
	key     string
	host    string // "" for this device
	context context
	slots   map[string]*slot // by the record's keys
	order   []*slot          // of the last record
}

// context is the part of a record, besides a key, that distinguishes series.
type context struct{ tag, zone, zoneType, process string }

// slot is the series for the value of a key.
type slot struct {
	key      string
	series   *metric.Series // nil: it belongs to no metric
	metric   int            // in table
	div, mul float64
	// at is the instant of a counter's last record, ns since 1970, if known.
	at    int64
	known bool
}

// New creates an Engine.
func New(cfg Config) *Engine {
	if cfg.Limit <= 0 {
		cfg.Limit = defaultLimit
	}
	if cfg.Dropped == nil {
		cfg.Dropped = func(string, int) {}
	}
	e := &Engine{cfg: cfg, young: make(map[string]*group)}
	for i := range table {
		e.names[i].prometheus, e.names[i].datadog = table[i].Name(cfg.Prefix), table[i].DatadogName(cfg.Prefix)
	}
	return e
}

// DefinitionOf returns the definition of the metric of a series that the Engine made,
// or nil.
func (e *Engine) DefinitionOf(s *metric.Series) *metric.Definition {
	for i := range e.names {
		if e.names[i].prometheus == s.Name {
			return &table[i].Definition
		}
	}
	return nil
}

// Observe appends the samples of a host record, stamped unixNano; for every other
// record taken is false and dst unchanged. A counter's sample has in Delta what was
// added; whoever keeps the totals sets its Value.
//
// The record is not kept. Samples of known series cost no allocation if dst has room,
// and have the same pointers.
func (e *Engine) Observe(dst []metric.Sample, tag string, rec *chunk.Record, unixNano int64) (samples []metric.Sample, taken bool) {
	in, host := recognise(rec.Body)
	if in == none {
		return dst, false
	}
	o := observation{e: e, in: in, dst: dst, index: rec.Index, at: unixNano}
	if string(host) == e.cfg.Hostname {
		host = nil
	}
	o.take(host, tag, rec.Body)
	for r, n := range o.refused {
		if n > 0 {
			e.cfg.Dropped(refusal(r).String(), n)
		}
	}
	return o.dst, true
}

// observation is one record being converted to samples; the engine is locked.
type observation struct {
	e       *Engine
	in      input
	group   *group
	up      bool // the process of a proc record runs
	dst     []metric.Sample
	index   int
	at      int64 // the record's time, ns since 1970
	refused [numRefusals]int
}

func (o *observation) take(host []byte, tag string, body wire.Value) {
	o.e.mu.Lock()
	defer o.e.mu.Unlock()
	o.group = o.find(host, tag, body)
	it := body.Map()
	for i := 0; ; i++ {
		key, val, ok := it.Next()
		if !ok {
			return
		}
		name, _ := key.Bytes()
		s := o.slot(i, name)
		if s.series == nil || o.in == proc && !o.up && s.metric != processUp {
			continue // the values of a dead process are uninitialised memory
		}
		o.value(s, val)
	}
}

// find returns the group of a record, and creates it if needed.
func (o *observation) find(host []byte, tag string, body wire.Value) *group {
	var a, b []byte // parts of the record that distinguish its series
	switch o.in {
	case thermal:
		a, _ = body.Get("name").Bytes()
		b, _ = body.Get("type").Bytes()
	case proc:
		a, _ = body.Get("proc_name").Bytes()
		alive, _ := body.Get("alive").Bool()
		pid, _ := body.Get("pid").Int64()
		o.up = alive && pid > 0
	}
	k := append(append(o.e.key[:0], byte(o.in)), host...)
	k = append(append(k, 0), a...)
	k = append(append(k, 0), b...)
	if o.in == mem { // with pid, it is from the process that the tag names
		k = append(k, tag...)
	}
	o.e.key = k
	if g := o.e.recent[o.in]; g != nil && g.key == string(k) {
		return g
	}
	g := o.e.young[string(k)]
	if g == nil {
		g = o.e.renew(k)
		if g.slots == nil {
			*g = group{key: g.key, host: string(host), slots: make(map[string]*slot), context: contextOf(o.in, tag, a, b)}
		}
	}
	o.e.recent[o.in] = g
	return g
}

func contextOf(in input, tag string, a, b []byte) context {
	switch in {
	case thermal:
		return context{zone: string(a), zoneType: string(b)}
	case proc:
		return context{process: string(a)}
	}
	return context{tag: tag}
}

// renew moves a group from the old generation, or creates it.
func (e *Engine) renew(key []byte) *group {
	g := e.old[string(key)]
	if g == nil {
		g = &group{key: string(key)}
	}
	if e.slots > 0 && e.slots+len(g.slots) > e.cfg.Limit {
		e.old, e.young, e.slots, e.recent = e.young, make(map[string]*group), 0, [numInputs]*group{}
	}
	e.young[g.key] = g
	e.slots += len(g.slots)
	return g
}

// slot returns the slot of a record's i-th key, and creates it if needed. Records of a
// group usually have the same keys in the same order.
func (o *observation) slot(i int, key []byte) *slot {
	g := o.group
	if i < len(g.order) && g.order[i].key == string(key) {
		return g.order[i]
	}
	s := g.slots[string(key)]
	if s == nil {
		s = o.add(string(key))
	}
	if i <= len(g.order) {
		g.order = append(g.order[:i], s)
	}
	return s
}

// add creates the slot of a key. A group that has too many starts anew.
func (o *observation) add(key string) *slot {
	e, g := o.e, o.group
	if len(g.slots) >= e.cfg.Limit {
		e.slots -= len(g.slots)
		clear(g.slots)
	}
	s := o.newSlot(key)
	g.slots[key] = s
	e.slots++
	return s
}

func (o *observation) newSlot(key string) *slot {
	for m := range table {
		for _, src := range table[m].sources {
			if src.input != o.in {
				continue
			}
			if labels, ok := src.labels(key, &o.group.context); ok {
				return &slot{key: key, series: o.e.series(m, labels, o.group.host), metric: m, div: src.div, mul: src.mul}
			}
		}
	}
	return &slot{key: key}
}

// series creates the identity of a series.
func (e *Engine) series(m int, labels []metric.Label, host string) *metric.Series {
	r := &table[m]
	if host != "" {
		labels = append(labels, metric.Label{Name: InstanceLabel, Value: host})
	}
	return e.cfg.Series.Intern(metric.Series{Name: e.names[m].prometheus, DatadogName: e.names[m].datadog,
		Help: r.Help, Unit: r.Unit, Kind: r.Kind, Host: host, Labels: labels})
}

// value makes the sample of a value, if that is plausible.
func (o *observation) value(s *slot, val wire.Value) {
	sample := metric.Sample{Series: s.series, UnixNano: o.at, Index: o.index}
	if s.series.Kind == metric.Counter {
		if o.in == netif && !s.known && !isCount(val) {
			return // not what the input writes under such a key
		}
		delta, why := difference(val, table[s.metric].fastest*s.elapsed(o.at))
		if why != accepted {
			o.refused[why]++
			return
		}
		s.at, s.known = o.at, true
		sample.Delta, sample.HasDelta, sample.Kept = delta, true, true
		o.dst = append(o.dst, sample)
		return
	}
	v, ok := val.Float64()
	if s.metric == processUp {
		v, ok = 0, true
		if o.up {
			v = 1
		}
	}
	switch {
	case !ok:
		return
	case math.IsNaN(v) || math.IsInf(v, 0):
		o.refused[notFinite]++
		return
	}
	sample.Value = v / s.div * s.mul
	o.dst = append(o.dst, sample)
}
