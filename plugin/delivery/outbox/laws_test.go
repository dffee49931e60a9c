package outbox_test

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"out_edge/plugin/delivery"
	"out_edge/plugin/delivery/outbox"
	"out_edge/plugin/metric"
)

// What of one series waits in one grain of time is one point, whatever chunks it came
// with; each chunk is open until it has left.
func TestKeptPointsOfAGrainAreOne(t *testing.T) {
	r, a := newReceiver(t, time.Second), series("a")
	var jobs []*delivery.Job
	for range 3 {
		jobs = append(jobs, r.take(kept(a, 1), kept(a, 1)))
		r.clock.Advance(100 * time.Millisecond)
	}
	r.clock.Advance(time.Second)
	r.take(kept(a, 5))
	if jobs[0].Open() != 2 {
		t.Error("a chunk is settled before anything has left")
	}
	r.send(100, well)
	if len(r.stored["a"]) != 2 || r.sum("a") != 11 {
		t.Errorf("stored %v", r.stored)
	}
	r.wantCounts(map[string]int{"delivered": 7})
}

// Absolute points go each with its own time, those of a series in order, whatever the
// order in which they came; of two at one time the later one to come counts.
func TestAbsolutePointsRise(t *testing.T) {
	r, a, b := newReceiver(t, 0), series("a"), series("b")
	r.take(r.absolute(a, 3, 3), r.absolute(b, 1, 1))
	r.take(r.absolute(a, 1, 1))
	r.take(r.absolute(a, 2, 2))
	r.take(r.absolute(a, 2, 22))
	r.send(100, well)
	if len(r.stored["a"]) != 3 || r.sum("a") != 1+22+3 {
		t.Errorf("stored %v", r.stored["a"])
	}
	r.wantCounts(map[string]int{"delivered": 4, "adjusted same_time": 1})
}

// Of one chunk and series the newest absolute point goes.
func TestTheNewestOfAChunkGoes(t *testing.T) {
	r, a := newReceiver(t, 0), series("a")
	r.take(r.absolute(a, 1, 1), r.absolute(a, 3, 3), r.absolute(a, 2, 2))
	r.send(100, well)
	if len(r.stored["a"]) != 1 || r.sum("a") != 3 {
		t.Errorf("stored %v", r.stored["a"])
	}
	r.wantCounts(map[string]int{"delivered": 1, "adjusted superseded": 2})
}

// With All each of them goes, but of two at one time the later to come.
func TestAllOfAChunkGo(t *testing.T) {
	r, a := newReceiver(t, 0), series("a")
	r.All = true
	r.take(r.absolute(a, 1, 1), r.absolute(a, 3, 3), r.absolute(a, 2, 2), r.absolute(a, 3, 4))
	r.send(100, well)
	if len(r.stored["a"]) != 3 || r.sum("a") != 1+2+4 {
		t.Errorf("stored %v", r.stored["a"])
	}
	r.wantCounts(map[string]int{"delivered": 3, "adjusted same_time": 1})
}

// What waits is bounded by series and time: many more kept points than there is room
// for lose nothing of their sum.
func TestKeptPointsAreBounded(t *testing.T) {
	const seconds, width, room = 1000, 50, 32 << 10
	r := newReceiver(t, time.Second)
	var all []*metric.Series
	for i := range width {
		all = append(all, series(fmt.Sprint(i)))
	}
	for range seconds {
		var samples []metric.Sample
		for _, s := range all {
			samples = append(samples, kept(s, 1))
		}
		r.take(samples...)
		r.clock.Advance(time.Second)
	}
	points := 0
	r.send(1000, func(items []outbox.Item[own]) bool { points += len(items); return false })
	for _, s := range all {
		if r.sum(s.Name) != seconds {
			t.Fatalf("%s has %v", s.Name, r.sum(s.Name))
		}
	}
	if points > room || points < room/4 {
		t.Errorf("%d points of %d were left", points, seconds*width)
	}
	r.wantCounts(map[string]int{"delivered": seconds * width})
}

// A refused point settles itself alone: of others nothing is known by it.
func TestARefusedPointSettlesItselfAlone(t *testing.T) {
	r, a, b := newReceiver(t, 0), series("a"), series("b")
	for i := range 3 {
		r.take(r.absolute(a, int64(i), 1), r.absolute(b, int64(i), 1))
		r.clock.Advance(time.Millisecond)
	}
	r.send(100, func(items []outbox.Item[own]) bool {
		r.MarkUncertain(items) // the answer is lost
		r.PutBack(items)
		return true
	})
	r.send(100, func(items []outbox.Item[own]) bool {
		r.Settle(items[1:2], outbox.Dropped("out_of_order"))
		rest := append(slices.Clone(items[:1]), items[2:]...)
		r.store(rest)
		r.Deliver(rest)
		return true
	})
	if len(r.stored["a"]) != 2 || len(r.stored["b"]) != 3 {
		t.Errorf("stored %v", r.stored)
	}
	r.wantCounts(map[string]int{"delivered": 5, "dropped out_of_order": 1})
}

