package telemetry

import (
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"out_edge/exporter/textformat"
	"out_edge/plugin/metric"
)

// ownFamily is a Family with its values, and with the texts that were made of them.
type ownFamily struct {
	*Family
	collector prometheus.Collector
	changes

	texts [textformat.NumFormats]familyText // guarded by Telemetry.making
}

// familyText is the text of a family as it was at one count of changes.
type familyText struct {
	textformat.Family
	made    bool
	changes uint32
	several bool // with the label output
}

// Text returns the series as Collect sends them, sorted by name, in the form of a page.
// Only what has changed since the last call is made anew. The result is not written to
// any more.
func (t *Telemetry) Text(f textformat.Format) []textformat.Family {
	output := ""
	if t.isOneOfSeveral() {
		output = t.output
	}
	t.making.Lock()
	defer t.making.Unlock()
	all := make([]textformat.Family, len(t.byName))
	for i, own := range t.byName {
		all[i] = own.text(f, output)
	}
	return all
}

// text returns the family's text, and makes it if that is needed.
func (o *ownFamily) text(f textformat.Format, output string) textformat.Family {
	kept := &o.texts[f]
	now := o.n.Load() // before the values are read
	if kept.made && kept.changes == now && kept.several == (output != "") {
		return kept.Family
	}
	family := textformat.Family{Head: textformat.NewHead(o.Name, o.Help, o.Kind), Series: make([]textformat.Series, 0, len(kept.Series))}
	text := make([]byte, 0, kept.size())
	for _, m := range collect(o.collector, len(kept.Series)) {
		d := read(m)
		s := textformat.Series{Labels: labelsOf(d, output)}
		from := len(text)
		text = appendText(text, f, o.Family, s.Labels, d)
		s.Text = text[from:len(text):len(text)]
		family.Series = append(family.Series, s)
	}
	slices.SortFunc(family.Series, func(a, b textformat.Series) int { return textformat.Compare(a.Labels, b.Labels) })
	*kept = familyText{Family: family, made: true, changes: now, several: output != ""}
	return family
}

// size is how many bytes a text will probably have: somewhat more than it had.
func (t *familyText) size() int {
	n := 64
	for i := range t.Series {
		n += len(t.Series[i].Text)
	}
	return n
}

// collect returns the metrics of a collector, probably some n.
func collect(c prometheus.Collector, n int) []prometheus.Metric {
	all := make([]prometheus.Metric, 0, n)
	ch := make(chan prometheus.Metric, n)
	go func() { c.Collect(ch); close(ch) }()
	for m := range ch {
		all = append(all, m)
	}
	return all
}

// labelsOf returns a metric's labels, with output if that is not empty.
func labelsOf(d *dto.Metric, output string) []metric.Label {
	labels := make([]metric.Label, 0, len(d.Label)+1)
	for _, l := range d.Label {
		labels = append(labels, metric.Label{Name: l.GetName(), Value: l.GetValue()})
	}
	if output == "" {
		return labels
	}
	i, _ := slices.BinarySearchFunc(labels, OutputLabel, func(l metric.Label, name string) int { return strings.Compare(l.Name, name) })
	return slices.Insert(labels, i, metric.Label{Name: OutputLabel, Value: output})
}

func appendText(dst []byte, f textformat.Format, of *Family, labels []metric.Label, d *dto.Metric) []byte {
	line := textformat.Line{Name: of.Name, Labels: string(textformat.AppendLabels(nil, labels))}
	switch of.Kind {
	case metric.Histogram:
		return f.AppendDistribution(dst, line, of.Kind, distributionOf(d.GetHistogram()), nil)
	case metric.Counter:
		return f.AppendValue(dst, line, of.Kind, d.GetCounter().GetValue(), nil)
	default:
		return f.AppendValue(dst, line, of.Kind, d.GetGauge().GetValue(), nil)
	}
}

func distributionOf(h *dto.Histogram) *metric.Distribution {
	d := &metric.Distribution{Count: h.GetSampleCount(), Sum: h.GetSampleSum(),
		Bounds: make([]float64, len(h.Bucket)), Counts: make([]uint64, len(h.Bucket))}
	for i, b := range h.Bucket {
		d.Bounds[i], d.Counts[i] = b.GetUpperBound(), b.GetCumulativeCount()
	}
	return d
}
