package remotewrite_test

import (
	"context"
	"testing"

	"out_edge/exporter/remotewrite"
	"out_edge/plugin/metric"
)

// panicking is a Telemetry that panics in the middle of a batch.
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

// A panic, wherever it comes from, leaves the sink able to send: what it met, and
// all else.
func TestPanicsLoseNothing(t *testing.T) {
	k := &kit{t: t, in: newReceiver(t), clock: newClock(), counts: newCounts(), log: &book{}}
	telemetry := &panicking{counts: k.counts}
	var err error
	k.Sink, err = remotewrite.New(remotewrite.Config{URL: k.in.server.URL},
		remotewrite.Deps{Clock: k.clock, Log: k.log.logger(), Telemetry: telemetry})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = k.Close(context.Background()) })
	bad := &flushed{samples: []metric.Sample{at(temperature, 0, 1), kept(packets, 3)}}
	telemetry.armed = true
	func() {
		defer func() {
			if recover() == nil {
				t.Error("no panic")
			}
		}()
		_ = k.send(bad)
	}()
	telemetry.armed = false
	k.mustSend(&flushed{samples: []metric.Sample{at(memory, 2, 1)}})
	k.mustSend(bad)
	k.counts.want(t, "delivered 3")
}
