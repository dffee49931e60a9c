package intake

import (
	"math/rand/v2"
	"net/http"
	"time"
)

// Action is what happens to one request. The zero value serves it well. Parts
// combine, in the order of the fields.
type Action struct {
	// ResetBefore breaks the connection with nothing read or accepted.
	ResetBefore bool
	// SlowRead pauses so long before each piece of 4 KiB of the body.
	SlowRead time.Duration
	// Hang answers and accepts nothing, until the client goes or the server
	// closes.
	Hang bool
	// Hold waits, with the body read and not yet accepted, until the channel
	// is closed or gives.
	Hold <-chan struct{}
	// Delay waits so long, at the same point.
	Delay time.Duration
	// Status is answered instead of 202 or what the checks say; only below 300
	// is the body accepted. Body is the answer's.
	Status int
	Body   string
	// Header is added to the answer, whatever it is.
	Header http.Header
	// ResetAfter breaks the connection when the body has been accepted.
	ResetAfter bool
	// Cut accepts, then announces a longer answer than it sends.
	Cut bool
	// Raw accepts, then sends these bytes in place of an HTTP answer and closes
	// the connection. The client is taken not to know what became of its body.
	Raw string
}

// accepts tells whether the body, if good, is kept; answerLost whether the
// client cannot know that.
func (a Action) accepts() bool    { return a.Status < 300 }
func (a Action) answerLost() bool { return a.ResetAfter || a.Cut || a.Raw != "" }

// Script says what happens to the n-th request (from 1) to any endpoint. It is
// called by several goroutines at once and must not read the body.
type Script func(n int, r *http.Request) Action

// Sequence serves the actions in turn, and all later requests well.
func Sequence(actions ...Action) Script {
	return func(n int, _ *http.Request) Action {
		if n <= len(actions) {
			return actions[n-1]
		}
		return Action{}
	}
}

// Faults lets a share (0 to 1) of the requests fail, each with one of Kinds.
// Which ones depends on the seed and the request's number alone.
type Faults struct {
	Seed  uint64
	Share float64
	// Kinds defaults to DefaultKinds.
	Kinds []Action
}

// DefaultKinds are temporary faults of every sort, none longer than some ms.
func DefaultKinds() []Action {
	return []Action{
		{Status: http.StatusRequestTimeout},
		{Status: http.StatusTooManyRequests, Header: http.Header{"Retry-After": {"0"}}},
		{Status: http.StatusInternalServerError},
		{Status: http.StatusBadGateway, Body: "<html>not JSON</html>"},
		{Status: http.StatusServiceUnavailable, Header: http.Header{"Retry-After": {"0"}}},
		{ResetBefore: true},
		{ResetAfter: true},
		{Cut: true},
		{SlowRead: time.Millisecond},
	}
}

// Script is the Script of the fault mix.
func (f Faults) Script() Script {
	kinds := f.Kinds
	if kinds == nil {
		kinds = DefaultKinds()
	}
	return func(n int, _ *http.Request) Action {
		draw := rand.New(rand.NewPCG(f.Seed, uint64(n)))
		if draw.Float64() >= f.Share {
			return Action{}
		}
		return kinds[draw.IntN(len(kinds))]
	}
}
