package telemetry

import (
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
)

// builder creates and registers the series of the table.
type builder struct {
	cfg      Config
	registry *prometheus.Registry
	output   string
	families []*Family
	own      []*ownFamily // of families
}

// opts returns those of one metric. Its own label names take precedence over the
// instance's.
func (b *builder) opts(index int, own []string) prometheus.Opts {
	constant := make(prometheus.Labels, len(b.cfg.Labels))
	for _, l := range b.cfg.Labels {
		if l.Value != "" {
			constant[l.Name] = l.Value
		}
	}
	for _, name := range append(own, OutputLabel) {
		delete(constant, name)
	}
	def := &table[index]
	own = slices.DeleteFunc(slices.Clone(own), func(name string) bool { return name == "le" })
	f := &Family{Name: def.Name(b.cfg.Prefix), Help: def.Help, Kind: def.Kind, Constant: constant, Names: own, output: b.output}
	b.families = append(b.families, f)
	return prometheus.Opts{Name: f.Name, Help: f.Help, ConstLabels: constant}
}

// register registers what was made with the last opts.
func (b *builder) register(c prometheus.Collector) *changes {
	b.registry.MustRegister(c)
	own := &ownFamily{Family: b.families[len(b.families)-1], collector: c}
	b.own = append(b.own, own)
	return &own.changes
}

// byName returns the families sorted by name.
func (b *builder) byName() []*ownFamily {
	slices.SortFunc(b.own, func(x, y *ownFamily) int { return strings.Compare(x.Name, y.Name) })
	return b.own
}

func (b *builder) counters(index int, own ...string) counters {
	v := prometheus.NewCounterVec(prometheus.CounterOpts(b.opts(index, own)), own)
	return counters{v, b.register(v)}
}

func (b *builder) gauges(index int, own ...string) gauges {
	v := prometheus.NewGaugeVec(prometheus.GaugeOpts(b.opts(index, own)), own)
	return gauges{v, b.register(v)}
}

func (b *builder) histogram(index int) histogram {
	o := b.opts(index, []string{"le"})
	h := prometheus.NewHistogram(prometheus.HistogramOpts{Name: o.Name, Help: o.Help, ConstLabels: o.ConstLabels,
		// From a flush without a network to flush_timeout's default and beyond.
		Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 15, 30, 60}})
	return histogram{h, b.register(h)}
}
