package pipeline

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"out_edge/build/testkit"
	"out_edge/ddsink"
	"out_edge/exporter"
	"out_edge/exporter/remotewrite"
	"out_edge/plugin/delivery"
	"out_edge/timefix"
)

// A hot reload ends an instance and starts another in the same process, for months.
func TestALifeLeavesNoMemoryBehind(t *testing.T) {
	const warm, lives, most = 10, 50, 4 << 10 // bytes a life
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusAccepted)
	}))
	defer receiver.Close()
	log := slog.New(slog.DiscardHandler)
	shared := exporter.New(log, timefix.SystemClock{})
	live := func() {
		p, err := New(Config{
			Metrics:     exporter.Config{Listen: "127.0.0.1:0"},
			Datadog:     &ddsink.Config{URL: receiver.URL, MetricsURL: receiver.URL, APIKey: delivery.NewSecret("k")},
			RemoteWrite: &remotewrite.Config{URL: receiver.URL},
		}, Deps{Exporter: shared, Clock: timefix.SystemClock{}, Log: log, Thread: 1})
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Flush("app", logsOf(t, "a", "b"), 2); got != OK {
			t.Fatalf("Flush = %d", got)
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := p.Close(ctx); err != nil {
			t.Fatal(err)
		}
	}
	for range warm {
		live()
	}
	before := testkit.Heap()
	for range lives {
		live()
	}
	if grown := (testkit.Heap() - before) / lives; grown > most {
		t.Errorf("each life leaves %d bytes behind, want %d at most", grown, most)
	} else {
		t.Logf("each life leaves %d bytes behind", grown)
	}
}
