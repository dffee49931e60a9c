package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/grafana/grafana-foundation-sdk/go/cog/plugins"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// TestGrafanaKnowsEachField reads the dashboards by the types that Grafana generates of
// its schema: a field that it does not know and a value of another type are faults.
func TestGrafanaKnowsEachField(t *testing.T) {
	plugins.RegisterDefaultPlugins()
	for name, board := range boards() {
		if strings.HasPrefix(name, "datadog") {
			continue
		}
		text, err := render(board)
		if err != nil {
			t.Fatal(err)
		}
		if faults := grafanaFaults(text); faults != "" {
			t.Errorf("%s: %s", name, faults)
		}
	}
	for _, wrong := range []string{
		`{"title": "t", "panels": [{"type": "timeseries", "target": []}]}`,
		`{"title": "t", "refresh": 5}`,
		`{"title": "t", "panels": [{"type": "text", "gridPos": {"x": "0"}}]}`,
	} {
		if grafanaFaults([]byte(wrong)) == "" {
			t.Errorf("%s passes", wrong)
		}
	}
}

// grafanaFaults returns what is wrong with a dashboard; "" is nothing.
func grafanaFaults(text []byte) string {
	// Strict reading asks for fields that a dashboard may leave out.
	whole := map[string]any{"schemaVersion": 39, "templating": map[string]any{}, "annotations": map[string]any{}}
	if err := json.Unmarshal(text, &whole); err != nil {
		return err.Error()
	}
	text, err := json.Marshal(whole)
	if err != nil {
		return err.Error()
	}
	var d dashboard.Dashboard                                                //nolint:staticcheck // the classic schema, which every Grafana reads
	if err := d.UnmarshalJSONStrict(text); err != nil && err.Error() != "" { // an empty list of errors is not nil
		return err.Error()
	}
	if err := d.Validate(); err != nil {
		return err.Error()
	}
	return ""
}
