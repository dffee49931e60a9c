package receivers

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// Series is what a receiver keeps of one.
type Series struct {
	Labels map[string]string // `__name__` among them
	Points []Point           // by time
	// Histograms are Prometheus' native ones, by time.
	Histograms []Histogram
}

// Histogram is a native histogram at a time in ms, as Prometheus' API writes it: count,
// sum, and buckets of [how the bounds count, lower, upper, count].
type Histogram struct {
	UnixMilli  int64
	Count, Sum string
	Buckets    [][4]any
}

// UnmarshalJSON reads [seconds, {...}].
func (h *Histogram) UnmarshalJSON(text []byte) error {
	type body Histogram
	var seconds float64
	if err := json.Unmarshal(text, &[]any{&seconds, (*body)(h)}); err != nil {
		return fmt.Errorf("read a histogram: %w", err)
	}
	h.UnixMilli = int64(math.Round(seconds * 1e3))
	return nil
}

// Point is a value at a time in ms. What VictoriaMetrics cannot write as JSON reads
// as not a number.
type Point struct {
	UnixMilli int64
	Value     float64
}

// VictoriaMetrics takes Datadog's metrics at /datadog/api/v2/series, and remote write
// at /api/v1/write. Of two points of a series at one time it shows the larger.
type VictoriaMetrics struct{ *Process }

// StartVictoriaMetrics keeps what it takes in dir.
func StartVictoriaMetrics(ctx context.Context, dir string) (*VictoriaMetrics, error) {
	program, err := victoriaMetrics().Path(ctx)
	if err != nil {
		return nil, err
	}
	p, err := start(ctx, program, "/health", func(addr string) []string {
		return []string{"-httpListenAddr=" + addr, "-storageDataPath=" + dir, "-retentionPeriod=100y", "-memory.allowedBytes=64MB",
			"-dedup.minScrapeInterval=1ms", "-search.latencyOffset=0s"}
	})
	if err != nil {
		return nil, err
	}
	return &VictoriaMetrics{p}, nil
}

// DatadogURL is for dd_metrics_url.
func (v *VictoriaMetrics) DatadogURL() string { return v.URL + "/datadog" }

// WriteURL is for remote_write_url.
func (v *VictoriaMetrics) WriteURL() string { return v.URL + "/api/v1/write" }

// Series are those that match a selector, such as {host="a"}, with all points that
// were taken before.
func (v *VictoriaMetrics) Series(ctx context.Context, selector string) (all []Series, err error) {
	if _, err := v.get(ctx, "/internal/force_flush"); err != nil {
		return nil, err
	}
	q := url.Values{"match[]": {selector}, "reduce_mem_usage": {"0"}}
	err = v.lines(ctx, "/api/v1/export?"+q.Encode(), func(d *json.Decoder) error {
		var line struct {
			Metric     map[string]string
			Values     []*float64
			Timestamps []int64
		}
		if err := d.Decode(&line); err != nil {
			return err
		}
		s := Series{Labels: line.Metric}
		for i, ms := range line.Timestamps {
			value := math.NaN()
			if line.Values[i] != nil {
				value = *line.Values[i]
			}
			s.Points = append(s.Points, Point{ms, value})
		}
		all = append(all, s)
		return nil
	})
	return all, err
}

// Prometheus is a Prometheus 3, or one that the caller has.
type Prometheus struct {
	*Process
	// api is the path before /api/v1 of its queries.
	api string
}

// Restart runs it again after Kill or Close, with what it has stored.
func (p *Prometheus) Restart(ctx context.Context) error {
	again, err := p.Again(ctx)
	if err == nil {
		p.Process = again
	}
	return err
}

