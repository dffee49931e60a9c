package hostmetrics

import (
	"math"
	"sync"

	"out_edge/plugin/chunk"
	"out_edge/plugin/metric"
	"out_edge/plugin/wire"
)

// InstanceLabel is the label that says which device a record is of, where the record
// says it: Prometheus' own name for that.
const InstanceLabel = "instance"

// defaultLimit is Config.Limit's default, that of series_limit.
const defaultLimit = 10_000

// Config is one instance's settings.
type Config struct {
	// Prefix starts the name of every series.
	Prefix string
	// Series makes the series; it must not be nil.
	Series *metric.Interner
	// Hostname is this device's own name, or "". Records that name another device
	// get its name in the label instance and in Series.Host.
	Hostname string
	// Limit is how many series are remembered at once, thrice at most; 0 is 10000. A
	// series that is forgotten is found again.
	Limit int
	// Dropped is told why values made no sample: reason is one of Reasons. May be
	// nil. It is called without locks held, from several goroutines.
	Dropped func(reason string, n int)
}

// Engine makes samples of host records. It is safe for concurrent use.
type Engine struct {
	cfg   Config
	names [numMetrics]struct{ prometheus, datadog string }

	mu sync.Mutex
	// The devices that records came from, by name, "" for this one. Those that are
	// used stand in young, which becomes old when it is full: the old ones are let
	// go.
	young, old map[string]*deviceState
	slots      int // of the young
	last       *deviceState
	scratch    []byte
}

// deviceState is what is remembered of one device: by the key of a value, and what
// else of the record tells its series apart, the series.
type deviceState struct {
	name  string
	slots [numInputs]map[string]*slot
	n     int
}

// slot is where a value belongs.
type slot struct {
	series   *metric.Series
	metric   int // in table
	div, mul float64
	// at is the instant of a counter's last record, ns since 1970, if known.
	at    int64
	known bool
}

// New makes an Engine.
func New(cfg Config) *Engine {
	if cfg.Limit <= 0 {
		cfg.Limit = defaultLimit
	}
	if cfg.Dropped == nil {
		cfg.Dropped = func(string, int) {}
	}
	e := &Engine{cfg: cfg, young: make(map[string]*deviceState)}
	for i := range table {
		e.names[i].prometheus, e.names[i].datadog = table[i].Name(cfg.Prefix), table[i].DatadogName(cfg.Prefix)
	}
	return e
}

// DefinitionOf is that of the metric of a series that the Engine made, or nil.
func (e *Engine) DefinitionOf(s *metric.Series) *metric.Definition {
	for i := range e.names {
		if e.names[i].prometheus == s.Name {
			return &table[i].Definition
		}
	}
	return nil
}

// Observe appends the samples of a host record, stamped unixNano; taken is false, and
// dst as it was, for every other record. A counter's sample has in Delta what was
// added; its Value is for whoever keeps the totals.
//
// The record is not kept. Samples of known series cost no allocation, as far as dst
// has room, and come with the same pointers.
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

// observation is one record on its way to samples; the engine is locked.
type observation struct {
	e       *Engine
	in      input
	device  *deviceState
	context context
	up      bool // the process of a proc record runs
	dst     []metric.Sample
	index   int
	at      int64 // the record's time, ns since 1970
	refused [numRefusals]int
}

func (o *observation) take(host []byte, tag string, body wire.Value) {
	o.e.mu.Lock()
	defer o.e.mu.Unlock()
	o.device = o.e.deviceOf(host)
	prefix := o.prefix(tag, body)
	it := body.Map()
	for {
		key, val, ok := it.Next()
		if !ok {
			return
		}
		name, _ := key.Bytes()
		if s := o.find(name, prefix, tag, val); s != nil {
			o.value(s, val)
		}
	}
}

