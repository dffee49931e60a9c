package pipeline

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"out_edge/plugin/delivery"
	"out_edge/plugin/metric"
	"out_edge/timefix"
)

const hour = int64(time.Hour)

func triesOf(n int) *try { return &try{again: true, samples: make([]metric.Sample, n)} }

func TestALedgerIsEmptyAfterItsChunksHaveCome(t *testing.T) {
	var l ledger
	for i := range 10 {
		l.put("tag", fmt.Append(nil, i), triesOf(i), 0)
	}
	for i := range 10 {
		if got := l.take("tag", fmt.Append(nil, i)); got == nil || len(got.samples) != i {
			t.Errorf("chunk %d: %v", i, got)
		}
	}
	if chunks, held := l.backlog(); chunks != 0 || held != 0 || l.bytes != 0 || len(l.byKey) != 0 {
		t.Errorf("%d chunks, %d bytes held, %d of samples, %d keys are left", chunks, held, l.bytes, len(l.byKey))
	}
}

func TestALedgerGivesUpWhatStaysAway(t *testing.T) {
	var l ledger
	l.put("tag", []byte("old"), triesOf(1), 0)
	l.put("tag", []byte("young"), triesOf(1), hour/2)
	if gone := l.expire(hour); len(gone) != 0 {
		t.Errorf("%d gone after an hour", len(gone))
	}
	if gone := l.expire(hour + 1); len(gone) != 1 || l.take("tag", []byte("old")) != nil || l.take("tag", []byte("young")) == nil {
		t.Errorf("%d gone", len(gone))
	}
}

// Over the bound of samples the oldest lose theirs; their logs are still known,
// and the newest keeps its own whatever it has.
func TestALedgerRobsTheOldest(t *testing.T) {
	var l ledger
	third := int(ledgerBytes / 3 / sizeOfSample)
	first := triesOf(third)
	first.logs.Add(7)
	if robbed := l.put("tag", []byte("first"), first, 0); len(robbed) != 0 {
		t.Errorf("robbed %d of one", len(robbed))
	}
	l.put("tag", []byte("second"), triesOf(third), 0)
	robbed := l.put("tag", []byte("large"), triesOf(4*third), 0)
	if len(robbed) != 2 || robbed[0] != first || len(first.samples) != third {
		t.Errorf("robbed %d", len(robbed))
	}
	if got := l.take("tag", []byte("first")); len(got.samples) != 0 || !got.logs.Has(7) || !got.again {
		t.Errorf("first is known as %+v", got)
	}
	if got := l.take("tag", []byte("large")); len(got.samples) != 4*third {
		t.Errorf("the newest has %d samples", len(got.samples))
	}
	if l.take("tag", []byte("second")); l.bytes != 0 {
		t.Errorf("%d bytes left", l.bytes)
	}
}

// A ledger full of chunks without samples leaves a new one its own.
func TestAFullLedgerTakesNewSamples(t *testing.T) {
	var l ledger
	for i := range ledgerTries + 10 {
		l.put("tag", fmt.Append(nil, i), &try{}, 0)
	}
	if chunks, _ := l.backlog(); chunks != ledgerTries {
		t.Errorf("%d chunks", chunks)
	}
	if robbed := l.put("tag", []byte("new"), triesOf(5), 0); len(robbed) != 0 {
		t.Errorf("robbed %d", len(robbed))
	}
	if got := l.take("tag", []byte("new")); got == nil || len(got.samples) != 5 {
		t.Errorf("the new one is known as %v", got)
	}
}

func TestARestIsTheLongestThatWasAskedFor(t *testing.T) {
	at := func(seconds int64) timefix.Instant { return timefix.Instant{Boot: seconds * 1e9} }
	asked := func(d time.Duration) error { return &delivery.RetryError{Err: errors.New("later"), After: d} }
	steps := []struct {
		name  string
		do    func(r *rest)
		until int64 // in seconds: held before, not from then on
	}{
		{"asked for", func(r *rest) { r.note(at(0), at(0), asked(30*time.Second)) }, 30},
		{"bounded", func(r *rest) { r.note(at(0), at(0), asked(5*time.Minute)) }, 60},
		{"held up a thread", func(r *rest) { r.note(at(0), at(10), asked(0)) }, 20},
		{"failed at once", func(r *rest) { r.note(at(0), at(1), asked(0)) }, 0},
		{"another thread's answer does not shorten it", func(r *rest) {
			r.note(at(0), at(0), asked(30*time.Second))
			r.note(at(0), at(1), asked(0))
			r.note(at(0), at(1), nil)
		}, 30},
		{"closing ends it", func(r *rest) { r.note(at(0), at(0), asked(30*time.Second)); r.end() }, 0},
	}
	for _, s := range steps {
		t.Run(s.name, func(t *testing.T) {
			var r rest
			s.do(&r)
			if s.until > 0 && !r.holds(at(s.until-1)) || r.holds(at(max(s.until, 2))) {
				t.Errorf("held until %d ns, want %d s", r.until, s.until)
			}
		})
	}
	var r rest
	r.end()
	if r.note(at(0), at(0), asked(30*time.Second)); !r.holds(at(0)) || r.holds(at(1)) {
		t.Errorf("held until %d ns while closing, want less than a second", r.until)
	}
}
