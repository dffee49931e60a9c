package pipeline_test

import (
	"bytes"
	"testing"
	"time"

	"out_edge/exporter/remotewrite"
	"out_edge/exporter/rules"
	"out_edge/plugin/pipeline"
)

// A busy log, three rules on it and a flush a second: whatever the number of records,
// no receiver gets more than a point of a series each second, and the last ones are
// right.
func TestABusyLogCostsAPointASecond(t *testing.T) {
	file, err := rules.Parse("rules.yaml", []byte(`metrics:
  - {name: app_requests_total, type: counter, help: Requests.}
  - {name: app_queue, type: gauge, help: What waits., value_field: queue}
  - {name: app_seconds, type: histogram, help: How long., value_field: seconds, buckets: [0.1, 1]}
`))
	if err != nil {
		t.Fatal(err)
	}
	in, s := newIntake(t, accept), newStored(t)
	b := start(t, in, func(c *pipeline.Config) {
		c.Rules, c.RemoteWrite = file, &remotewrite.Config{URL: s.URL}
	})
	const seconds, each = 60, 100
	for range seconds {
		var payload bytes.Buffer
		for i := range each {
			payload.Write(recordOf(t, uint32(b.clock.Now().Wall/1e9), map[string]any{"queue": i, "seconds": 0.5}))
		}
		b.flush(pipeline.OK, payload.Bytes(), workerThread)
		b.clock.Advance(time.Second)
	}
	last := map[string]float64{"app_requests_total{}": seconds * each, "app_queue{}": each - 1, "app_seconds_count{}": seconds * each,
		"app_seconds_sum{}": seconds * each / 2, `app_seconds_bucket{le="0.1"}`: 0, `app_seconds_bucket{le="1.0"}`: seconds * each, `app_seconds_bucket{le="+Inf"}`: seconds * each}
	if len(s.points) != len(last) {
		t.Errorf("%d series are stored", len(s.points))
	}
	for series, points := range s.points {
		if n := len(points); n > seconds || points[n-1].value != last[series] {
			t.Errorf("%s: %d points, the last %v, want %v", series, n, points[n-1].value, last[series])
		}
	}
	points := map[string]int{}
	for _, r := range in.requests {
		for _, series := range r.series.Series {
			for _, tag := range append(series.Tags, "") {
				if tag == "" || tag[0] == 'u' { // a bucket's
					points[series.Metric+tag] += len(series.Points)
					break
				}
			}
		}
	}
	for series, n := range points {
		if n > seconds {
			t.Errorf("Datadog: %s: %d points", series, n)
		}
	}
	in.wantSum(t, "app_requests_total", seconds*each)
}
