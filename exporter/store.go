package exporter

import (
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"out_edge/plugin/record"
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
	kind  record.Kind
	desc  *prometheus.Desc
	n     int // series shown, and reservations
	// reserved counts the self series that have the name; none else may.
	reserved int
}

// bars tells whether a series of this kind may not join the family.
func (f *family) bars(kind record.Kind) bool { return f.reserved > 0 || f.kind != kind }

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
		if st.suffixTaken(s.id.Name, s.id.Kind) {
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
func (st *store) reserve(name string, kind record.Kind) {
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
func (st *store) release(name string, _ record.Kind) {
	st.mu.Lock()
	defer st.mu.Unlock()
	f := st.families[name]
	f.reserved--
	if f.n--; f.n == 0 {
		delete(st.families, name)
	}
}

// suffixTaken tells whether the lines of a new family would look like those of
// another: a histogram x is written as x_bucket, x_sum and x_count.
func (st *store) suffixTaken(name string, kind record.Kind) bool {
	for _, suffix := range suffixes(kind) {
		if st.families[name+suffix] != nil {
			return true
		}
	}
	for _, suffix := range suffixes(record.Histogram) {
		base, cut := strings.CutSuffix(name, suffix)
		if !cut {
			continue
		}
		f := st.families[base]
		if f == nil {
			continue
		}
		for _, used := range suffixes(f.kind) {
			if used == suffix {
				return true
			}
		}
	}
	return false
}

func suffixes(kind record.Kind) []string {
	switch kind {
	case record.Histogram:
		return []string{"_bucket", "_sum", "_count"}
	case record.Summary:
		return []string{"_sum", "_count"}
	default:
		return nil
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
