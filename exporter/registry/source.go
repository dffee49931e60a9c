package registry

import (
	"fmt"
	"strings"

	"out_edge/plugin/metric"
	"out_edge/timefix"
)

// source is one source of samples: a tag and the series as it was made there. It
// outlives its series, so that the interval of rare samples stays known.
type source struct {
	from   *metric.Series
	tag    *tagSources
	series *series // nil: none yet, or it has ended
	// seen is the arrival of the last sample, interval the time since the one before, in
	// ns; the interval is measured for host records only.
	seen, interval int64
	host           bool

	// For a series of a metrics event, see holds.go.
	family    *eventFamily
	known     bool    // it was seen
	at        int64   // its newest own time, ns since 1970
	sent      int64   // the time that its last sample was given
	last      float64 // its value then; a distribution's count
	renewals  int     // in a row
	abandoned bool
}

// tagSources are the sources of one tag.
type tagSources struct {
	tag      string
	from     map[*metric.Series]*source
	found    []*source // of the last batch
	families map[string]*eventFamily
	newest   int64 // the newest time in its events, ns since 1970
}

func newTagSources(tag string) *tagSources {
	return &tagSources{tag: tag, from: make(map[*metric.Series]*source)}
}

// rulesTag is the log's name for the source of rules' samples, instead of a tag.
const rulesTag = "the rules of config_file"

const (
	// maxSources is the most sources that are kept. Others are created anew each time.
	maxSources = 16384
	// takeoverSamples is how many samples of other sources must arrive, without one of the
	// owner, until a series changes its owner: the next source may differ only in labels
	// that relabelling removes.
	takeoverSamples = 100
)

// findSources returns the sources of a batch's samples, and creates them if needed.
// They are valid until the tag's next batch.
func (r *Registry) findSources(b *Batch) []*source {
	tag := r.rules
	if b.Origin != FromRule {
		tag = r.sourcesOf(b.Tag)
	}
	found := tag.found
	for i := range b.Samples {
		from := b.Samples[i].Series
		if b.From != nil {
			from = b.From[i]
		}
		if i < len(found) && found[i].from == from {
			continue // a tag's samples usually come in the same order
		}
		src := tag.from[from]
		if src == nil {
			src = &source{from: from, tag: tag, host: b.Origin == FromHost}
		}
		found = append(found[:i], src)
	}
	if tag.found = found; cap(found) > maxFound {
		tag.found = nil
	}
	return found[:len(b.Samples)]
}

// sourcesOf returns the sources of a tag, and creates them if needed.
func (r *Registry) sourcesOf(tag string) *tagSources {
	if r.recent != nil && r.recent.tag == tag {
		return r.recent
	}
	t := r.tags[tag]
	if t == nil {
		return newTagSources(strings.Clone(tag))
	}
	r.recent = t
	return t
}

// maxFound is the most sources that are kept of a tag's last batch.
const maxFound = 4096

// remember stores a source that has found its series, if there is room.
func (r *Registry) remember(src *source) {
	if src.tag.from[src.from] != nil {
		return
	}
	if r.sources >= maxSources && !r.forgetSources() {
		return
	}
	src.tag.from[src.from] = src
	r.sources++
	if src.tag != r.rules {
		r.tags[src.tag.tag] = src.tag
	}
}

// forgetSources removes the sources whose series have ended, and reports whether there
// is room.
func (r *Registry) forgetSources() bool {
	if r.gone == 0 {
		return false
	}
	r.gone, r.recent = 0, nil
	for name, t := range r.tags {
		r.forgetOf(t)
		if len(t.from) == 0 {
			delete(r.tags, name)
		}
	}
	r.forgetOf(r.rules)
	return r.sources < maxSources
}

func (r *Registry) forgetOf(t *tagSources) {
	for from, src := range t.from {
		if src.series == nil || src.series.dropped {
			delete(t.from, from)
			r.sources--
		}
	}
	t.found = nil
}

// note records a sample's arrival.
func (src *source) note(now timefix.Instant) {
	at := arrival(now)
	if src.host && src.seen != 0 && at > src.seen {
		src.interval = at - src.seen
	}
	src.seen = at
}

// isSame reports whether two sources are the same: those that are not stored are
// created anew each time.
func (src *source) isSame(o *source) bool {
	return src == o || src.from == o.from && src.tag.tag == o.tag.tag && src.host == o.host
}

// isOwner reports whether the series accepts a sample of a source. It has one owner, so
// that its value does not alternate; another source takes over once the owner has been
// silent.
func (r *Registry) isOwner(src *source, s *series, now timefix.Instant) bool {
	switch {
	case s.owner == nil:
		s.owner = src
		return true
	case s.owner.isSame(src):
		s.missing = 0
		return true
	}
	if s.missing++; s.missing > takeoverSamples || r.isSilent(s, now) {
		s.takeOwnership(src)
		return true
	}
	return false
}

// isSilent reports whether a series' owner has been silent for a gauge's lifetime.
func (r *Registry) isSilent(s *series, now timefix.Instant) bool {
	return r.cfg.TTL > 0 && arrival(now)-s.seen > r.lifetime(s)
}

// takeOwnership makes src the owner of a series. Its samples are unrelated to those
// before: the first one is accepted, and is no growth.
func (s *series) takeOwnership(src *source) {
	s.owner, s.missing = src, 0
	s.known, s.takenOver = false, true
	if s.id.Kind.IsDistribution() {
		s.resetCount++
	}
}

// maxWarned is the most pairs of tags that an instance warns about.
const maxWarned = 64

// refuse returns why a second source's sample is refused, and warns once for two tags.
func (r *Registry) refuse(src *source, s *series) Refusal {
	if src.from != s.owner.from {
		return RelabelDuplicate
	}
	pair := [2]string{s.owner.tag.tag, src.tag.tag}
	if !r.warned[pair] && len(r.warned) < maxWarned {
		r.warned[pair] = true
		r.cfg.Log.Warn("records of two tags make the same series, which can have one source: the first is used, the other is refused and counted as second_source; "+
			"set `tag_label` to tell them apart by a label, or keep one of them away with `match`",
			"series", describe(s.id), "used", pair[0], "refused", pair[1])
	}
	return SecondSource
}

// logOther warns once for a tag whose values are not shown on the page.
func (r *Registry) logOther(id *metric.Series, tag string) {
	pair := [2]string{rulesTag, tag} // never a pair of refuse's
	if r.warned[pair] || len(r.warned) >= maxWarned {
		return
	}
	r.warned[pair] = true
	r.cfg.Log.Warn("another output shows this series on its page, of records that only it is given: it is left there, and what these records say is counted as shown_by_other_instance; "+
		"set `tag_label`, another `add_label`, or another `listen`", "series", describe(id), "tag", tag)
}

// describe returns a series in PromQL.
func describe(id *metric.Series) string {
	if len(id.Labels) == 0 {
		return id.Name
	}
	parts := make([]string, len(id.Labels))
	for i, l := range id.Labels {
		parts[i] = fmt.Sprintf("%s=%q", l.Name, l.Value)
	}
	return id.Name + "{" + strings.Join(parts, ",") + "}"
}
