package delivery_test

import (
	"errors"
	"testing"
	"time"

	"out_edge/plugin/delivery"
)

func newGate() *delivery.Gate {
	return &delivery.Gate{Jitter: func() float64 { return 1 }}
}

func retry(after time.Duration) error {
	return &delivery.RetryError{After: after, Err: errors.New("down")}
}

// TestGatePauses: pauses double up to a minute, each ends with a probe, and a full
// success starts anew.
func TestGatePauses(t *testing.T) {
	g := newGate()
	now := time.Hour
	if probe, wait := g.Ask(now); probe || wait != 0 {
		t.Fatalf("a new gate: probe %v, wait %v", probe, wait)
	}
	for _, want := range []time.Duration{500 * time.Millisecond, time.Second, 2 * time.Second, 4 * time.Second,
		8 * time.Second, 16 * time.Second, 32 * time.Second, time.Minute, time.Minute, time.Minute} {
		g.Note(retry(0), true, now)
		if _, wait := g.Ask(now); wait != want {
			t.Fatalf("wait = %v, want %v", wait, want)
		}
		if err, shut := g.IsShut(now); !shut || err == nil {
			t.Fatalf("shut = %v, %v", shut, err)
		}
		now += want
		if probe, wait := g.Ask(now); !probe || wait != 0 {
			t.Fatalf("after the pause: probe %v, wait %v", probe, wait)
		}
	}
	g.Note(nil, true, now)
	if probe, wait := g.Ask(now); probe || wait != 0 {
		t.Fatalf("after a good probe: probe %v, wait %v", probe, wait)
	}
	g.Note(retry(0), false, now) // the probe was small, what followed was not
	if _, wait := g.Ask(now); wait != time.Second {
		t.Fatalf("after a probe alone: wait %v", wait)
	}
	now += time.Second
	g.Note(nil, true, now)
	g.Note(nil, false, now)
	g.Note(retry(0), false, now)
	if _, wait := g.Ask(now); wait != 500*time.Millisecond {
		t.Fatalf("after a success: wait %v", wait)
	}
}

// TestGateJitter: a pause is at least half as long as it can be.
func TestGateJitter(t *testing.T) {
	for range 100 {
		g := new(delivery.Gate)
		g.Note(retry(0), false, 0)
		if _, wait := g.Ask(0); wait < 250*time.Millisecond || wait > 500*time.Millisecond {
			t.Fatalf("wait = %v", wait)
		}
	}
}

// TestGateRetryAfter: what the receiver asks for counts where it is longer.
func TestGateRetryAfter(t *testing.T) {
	for after, want := range map[time.Duration]time.Duration{
		time.Millisecond: 500 * time.Millisecond, 40 * time.Second: 40 * time.Second, time.Hour: delivery.MaxWait,
	} {
		g := newGate()
		g.Note(retry(after), false, 0)
		if _, wait := g.Ask(0); wait != want {
			t.Errorf("Retry-After %v: wait %v, want %v", after, wait, want)
		}
	}
}

// TestGateSecretChanged: a secret that changes ends the pause, and is asked for
// every three seconds only.
func TestGateSecretChanged(t *testing.T) {
	g := newGate()
	asked, changed := 0, false
	refused := &delivery.RetryError{After: time.Minute, Err: errors.New("403"), Changed: func() bool { asked++; return changed }}
	g.Note(refused, false, 0)
	if _, wait := g.Ask(0); wait != 3*time.Second {
		t.Fatalf("wait = %v", wait)
	}
	g.Ask(2 * time.Second)
	g.Ask(3 * time.Second)
	changed = true
	if _, wait := g.Ask(5 * time.Second); asked != 1 || wait == 0 {
		t.Fatalf("asked %d times, wait %v", asked, wait)
	}
	if probe, wait := g.Ask(6 * time.Second); !probe || wait != 0 {
		t.Fatalf("after the change: probe %v, wait %v", probe, wait)
	}
}

// TestGateClose: at exit there is a last try at once, and no long pause.
func TestGateClose(t *testing.T) {
	g := newGate()
	for range 9 {
		g.Note(retry(time.Minute), false, 0)
	}
	g.Close()
	if probe, wait := g.Ask(0); probe || wait != 0 {
		t.Fatalf("probe %v, wait %v", probe, wait)
	}
	g.Note(retry(time.Minute), false, 0)
	if _, wait := g.Ask(0); wait != 2*time.Second {
		t.Fatalf("wait = %v", wait)
	}
}

// TestGateDuringASearch: a receiver that refuses many parts is there; nothing waits.
func TestGateDuringASearch(t *testing.T) {
	var g delivery.Gate
	g.Note(&delivery.RetryError{Err: delivery.ErrManyRefused}, false, time.Second)
	if probe, wait := g.Ask(time.Second); probe || wait != 0 {
		t.Errorf("probe %v, wait %v", probe, wait)
	}
}
