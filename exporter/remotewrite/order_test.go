package remotewrite_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"out_edge/exporter/remotewrite"
	"out_edge/plugin/delivery"
	"out_edge/plugin/metric"
)

func TestOnePointAMillisecond(t *testing.T) {
	k := newKit(t, nil)
	k.mustSend(&flushed{samples: []metric.Sample{
		at(temperature, 1, 3), at(temperature, 0.5, 1), at(temperature, 0.5003, 2), at(temperature, 1.0009, 4)}})
	k.mustSend(&flushed{samples: []metric.Sample{at(temperature, 1, 9), at(temperature, 2, 5)}})
	wantLines(t, stamped(k.in.lines()), hasTemperature+" 2@800500 4@801000 5@802000")
	k.counts.want(t, "delivered 3", "adjusted same_time 3")
}

// Two metric.Series that come to the same labels are one series to the receiver.
func TestSeriesMeet(t *testing.T) {
	k := newKit(t, nil)
	a, b := gauge("g.x"), gauge("g_x")
	k.mustSend(&flushed{samples: []metric.Sample{at(b, 1, 1), at(a, 0, 0)}})
	wantLines(t, stamped(k.in.lines()), `{__name__="g_x"} 0@800000 1@801000`)
}

// What is late costs a request of its own, and does not take along what is not.
func TestLatePoints(t *testing.T) {
	for _, tolerant := range []bool{false, true} {
		t.Run(fmt.Sprint("tolerant ", tolerant), func(t *testing.T) {
			k := newKit(t, nil)
			k.in.set(func(r *receiver) { r.tolerant = tolerant })
			k.mustSend(&flushed{samples: []metric.Sample{at(temperature, 100, 0), at(memory, 100, 0)}})
			late := &flushed{}
			for i := range 32 {
				late.samples = append(late.samples, at(temperature, float64(i), 1), at(memory, float64(i), 1))
			}
			late.samples = append(late.samples, at(temperature, 101, 2), at(packets, 50, 3))
			k.mustSend(late)
			if tolerant {
				k.counts.want(t, "delivered 68")
				return
			}
			k.counts.want(t, "delivered 4", "dropped out_of_order 64")
			if n := len(k.in.got()); n > 16 { // the newest refused tells of all before it
				t.Errorf("%d requests", n)
			}
		})
	}
}

// A retried chunk resends only what was not accepted.
func TestPartOfAChunk(t *testing.T) {
	k := newKit(t, nil)
	c := &flushed{}
	for i := range 3000 {
		c.samples = append(c.samples, at(temperature, float64(i), float64(i)))
	}
	k.in.set(func(r *receiver) {
		r.answer = func(n int, _ request, w http.ResponseWriter) bool {
			if n == 1 {
				w.WriteHeader(503)
			}
			return n == 1
		}
	})
	if err := k.send(c); err == nil {
		t.Fatal("settled")
	}
	for i, want := range map[int]bool{0: true, 1999: true, 2000: false, 2999: false} {
		if c.done.Has(i) != want {
			t.Errorf("sample %d settled: %v", i, !want)
		}
	}
	k.mustSend(c)
	k.counts.want(t, "delivered 3000", "retried 1000")
	sent := 0
	for _, r := range k.in.got() {
		sent += r.points()
	}
	if sent != 4000 {
		t.Errorf("%d points sent, want 2000 + 1000 twice", sent)
	}
}

