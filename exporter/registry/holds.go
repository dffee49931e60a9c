package registry

import (
	"math"

	"out_edge/plugin/metric"
)

// The series of a metrics event still hold, as on a page that is scraped: cmetrics
// passes on all series each time, and unchanged ones with the time of their last
// change. They are sent with the event's time; otherwise a push receiver would mark
// them as stale after some minutes.
//
// But cmetrics also passes on series that no longer exist, forever (a file system that
// was unmounted, a veth that was deleted). If a program renews all series of a family
// at each measurement, changed or not, a series that is left out while the family
// continues is abandoned: it expires by its own last time.

// eventFamily is the state of the series of one name in one tag's events.
type eventFamily struct {
	// refreshes is set once a series was renewed without a change: a renewal then means
	// that it was measured, not that it has grown.
	refreshes bool
	renewed   bool // in this event
}

// minRenewals is how often in a row a series must have been renewed before it can be
// abandoned.
const minRenewals = 2

// hold processes the events of a batch one after the other.
func (b *Batch) hold(found []*source) {
	for from := 0; from < len(b.Samples); {
		to := from + 1
		for to < len(b.Samples) && b.Samples[to].Index == b.Samples[from].Index {
			to++
		}
		b.holdEvent(from, found[from:to])
		from = to
	}
}

// holdEvent sets the event's time on samples, from first on, that were repeated with an
// old time, and marks those that are abandoned.
func (b *Batch) holdEvent(first int, found []*source) {
	samples, arrival := b.Samples[first:first+len(found)], b.At.Wall
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
	if newest == tag.newest || newest == math.MinInt64 { // it has nothing new
		at = max(at, arrival)
	}
	tag.newest = max(tag.newest, newest)
	for i, src := range found {
		came := samples[i].UnixNano
		src.hold(&samples[i], at)
		b.Note.sawTime(first+i, came, samples[i].UnixNano)
	}
	for _, src := range found {
		src.family.renewed = false
	}
}

// hold processes one sample of an event with the time at. A renewed one keeps its own
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

// familyOf returns the state of a family, and creates it if needed.
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