// prefix reads the context of a record, and puts into scratch what of it stands
// before each key in the name of a slot.
func (o *observation) prefix(tag string, body wire.Value) (length int) {
	c, scratch := &o.context, o.e.scratch[:0]
	switch o.in {
	case thermal:
		c.zone, _ = body.Get("name").Bytes()
		c.zoneType, _ = body.Get("type").Bytes()
		scratch = append(append(scratch, c.zone...), 0)
		scratch = append(append(scratch, c.zoneType...), 0)
	case proc:
		c.process, _ = body.Get("proc_name").Bytes()
		alive, _ := body.Get("alive").Bool()
		pid, _ := body.Get("pid").Int64()
		o.up = alive && pid > 0
		scratch = append(append(scratch, c.process...), 0)
	}
	o.e.scratch = scratch
	return len(scratch)
}

// find finds or makes the slot of a key's value; nil where it has none.
func (o *observation) find(name []byte, prefix int, tag string, val wire.Value) *slot {
	if o.in == proc && !o.up && string(name) != "alive" {
		return nil // what a dead process leaves is uninitialised memory
	}
	key := name
	switch {
	case prefix > 0:
		key = append(o.e.scratch[:prefix], name...)
		o.e.scratch = key
	case o.in == mem && string(name) == procBytes:
		key = append(append(o.e.scratch[:0], name...), tag...)
		o.e.scratch = key
		o.context.tag = key[len(name):]
	}
	if s := o.device.slots[o.in][string(key)]; s != nil {
		return s
	}
	if o.in == netif && !isCount(val) {
		return nil
	}
	return o.add(name, key)
}

// add makes the slot of a key that belongs to a metric.
func (o *observation) add(name, key []byte) *slot {
	for m := range table {
		for _, src := range table[m].sources {
			if src.input != o.in {
				continue
			}
			if labels, ok := src.labels(name, o.context); ok {
				s := &slot{series: o.e.series(m, labels, o.device.name), metric: m, div: src.div, mul: src.mul}
				o.e.keep(o.device, o.in, string(key), s)
				return s
			}
		}
	}
	return nil
}

// series makes the identity of a series.
func (e *Engine) series(m int, labels []metric.Label, device string) *metric.Series {
	r := &table[m]
	if device != "" {
		labels = append(labels, metric.Label{Name: InstanceLabel, Value: device})
	}
	return e.cfg.Series.Intern(metric.Series{Name: e.names[m].prometheus, DatadogName: e.names[m].datadog,
		Help: r.Help, Unit: r.Unit, Kind: r.Kind, Host: device, Labels: labels})
}

// deviceOf finds or makes the state of a device.
func (e *Engine) deviceOf(name []byte) *deviceState {
	if last := e.last; last != nil && last.name == string(name) {
		return last
	}
	d := e.young[string(name)]
	if d == nil {
		d = e.renew(name)
	}
	e.last = d
	return d
}

// renew takes a device's state out of the old ones, or makes it.
func (e *Engine) renew(name []byte) *deviceState {
	d := e.old[string(name)]
	if d == nil {
		d = &deviceState{name: string(name)}
	}
	if e.slots > 0 && e.slots+d.n > e.cfg.Limit {
		e.old, e.young, e.slots, e.last = e.young, make(map[string]*deviceState), 0, nil
	}
	e.young[d.name] = d
	e.slots += d.n
	return d
}

// keep remembers a slot. A device that has too many begins anew.
func (e *Engine) keep(d *deviceState, in input, key string, s *slot) {
	if d.n >= e.cfg.Limit {
		e.slots -= d.n
		*d = deviceState{name: d.name}
	}
	if d.slots[in] == nil {
		d.slots[in] = make(map[string]*slot)
	}
	d.slots[in][key] = s
	d.n++
	e.slots++
}

// value makes the sample of a value, if it can be true.
func (o *observation) value(s *slot, val wire.Value) {
	sample := metric.Sample{Series: s.series, UnixNano: o.at, Index: o.index}
	if s.series.Kind == metric.Counter {
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
