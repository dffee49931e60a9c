package outbox_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"out_edge/build/testkit"
	"out_edge/plugin/delivery/outbox"
	"out_edge/plugin/metric"
)

// program is a random run: chunks, requests that fail in all ways, chunks that lose
// their samples.
type program struct {
	*receiver
	*rand.Rand
	kept, absolute []*metric.Series
	truth          map[string]float64
	newest         map[string]int64
	samples        int
}

func (p *program) chunk() *chunkOf {
	c := &chunkOf{}
	for range p.IntN(6) {
		s := p.kept[p.IntN(len(p.kept))]
		v := float64(1 + p.IntN(9))
		p.truth[s.Name] += v
		c.samples = append(c.samples, kept(s, v))
	}
	for _, s := range p.absolute {
		if p.IntN(3) > 0 {
			continue
		}
		p.newest[s.Name] = max(p.newest[s.Name]+1, p.clock.Now().Wall/1e6-int64(p.IntN(50)))
		v := float64(p.IntN(100))
		p.truth[s.Name] += v
		c.samples = append(c.samples, metric.Sample{Series: s, UnixNano: p.newest[s.Name] * 1e6, Value: v})
	}
	p.samples += len(c.samples)
	c.again = c.samples
	return c
}

// fail has a request fail for certain, be stored without an answer, or not be stored
// without one.
func (p *program) fail(items []outbox.Item[own]) bool {
	switch p.IntN(6) {
	case 0:
		p.PutBack(items)
		return true
	case 1:
		p.store(items)
		p.MarkUncertain(items)
		p.PutBack(items)
		return true
	case 2:
		p.MarkUncertain(items)
		p.PutBack(items)
		return true
	}
	return false
}

func (p *program) run() {
	for range 400 {
		for range p.IntN(4) {
			if c := p.chunk(); len(c.samples) > 0 {
				p.takeChunk(c)
				if p.IntN(2) == 0 {
					c.samples = nil
				}
			}
		}
		p.clock.Advance(time.Duration(p.IntN(1500)) * time.Millisecond)
		p.send(1+p.IntN(30), p.fail)
	}
	p.clock.Advance(time.Second)
	p.send(1000, well)
}

// TestConservation: whatever fails on the way, and however often, the receiver ends
// with what was counted, each sample is settled once, and nothing waits.
func TestConservation(t *testing.T) {
	for seed := range uint64(25) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			p := &program{receiver: newReceiver(t, []time.Duration{0, time.Second}[seed%2]), Rand: testkit.NewRand(seed),
				truth: map[string]float64{}, newest: map[string]int64{}}
			for i := range 5 {
				p.kept = append(p.kept, series(fmt.Sprint("kept", i)))
				p.absolute = append(p.absolute, series(fmt.Sprint("absolute", i)))
			}
			p.run()
			for name, want := range p.truth {
				if got := p.sum(name); got != want {
					t.Errorf("%s is %v, want %v", name, got, want)
				}
			}
			for i, j := range p.jobs {
				if j.Open() > 0 {
					t.Fatalf("of chunk %d %d samples are open", i, j.Open())
				}
			}
			if p.Waits() {
				t.Error("something waits still")
			}
			p.wantCounts(map[string]int{"delivered": p.samples})
		})
	}
}
