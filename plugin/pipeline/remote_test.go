package pipeline_test

import (
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"out_edge/build/testkit"

	"google.golang.org/protobuf/encoding/protowire"
)

// remote is a receiver of remote write 1 that keeps the names of what it takes.
type remote struct {
	*httptest.Server
	status atomic.Int64
	asked  atomic.Int64
	mu     sync.Mutex
	taken  []string
	last   map[string]float64 // by name: the newest value
	// arrived has one for each request that is accepted.
	arrived chan struct{}
}

func newRemote(t *testing.T) *remote {
	r := &remote{arrived: make(chan struct{}, 1000), last: map[string]float64{}}
	r.status.Store(http.StatusNoContent)
	r.Server = testkit.Receive(t, func(req testkit.Received, w http.ResponseWriter) {
		r.asked.Add(1)
		status := int(r.status.Load())
		if status < 300 {
			r.mu.Lock()
			r.taken = append(r.taken, seriesNames(req.Body)...)
			each(req.Body, 1, func(series []byte) {
				name := seriesNames(protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), series))[0]
				each(series, 2, func(sample []byte) {
					bits, _ := protowire.ConsumeFixed64(sample[1:])
					r.last[name] = math.Float64frombits(bits)
				})
			})
			r.mu.Unlock()
			r.arrived <- struct{}{}
		}
		w.WriteHeader(status)
	})
	return r
}

// awaitTotal waits for a series to reach a value, which it never exceeds.
func (r *remote) awaitTotal(t *testing.T, name string, want float64) {
	t.Helper()
	for {
		r.mu.Lock()
		got := r.last[name]
		r.mu.Unlock()
		if got == want {
			return
		}
		select {
		case <-r.arrived:
		case <-time.After(30 * time.Second):
			t.Fatalf("remote write has %s = %v, want %v", name, got, want)
		}
	}
}

// names are those of all series taken, sorted; one that a request brings several
// points of stands there once.
func (r *remote) names() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Sorted(slices.Values(r.taken))
}

// seriesNames reads a WriteRequest: field 1 is a series, whose field 1 is a label
// of name (1) and value (2).
func seriesNames(body []byte) (names []string) {
	each(body, 1, func(series []byte) {
		each(series, 1, func(label []byte) {
			var parts []string
			each2(label, func(s []byte) { parts = append(parts, string(s)) })
			if len(parts) == 2 && parts[0] == "__name__" {
				names = append(names, parts[1])
			}
		})
	})
	return names
}

// each calls f for each field of a message with the given number.
func each(b []byte, field protowire.Number, f func([]byte)) {
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		m := protowire.ConsumeFieldValue(num, typ, b[n:])
		if num == field && typ == protowire.BytesType {
			v, _ := protowire.ConsumeBytes(b[n:])
			f(v)
		}
		b = b[n+m:]
	}
}

// each2 calls f for each field of a message of strings.
func each2(b []byte, f func([]byte)) {
	for len(b) > 0 {
		_, _, n := protowire.ConsumeTag(b)
		v, m := protowire.ConsumeBytes(b[n:])
		f(v)
		b = b[n+m:]
	}
}
