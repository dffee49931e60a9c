package registry

import (
	"math"

	"out_edge/plugin/metric"
)

// What stands in a metrics event still holds, as it would on a page that is scraped:
// cmetrics passes on all series each time, and those that have not changed with the
// time at which they last did. They are sent with the event's time, or a receiver of
// pushes would take them for gone after some minutes.
//
// But cmetrics passes on for ever what is no more, too (a file system that was
// unmounted, a veth that was deleted). A series whose program renews all of a family
// at each measurement, changed or not, and which is left out while the family goes
// on, is abandoned: it ages from its own last time.

// eventFamily is what is known of the series of one name of one tag's events.
type eventFamily struct {
	// refreshes is set once a series was renewed without a change: renewals then say
	// that it was measured, not that it has grown.
	refreshes bool
	renewed   bool // in this event
}

// minRenewals is how often in a row a series must have been renewed before it can be
// abandoned.
const minRenewals = 2

// hold looks at the events of a batch, one after the other.
func (b *Batch) hold(found []*source) {
	if b.Note == nil {
		b.holdAll(found)
		return
	}
	came := make([]int64, len(b.Samples))
	for i := range b.Samples {
		came[i] = b.Samples[i].UnixNano
	}
	b.holdAll(found)
	for i := range b.Samples {
		b.Note.sawTime(i, came[i], b.Samples[i].UnixNano)
	}
}

func (b *Batch) holdAll(found []*source) {
	for from := 0; from < len(b.Samples); {
		to := from + 1
		for to < len(b.Samples) && b.Samples[to].Index == b.Samples[from].Index {
			to++
		}
		holdEvent(b.Samples[from:to], found[from:to], b.At.Wall)
		from = to
	}
}

// holdEvent gives samples that came again with an old time the event's, and marks
// those that are abandoned. arrival is the wall clock's time.
func holdEvent(samples []metric.Sample, found []*source, arrival int64) {
	newest := int64(math.MinInt64)
	for i, src := range found {
		sm := &samples[i]
		if sm.UnixNano != arrival {
			newest = max(newest, sm.UnixNano)
		}
		if src.family == nil {
			src.family = src.tag.familyOf(src.from.Name)
		}
		f := src.family
		if !src.known || sm.UnixNano > src.at {
			f.renewed = true
			f.refreshes = f.refreshes || src.known && number(sm) == src.last && sm.UnixNano != arrival
		}
	}
	tag := found[0].tag
	at := newest
	if newest == tag.newest || newest == math.MinInt64 { // nothing in it is new
		at = max(at, arrival)
	}
	tag.newest = max(tag.newest, newest)
	for i, src := range found {
		src.hold(&samples[i], at)
	}
	for _, src := range found {
		src.family.renewed = false
	}
}

// hold looks at one sample of an event of the time at. What is renewed has its own
// time, unless a sample with that time was sent before.
func (src *source) hold(sm *metric.Sample, at int64) {
	switch {
	case !src.known:
		src.known, src.at, src.last = true, sm.UnixNano, number(sm)
	case sm.UnixNano > src.at:
		src.at, src.last, src.abandoned = sm.UnixNano, number(sm), false
		src.renewals++
		if sm.UnixNano <= src.sent {
			sm.UnixNano = max(at, src.sent+1)
		}
	case sm.UnixNano < src.at: // late
		return
	case src.family.renewed && src.family.refreshes && src.renewals >= minRenewals:
		src.abandoned = true
		if src.series != nil {
			src.series.abandoned = src.series.owner == src
		}
		return
	default:
		if src.family.renewed {
			src.renewals = 0
		}
		sm.UnixNano = max(at, sm.UnixNano)
	}
	src.sent = max(src.sent, sm.UnixNano)
}

func number(sm *metric.Sample) float64 {
	if sm.Dist != nil {
		return float64(sm.Dist.Count)
	}
	return sm.Value
}

// familyOf finds or makes the state of a family.
func (t *tagSources) familyOf(name string) *eventFamily {
	f := t.families[name]
	if f == nil {
		if t.families == nil {
			t.families = make(map[string]*eventFamily)
		}
		f = new(eventFamily)
		t.families[name] = f
	}
	return f
}
