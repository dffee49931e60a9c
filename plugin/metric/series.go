package metric

import "math"

// Kind is a metric's kind, named like in Prometheus and Fluent Bit's cmetrics.
type Kind uint8

// The kinds.
const (
	Gauge Kind = iota
	Counter
	Untyped
	Histogram
	Summary
)

// IsTotal reports whether a series of the kind is cumulative: a counter, a histogram or
// a summary. All others are momentary values.
func (k Kind) IsTotal() bool { return k != Gauge && k != Untyped }

// IsDistribution reports whether samples of the kind have a Distribution.
func (k Kind) IsDistribution() bool { return k == Histogram || k == Summary }

// String returns the kind's name in the Prometheus text format.
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
	// Name is the Prometheus name, with its base unit (edge_memory_bytes).
	Name string
	// DatadogName is the name in Datadog (edge.memory.bytes).
	DatadogName string
	Help        string
	// Unit is Datadog's unit name (byte, degree celsius, fraction), or "".
	Unit string
	// Host is the device that measured it, if the record named one; "" is this device.
	// It is also the value of the label instance.
	Host string
	// Resource is what an OpenTelemetry resource contains about the series beyond its
	// labels, or nil. It is not part of the identity.
	Resource *ResourceRef
	// Info means that the series only describes its source (target_info): Prometheus
	// joins it with others, Datadog has tags instead.
	Info bool
	Kind Kind
	// Labels are sorted by name, without duplicates and without empty values.
	Labels []Label
}

// StaleNaN are the bits of the value that ends a series: Prometheus' staleness
// marker. Source: prometheus/model/value.
const StaleNaN = 0x7ff0000000000002

// IsStale reports whether v is Prometheus' staleness marker.
func IsStale(v float64) bool { return math.Float64bits(v) == StaleNaN }
