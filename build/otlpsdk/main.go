// Program otlpsdk is services that are instrumented with OpenTelemetry's own SDK for
// Go. It is a module of its own, so that the library depends on none of it.
//
//	otlpsdk -to http://127.0.0.1:4318 [-record folder]   sends rounds of four services
//	otlpsdk -to http://127.0.0.1:4318 -live 20s -instance i-1   one task, until it ends
//
// -to may be given more than once; each gets the same data. In -record lie the bodies
// of the requests, in their order. A live task prints what it has counted.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/sdk/metric"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "otlpsdk:", err)
		os.Exit(1)
	}
}

func run() error {
	var to []string
	flag.Func("to", "base `address` of an OTLP/HTTP receiver; /v1/metrics is added where there is no path", func(s string) error {
		to = append(to, s)
		return nil
	})
	record := flag.String("record", "", "`folder` for the requests' bodies")
	live := flag.Duration("live", 0, "how long one task counts, in place of the rounds")
	instance := flag.String("instance", "i-1", "service.instance.id of the live task")
	pause := flag.Duration("pause", time.Second, "between two rounds or exports")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if *record != "" {
		r := recorder(*record)
		defer r.Close()
		to = append(to, r.URL)
	}
	exporters, err := exportersTo(ctx, to)
	if err != nil {
		return err
	}
	if *live > 0 {
		return liveTask(ctx, exporters[0], *instance, *live, *pause)
	}
	return rounds(ctx, exporters, *pause)
}

// exportersTo makes an exporter for each address. They do not compress, so that what
// is recorded can be read.
func exportersTo(ctx context.Context, to []string) (all []metric.Exporter, err error) {
	for _, address := range to {
		e, err := otlpmetrichttp.New(ctx, otlpmetrichttp.WithEndpointURL(address), otlpmetrichttp.WithCompression(otlpmetrichttp.NoCompression))
		if err != nil {
			return nil, fmt.Errorf("make exporter: %w", err)
		}
		all = append(all, e)
	}
	return all, nil
}

// recorder is a receiver that writes bodies into a folder.
func recorder(dir string) *httptest.Server {
	n := 0
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		n++
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, fmt.Sprintf("%03d.pb", n)), body, 0o600)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/x-protobuf")
	}))
}
