package registry

import (
	"log/slog"
	"slices"
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"out_edge/exporter/textformat"
	"out_edge/plugin/metric"
)

// Page is what one address shows. It is a prometheus.Collector without descriptions, so
// a prometheus.Registry checks each series when it is collected, and a bad one does not
// affect the others.
//
// All instances of a page create their series with one metric.Interner.
type Page struct {
	log      *slog.Logger
	panicked func(any) // called on a panic while a series is written

	mu       sync.Mutex
	shown    map[*metric.Series]*series
	families map[string]*family // by name
	sorted   []*family          // all of them by name; nil once one came or went
	odd      int                // reservations that do not go with what was shown

	rendering       sync.Mutex // before mu; guards the texts of series
	renderer        renderer
	loggedConflicts map[[2]string]bool // pairs of names that were logged
}

// family is what all series of one name share.
type family struct {
	page *Page
	textformat.Head
	desc *prometheus.Desc
	n    int // series shown, and reservations
	// own are the reservations, which decide whether a series could be the plugin's.
	own []*Reservation
	order
}

// Reservation reserves the name of a series of the plugin's own.
type Reservation struct {
	Name, Help string
	Kind       metric.Kind
	// Owns reports whether the plugin's own series of that name could have the labels of
	// s; nil owns all. It is called under a lock.
	Owns func(s *metric.Series) bool

	odd bool // it may contradict what was shown before
}

// maxLoggedConflicts is the most pairs of conflicting names that a page logs.
const maxLoggedConflicts = 64

// NewPage creates an empty page. panicked is called on each panic while a series is
// written.
func NewPage(log *slog.Logger, panicked func(any)) *Page {
	return &Page{log: log, panicked: panicked, shown: make(map[*metric.Series]*series),
		families: make(map[string]*family), loggedConflicts: make(map[[2]string]bool)}
}

// conflictsWith reports whether a series must not join the family.
func (f *family) conflictsWith(id *metric.Series) bool {
	return f.Kind != id.Kind || slices.ContainsFunc(f.own, func(r *Reservation) bool { return r.Owns == nil || r.Owns(id) })
}

// show shows s on the page, for a sample of records of the tag. If another instance
// shows the same series, that one stays: shownElsewhere if the other instance gets these
// records too, so that its value is the same, else ShownByOther. It returns Conflict if
// the name is used for something else.
func (p *Page) show(s *series, tag string) Refusal {
	p.mu.Lock()
	defer p.mu.Unlock()
	if other := p.shown[s.id]; other != nil {
		if other.registry.heard.has(tag) {
			return shownElsewhere
		}
		return ShownByOther
	}
	f := p.families[s.id.Name]
	switch {
	case f == nil:
		if other := p.conflictingFamily(s.id.Name, s.id.Kind); other != "" {
			p.logConflict(s.id.Name, other)
			return Conflict
		}
		f = p.add(s.id.Name, s.id.Help, s.id.Kind)
	case f.conflictsWith(s.id):
		return Conflict
	}
	f.n++
	s.family, s.shown = f, true
	p.shown[s.id] = s
	f.add(s)
	return Accepted
}

func (p *Page) add(name, help string, kind metric.Kind) *family {
	f := &family{page: p, Head: textformat.NewHead(name, help, kind), desc: prometheus.NewDesc(name, help, nil, nil)}
	p.families[name], p.sorted = f, nil
	return f
}

// conflicts reports whether the name of a series that is not shown is used for
// something else.
func (p *Page) conflicts(id *metric.Series) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	f := p.families[id.Name]
	return f != nil && f.conflictsWith(id)
}

// hide removes s from the page.
func (p *Page) hide(s *series) {
	if !s.shown {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	s.shown = false
	delete(p.shown, s.id)
	s.family.left()
	p.leave(s.id.Name)
}

// leave removes a family with its last member.
func (p *Page) leave(name string) {
	f := p.families[name]
	if f.n--; f.n == 0 {
		delete(p.families, name)
		p.sorted = nil
	}
}

// Reserve reserves a name for series of the plugin's own.
func (p *Page) Reserve(r *Reservation) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f := p.families[r.Name]
	if f != nil {
		r.odd = f.Help != r.Help || f.Kind != r.Kind || f.n > len(f.own)
	} else {
		r.odd = p.conflictingFamily(r.Name, r.Kind) != ""
		f = p.add(r.Name, r.Help, r.Kind)
	}
	if r.odd {
		p.odd++
	}
	f.own = append(f.own, r)
	f.n++
}

// Release undoes one Reserve.
func (p *Page) Release(r *Reservation) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f := p.families[r.Name]
	f.own = slices.DeleteFunc(f.own, func(o *Reservation) bool { return o == r })
	if r.odd {
		p.odd--
	}
	p.leave(r.Name)
}

// conflictingFamily returns a family that has a line in common with a new family, or "".
func (p *Page) conflictingFamily(name string, kind metric.Kind) string {
	for _, line := range exposedNames(name, kind) {
		if p.exposes(line, line) {
			return line
		}
		for _, suffix := range []string{"_bucket", "_sum", "_count"} {
			if base, cut := strings.CutSuffix(line, suffix); cut && p.exposes(base, line) {
				return base
			}
		}
	}
	return ""
}

// exposes reports whether the family of one name has lines of another.
func (p *Page) exposes(family, line string) bool {
	f := p.families[family]
	return f != nil && slices.Contains(exposedNames(family, f.Kind), line)
}

// exposedNames returns the names of a family's lines. Gauge x and counter x_total may
// coexist: Prometheus distinguishes them by their lines.
func exposedNames(name string, kind metric.Kind) []string {
	switch kind {
	case metric.Histogram:
		return []string{name + "_bucket", name + "_sum", name + "_count"}
	case metric.Summary:
		return []string{name, name + "_sum", name + "_count"}
	default:
		return []string{name}
	}
}

// logConflict logs a clash of two names once; the caller holds mu.
func (p *Page) logConflict(name, other string) {
	pair := [2]string{name, other}
	if p.loggedConflicts[pair] || len(p.loggedConflicts) >= maxLoggedConflicts {
		return
	}
	p.loggedConflicts[pair] = true
	p.log.Warn("two metrics would have lines of one name on /metrics: the first is shown, the other is counted as name_conflict; rename one of them with metric_relabel_configs",
		"shown", other, "refused", name)
}

// Describe is part of prometheus.Collector.
func (p *Page) Describe(chan<- *prometheus.Desc) {}

// Collect is part of prometheus.Collector.
func (p *Page) Collect(ch chan<- prometheus.Metric) {
	for _, s := range p.snapshot() {
		ch <- s
	}
}

func (p *Page) snapshot() []*series {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := make([]*series, 0, len(p.shown))
	for _, s := range p.shown {
		all = append(all, s)
	}
	return all
}