// StartPrometheus keeps what it takes in dir, and scrapes by config, which may be
// empty. It takes remote write of both versions. A program that is "" is Prometheus
// 3; more are further arguments.
func StartPrometheus(ctx context.Context, dir, program, config string, more ...string) (*Prometheus, error) {
	if program == "" {
		path, err := prometheus3().Path(ctx)
		if err != nil {
			return nil, err
		}
		program = path
	}
	file := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		return nil, fmt.Errorf("start prometheus: %w", err)
	}
	p, err := start(ctx, program, "/-/ready", func(addr string) []string {
		return append([]string{"--config.file=" + file, "--storage.tsdb.path=" + filepath.Join(dir, "data"),
			"--web.enable-remote-write-receiver", "--web.listen-address=" + addr}, more...)
	})
	if err != nil {
		return nil, err
	}
	return &Prometheus{Process: p}, nil
}

// WriteURL is for remote_write_url.
func (p *Prometheus) WriteURL() string { return p.URL + "/api/v1/write" }

// Instant is what an expression gives at a time: one point for each series.
func (p *Prometheus) Instant(ctx context.Context, expression string, at time.Time) ([]Series, error) {
	return p.query(ctx, expression, at)
}

// Series are those that match a selector, with all points of the last hours.
func (p *Prometheus) Series(ctx context.Context, selector string) ([]Series, error) {
	return p.query(ctx, selector+"[20h]", time.Now().Add(10*time.Minute))
}

// OTLP sends the body of one OTLP/HTTP request of metrics, for which the program needs
// --web.enable-otlp-receiver.
func (p *Prometheus) OTLP(ctx context.Context, body []byte, isJSON bool) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.URL+"/api/v1/otlp/v1/metrics", bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-protobuf")
	if isJSON {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := p.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("send otlp: %s: %s", resp.Status, answer)
	}
	return err
}

// Exemplars are those of the series that match a selector, each as the series' labels,
// its own, and the value; in no order.
func (p *Prometheus) Exemplars(ctx context.Context, selector string, from, to time.Time) ([]Exemplar, error) {
	q := url.Values{"query": {selector}, "start": {from.UTC().Format(time.RFC3339)}, "end": {to.UTC().Format(time.RFC3339)}}
	body, err := p.get(ctx, "/api/v1/query_exemplars?"+q.Encode())
	if err != nil {
		return nil, err
	}
	var answer struct {
		Data []struct {
			SeriesLabels map[string]string
			Exemplars    []Exemplar
		}
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, fmt.Errorf("read exemplars: %w", err)
	}
	var all []Exemplar
	for _, s := range answer.Data {
		for _, e := range s.Exemplars {
			e.Series = s.SeriesLabels
			all = append(all, e)
		}
	}
	return all, nil
}

// Exemplar is one of a series.
type Exemplar struct {
	Series map[string]string `json:"-"`
	Labels map[string]string
	Value  string
}

func (p *Prometheus) query(ctx context.Context, expression string, at time.Time) ([]Series, error) {
	q := url.Values{"query": {expression}, "time": {strconv.FormatFloat(float64(at.UnixMilli())/1e3, 'f', 3, 64)}}
	body, err := p.get(ctx, p.api+"/api/v1/query?"+q.Encode())
	if err != nil {
		return nil, err
	}
	var answer struct {
		Data struct {
			Result []struct {
				Metric map[string]string
				Value  *sample
				Values []sample

				Histogram  *Histogram
				Histograms []Histogram
			}
		}
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, fmt.Errorf("read the answer to %s: %w", expression, err)
	}
	var all []Series
	for _, r := range answer.Data.Result {
		s := Series{Labels: r.Metric, Histograms: r.Histograms}
		if r.Histogram != nil {
			s.Histograms = append(s.Histograms, *r.Histogram)
		}
		if r.Value != nil {
			s.Points = append(s.Points, Point(*r.Value))
		}
		for _, v := range r.Values {
			s.Points = append(s.Points, Point(v))
		}
		all = append(all, s)
	}
	return all, nil
}

// sample is a Point as Prometheus writes it: [seconds, "value"].
type sample Point

func (s *sample) UnmarshalJSON(text []byte) error {
	var seconds float64
	var value string
	if err := json.Unmarshal(text, &[]any{&seconds, &value}); err != nil {
		return err
	}
	f, err := strconv.ParseFloat(value, 64)
	*s = sample{int64(math.Round(seconds * 1e3)), f}
	return err
}