// An answer that got lost: the receiver has it all, refuses it as out of order,
// and that is no loss.
func TestLostAnswer(t *testing.T) {
	k := newKit(t, nil)
	k.in.set(func(r *receiver) {
		r.answer = func(n int, q request, w http.ResponseWriter) bool {
			if n == 0 {
				r.store(q)
				panic(http.ErrAbortHandler)
			}
			return false
		}
	})
	c := &flushed{}
	for i := range 200 {
		c.samples = append(c.samples, at(temperature, float64(i), float64(i)), at(memory, float64(i), 1))
	}
	var err error
	for range 4 { // each try is bounded
		if err = k.send(c); err == nil {
			break
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	k.in.set(func(r *receiver) {
		for labels, points := range r.stored {
			seen := map[int64]int{}
			for _, p := range points {
				seen[p.ms]++
			}
			if len(seen) != 200 {
				t.Errorf("%s: %d instants", labels, len(seen))
			}
		}
	})
	if lost := k.counts.get("samples dropped out_of_order"); lost != 0 {
		t.Errorf("%d counted as lost", lost)
	}
	if n := len(k.in.got()); n > 30 {
		t.Errorf("%d requests", n)
	}
}

// Of the answers that make a chunk come again, 503 alone says that nothing has
// arrived: what is refused after it was never there.
func TestRefusedAfterAFailure(t *testing.T) {
	for code, want := range map[int]string{503: "dropped out_of_order 2", 500: "adjusted resent 2", 504: "adjusted resent 2"} {
		t.Run(strconv.Itoa(code), func(t *testing.T) {
			k := newKit(t, nil)
			k.in.set(func(r *receiver) { r.stored[strings.Trim(hasTemperature, "{}")] = []point{{ms(5), 1}} })
			k.mustSend(&flushed{samples: []metric.Sample{at(memory, 0, 1)}})
			c := &flushed{samples: []metric.Sample{at(temperature, 1, 2), at(temperature, 2, 3)}}
			k.in.set(status(code))
			if err := k.send(c); err == nil {
				t.Error("settled")
			}
			k.in.set(healthy)
			k.mustSend(c)
			k.counts.want(t, "delivered 1", "retried 2", want)
		})
	}
}

// A late point that is accepted does not make an earlier instant free.
func TestLatePointsKeepTheNewest(t *testing.T) {
	k := newKit(t, nil)
	k.in.set(func(r *receiver) { r.tolerant = true })
	for _, sample := range []metric.Sample{at(temperature, 9, 1), at(temperature, 3, 2), at(temperature, 9, 3)} {
		k.mustSend(&flushed{samples: []metric.Sample{sample}})
	}
	wantLines(t, stamped(k.in.lines()), hasTemperature+" 1@809000 2@803000")
	k.counts.want(t, "delivered 2", "adjusted same_time 1")
}

// A series whose points wait is not forgotten, however long that takes.
func TestLongOutage(t *testing.T) {
	k := newKit(t, nil)
	k.mustSend(&flushed{samples: []metric.Sample{at(temperature, 0, 0)}})
	k.in.set(status(503))
	waiting := &flushed{samples: []metric.Sample{at(temperature, 10, 1)}}
	for range 2 {
		if err := k.send(waiting); err == nil {
			t.Error("settled")
		}
		k.clock.Advance(70 * time.Minute)
	}
	if err := k.Flush(context.Background()); err == nil {
		t.Error("flushed")
	}
	k.in.set(healthy)
	k.mustSend(&flushed{samples: []metric.Sample{at(temperature, 0, 9), at(temperature, 5, 2), at(temperature, 20, 3)}})
	k.mustSend(waiting)
	wantLines(t, stamped(k.in.lines()), hasTemperature+" 0@800000 2@805000 1@810000 3@820000")
	k.counts.want(t, "delivered 4", "adjusted same_time 1", "retried 2")
}

// A connection that dies under a request makes net/http send it again, by itself:
// the receiver has it all the same.
func TestLostAnswerOnAKeptConnection(t *testing.T) {
	k := newKit(t, nil)
	k.in.set(func(r *receiver) {
		r.answer = func(n int, q request, w http.ResponseWriter) bool {
			if n == 1 {
				r.store(q)
				panic(http.ErrAbortHandler)
			}
			return false
		}
	})
	k.mustSend(&flushed{samples: []metric.Sample{at(memory, 0, 1)}})
	before := k.counts.get("wire")
	k.mustSend(&flushed{samples: []metric.Sample{at(temperature, 1, 1), at(temperature, 2, 2), at(temperature, 3, 3)}})
	wantLines(t, stamped(k.in.lines()), hasMemory+" 1@800000", hasTemperature+" 1@801000 2@802000 3@803000")
	k.counts.want(t, "delivered 1", "adjusted resent 3")
	got := k.in.got()
	if len(got) < 3 || !bytes.Equal(got[1].raw, got[2].raw) {
		t.Fatalf("%d requests", len(got))
	}
	sent := 0
	for _, q := range got[1:] {
		sent += len(remotewrite.Compress(remotewrite.Snappy, q.raw))
	}
	if wire := k.counts.get("wire") - before; wire != sent {
		t.Errorf("counted %d bytes, sent %d", wire, sent)
	}
}

func TestStaleness(t *testing.T) {
	for _, version := range []string{"1", "2"} {
		t.Run(version, func(t *testing.T) {
			k := newKit(t, func(c *remotewrite.Config) { c.Version = version })
			k.Expire(temperature) // nothing of it was sent
			k.mustSend(&flushed{samples: []metric.Sample{at(temperature, 0, 1), at(memory, 0, 1), at(packets, 30, 1)}})
			k.clock.Advance(10 * time.Second)
			k.Expire(temperature)
			sameMemory := *memory
			k.Expire(&sameMemory)
			samePackets := *packets
			k.Expire(&samePackets) // its newest sample is ahead of the clock
			k.in.set(status(503))
			if err := k.Flush(context.Background()); err == nil {
				t.Error("flushed")
			}
			k.in.set(healthy)
			k.mustSend(&flushed{samples: []metric.Sample{at(memory, 11, 2)}}) // it is back
			if err := k.Flush(context.Background()); err != nil {
				t.Error(err)
			}
			wantLines(t, stamped(k.in.lines()), hasMemory+" 1@800000 2@811000",
				hasPackets+" 1@830000 stale@830001", hasTemperature+" 1@800000 stale@810000")
			n := len(k.in.got())
			if err := k.Flush(context.Background()); err != nil || len(k.in.got()) != n {
				t.Errorf("an idle flush: %v, %d requests", err, len(k.in.got())-n)
			}
			k.counts.want(t, "delivered 4")
		})
	}
}

// A point that has waited since before its series expired does not call it back.
func TestStalenessAfterWaiting(t *testing.T) {
	cases := map[string]struct {
		sent, back []metric.Sample // before the outage, and after the expiry
		want       string
	}{
		"known":       {sent: []metric.Sample{at(temperature, 0, 1)}, want: " 1@800000 2@810000 stale@870000"},
		"new":         {want: " 2@810000 stale@870000"},
		"late":        {sent: []metric.Sample{at(temperature, 90, 1)}, want: " 1@890000 stale@890001 2@810000"},
		"later":       {sent: []metric.Sample{at(temperature, 90, 1)}, back: []metric.Sample{at(temperature, 80, 3)}, want: " 1@890000 stale@890001 2@810000 3@880000"},
		"back":        {back: []metric.Sample{at(temperature, 69, 3), at(temperature, 50, 4)}, want: " 2@810000 4@850000 3@869000"},
		"from before": {back: []metric.Sample{at(temperature, 50, 3)}, want: " 2@810000 3@850000 stale@870000"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			k := newKit(t, nil)
			k.in.set(func(r *receiver) { r.tolerant = true })
			k.mustSend(&flushed{samples: c.sent})
			k.in.set(status(503))
			waiting := &flushed{samples: []metric.Sample{at(temperature, 10, 2)}}
			if err := k.send(waiting); err == nil {
				t.Error("settled")
			}
			k.clock.Advance(time.Minute)
			k.Expire(temperature)
			k.clock.Advance(10 * time.Second)
			k.in.set(healthy)
			k.mustSend(&flushed{samples: c.back})
			k.mustSend(waiting)
			if err := k.Flush(context.Background()); err != nil {
				t.Error(err)
			}
			wantLines(t, stamped(k.in.lines()), hasTemperature+c.want)
		})
	}
}

// A marker is only for what a receiver has, or is to have.
func TestStalenessOfWhatWasDropped(t *testing.T) {
	k := newKit(t, nil)
	k.mustSend(&flushed{samples: []metric.Sample{at(memory, 0, 1)}})
	k.in.set(blame(400, "too old", func(_ series, p point) bool { return p.value == 13 }))
	k.mustSend(&flushed{samples: []metric.Sample{at(temperature, 0, 13)}})
	k.Expire(temperature)
	if err := k.Flush(context.Background()); err != nil {
		t.Error(err)
	}
	wantLines(t, stamped(k.in.lines()), hasMemory+" 1@800000")
}

// What looks like a staleness marker but is a value stays a value.
func TestNaN(t *testing.T) {
	k := newKit(t, nil)
	k.mustSend(&flushed{samples: []metric.Sample{at(temperature, 0, fromBits(0x7ff0000000000002)), at(temperature, 1, fromBits(0xfff8000000000001))}})
	wantLines(t, stamped(k.in.lines()), hasTemperature+" NaN@800000 NaN@801000")
}

// Chunks that wait for their turn go together in the next request, and each is
// told.
func TestConcurrentSends(t *testing.T) {
	k := newKit(t, nil)
	first, release := make(chan struct{}), make(chan struct{})
	k.in.set(func(r *receiver) {
		r.tolerant = true
		r.answer = func(n int, _ request, _ http.ResponseWriter) bool {
			if n == 0 {
				close(first)
				r.mu.Unlock()
				<-release
				r.mu.Lock()
			}
			return false
		}
	})
	var wg sync.WaitGroup
	send := func(c *flushed) { wg.Go(func() { k.mustSend(c) }) }
	send(&flushed{samples: []metric.Sample{at(temperature, 0, 0)}})
	<-first
	for i := range 50 {
		send(&flushed{samples: []metric.Sample{at(temperature, float64(50-i), 1), at(gauge("g"), float64(i), 1)}})
	}
	close(release)
	wg.Wait()
	k.counts.want(t, "delivered 101")
	if n := len(k.in.got()); n > 51 {
		t.Errorf("%d requests", n)
	}
}

// A Send whose time is up while another is under way goes, and its samples leave
// with the next.
func TestWaitingSendGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rt := &blockingTransport{release: make(chan struct{})}
		s := newSilent(t, rt, nil)
		a, b := oneChunk(), &flushed{samples: []metric.Sample{at(temperature, 3, 24)}}
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := s.Send(context.Background(), a.samples, &a.done); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		var retry *delivery.RetryError
		if err := s.Send(ctx, b.samples, &b.done); !errors.As(err, &retry) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		close(rt.release)
		wg.Wait()
		if err := s.Flush(context.Background()); err != nil {
			t.Error(err)
		}
		if err := s.Send(context.Background(), b.samples, &b.done); err != nil || !b.done.Has(0) {
			t.Errorf("got %v", err)
		}
		if rt.requests != 2 {
			t.Errorf("%d requests", rt.requests)
		}
		_ = s.Close(context.Background())
	})
}

