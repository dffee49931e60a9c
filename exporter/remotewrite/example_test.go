package remotewrite_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"out_edge/exporter/remotewrite"
	"out_edge/plugin/delivery"
	"out_edge/plugin/metric"
	"out_edge/timefix"
)

// A chunk whose samples could not be sent is offered again with the same set; in
// between, its samples may have left with another chunk.
func Example() {
	down := true
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if down {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	defer receiver.Close()
	sender, err := remotewrite.New(remotewrite.Config{
		URL:    receiver.URL + "/api/v1/write",
		Labels: []metric.Label{{Name: "host", Value: "edge-1"}, {Name: "job", Value: "out_edge"}},
	}, remotewrite.Deps{Clock: timefix.SystemClock{}})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	defer func() { _ = sender.Close(ctx) }()

	series := &metric.Series{Name: "edge_temperature_celsius", Kind: metric.Gauge}
	sample := func(value float64, at time.Time) []metric.Sample {
		return []metric.Sample{{Series: series, UnixNano: at.UnixNano(), Value: value}}
	}
	first, second := sample(21.5, time.Now().Add(-time.Second)), sample(21.6, time.Now())
	var firstDone, secondDone delivery.Set
	fmt.Println("first:", sender.Send(ctx, first, &firstDone) == nil)
	down = false
	fmt.Println("second:", sender.Send(ctx, second, &secondDone) == nil)
	receiver.Close()
	fmt.Println("first again:", sender.Send(ctx, first, &firstDone) == nil)
	// Output:
	// first: false
	// second: true
	// first again: true
}
