package remotewrite_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"out_edge/exporter/remotewrite"
	"out_edge/plugin/metric"
)

// each gives each sample a chunk of its own.
func each(samples ...metric.Sample) (chunks []*flushed) {
	for _, s := range samples {
		chunks = append(chunks, &flushed{samples: []metric.Sample{s}})
	}
	return chunks
}

func TestOnePointAMillisecond(t *testing.T) {
	k := newKit(t, nil)
	k.mustSend(each(at(temperature, 1, 3), at(temperature, 0.5, 1), at(temperature, 0.5003, 2), at(temperature, 1.0009, 4))...)
	k.mustSend(each(at(temperature, 1, 9), at(temperature, 2, 5))...)
	wantLines(t, stamped(k.in.lines()), hasTemperature+" 2@800500 4@801000 5@802000")
	k.counts.want(t, "delivered 3", "adjusted same_time 3")
}

// TestNewestOfAChunk: of a series, the newest sample of a chunk goes.
func TestNewestOfAChunk(t *testing.T) {
	k := newKit(t, nil)
	k.mustSend(&flushed{samples: []metric.Sample{
		at(temperature, 1, 3), at(temperature, 3, 4), at(memory, 0, 1), at(temperature, 2, 5), at(temperature, 3, 6)}})
	wantLines(t, stamped(k.in.lines()), hasMemory+" 1@800000", hasTemperature+" 6@803000")
	k.counts.want(t, "delivered 2", "adjusted superseded 3")
}

// TestEverySampleOfAChunk: what devices kept in an outage comes to an aggregator in one
// chunk, and all of it goes.
func TestEverySampleOfAChunk(t *testing.T) {
	k := newKit(t, func(c *remotewrite.Config) { c.EverySample = true })
	k.mustSend(&flushed{samples: []metric.Sample{
		at(temperature, 1, 3), at(temperature, 3, 4), at(memory, 0, 1), at(temperature, 2, 5)}})
	wantLines(t, stamped(k.in.lines()), hasMemory+" 1@800000", hasTemperature+" 3@801000 5@802000 4@803000")
	k.counts.want(t, "delivered 4")
}

// Two metric.Series that come to the same labels are one series to the receiver.
func TestSeriesMeet(t *testing.T) {
	k := newKit(t, nil)
	a, b := gauge("g.x"), gauge("g_x")
	k.mustSend(each(at(b, 1, 1), at(a, 0, 0))...)
	wantLines(t, stamped(k.in.lines()), `{__name__="g_x"} 0@800000 1@801000`)
}

// What is late costs a few requests, and does not take along what is not.
func TestLatePoints(t *testing.T) {
	for _, tolerant := range []bool{false, true} {
		t.Run(fmt.Sprint("tolerant ", tolerant), func(t *testing.T) {
			k := newKit(t, nil)
			k.in.set(func(r *receiver) { r.tolerant = tolerant })
			k.mustSend(&flushed{samples: []metric.Sample{at(temperature, 100, 0), at(memory, 100, 0)}})
			var late []metric.Sample
			for i := range 32 {
				late = append(late, at(temperature, float64(i), 1), at(memory, float64(i), 1))
			}
			k.mustSend(each(append(late, at(temperature, 101, 2), at(packets, 50, 3))...)...)
			if tolerant {
				k.counts.want(t, "delivered 68")
				return
			}
			k.counts.want(t, "delivered 4", "dropped out_of_order 64")
			if n := len(k.in.got()); n > 10 { // the least late one tells of all others
				t.Errorf("%d requests", n)
			}
		})
	}
}

// A window of the receiver is found, and what is inside of it delivered.
func TestLateWithinAWindow(t *testing.T) {
	k := newKit(t, nil)
	k.in.set(func(r *receiver) {
		r.tolerant = true
		r.answer = func(_ int, req request, w http.ResponseWriter) bool {
			for _, s := range req.series {
				for _, p := range s.points {
					if p.ms < ms(70) {
						http.Error(w, "too old sample", 400)
						return true
					}
				}
			}
			return false
		}
	})
	k.mustSend(&flushed{samples: []metric.Sample{at(temperature, 100, 0)}})
	var late []metric.Sample
	for i := range 100 {
		late = append(late, at(temperature, float64(i), 1))
	}
	k.mustSend(each(late...)...)
	k.counts.want(t, "delivered 31", "dropped too_old 1", "dropped out_of_order 69")
	if n := len(k.in.got()); n > 16 {
		t.Errorf("%d requests", n)
	}
}

