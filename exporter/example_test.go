package exporter_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"

	"out_edge/exporter"
	"out_edge/plugin/metric"
	"out_edge/timefix"
)

// One instance, one sample from a metrics event, one scrape.
func ExampleExporter() {
	exp := exporter.New(slog.New(slog.DiscardHandler), timefix.SystemClock{})
	m, err := exp.Open(exporter.Config{Listen: "127.0.0.1:0", Labels: []metric.Label{{Name: "site", Value: "barn"}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer m.Close(context.Background())

	load := exp.Series().Intern(metric.Series{Name: "node_load1", Help: "1m load average.", Kind: metric.Gauge})
	m.Apply(exporter.Batch{Samples: []metric.Sample{{Series: load, Value: 0.25}}})

	transport := &http.Transport{DisableKeepAlives: true}
	resp, err := (&http.Client{Transport: transport}).Get("http://" + m.Addr().String() + "/metrics")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	for line := range strings.Lines(string(body)) {
		if strings.Contains(line, "node_load1") {
			fmt.Print(line)
		}
	}
	// Output:
	// # HELP node_load1 1m load average.
	// # TYPE node_load1 gauge
	// node_load1{site="barn"} 0.25
}
