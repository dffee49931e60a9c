package delivery_test

import (
	"fmt"
	"sync"
	"testing"

	"out_edge/build/testkit"
	"out_edge/plugin/chunk"
	"out_edge/plugin/delivery"
	"out_edge/plugin/metric"
)

type counts = testkit.Telemetry

func newCounts() *counts { return new(counts) }

// records is a Source of records with the given indices.
type records []int

func (r records) Records(yield func(*chunk.Record, int64) bool) {
	for _, i := range r {
		if !yield(&chunk.Record{Index: i}, int64(i)) {
			return
		}
	}
}

func (r records) Samples() []metric.Sample { return make([]metric.Sample, len(r)) }

func (r records) Again(string) []metric.Sample { return nil }

// TestJob: each position is settled and counted once, and Records leaves out what is.
func TestJob(t *testing.T) {
	tel := newCounts()
	var skip delivery.Set
	skip.Add(2)
	j := delivery.NewJob(delivery.JobSpec{Sink: "toy", Telemetry: tel, Source: records{1, 2, 4, 70, 71}, Open: 4, Skip: skip})
	left := func() string {
		var all []int
		j.Records(func(r *chunk.Record, at int64) bool {
			all = append(all, r.Index)
			return true
		})
		return fmt.Sprint(all, j.Open())
	}
	check := func(want string) {
		t.Helper()
		if got := left(); got != want {
			t.Fatalf("left %s, want %s", got, want)
		}
	}
	check("[1 4 70 71] 4")
	j.Deliver(4, 4, 2)
	check("[1 70 71] 3")
	j.Drop("bad", 71)
	j.Absorb("old", 70, 4)
	check("[1] 1")
	j.Attach(nil)
	check("[] 1")
	if j.Samples() != nil {
		t.Error("samples without a payload")
	}
	j.Attach(records{1, 2, 4, 70, 71})
	j.DeliverEach(2, func(k int) int { return k })
	if j.Open() != 0 || j.DropAll("late") != 0 {
		t.Fatalf("%d open", j.Open())
	}
	for key, want := range map[string]int{"toy delivered": 2, "toy dropped bad": 1, "toy adjusted old": 1, "toy dropped late": 0} {
		if got := tel.Get(key); got != want {
			t.Errorf("%s = %d, want %d", key, got, want)
		}
	}
}

// TestJobDropAll: what is given up as a whole is settled, whatever comes later.
func TestJobDropAll(t *testing.T) {
	tel := newCounts()
	j := delivery.NewJob(delivery.JobSpec{Sink: "toy", Telemetry: tel, Open: 3})
	j.Deliver(0)
	if n := j.DropAll("shutdown"); n != 2 {
		t.Fatalf("dropped %d", n)
	}
	j.Deliver(1)
	j.Drop("bad", 2)
	if tel.Get("toy delivered") != 1 || tel.Get("toy dropped shutdown") != 2 || tel.Get("toy dropped bad") != 0 {
		t.Errorf("counts %v", tel)
	}
}

// TestJobConcurrency: positions may be settled from anywhere.
func TestJobConcurrency(t *testing.T) {
	tel := newCounts()
	const n = 1000
	j := delivery.NewJob(delivery.JobSpec{Sink: "toy", Telemetry: tel, Open: n})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range n {
				j.Deliver(i)
			}
		})
	}
	wg.Wait()
	if got := tel.Get("toy delivered"); got != n || j.Open() != 0 {
		t.Errorf("delivered %d", got)
	}
}

func TestSetClone(t *testing.T) {
	var s delivery.Set
	if !s.IsEmpty() {
		t.Error("the zero Set is not empty")
	}
	s.Add(3)
	c := s.Clone()
	c.Add(4)
	if s.Has(4) || !c.Has(3) || s.IsEmpty() {
		t.Error("a clone shares memory")
	}
}
