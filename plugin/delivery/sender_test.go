package delivery_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptrace"
	"slices"
	"strings"
	"testing"
	"time"

	"out_edge/plugin/delivery"
	"out_edge/timefix"
)

// clock is a timefix.Clock that the test moves.
type clock struct{ ticks }

func (c *clock) Now() timefix.Instant {
	return timefix.Instant{Wall: 1_790_000_000e9 + c.Load(), Boot: int64(time.Hour) + c.Load()}
}

// receiver answers what a Sender posts.
type receiver struct {
	answer func(body string) (status int, header http.Header, err error) // nil accepts
	bodies []string
	log    bytes.Buffer
	tel    *counts
	clock  clock
	sender *delivery.Sender
}

func newReceiver(change func(*delivery.Endpoint)) *receiver {
	r := &receiver{tel: newCounts()}
	e := delivery.Endpoint{
		Label: "toys", URL: "https://toy.invalid/in", MaxBytes: 1 << 20,
		Compress: func(dst, body []byte) ([]byte, error) { return append(dst, body...), nil },
		Post:     r.post,
		Words: delivery.Words{Send: "send toys to ", NotAccepted: "toys are not accepted", Accepted: "toys are accepted again",
			NoSecret: "no toys are sent", NoSecretErr: errors.New("waiting for the key"), Refused: "a toy is refused"},
	}
	if change != nil {
		change(&e)
	}
	r.sender = delivery.NewSender(e, delivery.Deps{Clock: &r.clock, Telemetry: r.tel, Log: slog.New(slog.NewTextHandler(&r.log, nil))})
	return r
}

func (r *receiver) post(ctx context.Context, wire []byte, _ delivery.Secret) (*http.Response, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	r.bodies = append(r.bodies, string(wire))
	status, header, err := 202, http.Header{}, error(nil)
	if r.answer != nil {
		status, header, err = r.answer(string(wire))
	}
	trace := httptrace.ContextClientTrace(ctx)
	trace.GotConn(httptrace.GotConnInfo{})
	if err != nil {
		return nil, err
	}
	trace.WroteRequest(httptrace.WroteRequestInfo{})
	return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(""))}, nil
}

// toys is a Batch of words.
type toys struct {
	words []string
	fates []string
}

func (b *toys) Body(lo, hi int) []byte { return []byte(strings.Join(b.words[lo:hi], " ")) }
func (b *toys) set(lo, hi int, fate string) {
	for i := lo; i < hi; i++ {
		b.fates[i] += fate
	}
}
func (b *toys) Delivered(lo, hi int, _ delivery.Answer) { b.set(lo, hi, "+") }
func (b *toys) Kept(lo, hi int)                         { b.set(lo, hi, "k") }
func (b *toys) Refused(i int, reason string) bool {
	b.set(i, i+1, "-"+reason)
	return true
}

// deliver is one run with one batch.
func (r *receiver) deliver(words ...string) (fates string, err error) {
	b := &toys{words, make([]string, len(words))}
	var run delivery.Run
	run.Begin(context.Background(), r.sender)
	run.Deliver(b, len(words))
	return strings.Join(b.fates, " "), run.End()
}

func (r *receiver) check(t *testing.T, want string, words ...string) {
	t.Helper()
	if got, err := r.deliver(words...); got != want || err != nil {
		t.Fatalf("fates %q, %v; want %q", got, err, want)
	}
}

// refuse answers with a status where a body holds a word.
func refuse(word string, status int) func(string) (int, http.Header, error) {
	return func(body string) (int, http.Header, error) {
		if slices.Contains(strings.Fields(body), word) {
			return status, nil, nil
		}
		return 202, nil, nil
	}
}

func TestSenderHalves(t *testing.T) {
	r := newReceiver(nil)
	r.check(t, "+", "first")
	r.answer = refuse("bad", 400)
	r.check(t, "+ + + -rejected +", "a", "b", "c", "bad", "d")
	if got := strings.Join(r.bodies[1:], "|"); got != "a b c bad d|a b|c bad d|c|bad d|bad|d" {
		t.Errorf("requests: %s", got)
	}
	if got := strings.Count(r.log.String(), "a toy is refused"); got != 1 {
		t.Errorf("log: %s", &r.log)
	}
}