// What was accepted is not sent again.
func TestPartOfWhatWaits(t *testing.T) {
	k := newKit(t, nil)
	c := &flushed{}
	for i := range 3000 {
		c.samples = append(c.samples, at(gauge(fmt.Sprint("g", i)), 0, float64(i)))
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
		if c.job.IsDone(i) != want {
			t.Errorf("sample %d settled: %v", i, !want)
		}
	}
	k.mustSend(c)
	k.counts.want(t, "delivered 3000")
	sent := 0
	for _, r := range k.in.got() {
		sent += r.points()
	}
	if sent != 4000 {
		t.Errorf("%d points sent, want 2000 + 1000 twice", sent)
	}
}

// An answer that got lost: the receiver has it all, refuses it as out of order,
// and that is no loss. Nor is what came after it.
func TestLostAnswer(t *testing.T) {
	for lost := range 3 {
		t.Run(fmt.Sprint(lost+1, " answers"), func(t *testing.T) {
			k := newKit(t, nil)
			k.in.set(func(r *receiver) {
				r.answer = func(n int, q request, w http.ResponseWriter) bool {
					if n <= lost {
						if r.refusal(q) == "" {
							r.store(q)
						}
						panic(http.ErrAbortHandler)
					}
					return false
				}
			})
			var all []*flushed
			want := map[int64]bool{}
			for try := range 5 {
				for i := range 40 {
					sec := float64(40*try + i)
					want[ms(sec)] = true
					all = append(all, &flushed{samples: []metric.Sample{at(temperature, sec, sec), at(memory, sec, 1), kept(packets, float64(10*try+i))}})
				}
				k.clock.Advance(40 * time.Second)
				_ = k.send(all...)
			}
			k.mustSend(all...)
			k.in.set(func(r *receiver) {
				for labels, points := range r.stored {
					seen := map[int64]bool{}
					for _, p := range points {
						seen[p.ms] = true
					}
					if name := strings.Trim(hasPackets, "{}"); labels == name {
						if points[len(points)-1].value != 79 {
							t.Errorf("the last total is %v", points[len(points)-1])
						}
						continue
					}
					for at := range want {
						if !seen[at] {
							t.Errorf("%s: nothing at %d", labels, at)
						}
					}
				}
			})
			if lost := k.counts.get("samples dropped out_of_order"); lost != 0 {
				t.Errorf("%d counted as lost", lost)
			}
			if got := k.counts.get("samples delivered") + k.counts.get("samples adjusted resent"); got != 600 {
				t.Errorf("%d of 600 are accounted for", got)
			}
			if n := len(k.in.got()); n > 30 {
				t.Errorf("%d requests", n)
			}
		})
	}
}

// kept is a total of this process.
func kept(s *metric.Series, total float64) metric.Sample {
	return metric.Sample{Series: s, UnixNano: start.UnixNano(), Value: total, Delta: 1, HasDelta: true, Kept: true}
}

// TestKeptTotals: they are stamped by arrival, a millisecond apart, whatever the
// times of their records are, and the last one always arrives.
func TestKeptTotals(t *testing.T) {
	total := func(sec, value float64) metric.Sample {
		s := at(packets, sec, value)
		s.Kept = true
		return s
	}
	k := newKit(t, nil)
	k.mustSend(&flushed{samples: []metric.Sample{total(540, 1), total(-1, 2), total(0, 3)}})
	k.mustSend(&flushed{samples: []metric.Sample{total(-9, 4)}})
	k.clock.Advance(time.Second)
	k.mustSend(each(total(0, 5), total(-5, 6))...)
	k.clock.Advance(time.Second)
	k.clock.Step(-time.Minute) // somebody set it
	k.mustSend(each(total(0, 7))...)
	wantLines(t, stamped(k.in.lines()), hasPackets+" 3@800000 4@800001 6@801000 7@801001")
	k.counts.want(t, "delivered 7")
}

