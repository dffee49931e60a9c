package exporter

import (
	"context"
	"net"
	"slices"
	"strings"
	"sync"

	"out_edge/exporter/telemetry"
	"out_edge/plugin/delivery"
	"out_edge/plugin/metric"
	"out_edge/timefix"
)

// Instance is one instance's part of a page. Its methods are safe for
// concurrent use.
type Instance struct {
	cfg      Config
	exporter *Exporter
	endpoint *endpoint
	labels   []metric.Label // of Config, sorted
	names    [numHost]hostName
	opened   int64 // by arrival's clock
	close    sync.Once

	// The rest is guarded by page.store.mu.

	closed bool
	bytes  int                // of the keys of all series
	all    map[string]*series // by series.key
	// The ways in for samples of known series: by the record's own key bytes
	// for cpu, mem and netif; by what deviceSlot makes for the others; by
	// pointer for metrics events.
	cpu, mem, netif, other map[string]*way
	events                 map[*metric.Series]*way

	scratch      []byte
	labelScratch []metric.Label
	expired      []*metric.Series
	charts       int // series that have one
	otherCharts  int // of them, those that no host record stands behind
}

type hostName struct{ prometheus, datadog string }

func newInstance(e *Exporter, p *endpoint, cfg Config) *Instance {
	m := &Instance{
		cfg: cfg, exporter: e, endpoint: p, labels: cleanLabels(cfg.Labels), opened: arrival(p.clock.Now()),
		all: make(map[string]*series), events: make(map[*metric.Series]*way),
		cpu: make(map[string]*way), mem: make(map[string]*way),
		netif: make(map[string]*way), other: make(map[string]*way),
	}
	for i := range hostTable {
		m.names[i] = hostName{hostTable[i].Name(cfg.Prefix), hostTable[i].DatadogName(cfg.Prefix)}
	}
	return m
}

// cleanLabels is labels as the series have them: sorted, their values UTF-8.
func cleanLabels(labels []metric.Label) (clean []metric.Label) {
	for _, l := range labels {
		clean = append(clean, metric.Label{Name: l.Name, Value: labelValue(l.Value)})
	}
	slices.SortFunc(clean, byName)
	return clean
}

func byName(a, b metric.Label) int { return strings.Compare(a.Name, b.Name) }

// Telemetry is Config.Telemetry, or what Open made for it.
func (m *Instance) Telemetry() *telemetry.Telemetry { return m.cfg.Telemetry }

// Addr is the address that the page is served on, or nil while it is not.
func (m *Instance) Addr() net.Addr {
	if m.endpoint.server == nil {
		return nil
	}
	return m.endpoint.server.Addr()
}

// Close takes the instance's series off the page, and closes the page if it was
// the last instance: its address is free when Close returns. Scrapes under way
// have until ctx ends. Close may be called again.
func (m *Instance) Close(ctx context.Context) (err error) {
	m.close.Do(func() { err = m.exporter.close(ctx, m) })
	return err
}

// Apply gives samples that were made elsewhere (metrics events) to the page,
// under their own names. Where the instance adds labels, or a name has to be
// changed for Prometheus to take it, Apply puts the changed Series into the
// sample, so that every sink is given the same, and for a counter that was seen
// before what it has grown by. A sample that the page refuses keeps its Series,
// and is counted. What relabelling drops is left out of the answer, which has
// samples' memory.
func (m *Instance) Apply(samples []metric.Sample) []metric.Sample {
	return m.ApplyAt(samples, m.endpoint.clock.Now(), true)
}

// ApplyAt is Apply for a caller that has looked at the clock already. Where show
// is false, the samples are completed and stay off the page.
func (m *Instance) ApplyAt(samples []metric.Sample, now timefix.Instant, show bool) []metric.Sample {
	return m.apply(samples, now, show, false)
}

// ApplyRules is ApplyAt for samples that config_file's rules made: what the page
// refuses is counted by rule too.
func (m *Instance) ApplyRules(samples []metric.Sample, now timefix.Instant, show bool) []metric.Sample {
	return m.apply(samples, now, show, true)
}

func (m *Instance) apply(samples []metric.Sample, now timefix.Instant, show, byRule bool) []metric.Sample {
	if len(samples) == 0 {
		return samples
	}
	var t tally
	kept := m.applyAll(samples, now, show, byRule, &t)
	m.count(&t, now)
	return kept
}

// applyAll applies samples with the store locked.
func (m *Instance) applyAll(samples []metric.Sample, now timefix.Instant, show, byRule bool, t *tally) []metric.Sample {
	m.endpoint.store.mu.Lock()
	defer m.endpoint.store.mu.Unlock()
	kept := samples[:0]
	for i := range samples {
		rule := samples[i].Series.Name // relabelling may change it
		s, why := m.applyOne(&samples[i], now, byRule)
		if why == relabelledAway {
			continue
		}
		kept = append(kept, samples[i])
		if why == accepted && show {
			why = m.present(s)
		}
		if why != accepted || show {
			t[why]++
		}
		if why != accepted && byRule {
			m.cfg.Telemetry.RefusedByRule(rule, why.String(), 1)
		}
	}
	return kept
}

func (m *Instance) applyOne(sm *metric.Sample, now timefix.Instant, byRule bool) (*series, refusal) {
	w := m.events[sm.Series]
	if w == nil {
		var why refusal
		if w, why = m.adopt(sm.Series, now); w == nil {
			return nil, why
		}
	}
	if w.to == nil || !m.feeds(w) {
		return nil, relabelledAway
	}
	s := w.to
	sm.Series = s.id
	return s, s.take(sm, now, byRule)
}

