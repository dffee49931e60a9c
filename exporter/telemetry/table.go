package telemetry

import (
	"slices"

	"out_edge/plugin/metric"
)

// The plugin's own series, as indices of table.
const (
	timeRepairs = iota
	records
	dropped
	refused
	adjusted
	flushDuration
	requests
	sentBytes
	lastDelivery
	writes
	clockSkew
	buildInfo
	numSeries
)

var table = [numSeries]metric.Definition{
	timeRepairs: {Word: "time", Rest: "repairs_total", Kind: metric.Counter,
		Help:   "Record times by verdict; all but ok were repaired.",
		Labels: "`reason`=ok, scaled_ms, scaled_us, scaled_ns, wrapped_ms, wrapped_us, wrapped_ns, bad_nsec, clock_step, arrival"},
	records: {Word: "records", Rest: "total", Kind: metric.Counter,
		Help:   "Records by sink and what became of them; for metrics sinks (prometheus too), samples.",
		Labels: "`sink`, `result`=delivered, dropped, retried"},
	dropped: {Word: "dropped", Rest: "records_total", Kind: metric.Counter,
		Help:   "Records or samples that were given up, by reason.",
		Labels: "`sink`, [`reason`](docs/reasons.md)"},
	refused: {Word: "rule", Rest: "refused_samples_total", Kind: metric.Counter,
		Help:   "Samples that a rule of config_file was refused, by the metric's name; they are also counted as dropped by the sink prometheus.",
		Labels: "`rule`, `reason`"},
	adjusted: {Word: "adjusted", Rest: "records_total", Kind: metric.Counter,
		Help:   "Records that were sent, but not quite as they came, or that the receiver is known not to show.",
		Labels: "`sink`, [`reason`](docs/reasons.md)"},
	flushDuration: {Word: "flush", Rest: "duration_seconds", Kind: metric.Histogram, Unit: "second",
		Help: "Time that Fluent Bit waited for one flush."},
	requests: {Word: "datadog", Rest: "requests_total", Kind: metric.Counter, Unit: "request",
		Help:   "Requests to Datadog; code is the HTTP status, or a word for what came instead of one.",
		Labels: "`endpoint`, `code`"},
	sentBytes: {Word: "datadog", Rest: "sent_bytes_total", Kind: metric.Counter, Unit: "byte",
		Help:   "Bytes of the request bodies: raw before compression, wire as sent.",
		Labels: "`endpoint`, `encoding`=raw, wire"},
	lastDelivery: {Word: "last", Rest: "delivery_timestamp_seconds", Kind: metric.Gauge, Unit: "second",
		Help:   "When the sink last accepted something, in seconds since 1970; 0 is never.",
		Labels: "`sink`"},
	writes: {Word: "remote_write", Rest: "requests_total", Kind: metric.Counter, Unit: "request",
		Help:   "Remote-write requests; code is the HTTP status, or a word for what came instead of one.",
		Labels: "`code`"},
	clockSkew: {Word: "clock", Rest: "skew_seconds", Kind: metric.Gauge, Unit: "second",
		Help: "How far the intake's clock is ahead of this device's; 0 until one has answered."},
	buildInfo: {Word: "build", Rest: "info", Kind: metric.Gauge,
		Help:   "1, with what this build is.",
		Labels: "`version`, `goversion`, `goarch`"},
}

// Table lists the plugin's own series, for the README.
func Table() []metric.Definition {
	all := table
	for i := range all {
		all[i].From = "self"
	}
	return all[:]
}

// Family is one of the plugin's own metrics, with the labels that its series have.
type Family struct {
	Name, Help string
	Kind       metric.Kind
	Constant   map[string]string // labels with one value
	Names      []string          // labels with any value
	output     string            // the value of the label output, where the series have it
}

// Owns reports whether s has the labels of a series of the family, so that the two
// could not be distinguished.
func (f *Family) Owns(s *metric.Series) bool {
	n := len(s.Labels)
	for _, l := range s.Labels {
		if l.Name == OutputLabel && l.Value == f.output {
			n--
			continue
		}
		if value, ok := f.Constant[l.Name]; ok && value != l.Value || !ok && !slices.Contains(f.Names, l.Name) {
			return false
		}
	}
	return n == len(f.Constant)+len(f.Names)
}

// Families returns those of the series.
func (t *Telemetry) Families() []*Family { return t.families }
