package registry

import (
	"log/slog"
	"slices"
	"sync"
	"time"

	"out_edge/plugin/metric"
	"out_edge/timefix"
)

// Config is one instance's settings.
type Config struct {
	// TTL is how long a gauge is shown after its last sample; 0 is forever.
	TTL time.Duration
	// Limit is the most series of the instance; 0 is no limit. It also limits their
	// names and labels to 1 KiB a series on average.
	Limit int
	// Log gets warnings about sources that make the same series, and about the limit.
	Log *slog.Logger
	// Watch returns a Watcher for a new series, or nil; from is the series as its source
	// made it. May be nil. It is called under a lock.
	Watch func(from, shown *metric.Series, origin Origin) Watcher
	// Refused is called for each refused sample of a rule, with the name from the rule.
	// May be nil. It is called under a lock.
	Refused func(rule string, why Refusal)
	// Ended is called for each series that has ended and that a sink may have: a gauge
	// that expired, a total that was evicted, a series ended by a staleness marker. May
	// be nil. It is called without locks held, one call at a time.
	Ended func(*metric.Series)
}

// Origin is who keeps the total that a sample is part of.
type Origin uint8

// The origins.
const (
	// FromEvent: the program whose metrics the event has. Its totals may be reset.
	FromEvent Origin = iota
	// FromRule: a rule of config_file, whose totals never fall.
	FromRule
	// FromHost: this registry. The samples have what was added.
	FromHost
)

// Batch is the samples made of one record or one payload.
type Batch struct {
	Samples []metric.Sample
	// From are the series as the sources made them, one for each sample; nil if they are
	// those of Samples.
	From []*metric.Series
	// Tag is Fluent Bit's. Samples of rules have none: all rules are one source.
	Tag string
	// At is the instant of arrival.
	At     timefix.Instant
	Origin Origin
	// Hidden does not show the series on the page; the samples are completed for the
	// other sinks.
	Hidden bool
	// Note, if not nil, is where Apply records what it does with an event's samples, and
	// what ApplyAgain repeats.
	Note *Note
}

// Registry is one instance's series. It is safe for concurrent use.
type Registry struct {
	page  *Page
	cfg   Config
	heard tagSet // the tags of all batches

	// ending is held while Ended is called. It comes before mu.
	ending sync.Mutex

	mu      sync.Mutex // before page.mu
	closed  bool
	bytes   int // of the names and labels of all series
	all     map[*metric.Series]*series
	tags    map[string]*tagSources
	recent  *tagSources // of the last tag
	rules   *tagSources // those of the rules
	sources int         // number of known sources
	gone    int         // series that have ended since sources were last cleaned up
	ended   []*metric.Series
	// inherited are the totals of the Registry before whose series are not known yet.
	inherited map[*metric.Series]total

	warned   map[[2]string]bool // pairs of tags
	limited  bool               // the limit was logged
	searched int64              // when eviction last freed nothing, by arrival
}

// Open creates an instance's registry.
func (p *Page) Open(cfg Config) *Registry {
	return &Registry{page: p, cfg: cfg, all: make(map[*metric.Series]*series),
		tags: make(map[string]*tagSources), rules: newTagSources(rulesTag), warned: make(map[[2]string]bool)}
}

// Apply adds samples: the page shows the newest of each series. It completes them for
// the other sinks: a counter's total or growth, a histogram's ResetCount, and the time
// of series that still hold (see holds.go). The result uses b.Samples' memory. It
// excludes samples of a second source, samples with nothing new, and host differences
// of a series for which there is no room; it includes samples that only the page
// refuses.
func (r *Registry) Apply(b Batch) (kept []metric.Sample, t Tally) {
	kept, ended := r.apply(&b, &t)
	if ended {
		r.reportEnded()
	}
	return kept, t
}

func (r *Registry) apply(b *Batch, t *Tally) (kept []metric.Sample, ended bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.heard.add(b.Tag)
	found := r.findSources(b)
	if b.Origin == FromEvent {
		b.hold(found)
	}
	n := 0
	for i, src := range found {
		sm := &b.Samples[i]
		why := r.applyOne(sm, src, b)
		switch why {
		case nothingNew:
			b.Note.sawLeft(i)
			continue
		case shownElsewhere:
			why = Accepted
		case ShownByOther:
			r.logOther(src.series.id, b.Tag)
		}
		if why != Accepted || !b.Hidden {
			t[why]++
		}
		if why == SecondSource || why == RelabelDuplicate || src.series == nil && b.Origin == FromHost {
			b.Note.sawLeft(i)
			continue
		}
		if n != i {
			b.Samples[n] = *sm
		}
		n++
		if why != Accepted && b.Origin == FromRule && r.cfg.Refused != nil {
			r.cfg.Refused(src.from.Name, why)
		}
	}
	b.Note.close(len(found))
	return b.Samples[:n], len(r.ended) > 0
}

