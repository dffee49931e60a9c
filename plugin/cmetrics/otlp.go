package cmetrics

import (
	_ "embed"
	"slices"
	"strings"
	"sync"

	"github.com/prometheus/otlptranslator"

	"out_edge/plugin/metric"
	"out_edge/plugin/wire"
)

// OTLP configures the names of series of OpenTelemetry's services. The zero value is
// like Prometheus' own OTLP receiver without a configuration, with promoted scopes.
type OTLP struct {
	// Promote are the attributes of a resource that become labels of its series;
	// PromoteAll promotes all of them.
	Promote    []string
	PromoteAll bool
	// NoSuffixes does not add units and _total to names.
	NoSuffixes bool
	// UpDown are names of sums that may decrease, in addition to those of the semantic
	// conventions: Fluent Bit does not pass on which sums are monotonic.
	UpDown []string
	// Bools are names of attributes that are true or false: Fluent Bit passes them on as
	// 1 and 0.
	Bools []string
	// Fallen are the sums that were seen to fall; Interners of one instance share it. nil
	// keeps them as long as their names.
	Fallen *Fallen
	// Clash is called once for two metrics whose Prometheus names are the same. May be
	// nil. It is called under a lock.
	Clash func(used, refused string)
}

// isSame reports whether two settings make the same names and kinds.
func (o *OTLP) isSame(p *OTLP) bool {
	return o.PromoteAll == p.PromoteAll && o.NoSuffixes == p.NoSuffixes && slices.Equal(o.Promote, p.Promote) &&
		slices.Equal(o.UpDown, p.UpDown) && slices.Equal(o.Bools, p.Bools)
}

// otlp is the state for OTLP's events: translated names, and contexts. Each map is
// emptied when it is too large. The Interner's lock guards it.
type otlp struct {
	families map[string]*otlpFamily
	labels   map[string]string
	contexts map[string]*otlpContext
	clashes  map[[2]string]bool
	key      []byte
	meta     pointMetadata
}

// maxNames is the maximum size of each of the maps.
const maxNames = 4096

// otlpFamily is an OpenTelemetry metric.
type otlpFamily struct {
	key     string // name and unit as given
	kind    metric.Kind
	name    string // the Prometheus name
	counter string // its name before it was seen to decrease
	upDown  bool   // a sum that may decrease
	isNamed bool   // name is up to date
}

// familyOf returns the family of a metric, and creates it if needed.
func (in *Interner) familyOf(o *options, kind metric.Kind) *otlpFamily {
	x := &in.otlp
	x.key = append(append(append(x.key[:0], byte(kind)), o.name...), separator)
	x.key = append(x.key, o.unit...)
	f := x.families[string(x.key)]
	if f == nil {
		f = &otlpFamily{key: string(x.key[1:]), kind: kind, upDown: kind == metric.Counter && in.isUpDown(string(o.name))}
		put(&x.families, string(x.key), f)
	}
	if kind == metric.Counter && !f.upDown && in.OTLP.Fallen.has(o.name) {
		f.fall()
	}
	if !f.isNamed {
		f.isNamed, f.name = true, in.metricName(string(o.name), string(o.unit), f)
	}
	return f
}

// Fallen remembers sums that were seen to fall, by name. It is safe for concurrent use.
type Fallen struct {
	mu    sync.Mutex
	names map[string]bool
}

func (f *Fallen) add(name string) {
	if f == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	put(&f.names, name, true)
}

func (f *Fallen) has(name []byte) bool {
	if f == nil {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.names[string(name)]
}

// fall notes that a sum may decrease, so that it is no counter.
func (f *otlpFamily) fall() {
	f.upDown, f.isNamed, f.counter = true, false, f.name
}

func put[V any](m *map[string]V, key string, v V) {
	if *m == nil || len(*m) >= maxNames {
		*m = make(map[string]V)
	}
	(*m)[key] = v
}

// metricName returns the Prometheus name of a metric. A name without any character that
// Prometheus accepts is kept and escaped.
func (in *Interner) metricName(name, unit string, f *otlpFamily) string {
	types := [...]otlptranslator.MetricType{
		metric.Gauge: otlptranslator.MetricTypeGauge, metric.Counter: otlptranslator.MetricTypeMonotonicCounter,
		metric.Untyped: otlptranslator.MetricTypeUnknown, metric.Histogram: otlptranslator.MetricTypeHistogram,
		metric.Summary: otlptranslator.MetricTypeSummary,
	}
	m := otlptranslator.Metric{Name: name, Unit: unit, Type: types[f.kind]}
	if f.upDown {
		m.Type = otlptranslator.MetricTypeNonMonotonicCounter
	}
	namer := otlptranslator.MetricNamer{WithMetricSuffixes: !in.OTLP.NoSuffixes}
	if built, err := namer.Build(m); err == nil {
		return built
	}
	return name
}

// labelName returns the Prometheus name of an attribute, like Prometheus' OTLP receiver
// by default.
func (in *Interner) labelName(attribute []byte) string {
	if name, known := in.otlp.labels[string(attribute)]; known {
		return name
	}
	namer := otlptranslator.LabelNamer{UnderscoreLabelSanitization: true, PreserveMultipleUnderscores: true}
	name, err := namer.Build(string(attribute))
	if err != nil {
		name = string(attribute)
	}
	put(&in.otlp.labels, string(attribute), name)
	return name
}

//go:embed updown.txt
var upDownText string

// upDownNames are the up-down counters of the semantic conventions 1.24 to 1.43, sorted.
var upDownNames = sync.OnceValue(func() []string { return strings.Fields(upDownText) })

func (in *Interner) isUpDown(name string) bool {
	_, known := slices.BinarySearch(upDownNames(), name)
	return known || slices.Contains(in.OTLP.UpDown, name)
}

// clash counts a sample whose series another metric makes, and reports the two.
func (in *Interner) clash(used, refused *otlpFamily) {
	in.clashed.Add(1)
	pair := [2]string{used.key, refused.key}
	if in.OTLP.Clash == nil || in.otlp.clashes[pair] || len(in.otlp.clashes) >= maxClashes {
		return
	}
	if in.otlp.clashes == nil {
		in.otlp.clashes = make(map[[2]string]bool)
	}
	in.otlp.clashes[pair] = true
	in.OTLP.Clash(used.shown(), refused.shown())
}

// maxClashes is the most pairs of names that are reported.
const maxClashes = 64

// shown returns the name and unit for people.
func (f *otlpFamily) shown() string {
	name, unit, _ := strings.Cut(f.key, partEnd)
	if unit != "" {
		name += " (" + unit + ")"
	}
	return name
}

// isOTLP reports whether an event is from OpenTelemetry's services.
func isOTLP(meta, external wire.Value) bool {
	producer, _ := meta.Get("cmetrics").Get("producer").Bytes()
	return string(producer) == "opentelemetry" || external.Get("resource").Get("attributes").Len() > 0
}