// TestSenderSetsAside: while nothing was ever accepted, a refusal is no verdict.
func TestSenderSetsAside(t *testing.T) {
	r := newReceiver(nil)
	r.answer = func(string) (int, http.Header, error) { return 400, nil, nil }
	fates, err := r.deliver("a", "b")
	if want := "send toys to toy.invalid: HTTP status 400: even a single entry is refused"; fates != "k k" || !strings.Contains(fmt.Sprint(err), want) {
		t.Fatalf("fates %q, %v", fates, err)
	}
	r.answer = refuse("bad", 400)
	r.check(t, "-rejected +", "bad", "b")
	if !strings.Contains(r.log.String(), "toys are accepted again") {
		t.Errorf("log: %s", &r.log)
	}
}

// TestSenderFromReceiver: a refusal that only a receiver gives counts at once.
func TestSenderVerdict(t *testing.T) {
	r := newReceiver(func(e *delivery.Endpoint) {
		e.Judge = func(delivery.Answer) delivery.Outcome {
			return delivery.Outcome{Action: delivery.Split, Reason: "too_old", FromReceiver: true}
		}
	})
	r.check(t, "-too_old -too_old", "a", "b")
}

// TestSenderRetry: a failure keeps the rest of the run, and says when to ask again.
func TestSenderRetry(t *testing.T) {
	r := newReceiver(nil)
	r.answer = func(string) (int, http.Header, error) { return 503, http.Header{"Retry-After": {"7"}}, nil }
	b := &toys{[]string{"a", "b"}, make([]string, 2)}
	var run delivery.Run
	run.Begin(context.Background(), r.sender)
	run.Deliver(b, 2)
	if !run.Failed() {
		t.Error("the run goes on")
	}
	run.Deliver(b, 1)
	err := run.End()
	var retry *delivery.RetryError
	if !errors.As(err, &retry) || retry.After != 7*time.Second || len(r.bodies) != 1 || strings.Join(b.fates, " ") != "kk k" {
		t.Fatalf("%v, %d requests, %v", err, len(r.bodies), b.fates)
	}
	if run.Begin(context.Background(), r.sender); run.Failed() || run.End() != nil {
		t.Error("a run begins with the last one's failure")
	}
}

// TestSenderSecret: a secret that was refused is read again, and one that changes
// later ends the pause.
func TestSenderSecret(t *testing.T) {
	r := newReceiver(func(e *delivery.Endpoint) {
		e.Secret = delivery.NewSecretFile(delivery.NewSecret("old"), "", func() time.Duration { return 0 }, nil)
	})
	r.answer = func(string) (int, http.Header, error) { return 403, nil, nil }
	_, err := r.deliver("a")
	var retry *delivery.RetryError
	if !errors.As(err, &retry) || retry.Changed == nil || retry.Changed() {
		t.Fatalf("err = %v", err)
	}
	if strings.Contains(r.log.String()+err.Error(), "old") {
		t.Error("the secret shows")
	}
}

func TestSenderWithoutSecret(t *testing.T) {
	r := newReceiver(func(e *delivery.Endpoint) {
		e.Secret = delivery.NewSecretFile(delivery.Secret{}, t.TempDir()+"/key", func() time.Duration { return 0 }, nil)
	})
	fates, err := r.deliver("a")
	if fates != "k" || len(r.bodies) != 0 || !strings.Contains(fmt.Sprint(err), "waiting for the key") || !strings.Contains(r.log.String(), "no toys are sent") {
		t.Errorf("fates %q, %v, log %s", fates, err, &r.log)
	}
}

// TestSenderAgain: a sink that changes how it writes has the parts sent again, a
// few times at most.
func TestSenderAgain(t *testing.T) {
	times := 1
	r := newReceiver(func(e *delivery.Endpoint) {
		e.Judge = func(a delivery.Answer) delivery.Outcome {
			if times--; times >= 0 {
				return delivery.Outcome{Action: delivery.Again}
			}
			return delivery.OfStatus(a.Status)
		}
	})
	r.check(t, "+ +", "a", "b")
	times = 99
	if fates, err := r.deliver("c"); fates != "k" || err == nil || len(r.bodies) != 2+4 {
		t.Errorf("fates %q, %v, %d requests", fates, err, len(r.bodies))
	}
}

