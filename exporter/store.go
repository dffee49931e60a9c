package exporter

import (
	"slices"
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"out_edge/plugin/metric"
)

// store holds what a page shows: at most one series for each name and label
// set, of one kind and help for each name. mu also guards the series and the
// maps of every instance on the page.
type store struct {
	mu       sync.Mutex
	shown    map[string]*series // by series.key
	families map[string]*family // by name
	panicked func(any)          // is told of a panic while a series is written
}

// family is what the series of one name share.
type family struct {
	store *store // of shown series
	kind  metric.Kind
	desc  *prometheus.Desc
	n     int // series shown, and reservations
	// reserved counts the self series that have the name; none else may.
	reserved int
}

// bars tells whether a series of this kind may not join the family.
func (f *family) bars(kind metric.Kind) bool { return f.reserved > 0 || f.kind != kind }

func newStore(panicked func(any)) *store {
	return &store{shown: make(map[string]*series), families: make(map[string]*family), panicked: panicked}
}

// show puts s on the page. It fails with twin where another instance shows the
// same series, and with conflict where its name stands for something else.
func (st *store) show(s *series) refusal {
	if _, taken := st.shown[s.key]; taken {
		return twin
	}
	f := st.families[s.id.Name]
	switch {
	case f == nil:
		if st.clashes(s.id.Name, s.id.Kind) {
			return conflict
		}
		f = &family{store: st, kind: s.id.Kind, desc: prometheus.NewDesc(s.id.Name, s.id.Help, nil, nil)}
		st.families[s.id.Name] = f
	case f.bars(s.id.Kind):
		return conflict
	}
	f.n++
	s.family, s.shown = f, true
	st.shown[s.key] = s
	return accepted
}

// hide takes s off the page.
func (st *store) hide(s *series) {
	if !s.shown {
		return
	}
	s.shown = false
	delete(st.shown, s.key)
	if s.family.n--; s.family.n == 0 {
		delete(st.families, s.id.Name)
	}
}

// reserve keeps a self series' name from everybody else.
func (st *store) reserve(name string, kind metric.Kind) {
	st.mu.Lock()
	defer st.mu.Unlock()
	f := st.families[name]
	if f == nil {
		f = &family{kind: kind}
		st.families[name] = f
	}
	f.reserved++
	f.n++
}

// release undoes one reserve.
func (st *store) release(name string) {
	st.mu.Lock()
	defer st.mu.Unlock()
	f := st.families[name]
	f.reserved--
	if f.n--; f.n == 0 {
		delete(st.families, name)
	}
}

// clashes tells whether a new family would have a name in common with another,
// of those that claims gives.
func (st *store) clashes(name string, kind metric.Kind) bool {
	return slices.ContainsFunc(claims(name, kind), st.claimed)
}

// claimed tells whether a family has the name, or claims it.
func (st *store) claimed(name string) bool {
	if st.claims(name, name) || st.claims(name+"_total", name) {
		return true
	}
	for _, suffix := range []string{"_bucket", "_sum", "_count", "_total"} {
		if base, cut := strings.CutSuffix(name, suffix); cut && st.claims(base, name) {
			return true
		}
	}
	return false
}

// claims tells whether the family of one name claims another.
func (st *store) claims(family, name string) bool {
	f := st.families[family]
	return f != nil && slices.Contains(claims(family, f.kind), name)
}

// claims are the names that a family's lines have, and the family itself in
// OpenMetrics: there, the counter x_total is the family x with the line x_total.
func claims(name string, kind metric.Kind) []string {
	switch kind {
	case metric.Histogram:
		return []string{name, name + "_bucket", name + "_sum", name + "_count"}
	case metric.Summary:
		return []string{name, name + "_sum", name + "_count"}
	case metric.Counter:
		base := strings.TrimSuffix(name, "_total")
		return []string{base, base + "_total"}
	default:
		return []string{name}
	}
}

// snapshot appends what is shown.
func (st *store) snapshot(dst []*series) []*series {
	st.mu.Lock()
	defer st.mu.Unlock()
	if n := len(st.shown); cap(dst) < n {
		dst = make([]*series, 0, n)
	}
	for _, s := range st.shown {
		dst = append(dst, s)
	}
	return dst
}
