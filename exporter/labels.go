package exporter

import (
	"slices"
	"sync"

	"out_edge/exporter/memo"
	"out_edge/plugin/metric"
)

// labeller adds the instance's labels (add_label, tag_label) to series, and relabels
// them. It caches the results by pointer.
type labeller struct {
	add      []metric.Label
	tagLabel string
	relabel  func(*metric.Series) (*metric.Series, bool)
	isIdle   bool // there is nothing to do
	series   *metric.Interner
	scratch  sync.Pool // of *labelled

	targets memo.Cache[labelKey, *metric.Series] // nil: dropped
}

// labelKey is a series without the instance's labels, and its tag if that is a label.
type labelKey struct {
	from *metric.Series
	tag  string
}

// labelled is samples with their labels, and the series that they had before.
type labelled struct {
	samples []metric.Sample
	from    []*metric.Series
}

func newLabeller(cfg Config, series *metric.Interner) *labeller {
	l := &labeller{tagLabel: cfg.TagLabel, relabel: cfg.Relabel, series: series}
	for _, label := range cfg.Labels {
		if label.Value != "" {
			l.add = append(l.add, label)
		}
	}
	l.isIdle = len(l.add) == 0 && l.tagLabel == "" && l.relabel == nil
	if l.targets.Limit = cfg.SeriesLimit; cfg.SeriesLimit == 0 {
		l.targets.Limit = DefaultSeriesLimit
	}
	l.scratch.New = func() any { return new(labelled) }
	return l
}

// apply labels the samples of b, in their memory; nil means that they are unchanged.
func (l *labeller) apply(b *Batch) *labelled {
	if l.isIdle {
		return nil
	}
	out := l.scratch.Get().(*labelled)
	out.samples, out.from = b.Samples[:0], out.from[:0]
	tag := b.Tag
	if l.tagLabel == "" || b.Origin == FromRule { // rules add the label themselves
		tag = ""
	}
	for _, s := range b.Samples {
		from := s.Series
		var keep bool
		if s.Series, keep = l.target(from, tag); keep {
			out.samples, out.from = append(out.samples, s), append(out.from, from)
		}
	}
	return out
}

// release returns scratch to the pool.
func (l *labeller) release(out *labelled) {
	clear(out.from)
	*out = labelled{from: out.from[:0]}
	l.scratch.Put(out)
}

// target returns the labelled series for a tag; keep is false if relabelling drops it.
func (l *labeller) target(from *metric.Series, tag string) (to *metric.Series, keep bool) {
	k := labelKey{from, tag}
	to, known := l.targets.Get(k)
	if !known {
		var final bool
		if to, final = l.make(k); !final {
			return nil, false
		}
		to = l.targets.Put(k, to)
	}
	return to, to != nil
}

// make adds the labels to a series, whose own labels take precedence, and relabels it.
// nil is a series that is dropped; if final is false, ask again next time.
func (l *labeller) make(k labelKey) (to *metric.Series, final bool) {
	id := *k.from
	id.Labels = slices.Clone(id.Labels)
	if k.tag != "" {
		id.Labels = append(id.Labels, metric.Label{Name: l.tagLabel, Value: k.tag})
	}
	id.Labels = append(id.Labels, l.add...)
	to = l.series.Intern(id)
	if l.relabel == nil {
		return to, true
	}
	to, keep := l.relabel(to)
	if !keep {
		return nil, to == nil
	}
	return l.series.Intern(*to), true
}
