package metric

import (
	"slices"
	"strings"
	"sync"
	"weak"
)

// Interner creates series, and returns the same pointer for the same kind, name and
// labels while anybody holds it. It does not keep series itself: unused ones are
// garbage. The zero value is ready to use, and safe for concurrent use.
type Interner struct {
	mu     sync.Mutex
	series map[string]weak.Pointer[Series] // by appendKey
	// sweepAt is the number of entries at which those of collected series are removed.
	sweepAt int
	key     []byte
	labels  []Label
}

// minSweep is the least number of entries that is worth a search.
const minSweep = 1024

// separator is between the parts of a key. It is not a byte of UTF-8.
const (
	separator = 0xff
	partEnd   = "\xff"
)

// Intern returns the series with id's kind, name and labels, as Series describes it. Of
// two labels with the same name the first non-empty one is used. DatadogName, Help,
// Unit, Host, Resource and Info are those of the first id of a series; an empty
// DatadogName or Unit is derived from the name. Nothing of id is kept. An empty name
// stays empty.
func (in *Interner) Intern(id Series) *Series {
	in.mu.Lock()
	defer in.mu.Unlock()
	id.Name = promName(id.Name)
	id.Labels = in.normal(id.Labels)
	in.key = appendKey(in.key[:0], &id)
	if s := in.series[string(in.key)].Value(); s != nil {
		return s
	}
	s := newSeries(&id, string(in.key))
	in.add(string(in.key), s)
	return s
}

// normal returns labels in the form of a Series, in scratch.
func (in *Interner) normal(labels []Label) []Label {
	out := in.labels[:0]
	for _, l := range labels {
		if l.Value != "" {
			out = append(out, Label{Name: labelName(l.Name), Value: text(l.Value)})
		}
	}
	in.labels = out
	slices.SortStableFunc(out, func(a, b Label) int { return strings.Compare(a.Name, b.Name) })
	return slices.CompactFunc(out, func(a, b Label) bool { return a.Name == b.Name })
}

// newSeries creates a series whose name and labels are parts of its key.
func newSeries(id *Series, key string) *Series {
	s := &Series{Kind: id.Kind, DatadogName: strings.Clone(id.DatadogName), Help: strings.Clone(text(id.Help)),
		Unit: id.Unit, Host: strings.Clone(id.Host), Resource: id.Resource, Info: id.Info}
	var rest string
	s.Name, rest, _ = strings.Cut(key[1:], partEnd)
	if len(id.Labels) > 0 {
		s.Labels = make([]Label, len(id.Labels))
	}
	for i := range s.Labels {
		l := &s.Labels[i]
		l.Name, rest, _ = strings.Cut(rest, partEnd)
		l.Value, rest, _ = strings.Cut(rest, partEnd)
	}
	if s.DatadogName == "" {
		s.DatadogName = DatadogName(s.Name)
	}
	if s.Unit == "" {
		s.Unit = UnitOf("", s.Name)
	}
	return s
}

// add adds a series, and removes the entries of collected series each time that their
// number may have doubled.
func (in *Interner) add(key string, s *Series) {
	if in.series == nil {
		in.series = make(map[string]weak.Pointer[Series])
	}
	if len(in.series) >= max(in.sweepAt, minSweep) {
		for k, w := range in.series {
			if w.Value() == nil {
				delete(in.series, k)
			}
		}
		in.sweepAt = 2 * len(in.series)
		clear(in.labels[:cap(in.labels)])
	}
	in.series[key] = weak.Make(s)
}

// appendKey appends what distinguishes series.
func appendKey(dst []byte, s *Series) []byte {
	dst = append(dst, byte(s.Kind))
	dst = append(append(dst, s.Name...), separator)
	for i := range s.Labels {
		dst = append(append(dst, s.Labels[i].Name...), separator)
		dst = append(append(dst, s.Labels[i].Value...), separator)
	}
	return dst
}
