package remotewrite_test

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"out_edge/exporter/remotewrite"
	"out_edge/plugin/delivery"
	"out_edge/plugin/metric"
)

// survive runs f, which must panic.
func survive(t *testing.T, f func()) {
	t.Helper()
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	f()
}

// panicking is a Meter that panics in the middle of a batch.
type panicking struct {
	*counts
	armed bool
}

func (p *panicking) Request(endpoint, code string) {
	if p.armed {
		panic("in a batch")
	}
	p.counts.Request(endpoint, code)
}

// A panic, wherever it comes from, leaves the sender able to send: the chunk that
// met it, and others.
func TestPanicsReleaseTheSender(t *testing.T) {
	poison := gauge("poison")
	k := &kit{t: t, in: newReceiver(t), clock: newClock(), counts: newCounts(), log: &book{}}
	meter := &panicking{counts: k.counts}
	var err error
	k.Sender, err = remotewrite.New(remotewrite.Config{
		URL: k.in.server.URL,
		Relabel: func(l []metric.Label) ([]metric.Label, bool) {
			if l[0].Value == "poison" {
				panic("in relabelling")
			}
			return l, true
		},
	}, remotewrite.Deps{Clock: k.clock, Log: k.log.logger(), Meter: meter})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = k.Close(context.Background()) })
	bad := &flushed{samples: []metric.Sample{at(temperature, 0, 1), at(poison, 0, 1)}}
	survive(t, func() { _ = k.send(bad) })
	survive(t, func() { k.Expire(poison) })

	good := &flushed{samples: []metric.Sample{at(temperature, 1, 1)}}
	meter.armed = true
	survive(t, func() { _ = k.send(good) })
	meter.armed = false
	if n := k.Waiting(); n != 0 {
		t.Errorf("%d chunks are kept, though they may never come again", n)
	}
	k.mustSend(good)
	k.mustSend(&flushed{samples: []metric.Sample{at(temperature, 2, 1)}})
	if err := k.Flush(context.Background()); err != nil {
		t.Error(err)
	}
	k.counts.want(t, "delivered 2")

	// During the wait that a receiver asked for, there is nothing to hand back.
	k.in.set(func(r *receiver) {
		r.answer = func(_ int, _ request, w http.ResponseWriter) bool {
			w.Header().Set("Retry-After", "30")
			w.WriteHeader(429)
			return true
		}
	})
	late := &flushed{samples: []metric.Sample{at(temperature, 4, 1)}}
	for range 3 {
		var retry *delivery.RetryError
		if err := k.send(late); !errors.As(err, &retry) || retry.After == 0 {
			t.Errorf("got %v", err)
		}
	}
}
