package exporter_test

import (
	"fmt"
	"math"
	"os"
	"testing"
	"time"

	"out_edge/exporter"
	"out_edge/plugin/delivery"
	"out_edge/plugin/record"
	"out_edge/timefix"
)

func TestAdhoc(t *testing.T) {
	mode := os.Getenv("ADHOC")
	if mode == "" {
		return
	}
	clock := newClock()
	hub := quietHub(clock)
	cfg := loopback()
	cfg.Listen = "127.0.0.1:18099"
	cfg.Device = "armadillo-7"
	cfg.Labels = []record.Label{{Name: "site", Value: "plant-7"}, {Name: "line", Value: "2"}}
	cfg.Sinks = []string{delivery.SinkDatadog, delivery.SinkDatadogMetrics, delivery.SinkRemoteWrite}
	cfg.Settings = func() []exporter.Setting {
		return []exporter.Setting{{Key: "listen", Value: "0.0.0.0:2021", Default: true}, {Key: "apikey", Value: "abcdef"}, {Key: "proxy", Value: "http://u:p@proxy:3128"},
			{Key: "config_file", Value: "/etc/fluent-bit/edge.yaml"}, {Key: "remote_write_url", Value: "https://prom.example.org/api/v1/write"}, {Key: "series_ttl", Value: "10m", Default: true}, {Key: "header", Value: "", Default: true}}
	}
	cfg.Backlog = func() []exporter.Backlog {
		return []exporter.Backlog{{Chunks: 3, Bytes: 1234567}, {Sink: delivery.SinkRemoteWrite, Chunks: 12, Bytes: 40000}}
	}
	if mode == "bad" {
		cfg.Ready = func() []string {
			return []string{"clock: 1970-01-01T00:00:12Z is before this build; waiting for NTP"}
		}
	}
	cfg.Repairs = func() (all []timefix.Repair) {
		for i := range 5 {
			at := clock.Now()
			at.Wall -= int64(i) * 7e9
			at.Boot -= int64(i) * 7e9
			all = append(all, timefix.Repair{Tag: fmt.Sprintf("app.log.<b>%d", i), Raw: timefix.Raw{Form: timefix.EventTime, Bits: 0xe4989eef<<32 | 0x2dbaa10d},
				Before: 3835207407 * 1e9, After: start.UnixNano(), Verdict: timefix.WrappedMs, Why: "the seconds field holds the low 32 bits of milliseconds; the date nearest to the arrival was taken", At: at})
		}
		return all
	}
	m := open(t, hub, cfg)
	if mode == "two" {
		c2 := loopback()
		c2.Listen = cfg.Listen
		c2.Labels = []record.Label{{Name: "site", Value: "other"}}
		open(t, hub, c2)
	}
	for i := range 900 {
		if mode == "wait" {
			break
		}
		f := float64(i)
		observe(m, payload(t, "cpu_p", 30+20*math.Sin(f/40)+float64(i*7919%13), "user_p", 20, "system_p", 10, "cpu0.p_cpu", 12, "cpu0.p_user", 1, "cpu0.p_system", 2, "cpu1.p_cpu", 22, "cpu1.p_user", 1, "cpu1.p_system", 2), clock.Now().Time())
		observe(m, payload(t, "Mem.total", 1015808, "Mem.used", 400000+i*100, "Mem.free", 1015808-400000-i*100, "Swap.total", 0, "Swap.used", 0, "Swap.free", 0), clock.Now().Time())
		observe(m, payload(t, "name", "thermal_zone0", "type", "cpu-thermal", "temp", 48.3+3*math.Sin(f/90)), clock.Now().Time())
		observe(m, payload(t, "read_size", i%7*4096, "write_size", i%90*8192), clock.Now().Time())
		if i < 300 || i > 420 {
			observe(m, payload(t, "eth0.rx.bytes", 12000+i%50*300, "eth0.rx.packets", 12, "eth0.rx.errors", 0, "eth0.tx.bytes", 3000, "eth0.tx.packets", 2, "eth0.tx.errors", 0), clock.Now().Time())
		}
		observe(m, payload(t, "alive", true, "proc_name", "crond", "pid", 7, "mem.VmRSS", 3000000, "fd", 5), clock.Now().Time())
		m.Apply([]record.Sample{{Series: rule, Value: 180 + 10*math.Sin(f/20), UnixNano: clock.Now().Wall}})
		clock.Advance(time.Second)
	}
	m.Self().Repairs(timefix.Counts{timefix.OK: 12000, timefix.WrappedMs: 45, timefix.Arrival: 3})
	m.Self().Delivered("datadog", 12345)
	m.Self().Request("logs", "202")
	m.Self().Delivered("datadog_metrics", 45678)
	m.Self().Delivered("remote_write", 678)
	m.Self().Skew(-12 * time.Second)
	if mode != "ok" && mode != "wait" {
		m.Self().Dropped("datadog", "too_large", 12)
		m.Self().Request("remote_write", "timeout")
		m.Self().Retried("remote_write", 77)
		clock.Advance(75 * time.Second)
		m.Self().Delivered("datadog", 1)
	}
	clock.Advance(3 * time.Second)
	os.WriteFile("/tmp/adhoc/ready", nil, 0o644)
	d, _ := time.ParseDuration(os.Getenv("ADHOC_FOR"))
	<-time.After(d)
}

var rule = &record.Series{Name: "oven_temperature_celsius", Help: "x", Kind: record.Gauge, Labels: []record.Label{{Name: "zone", Value: "<script>alert(1)</script>"}}}
