package exporter_test

import (
	"slices"
	"testing"

	"out_edge/build/testkit"

	dto "github.com/prometheus/client_model/go"
)

func TestSelfGathersItsOwnSeriesOnly(t *testing.T) {
	m := open(t, quietExporter(newClock()), loopback())
	observe(m, testkit.Payload(t, "amd64-v5.1.1", "mem.1"), start)
	families, err := m.Telemetry().Gather()
	if err != nil {
		t.Fatal(err)
	}
	named := func(name string) func(*dto.MetricFamily) bool {
		return func(f *dto.MetricFamily) bool { return f.GetName() == name }
	}
	if !slices.ContainsFunc(families, named("edge_records_total")) || slices.ContainsFunc(families, named("edge_memory_bytes")) {
		t.Errorf("%d families: %v", len(families), families)
	}
}