// The end of one Send's time is no failure of the chunks that its batch took along:
// they are sent when their turn comes.
func TestEndOfOneSendIsItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newQueue(t)
		k.send(context.Background(), at(temperature, 0, 1))
		ctx, cancel := context.WithCancel(context.Background())
		first := k.send(ctx, at(temperature, 1, 1))
		second := k.send(context.Background(), at(temperature, 2, 1))
		k.answer() // the first sends all that waits
		cancel()
		if err := <-first.sent; !errors.Is(err, context.Canceled) {
			t.Errorf("the first: %v", err)
		}
		close(k.rt.release)
		if err := <-second.sent; err != nil {
			t.Errorf("the second: %v", err)
		}
		k.counts.want(t, "delivered 3", "retried 1")
	})
}

// What is forgotten while it is under way with another chunk counts no more.
func TestForgottenInABatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newQueue(t)
		k.send(context.Background(), at(temperature, 0, 1))
		other := k.send(context.Background(), at(memory, 0, 1))
		ctx, cancel := context.WithCancel(context.Background())
		gone := k.send(ctx, at(packets, 0, 1), at(packets, 1, 1))
		k.answer() // the other one's batch has all that waits
		cancel()
		if err := <-gone.sent; !errors.Is(err, context.Canceled) {
			t.Errorf("the forgotten one: %v", err)
		}
		if n := k.Forget(&gone.done); n != 2 {
			t.Errorf("%d forgotten", n)
		}
		close(k.rt.release)
		if err := <-other.sent; err != nil {
			t.Errorf("the other one: %v", err)
		}
		k.counts.want(t, "delivered 2", "retried 2")
	})
}