// adopt finds or makes the way in for a series from a metrics event.
func (m *Instance) adopt(from *metric.Series, now timefix.Instant) (*way, refusal) {
	id := *from
	id.Name = metricName(from.Name)
	own := m.labelScratch[:0]
	for _, l := range from.Labels {
		own = append(own, metric.Label{Name: labelName(l.Name), Value: labelValue(l.Value)})
	}
	id.Labels = m.merge(own)
	if from.Name == "" || clashes(&id) {
		return nil, malformed
	}
	to, keep := m.relabel(&id)
	if !keep {
		if to == nil && len(m.events) < maxAway {
			m.events[from] = new(way)
		}
		return nil, relabelledAway
	}
	if clashes(to) {
		return nil, malformed
	}
	s, why := m.find(to, now)
	if s == nil {
		return nil, why
	}
	w := &way{to: s, from: from}
	m.enter(w)
	m.chartOther(s)
	return w, accepted
}

// relabel gives the series that an identity with scratch labels becomes; keep is
// false if it is dropped.
func (m *Instance) relabel(id *metric.Series) (to *metric.Series, keep bool) {
	if m.cfg.Relabel == nil {
		return id, true
	}
	own := *id
	own.Labels = slices.Clone(id.Labels)
	return m.cfg.Relabel(&own)
}

// clashes tells whether a series has a label that its kind needs for itself.
func clashes(id *metric.Series) bool {
	return slices.ContainsFunc(id.Labels, func(l metric.Label) bool {
		return id.Kind == metric.Histogram && l.Name == "le" || id.Kind == metric.Summary && l.Name == "quantile"
	})
}

// merge adds the instance's labels to a series' own and sorts them. A series'
// own label wins, of two the first; an empty one is as good as none. The result
// is scratch.
func (m *Instance) merge(own []metric.Label) []metric.Label {
	own = append(own, m.labels...)
	slices.SortStableFunc(own, byName)
	own = slices.CompactFunc(own, func(a, b metric.Label) bool { return a.Name == b.Name })
	own = slices.DeleteFunc(own, func(l metric.Label) bool { return l.Value == "" })
	m.labelScratch = own[:0]
	return own
}

// find gives the instance's series with the identity id, a new one if need be.
// It copies id and its labels.
func (m *Instance) find(id *metric.Series, now timefix.Instant) (*series, refusal) {
	m.scratch = appendKey(m.scratch[:0], id)
	if s := m.all[string(m.scratch)]; s != nil {
		if s.id.Kind != id.Kind {
			return nil, conflict
		}
		return s, accepted
	}
	if m.full(len(m.scratch)) {
		return nil, overLimit
	}
	if f := m.endpoint.store.families[id.Name]; f != nil && f.bars(id.Kind) {
		return nil, conflict
	}
	own := *id
	own.Labels = slices.Clone(id.Labels)
	s := &series{id: &own, key: string(m.scratch), pairs: pairsOf(own.Labels), seen: arrival(now)}
	m.all[s.key] = s
	m.bytes += len(s.key)
	return s, accepted
}

// full tells whether there is no room for a further series with a key of n
// bytes. A closed instance has none.
func (m *Instance) full(n int) bool {
	limit := m.cfg.SeriesLimit
	return m.closed || limit > 0 && (len(m.all) >= limit || int64(m.bytes+n) > int64(limit)*1024)
}

// appendKey appends what tells one series from another.
func appendKey(dst []byte, id *metric.Series) []byte {
	dst = append(dst, id.Name...)
	for i := range id.Labels {
		dst = append(dst, 0xff) // in no name and no value: they are UTF-8
		dst = append(dst, id.Labels[i].Name...)
		dst = append(dst, 0xff)
		dst = append(dst, id.Labels[i].Value...)
	}
	return dst
}

// present shows s on the page, unless it is there already.
func (m *Instance) present(s *series) refusal {
	if s.shown {
		return accepted
	}
	return m.endpoint.store.show(s)
}

// drop forgets s.
func (m *Instance) drop(s *series) {
	m.endpoint.store.hide(s)
	delete(m.all, s.key)
	for _, w := range slices.Clone(s.ways) {
		m.forget(w)
	}
	m.bytes -= len(s.key)
	m.unchart(s)
}

// retire takes all series off the page, for good.
func (m *Instance) retire() {
	m.endpoint.store.mu.Lock()
	defer m.endpoint.store.mu.Unlock()
	m.closed = true
	for _, s := range m.all {
		m.drop(s)
	}
}

// takeExpired drops what has expired, and returns the gauges: those that no
// route leads to the page have been sent elsewhere.
func (m *Instance) takeExpired(now timefix.Instant) []*metric.Series {
	m.endpoint.store.mu.Lock()
	defer m.endpoint.store.mu.Unlock()
	m.expire(now)
	expired := m.expired
	m.expired = nil
	return expired
}

// expire drops the gauges whose last sample arrived longer than the ttl ago.
func (m *Instance) expire(now timefix.Instant) {
	ttl := int64(m.cfg.SeriesTTL)
	if ttl == 0 {
		return
	}
	for _, s := range m.all {
		if arrival(now)-s.seen > ttl && s.expires() {
			if m.cfg.OnExpire != nil {
				m.expired = append(m.expired, s.id)
			}
			m.drop(s)
		}
	}
}

// count tells the self series what became of the samples of one call.
func (m *Instance) count(t *tally, now timefix.Instant) {
	if n := t[accepted]; n > 0 {
		m.cfg.Telemetry.Shown(int(n), now)
	}
	for r := accepted + 1; r < numRefusals; r++ {
		if t[r] > 0 {
			m.cfg.Telemetry.Dropped(delivery.SinkPrometheus, r.String(), int(t[r]))
		}
	}
}
