package registry

import (
	"math"
	"slices"
	"strings"

	"out_edge/exporter/textformat"
	"out_edge/plugin/metric"
)

// renderer appends a page. Its memory is used again by the next one.
type renderer struct {
	format   textformat.Format
	dst      []byte
	leftOut  int
	families []shownFamily
	labels   []byte
}

// shownFamily is a family with its series at one instant.
type shownFamily struct {
	*family
	series []*series
}

// IsRegular reports whether AppendText shows what Collect does: whether the names of the
// plugin's own series were free when they were reserved.
func (p *Page) IsRegular() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.odd == 0
}

// AppendText appends the page, with the plugin's own series, which are sorted by name. A
// series that cannot be written does not affect the others; leftOut is how many. The
// page's lock is held while what has changed is sorted, not while the text is made.
func (p *Page) AppendText(dst []byte, f textformat.Format, own []textformat.Family) (text []byte, leftOut int) {
	p.rendering.Lock()
	defer p.rendering.Unlock()
	r := &p.renderer
	r.format, r.dst, r.leftOut = f, dst, 0
	p.takeFamilies(r)
	for _, shown := range r.families {
		for len(own) > 0 && own[0].Name < shown.Name {
			r.ownFamily(&own[0])
			own = own[1:]
		}
		var of []textformat.Series
		if len(own) > 0 && own[0].Name == shown.Name {
			of, own = own[0].Series, own[1:]
		}
		r.family(shown, of)
	}
	for i := range own {
		r.ownFamily(&own[i])
	}
	clear(r.families) // it must not keep series that end
	text = f.AppendEnd(r.dst)
	r.dst = nil
	return text, r.leftOut
}

// takeFamilies copies what is shown.
func (p *Page) takeFamilies(r *renderer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.sorted == nil {
		for _, f := range p.families {
			p.sorted = append(p.sorted, f)
		}
		slices.SortFunc(p.sorted, func(a, b *family) int { return strings.Compare(a.Name, b.Name) })
	}
	r.families = r.families[:0]
	for _, f := range p.sorted {
		r.families = append(r.families, shownFamily{f, f.inOrder()})
	}
}

// ownFamily appends a family of the plugin's own.
func (r *renderer) ownFamily(own *textformat.Family) {
	if len(own.Series) == 0 {
		return
	}
	r.dst = r.format.AppendHead(r.dst, &own.Head)
	for i := range own.Series {
		r.dst = append(r.dst, own.Series[i].Text...)
	}
}

// family appends a family, in which the plugin may have series too.
func (r *renderer) family(f shownFamily, own []textformat.Series) {
	start := len(r.dst)
	r.dst = r.format.AppendHead(r.dst, &f.Head)
	head := len(r.dst)
	rest := f.series
	for i := range own {
		n, _ := slices.BinarySearchFunc(rest, own[i].Labels, func(s *series, labels []metric.Label) int {
			return textformat.Compare(s.id.Labels, labels)
		})
		r.all(f.family, rest[:n])
		rest = rest[n:]
		r.dst = append(r.dst, own[i].Text...)
	}
	r.all(f.family, rest)
	if len(r.dst) == head {
		r.dst = r.dst[:start]
	}
}

// all appends series, and leaves out those that cannot be written.
func (r *renderer) all(f *family, series []*series) {
	for len(series) > 0 {
		series = series[r.some(f, series):]
	}
}

// some appends series up to one that panics, and returns how many it has seen.
func (r *renderer) some(f *family, series []*series) (seen int) {
	defer func() {
		if v := recover(); v != nil {
			f.page.panicked(v)
			r.leftOut++
			seen++
		}
	}()
	for ; seen < len(series); seen++ {
		r.one(f, series[seen])
	}
	return seen
}

func (r *renderer) one(f *family, s *series) {
	if s.text == "" {
		r.labels = textformat.AppendLabels(r.labels[:0], s.id.Labels)
		s.text = string(r.labels)
	}
	line := textformat.Line{Name: f.Name, Labels: s.text}
	if !f.Kind.IsDistribution() {
		r.dst = r.format.AppendValue(r.dst, line, f.Kind, math.Float64frombits(s.value.Load()), s.exemplars.Load())
		return
	}
	d := s.dist.Load()
	if d == nil {
		r.leftOut++
		return
	}
	r.dst = r.format.AppendDistribution(r.dst, line, f.Kind, d, s.exemplars.Load())
}
