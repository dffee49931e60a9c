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
	// TTL is how long a gauge lives after its last sample; 0 is for ever.
	TTL time.Duration
	// Limit is how many series the instance may have; 0 is no limit. It also bounds
	// their names and labels to 1 KiB a series on average.
	Limit int
	// Log gets warnings: of sources that make the same series, of the limit.
	Log *slog.Logger
	// Watch gives a new series its Watcher, or nil; from is the series as its source
	// made it. May be nil. It is called under a lock.
	Watch func(from, shown *metric.Series, origin Origin) Watcher
	// Refused is told of each refused sample of a rule, by the name that the rule gave
	// it. May be nil. It is called under a lock.
	Refused func(rule string, why Refusal)
	// Ended is told of each series that has ended and that a sink may have: a gauge
	// that expired, a total that made room for others, what a staleness marker ended.
	// May be nil. It is called without locks held, one call at a time.
	Ended func(*metric.Series)
}

// Origin says who keeps the total that a sample is part of.
type Origin uint8

// The origins.
const (
	// FromEvent: the program whose metrics the event has. Its totals may start anew.
	FromEvent Origin = iota
	// FromRule: a rule of config_file, whose totals never fall.
	FromRule
	// FromHost: this registry. The samples say what was added.
	FromHost
)

// Batch is what one step has made of one record or one payload.
type Batch struct {
	Samples []metric.Sample
	// From are the series as the sources made them, one a sample; nil where they are
	// those of Samples.
	From []*metric.Series
	// Tag is Fluent Bit's. Samples of rules have none: the rules are one source.
	Tag string
	// At is the instant of arrival.
	At     timefix.Instant
	Origin Origin
	// Hidden keeps the series off the page; they are completed for the other sinks.
	Hidden bool
	// Note, if not nil, is where Apply notes what it makes of an event's samples, and
	// what ApplyAgain goes by.
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
	sources int         // that are remembered
	gone    int         // series that have ended since sources were last looked through
	ended   []*metric.Series

	warned   map[[2]string]bool // pairs of tags
	limited  bool               // the limit was logged
	searched int64              // when room was last looked for in vain, by arrival
}

// Open makes an instance's registry.
func (p *Page) Open(cfg Config) *Registry {
	return &Registry{page: p, cfg: cfg, all: make(map[*metric.Series]*series),
		tags: make(map[string]*tagSources), rules: newTagSources(rulesTag), warned: make(map[[2]string]bool)}
}

// Apply takes samples: the newest of each series stands on the page. It completes them
// for the other sinks: a counter's total or what it has grown by, a histogram's
// ResetCount, and the time of what still holds (see holds.go). What comes from a
// second source, and what says nothing new, is left out of the answer, which has
// b.Samples' memory, and so is what the host inputs added to a series that finds no
// room; what only the page refuses is not.
func (r *Registry) Apply(b Batch) (kept []metric.Sample, t Tally) {
	kept, ended := r.apply(&b, &t)
	if ended {
		r.tellEnded()
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
		case passedOver:
			b.Note.sawLeft(i)
			continue
		case shownByTwin:
			why = Accepted
		case ShownByOther:
			r.tellOther(src.series.id, b.Tag)
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

// applyOne gives a sample to its series.
func (r *Registry) applyOne(sm *metric.Sample, src *source, b *Batch) Refusal {
	if src.abandoned {
		return passedOver
	}
	stale := b.Origin == FromEvent && sm.Dist == nil && metric.IsStale(sm.Value)
	if src.series == nil || src.series.dropped {
		src.series = nil
		if stale {
			return passedOver
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
		return passedOver
	}
	src.note(b.At)
	s.abandoned = false
	why := s.take(sm, b.At, b.Origin)
	if why == Accepted && !b.Hidden && !s.shown {
		why = r.page.show(s, b.Tag)
	}
	return why
}

// join finds or makes the series of a source.
func (r *Registry) join(src *source, id *metric.Series, b *Batch) Refusal {
	if id.Name == "" || hasPartLabel(id) {
		return Malformed
	}
	s := r.all[id]
	if s == nil {
		if !r.hasRoom(id, b.At) {
			return OverLimit
		}
		if r.page.conflicts(id) {
			return Conflict
		}
		s = &series{id: id, registry: r, pairs: pairsOf(id.Labels), seen: arrival(b.At)}
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

// hasPartLabel tells whether a series has a label that its kind needs for itself.
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

// EachWatched goes through the series that have a Watcher, with the lock held under
// which Watch and Watcher are called.
func (r *Registry) EachWatched(do func(shown *metric.Series, w Watcher)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.all {
		if s.watch != nil {
			do(s.id, s.watch)
		}
	}
}

// drop forgets s.
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

// end drops s and tells of it.
func (r *Registry) end(s *series) {
	if r.cfg.Ended != nil {
		r.ended = append(r.ended, s.id)
	}
	r.drop(s)
}

// tellEnded tells of series that have ended, in their order.
func (r *Registry) tellEnded() {
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

// Expire ends the gauges that have outlived their time, and the totals whose source says
// when they began.
func (r *Registry) Expire(now timefix.Instant) {
	r.expire(now)
	r.tellEnded()
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

// intervals is how many of its own intervals a host gauge lives at least.
const intervals = 2.5

// lifetime is how long a series lives without a sample, in ns.
func (r *Registry) lifetime(s *series) int64 {
	if s.owner == nil {
		return int64(r.cfg.TTL)
	}
	return max(int64(r.cfg.TTL), int64(intervals*float64(s.owner.interval)))
}

// Close takes all series off the page, for good.
func (r *Registry) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	for _, s := range r.all {
		r.drop(s)
	}
}
