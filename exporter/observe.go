package exporter

import (
	"bytes"
	"math"

	"out_edge/plugin/chunk"
	"out_edge/plugin/metric"
	"out_edge/plugin/wire"
	"out_edge/timefix"
)

// Observe takes a host record (cpu, mem, thermal, disk, netif, proc, told by
// its keys): its values go to the page and, as samples stamped unixNano, onto
// dst. taken is false, and dst as it was, for every other record. A value that
// is refused (see the `reason`s of edge_dropped_records_total) is on neither,
// except for what only the page refuses: a name conflict, and a series that
// another instance shows.
//
// The record is not kept. Samples of known series cost no allocation, as far as
// dst has room.
func (m *Instance) Observe(dst []metric.Sample, tag string, rec *chunk.Record, unixNano int64) (samples []metric.Sample, taken bool) {
	kind := recognise(rec.Body)
	if kind == notHost {
		return dst, false
	}
	o := observation{m: m, dst: dst, index: rec.Index, at: unixNano, now: m.endpoint.clock.Now()}
	return o.take(kind, tag, rec.Body), true
}

// ObserveAt is Observe for a caller that has looked at the clock already, once
// for all records of a flush: that look costs as much as half a record. Where
// show is false, the samples are made and stay off the page.
func (m *Instance) ObserveAt(dst []metric.Sample, tag string, rec *chunk.Record, unixNano int64, now timefix.Instant, show bool) (samples []metric.Sample, taken bool) {
	kind := recognise(rec.Body)
	if kind == notHost {
		return dst, false
	}
	o := observation{m: m, dst: dst, index: rec.Index, at: unixNano, now: now, hide: !show}
	return o.take(kind, tag, rec.Body), true
}

// observation is one host record on its way to its series; the store is locked.
type observation struct {
	m     *Instance
	dst   []metric.Sample
	index int
	at    int64 // the record's time, ns since 1970
	now   timefix.Instant
	hide  bool // off the page
	tally tally
}

func (o *observation) take(kind host, tag string, body wire.Value) []metric.Sample {
	o.sort(kind, tag, body)
	o.m.count(&o.tally, o.now)
	return o.dst
}

// sort takes the values with the store locked.
func (o *observation) sort(kind host, tag string, body wire.Value) {
	o.m.endpoint.store.mu.Lock()
	defer o.m.endpoint.store.mu.Unlock()
	switch kind {
	case hostCPU:
		o.cpu(body)
	case hostMem:
		o.mem(body, tag)
	case hostThermal:
		o.thermal(body)
	case hostDisk:
		o.disk(body)
	case hostNetif:
		o.netif(body)
	case hostProc:
		o.proc(body)
	}
}

// show puts s on the page, unless the samples are not for it.
func (o *observation) show(s *series) {
	if !o.hide {
		o.tally[o.m.present(s)]++
	}
}

func (o *observation) gauge(w *way, v float64) {
	s := w.to
	if s == nil {
		return
	}
	if math.IsNaN(v) || math.IsInf(v, 0) {
		o.tally[notFinite]++
		return
	}
	s.keep(v, o.at, o.now)
	o.show(s)
	o.dst = append(o.dst, metric.Sample{Series: s.id, UnixNano: o.at, Index: o.index, Value: v})
}

// counter adds the difference that val holds, if it can be true.
func (o *observation) counter(w *way, val wire.Value, perSecond float64) {
	s := w.to
	if s == nil || !o.m.feeds(w) {
		return
	}
	delta, why := difference(val, perSecond*s.elapsed(o.at))
	if why != accepted {
		o.tally[why]++
		return
	}
	total := s.add(delta, o.at, o.now)
	o.show(s)
	o.dst = append(o.dst, metric.Sample{Series: s.id, UnixNano: o.at, Index: o.index, Value: total, Delta: delta, HasDelta: true, Kept: true})
}

// series makes the instance's series of a host metric, and a way in that is
// filed in slots under slot for the next time; nil, and counted, where it is
// refused.
func (o *observation) series(index int, slots map[string]*way, slot []byte, labels ...metric.Label) *way {
	m := o.m
	if m.full(0) { // before anything is built: this may be every record's lot
		o.tally[overLimit]++
		return nil
	}
	key := string(slot) // slot may be the scratch that find writes to
	id, keep := m.hostSeries(index, labels)
	if !keep {
		if id == nil && len(slots) < maxAway {
			slots[key] = new(way)
		}
		return nil
	}
	s, why := m.find(id, o.now)
	if s == nil {
		o.tally[why]++
		return nil
	}
	w := &way{to: s, slots: slots, slot: key}
	m.enter(w)
	m.chartHost(s, &hostTable[index], labels)
	return w
}

// hostSeries is the identity of a host metric's series, with the instance's
// labels, relabelled; keep is false if relabelling drops it.
func (m *Instance) hostSeries(index int, labels []metric.Label) (id *metric.Series, keep bool) {
	def := &hostTable[index]
	own := append(m.labelScratch[:0], labels...)
	for i := range own {
		own[i].Value = labelValue(own[i].Value)
	}
	return m.relabel(&metric.Series{Name: m.names[index].prometheus, DatadogName: m.names[index].datadog,
		Help: def.Help, Unit: def.Unit, Kind: def.Kind, Labels: m.merge(own)})
}

