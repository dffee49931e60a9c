package remotewrite

import (
	"time"

	"out_edge/plugin/delivery"
	"out_edge/plugin/delivery/outbox"
	"out_edge/plugin/metric"
	"out_edge/timefix"
)

// The reasons for dropping samples, besides delivery's, or for not sending them on
// their own, besides outbox's.
const (
	reasonOutOfOrder = "out_of_order"
	reasonTooOld     = "too_old"
	reasonTooNew     = "too_new"
	reasonDuplicate  = "duplicate"   // the receiver has another value for that time
	reasonNotWritten = "not_written" // version 2: the receiver wrote fewer than it accepted
	reasonMalformed  = "malformed"   // an inconsistent histogram or summary
	reasonNoName     = "no_name"
	// reasonResent: refused as out of order after a request that may have stored it, and
	// nothing else can have: so it had arrived.
	reasonResent = "resent"
)

// Reasons returns the values that the `reason` label can have.
func (s *Sink) Reasons() (dropped, adjusted []string) {
	return delivery.DropReasons(s.Name()), delivery.AdjustReasons(s.Name())
}

// farAhead is how far ahead of the clock a time may be that receivers accept.
const farAhead = int64(10 * time.Minute / time.Millisecond)

// rules returns those of Prometheus: a series' points are in the order of their times,
// in ms, one at each time.
func (s *Sink) rules(everySample bool) outbox.Rules[state] {
	return outbox.Rules[state]{
		Clock:   s.clock,
		Key:     s.appendKey,
		New:     func(*metric.Series) state { return state{stored: never, given: never, floor: never} },
		Read:    read,
		IsKept:  func(sample *metric.Sample) bool { return sample.Kept },
		Merge:   func(*outbox.Point, *outbox.Point) {}, // the later total includes the older one
		Stamp:   s.stamp,
		Unstamp: s.unstamp,
		Cost:    s.cost,
		All:     everySample,
	}
}

// read returns a sample's point.
func read(_ *series, sample *metric.Sample) (outbox.Point, outbox.SampleOutcome) {
	switch {
	case sample.Series.Name == "":
		return outbox.Point{}, outbox.Dropped(reasonNoName)
	case !isValid(sample):
		return outbox.Point{}, outbox.Dropped(reasonMalformed)
	}
	p := outbox.Point{At: timefix.FloorDiv(sample.UnixNano, 1e6), Value: canonical(sample.Value), Exemplars: sample.Exemplars}
	if sample.Series.Kind.IsDistribution() {
		p.Dist = sample.Dist
	}
	return p, outbox.SampleOutcome{}
}

// cost returns the size of n points of a series in a request.
func (s *Sink) cost(se *series, n int) (points, bytes int) {
	const pointBytes = 24
	if o := &se.Own.outputs; o.fields == nil {
		s.fit(o, se.ID, se.First().Dist)
	}
	width := len(se.Own.fields)
	return n * width, se.Own.bytes + n*width*pointBytes
}

// stamp sets a point's time, in ms since 1970. For a total that is kept here it is that
// of its arrival; two of one series are at least 1 ms apart.
func (s *Sink) stamp(se *series, p, before *outbox.Point) outbox.SampleOutcome {
	o, now := &se.Own, s.clock.Now()
	if o.given > now.Wall/1e6+farAhead { // the clock was set back: receivers accepted none of that
		o.given, o.stored = never, never
	}
	switch {
	case p.Marker && !p.Stamped:
		if o.stored == never && before == nil {
			return outbox.Taken() // nothing to end
		}
		p.At = max(now.Wall/1e6, o.given+1, o.stored+1)
		p.Stamped = true
		s.fit(&o.outputs, se.ID, p.Dist)
		return outbox.SampleOutcome{}
	case p.Kept && !p.Stamped:
		p.At = max((p.At+now.Offset())/1e6, o.given+1, o.stored+1)
	case p.Sealed():
	case p.At == o.stored:
		return outbox.Absorbed(outbox.ReasonSameTime)
	case p.At < o.stored:
		s.late = append(s.late, item{Series: se, Point: *p})
		return outbox.Taken()
	}
	p.Stamped = true
	o.given = max(o.given, p.At)
	s.fit(&o.outputs, se.ID, p.Dist)
	return outbox.SampleOutcome{}
}

// unstamp removes the times of totals that cannot have been stored. Of those that may
// have been, only the newest is sent again: the receiver accepts it whether or not it
// has it, and it includes the older ones.
func (s *Sink) unstamp(_ *series, points []outbox.Point) {
	now := s.clock.Now()
	var newest *outbox.Point
	for i := len(points) - 1; i >= 0; i-- {
		switch p := &points[i]; {
		case !p.Kept || p.Marker && p.Sealed():
		case p.Marker:
			p.Stamped = false
		case !p.Sealed():
			p.Stamped = false
			p.At = p.At*1e6 - now.Offset()
		case newest == nil:
			newest = p
		default:
			newest.Cover(p)
		}
	}
}

// isOrder reports whether a point was refused for its time.
func isOrder(reason string) bool {
	switch reason {
	case reasonOutOfOrder, reasonTooOld, reasonDuplicate, reasonTooNew:
		return true
	}
	return false
}

// cure returns what a user can do about a refusal.
func cure(reason string) string {
	switch reason {
	case reasonOutOfOrder, reasonTooOld:
		return "let the receiver take what is late (Prometheus: storage.tsdb.out_of_order_time_window)"
	case reasonDuplicate:
		return "two devices may send the same labels: give each its own with `add_label`"
	case reasonTooNew:
		return "the clock of this device or of the receiver is wrong"
	default:
		return "see the receiver's log; the series is left out for some minutes, then tried again"
	}
}
