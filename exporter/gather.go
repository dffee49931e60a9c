package exporter

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// Gather gives the self series as a registry does, for whoever sends them
// elsewhere. Instances that share a Self share its series.
func (s *Self) Gather() ([]*dto.MetricFamily, error) {
	registry := prometheus.NewRegistry()
	for _, c := range s.collectors {
		if err := registry.Register(c); err != nil {
			return nil, fmt.Errorf("gather self series: %w", err)
		}
	}
	return registry.Gather()
}