// applyOne adds a sample to its series.
func (r *Registry) applyOne(sm *metric.Sample, src *source, b *Batch) Refusal {
	if src.abandoned {
		return nothingNew
	}
	stale := b.Origin == FromEvent && sm.Dist == nil && metric.IsStale(sm.Value)
	if src.series == nil || src.series.dropped {
		src.series = nil
		if stale {
			return nothingNew
		}
		if why := r.join(src, sm.Series, b); why != Accepted {
			return why
		}
	}
	s := src.series
	if !r.isOwner(src, s, b.At) {
		return r.refuse(src, s)
	}
	if stale {
		r.end(s)
		return nothingNew
	}
	src.note(b.At)
	s.abandoned = false
	why := s.take(sm, b.At, b.Origin)
	if why == Accepted && !b.Hidden && !s.shown {
		why = r.page.show(s, b.Tag)
	}
	return why
}

// join finds the series of a source, or creates it.
func (r *Registry) join(src *source, id *metric.Series, b *Batch) Refusal {
	if id.Name == "" || hasPartLabel(id) {
		return Malformed
	}
	s := r.all[id]
	if s == nil {
		if !r.makesRoom(id, b.At) {
			return OverLimit
		}
		if r.page.conflicts(id) {
			return Conflict
		}
		s = &series{id: id, registry: r, seen: arrival(b.At)}
		r.inherit(s, src)
		r.all[id] = s
		r.bytes += size(id)
	}
	if s.watch == nil && r.cfg.Watch != nil {
		s.watch = r.cfg.Watch(src.from, id, b.Origin)
	}
	src.series = s
	r.remember(src)
	return Accepted
}

// hasPartLabel reports whether a series has a label that is reserved for its kind.
func hasPartLabel(id *metric.Series) bool {
	return slices.ContainsFunc(id.Labels, func(l metric.Label) bool {
		return id.Kind == metric.Histogram && l.Name == "le" || id.Kind == metric.Summary && l.Name == "quantile"
	})
}

// size is the bytes of a series' name and labels.
func size(id *metric.Series) int {
	n := len(id.Name)
	for _, l := range id.Labels {
		n += len(l.Name) + len(l.Value) + 2
	}
	return n
}

// Len is how many series there are.
func (r *Registry) Len() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.all)
}

// EachWatched calls do for the series that have a Watcher, under the lock under which
// Watch and Watcher are called.
func (r *Registry) EachWatched(do func(shown *metric.Series, w Watcher)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.all {
		if s.watch != nil {
			do(s.id, s.watch)
		}
	}
}

// drop removes s.
func (r *Registry) drop(s *series) {
	r.page.hide(s)
	delete(r.all, s.id)
	r.bytes -= size(s.id)
	r.gone++
	if s.watch != nil {
		s.watch.Close()
	}
	if s.owner != nil && s.owner.series == s {
		s.owner.series = nil
	}
	s.owner = nil
	s.dropped = true
}

// end removes s and notes it for reportEnded.
func (r *Registry) end(s *series) {
	if r.cfg.Ended != nil {
		r.ended = append(r.ended, s.id)
	}
	r.drop(s)
}

// reportEnded calls Ended for the series that have ended, in order.
func (r *Registry) reportEnded() {
	r.ending.Lock()
	defer r.ending.Unlock()
	r.mu.Lock()
	ended := r.ended
	r.ended = nil
	r.mu.Unlock()
	for _, id := range ended {
		r.cfg.Ended(id)
	}
}

// Expire removes the gauges that have expired, and the totals whose source reports when
// they began.
func (r *Registry) Expire(now timefix.Instant) {
	r.expire(now)
	r.reportEnded()
}

func (r *Registry) expire(now timefix.Instant) {
	if r.cfg.TTL == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.all {
		if (!s.id.Kind.IsTotal() || s.abandoned || s.start != 0) && arrival(now)-s.seen > r.lifetime(s) {
			r.end(s)
		}
	}
}

// intervals is how many of its own intervals a host gauge is kept at least.
const intervals = 2.5

// lifetime is how long a series is kept without a sample, in ns.
func (r *Registry) lifetime(s *series) int64 {
	if s.owner == nil {
		return int64(r.cfg.TTL)
	}
	return max(int64(r.cfg.TTL), int64(intervals*float64(s.owner.interval)))
}

// Close removes all series from the page permanently.
func (r *Registry) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	for _, s := range r.all {
		r.drop(s)
	}
}