// A series that is refused for what it is stands aside, with all that waits of it, and
// no other with it; after five minutes it is tried again.
func TestARefusedSeriesStandsAside(t *testing.T) {
	r, bad, good := newReceiver(t, 0), series("bad"), series("good")
	refuse := func(items []outbox.Item[own]) bool {
		for i := range items {
			if it := items[i : i+1]; it[0].ID == bad {
				r.Refuse(it, "rejected")
			} else {
				r.store(it)
				r.Deliver(it)
			}
		}
		return true
	}
	r.take(kept(bad, 1), kept(good, 1))
	r.send(100, refuse)
	r.take(kept(bad, 1), kept(good, 1))
	r.send(100, func(items []outbox.Item[own]) bool {
		if len(items) != 1 || items[0].ID != good {
			t.Errorf("asked for %v", items)
		}
		return refuse(items)
	})
	r.clock.Advance(6 * time.Minute)
	r.take(kept(bad, 4), kept(good, 1))
	r.send(100, well)
	if r.sum("bad") != 4 || r.sum("good") != 3 {
		t.Errorf("stored %v", r.stored)
	}
	r.wantCounts(map[string]int{"delivered": 4, "dropped rejected": 2})
}

// What a sink cannot send is settled as it comes.
func TestWhatCannotBeSentIsSettledAtOnce(t *testing.T) {
	r := newReceiver(t, 0)
	j := r.take(kept(series("a"), math.NaN()), r.absolute(series("b"), 0, math.NaN()))
	if j.Open() != 0 || r.Waits() {
		t.Error("it waits")
	}
	r.wantCounts(map[string]int{"dropped not_finite": 2})
}

// maxAbsolute is how many absolute points wait here.
const maxAbsolute = 48 << 10

// filled is a receiver without room for absolute points.
func filled(t *testing.T) *receiver {
	t.Helper()
	r := newReceiver(t, 0)
	var samples []metric.Sample
	for i := range maxAbsolute {
		samples = append(samples, r.absolute(series(fmt.Sprint("f", i)), 0, 0))
	}
	r.take(samples...)
	return r
}

// empty sends what has filled it.
func (r *receiver) empty() {
	r.t.Helper()
	r.Begin()
	r.items = r.Take(r.items[:0], outbox.Limit{Points: maxAbsolute, Bytes: maxAbsolute})
	if len(r.items) != maxAbsolute {
		r.t.Fatalf("%d points leave", len(r.items))
	}
	r.Deliver(r.items)
	r.End()
}

// What finds no room stays with its chunk, and nothing that comes later goes before it.
func TestNoPointGoesBeforeAnEarlierChunks(t *testing.T) {
	r, a := filled(t), series("a")
	late := &chunkOf{samples: []metric.Sample{r.absolute(a, 1, 1), kept(series("k"), 7)}}
	r.takeChunk(late)
	late.samples, late.again = nil, []metric.Sample{r.absolute(a, 1, 1), kept(series("k"), 99)}
	r.take(r.absolute(a, 2, 2))
	r.empty()
	r.send(1, well)
	if len(r.stored["a"]) != 2 || r.sum("a") != 3 || r.sum("k") != 7 {
		t.Errorf("stored %v", r.stored)
	}
	r.wantCounts(map[string]int{"delivered": maxAbsolute + 3})
}

// Samples that are made again may be fewer or more than there were: what is missing is
// given up, and of too many the chunk waits for all.
func TestSamplesMadeAgainAreFewerOrMore(t *testing.T) {
	for made := range 6 {
		t.Run(fmt.Sprint(made), func(t *testing.T) {
			r := filled(t)
			c := &chunkOf{}
			for i := range 3 {
				c.samples = append(c.samples, r.absolute(series(fmt.Sprint("s", i)), 1, 1))
			}
			j := r.takeChunk(c)
			c.samples = nil
			for i := range made {
				c.again = append(c.again, r.absolute(series(fmt.Sprint("s", i)), 1, 1))
			}
			r.empty()
			r.send(1, func(items []outbox.Item[own]) bool {
				if j.Open() == 0 {
					t.Errorf("the chunk is settled before %s has left", items[0].ID.Name)
				}
				return false
			})
			want := map[string]int{"delivered": maxAbsolute + min(made, 3)}
			if made < 3 {
				want["dropped forgotten"] = 3 - made
			}
			if r.wantCounts(want); j.Open() != 0 || len(r.stored) != made {
				t.Errorf("%d are open, %d series are stored", j.Open(), len(r.stored))
			}
		})
	}
}

// While the wall clock is not set, totals are noted, and what has a time of its own
// waits for its chunk.
func TestProvisionalChunksKeepTheirAbsolutePoints(t *testing.T) {
	r, a, k := newReceiver(t, 0), series("a"), series("k")
	c := &chunkOf{samples: []metric.Sample{r.absolute(a, -1000, 1), kept(k, 1)}, provisional: true}
	r.takeChunk(c)
	c.samples = []metric.Sample{r.absolute(a, 5, 1), kept(k, 1)}
	r.send(100, well)
	if _, ok := r.stored["a"][r.clock.Now().Wall/1e6+5]; !ok || r.sum("k") != 1 {
		t.Errorf("stored %v", r.stored)
	}
	r.wantCounts(map[string]int{"delivered": 2})
}