// TestKeptTotalsAfterAClockFarAhead: what no receiver took does not keep later
// totals back.
func TestKeptTotalsAfterAClockFarAhead(t *testing.T) {
	k := newKit(t, nil)
	k.clock.Step(2 * time.Hour)
	k.in.set(blame(400, "too far in the future", func(_ series, p point) bool { return p.ms > ms(3600) }))
	k.mustSend(each(kept(packets, 1))...)
	k.clock.Step(-2 * time.Hour)
	k.clock.Advance(time.Second)
	k.mustSend(each(kept(packets, 2))...)
	wantLines(t, stamped(k.in.lines()), hasPackets+" 2@801000")
	k.counts.want(t, "delivered 1", "dropped too_new 1")
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
	k.in.set(healthy)
	k.mustSend(each(at(temperature, 0, 9), at(temperature, 5, 2), at(temperature, 20, 3))...)
	if !waiting.isSettled() {
		t.Error("what waited did not leave with the rest")
	}
	wantLines(t, stamped(k.in.lines()), hasTemperature+" 0@800000 2@805000 1@810000 3@820000")
	k.counts.want(t, "delivered 4", "adjusted same_time 1")
}

// flush sends what waits without a chunk.
func (k *kit) flush() error { return k.Send(context.Background(), nil, false) }

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
			if err := k.flush(); err == nil {
				t.Error("flushed")
			}
			k.in.set(healthy)
			k.mustSend(&flushed{samples: []metric.Sample{at(memory, 11, 2)}}) // it is back
			if err := k.flush(); err != nil {
				t.Error(err)
			}
			wantLines(t, stamped(k.in.lines()), hasMemory+" 1@800000 2@811000",
				hasPackets+" 1@830000 stale@830001", hasTemperature+" 1@800000 stale@810000")
			n := len(k.in.got())
			if err := k.flush(); err != nil || len(k.in.got()) != n {
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
			k.mustSend(each(c.sent...)...)
			k.in.set(status(503))
			waiting := &flushed{samples: []metric.Sample{at(temperature, 10, 2)}}
			if err := k.send(waiting); err == nil {
				t.Error("settled")
			}
			k.clock.Advance(time.Minute)
			k.Expire(temperature)
			k.clock.Advance(10 * time.Second)
			k.in.set(healthy)
			k.mustSend(each(c.back...)...)
			if err := k.flush(); err != nil {
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
	if err := k.flush(); err != nil {
		t.Error(err)
	}
	wantLines(t, stamped(k.in.lines()), hasMemory+" 1@800000")
}

// What looks like a staleness marker but is a value stays a value.
func TestNaN(t *testing.T) {
	k := newKit(t, nil)
	k.mustSend(each(at(temperature, 0, fromBits(0x7ff0000000000002)), at(temperature, 1, fromBits(0xfff8000000000001)))...)
	wantLines(t, stamped(k.in.lines()), hasTemperature+" NaN@800000 NaN@801000")
}

// Of the answers that make a chunk come again, 503 alone says that nothing has
// arrived: what is refused after it was never there.
func TestRefusedAfterAFailure(t *testing.T) {
	for code, want := range map[int]string{503: "dropped out_of_order 2", 500: "adjusted resent 2", 504: "adjusted resent 2"} {
		t.Run(strconv.Itoa(code), func(t *testing.T) {
			k := newKit(t, nil)
			k.in.set(func(r *receiver) { r.stored[strings.Trim(hasTemperature, "{}")] = []point{{ms(5), 1}} })
			k.mustSend(&flushed{samples: []metric.Sample{at(memory, 0, 1)}})
			c := each(at(temperature, 1, 2), at(temperature, 2, 3))
			k.in.set(status(code))
			if err := k.send(c...); err == nil {
				t.Error("settled")
			}
			k.in.set(healthy)
			k.mustSend(c...)
			k.counts.want(t, "delivered 1", want)
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
	k.mustSend(each(at(temperature, 1, 1), at(temperature, 2, 2), at(temperature, 3, 3))...)
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

// newSilent makes a sink whose requests never leave the process.
func newSilent(t testing.TB, rt http.RoundTripper) *remotewrite.Sink {
	t.Helper()
	s, err := remotewrite.New(remotewrite.Config{URL: "http://127.0.0.1:1/"}, remotewrite.Deps{Clock: newClock()})
	if err != nil {
		t.Fatal(err)
	}
	s.SetTransport(rt)
	return s
}