// Chunks that wait for their turn share a failure: each would wait for as long
// again to learn the same.
func TestFailureIsShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rt := &blockingTransport{release: make(chan struct{}), statuses: []int{204, 503}}
		s := newSilent(t, rt, nil)
		var wg sync.WaitGroup
		var failed atomic.Int32
		for i := range 5 {
			c := &flushed{samples: []metric.Sample{at(temperature, float64(i), 1)}}
			wg.Go(func() {
				if s.Send(context.Background(), c.samples, &c.done) != nil {
					failed.Add(1)
				}
			})
			synctest.Wait()
		}
		close(rt.release)
		wg.Wait()
		if failed.Load() != 4 || rt.requests != 2 {
			t.Errorf("%d failed by %d requests", failed.Load(), rt.requests)
		}
		_ = s.Close(context.Background())
	})
}

// Only so much waits in memory; the rest comes back with its chunk.
func TestWaitingIsBounded(t *testing.T) {
	k := newKit(t, nil)
	k.in.set(status(503))
	var chunks []*flushed
	for i := range 5000 {
		c := &flushed{samples: []metric.Sample{at(temperature, float64(i), 1)}}
		chunks = append(chunks, c)
		_ = k.send(c)
	}
	k.in.set(func(r *receiver) { r.answer, r.tolerant = nil, true })
	if err := k.Flush(context.Background()); err != nil {
		t.Error(err)
	}
	if d := k.counts.get("samples delivered"); d != 4096 {
		t.Errorf("%d were waiting", d)
	}
	for _, c := range chunks {
		k.mustSend(c)
	}
	if d := k.counts.get("samples delivered"); d != 5000 {
		t.Errorf("%d delivered", d)
	}
	big := &flushed{}
	for i := range 70_000 {
		big.samples = append(big.samples, at(memory, float64(i), 1))
	}
	k.in.set(status(503))
	_ = k.send(big)
	k.in.set(healthy)
	k.mustSend(big)
	if d := k.counts.get("samples delivered"); d != 75_000 {
		t.Errorf("%d delivered", d)
	}
}

