package metric

import "math"

// Kind is a metric's kind, as Prometheus and Fluent Bit's cmetrics name them.
type Kind uint8

// The kinds.
const (
	Gauge Kind = iota
	Counter
	Untyped
	Histogram
	Summary
)

// IsTotal tells whether a series of the kind adds up from a start on: a counter,
// a histogram or a summary. All else is a value of the moment.
func (k Kind) IsTotal() bool { return k != Gauge && k != Untyped }

// IsDistribution tells whether samples of the kind have a Distribution.
func (k Kind) IsDistribution() bool { return k == Histogram || k == Summary }

// String is the kind's name in the Prometheus text format.
func (k Kind) String() string {
	return [...]string{"gauge", "counter", "untyped", "histogram", "summary"}[k]
}

// Label is one name and value of a series.
type Label struct{ Name, Value string }

// Series is the identity of one time series: its kind, name and labels. What an
// Interner returns is immutable, and may be relied on by whoever gets it in a
// sample:
//
//   - Two pointers of one Interner are equal exactly if kind, name and labels are.
//     So a map keyed by the pointer needs no key of text. Who holds the pointer
//     (as such a key does) gets the same one with each later sample; once nobody
//     does, a series that comes back may have another.
//   - Name and the labels' names are as every Prometheus takes them
//     ([a-zA-Z_:][a-zA-Z0-9_:]*, no colon in a label's), values are UTF-8, and
//     DatadogName and Unit are set. A sink has nothing to sanitise.
//   - Labels already include the instance's own (add_label, tag_label), and are as
//     metric_relabel_configs left them.
type Series struct {
	// Name is the Prometheus name, base units and all (edge_memory_bytes).
	Name string
	// DatadogName is the name at Datadog (edge.memory.bytes).
	DatadogName string
	Help        string
	// Unit is Datadog's unit name (byte, degree celsius, fraction), or "".
	Unit string
	// Host is the device that measured it, where the record named one; "" is
	// this device. It is the value of the label instance as well.
	Host string
	// Resource is what an OpenTelemetry resource says of the series beyond its labels,
	// nil without one. It is not part of the identity.
	Resource *ResourceRef
	// Info says that the series describes its source alone (target_info): Prometheus
	// joins it with others, Datadog has tags in its place.
	Info bool
	Kind Kind
	// Labels are sorted by name, without duplicates and without empty values.
	Labels []Label
}

// StaleNaN are the bits of the value that ends a series: Prometheus' staleness
// marker. Source: prometheus/model/value.
const StaleNaN = 0x7ff0000000000002

// IsStale tells whether v is Prometheus' staleness marker.
func IsStale(v float64) bool { return math.Float64bits(v) == StaleNaN }
