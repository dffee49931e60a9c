package ddsink_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"

	"out_edge/ddsink"
	"out_edge/plugin/delivery"
)

// encodings are the Content-Encodings that the intake has seen.
func (s *setup) encodings() (seen []string) {
	for _, r := range s.intake.got() {
		seen = append(seen, r.header.Get("Content-Encoding"))
	}
	return seen
}

// TestAutoFallsBackToGzip: a receiver that refuses the first zstd body gets it with
// gzip at once, and nothing else from then on.
func TestAutoFallsBackToGzip(t *testing.T) {
	for _, status := range []int{http.StatusBadRequest, http.StatusUnsupportedMediaType} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			s := newSink(t, nil)
			s.intake.answer = func(_ int, r request, w http.ResponseWriter) {
				if r.header.Get("Content-Encoding") != "gzip" {
					w.WriteHeader(status)
					return
				}
				accept(w)
			}
			for range 3 {
				var done delivery.Set
				if err := s.send(t, 3, &done); err != nil || done.Len() != 3 {
					t.Fatal(err, done.Len())
				}
			}
			if got := s.encodings(); !slices.Equal(got, []string{"zstd", "gzip", "gzip", "gzip"}) {
				t.Error(got)
			}
			s.wantCounts(t, map[string]int{"datadog delivered": 9, "datadog dropped rejected": 0})
		})
	}
}

// TestAutoStaysWithZstd: once a zstd body was accepted, a refusal is one of an entry.
func TestAutoStaysWithZstd(t *testing.T) {
	s := newSink(t, nil)
	s.intake.answer = func(n int, r request, w http.ResponseWriter) {
		if n > 0 && slices.Contains(ids(r), "1") {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		accept(w)
	}
	for range 2 {
		var done delivery.Set
		if err := s.send(t, 3, &done); err != nil {
			t.Fatal(err)
		}
	}
	if got := s.encodings(); slices.Contains(got, "gzip") {
		t.Error(got)
	}
	s.wantCounts(t, map[string]int{"datadog delivered": 5, "datadog dropped rejected": 1})
}

// TestNoBodyGrows compresses bodies of one entry to a thousand, and one that nothing
// can compress: none is sent larger than it was, and with zstd none is larger than
// with gzip.
func TestNoBodyGrows(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, 300)
	for i := range noise {
		noise[i] = byte(random.Uint32())
	}
	bodies := map[string][]byte{"noise": noise, "empty": []byte("[]")}
	for _, n := range []int{1, 2, 10, 100, 1000} {
		var entries []string
		for i := range n {
			entries = append(entries, fmt.Sprintf(`{"timestamp":%d,"level":"info","request_id":"b3c1e1f2-%08x","path":"/api/v1/devices/%04d/state","status":200,`+
				`"hostname":"pump-7","service":"gateway","ddtags":"env:field","message":"GET /api/v1/devices/%04d/state HTTP/1.1 200 ok in 12 ms"}`,
				1764771798767+int64(i), uint32(i)*2654435761, i, i))
		}
		bodies[fmt.Sprint(n)] = []byte("[" + strings.Join(entries, ",") + "]")
	}
	for name, body := range bodies {
		sizes := map[string]int{}
		for _, kind := range []string{"gzip", "zstd", "auto"} {
			sizes[kind] = len(ddsink.NewCompressor(kind).Compress(body))
			if sizes[kind] > len(body) {
				t.Errorf("%s: %s makes %d bytes of %d", name, kind, sizes[kind], len(body))
			}
		}
		if sizes["zstd"] > sizes["gzip"] || sizes["auto"] != sizes["zstd"] {
			t.Errorf("%s: %d bytes, %v", name, len(body), sizes)
		}
		t.Logf("%s: %d bytes: gzip %d, zstd %d", name, len(body), sizes["gzip"], sizes["zstd"])
	}
}