// So many points wait, in whatever chunks.
func TestWaitingPointsAreBounded(t *testing.T) {
	k := newKit(t, nil)
	k.in.set(status(503))
	chunks := []*flushed{{}, {}, {}}
	for i, n := range []int{40_000, 25_537, 25_536} { // 65,536 find room
		for sec := range n {
			chunks[i].samples = append(chunks[i].samples, at(temperature, float64(100_000*i+sec), 1))
		}
		if err := k.send(chunks[i]); err == nil {
			t.Error("settled")
		}
	}
	if n := k.Waiting(); n != 2 {
		t.Errorf("%d chunks wait", n)
	}
	k.in.set(func(r *receiver) { r.answer, r.tolerant = nil, true })
	if err := k.Flush(context.Background()); err != nil {
		t.Error(err)
	}
	if d := k.counts.get("samples delivered"); d != 65_536 {
		t.Errorf("%d were waiting", d)
	}
	for _, c := range chunks {
		k.mustSend(c)
	}
	if d := k.counts.get("samples delivered"); d != 91_073 {
		t.Errorf("%d delivered", d)
	}
}

// queue is a sender to a receiver that answers when it is told to. It lives in a
// synctest bubble.
type queue struct {
	*remotewrite.Sender
	rt     *blockingTransport
	counts *counts
}

func newQueue(t *testing.T) *queue {
	q := &queue{rt: &blockingTransport{release: make(chan struct{})}, counts: newCounts()}
	q.Sender = newSilent(t, q.rt, q.counts)
	t.Cleanup(func() { _ = q.Close(context.Background()) })
	return q
}

// queued is a chunk in a Send of its own.
type queued struct {
	flushed
	sent chan error
}

// send begins a Send, and returns once it is under way or waits for its turn.
func (q *queue) send(ctx context.Context, samples ...metric.Sample) *queued {
	c := &queued{flushed: flushed{samples: samples}, sent: make(chan error, 1)}
	go func() { c.sent <- q.Send(ctx, c.samples, &c.done) }()
	synctest.Wait()
	return c
}

// answer lets one request succeed, and returns once the next is under way.
func (q *queue) answer() {
	q.rt.release <- struct{}{}
	synctest.Wait()
}

// blockingTransport answers once it is released: with statuses, then 204.
type blockingTransport struct {
	release  chan struct{}
	statuses []int
	requests int
}

func (b *blockingTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	status := http.StatusNoContent
	if b.requests < len(b.statuses) {
		status = b.statuses[b.requests]
	}
	b.requests++
	select {
	case <-b.release:
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	_, _ = io.Copy(io.Discard, r.Body)
	_ = r.Body.Close()
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
}

// newSilent makes a sender whose requests never leave the process.
func newSilent(t *testing.T, rt http.RoundTripper, meter delivery.Meter) *remotewrite.Sender {
	t.Helper()
	s, err := remotewrite.New(remotewrite.Config{URL: "http://127.0.0.1:1/"}, remotewrite.Deps{Clock: newClock(), Meter: meter})
	if err != nil {
		t.Fatal(err)
	}
	s.SetTransport(rt)
	return s
}