// cpu: percent, of all CPUs under cpu_p, user_p, system_p, of CPU n under
// cpun.p_cpu, cpun.p_user, cpun.p_system.
func (o *observation) cpu(body wire.Value) {
	it := body.Map()
	for {
		key, val, ok := it.Next()
		if !ok {
			return
		}
		name, _ := key.Bytes()
		w := o.m.cpu[string(name)]
		if w == nil {
			cpu, mode := cpuLabels(string(name))
			if mode == "" {
				continue
			}
			if w = o.series(cpuUsage, o.m.cpu, name, metric.Label{Name: "cpu", Value: cpu}, metric.Label{Name: "mode", Value: mode}); w == nil {
				continue
			}
		}
		if v, ok := val.Float64(); ok {
			o.gauge(w, v/100)
		}
	}
}

// mem: KiB, but bytes in proc_bytes. proc_hr is a pointer, not a number.
func (o *observation) mem(body wire.Value, tag string) {
	it := body.Map()
	for {
		key, val, ok := it.Next()
		if !ok {
			return
		}
		name, _ := key.Bytes()
		if string(name) == "proc_bytes" {
			o.procBytes(val, tag)
			continue
		}
		w := o.m.mem[string(name)]
		if w == nil {
			index, state := memLabels(string(name))
			if state == "" {
				continue
			}
			if w = o.series(index, o.m.mem, name, metric.Label{Name: "state", Value: state}); w == nil {
				continue
			}
		}
		if v, ok := val.Float64(); ok {
			o.gauge(w, v*1024)
		}
	}
}

func (o *observation) procBytes(val wire.Value, tag string) {
	if v, ok := val.Float64(); ok {
		if w := o.process(processMemory, []byte(tag), []byte("rss")); w != nil {
			o.gauge(w, v)
		}
	}
}

// thermal: °C.
func (o *observation) thermal(body wire.Value) {
	zone, _ := body.Get("name").Bytes()
	kind, _ := body.Get("type").Bytes()
	temp, _ := body.Get("temp").Float64()
	slot := o.slot(hostThermal, zone, kind)
	w := o.m.other[string(slot)]
	if w == nil {
		if w = o.series(temperature, o.m.other, slot, metric.Label{Name: "type", Value: string(kind)},
			metric.Label{Name: "zone", Value: string(zone)}); w == nil {
			return
		}
	}
	o.gauge(w, temp)
}

// disk: bytes since the last record, of all disks that the input watches.
func (o *observation) disk(body wire.Value) {
	o.diskCounter(diskRead, body.Get("read_size"))
	o.diskCounter(diskWritten, body.Get("write_size"))
}

func (o *observation) diskCounter(index int, val wire.Value) {
	slot := o.slot(hostDisk, []byte(hostTable[index].Rest), nil)
	w := o.m.other[string(slot)]
	if w == nil {
		if w = o.series(index, o.m.other, slot); w == nil {
			return
		}
	}
	o.counter(w, val, maxDiskBytes)
}

// netif: counts since the last record, under <device>.<rx|tx>.<what>.
func (o *observation) netif(body wire.Value) {
	it := body.Map()
	for {
		key, val, ok := it.Next()
		if !ok {
			return
		}
		name, _ := key.Bytes()
		w := o.m.netif[string(name)]
		if w == nil {
			device, direction, index := netifLabels(name)
			if index < 0 || !isCount(val) {
				continue
			}
			if w = o.series(index, o.m.netif, name, metric.Label{Name: "device", Value: string(device)},
				metric.Label{Name: "direction", Value: direction}); w == nil {
				continue
			}
		}
		o.counter(w, val, rateLimit(name))
	}
}

// proc: what a dead process leaves is uninitialised memory, all but the name.
func (o *observation) proc(body wire.Value) {
	name, _ := body.Get("proc_name").Bytes()
	alive, _ := body.Get("alive").Bool()
	pid, _ := body.Get("pid").Int64()
	up := 0.0
	if alive && pid > 0 {
		up = 1
	}
	if w := o.process(processUp, name, nil); w != nil {
		o.gauge(w, up)
	}
	if up == 0 {
		return
	}
	it := body.Map()
	for {
		key, val, ok := it.Next()
		if !ok {
			return
		}
		o.procField(name, key, val)
	}
}

func (o *observation) procField(process []byte, key, val wire.Value) {
	field, _ := key.Bytes()
	v, ok := val.Float64()
	if !ok {
		return
	}
	if string(field) == "fd" {
		if w := o.process(processFDs, process, nil); w != nil {
			o.gauge(w, v)
		}
		return
	}
	if kind, ok := bytes.CutPrefix(field, []byte("mem.Vm")); ok && len(kind) > 0 {
		if w := o.process(processMemory, process, kind); w != nil {
			o.gauge(w, v/1000*1024) // the input writes kB times 1000
		}
	}
}

// process finds or makes the way in to a series of a process; kind is that of its
// memory, in any case, or nil.
func (o *observation) process(index int, process, kind []byte) *way {
	slot := o.slot(hostProc, kind, process)
	slot = append(slot, byte(index))
	o.m.scratch = slot
	if w := o.m.other[string(slot)]; w != nil {
		return w
	}
	labels := []metric.Label{{Name: "process", Value: string(process)}}
	if kind != nil {
		labels = append(labels, metric.Label{Name: "kind", Value: string(bytes.ToLower(kind))})
	}
	return o.series(index, o.m.other, slot, labels...)
}

// slot makes a key for Instance.other, in scratch. No two pairs of a and b give
// the same one unless a holds a zero byte, which no name from /proc or /sys
// does.
func (o *observation) slot(kind host, a, b []byte) []byte {
	s := append(o.m.scratch[:0], byte(kind))
	s = append(s, a...)
	s = append(s, 0)
	s = append(s, b...)
	o.m.scratch = s
	return s
}