// TestSenderMaxWire: what is too large as it would be sent is dropped wherever it
// would go.
func TestSenderMaxWire(t *testing.T) {
	r := newReceiver(func(e *delivery.Endpoint) { e.MaxWire = 10 })
	r.check(t, "+ -too_large +", "a", "0123456789012", "b")
	if got := strings.Join(r.bodies, "|"); got != "a|b" {
		t.Errorf("requests: %s", got)
	}
}

func TestSenderDryRun(t *testing.T) {
	r := newReceiver(func(e *delivery.Endpoint) { e.DryRun = true })
	r.check(t, "+ +", "a", "b")
	if len(r.bodies) != 0 || !strings.Contains(r.log.String(), `entries=2 bytes=3 compressed=3 body="a b"`) {
		t.Errorf("%d requests, log %s", len(r.bodies), &r.log)
	}
}

// broken is a connection that breaks under a request.
func broken(string) (int, http.Header, error) {
	return 0, nil, &net.OpError{Op: "write", Err: errors.New("connection reset by peer")}
}

// TestSenderBrokenPath: after three batches that died on the way, later ones are
// smaller, though small ones got through in between; they grow again when large
// ones do. One that is small by itself shrinks nothing.
func TestSenderBrokenPath(t *testing.T) {
	r := newReceiver(nil)
	large := strings.Repeat("x", 400<<10)
	for i, want := range []int{1 << 20, 1 << 20, 200 << 10} {
		r.answer = broken
		if fates, err := r.deliver(large); fates != "k" || err == nil {
			t.Fatalf("fates %q, %v", fates, err)
		}
		if got := r.sender.BatchBytes(); got != want {
			t.Errorf("after failure %d: %d bytes, want %d", i+1, got, want)
		}
		r.answer = nil
		r.check(t, "+", "probe")
	}
	r.answer = broken
	for range 5 {
		_, _ = r.deliver("small")
	}
	if got := r.sender.BatchBytes(); got != 200<<10 {
		t.Errorf("small batches made it %d bytes", got)
	}
	r.answer = nil
	r.check(t, "+", strings.Repeat("x", 190<<10))
	if got := r.sender.BatchBytes(); got <= 200<<10 {
		t.Errorf("after a success: %d bytes", got)
	}
}

// TestSenderEndsWithContext: nothing is asked once the time is up, and that is no
// fault of the receiver.
func TestSenderEndsWithContext(t *testing.T) {
	r := newReceiver(nil)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	b := &toys{[]string{"a"}, make([]string, 1)}
	var run delivery.Run
	run.Begin(ctx, r.sender)
	run.Deliver(b, 1)
	if err := run.End(); !errors.Is(err, context.Canceled) || b.fates[0] != "k" || r.log.Len() != 0 {
		t.Errorf("%v, %v, log %s", err, b.fates, &r.log)
	}
}

// TestSenderRefusesMost: where most parts are bad, each is asked for by itself.
func TestSenderRefusesMost(t *testing.T) {
	for name, bad := range map[string]func(i int) bool{
		"three of four": func(i int) bool { return i%4 != 0 },
		"the first 150": func(i int) bool { return i < 150 },
		"the last 150":  func(i int) bool { return i >= 50 },
		"all":           func(int) bool { return true },
	} {
		t.Run(name, func(t *testing.T) {
			r := newReceiver(nil)
			r.check(t, "+", "first")
			r.bodies = nil
			var words []string
			refused, good := 0, 0
			for i := range 200 {
				if words = append(words, fmt.Sprint(i)); bad(i) {
					words[i] = "bad"
				} else {
					good++
				}
			}
			r.answer = refuse("bad", 400)
			for len(words) > 0 {
				fates, err := r.deliver(words...)
				if err != nil && !errors.Is(err, delivery.ErrManyRefused) {
					t.Fatal(err)
				}
				var left []string
				for i, f := range strings.Fields(fates) {
					switch f {
					case "k":
						left = append(left, words[i])
					case "+":
						good--
					default:
						refused++
					}
				}
				words = left
			}
			if good != 0 || refused == 0 || len(r.bodies) > 2*refused {
				t.Errorf("%d requests for %d bad parts, %d good ones missing", len(r.bodies), refused, good)
			}
		})
	}
}
