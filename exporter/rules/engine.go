package rules

import (
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"out_edge/exporter/memo"
	"out_edge/plugin/chunk"
	"out_edge/plugin/metric"
	"out_edge/timefix"
)

// MaxLabelValue is the longest value of a label, in bytes. Whole messages are no
// labels; Datadog truncates a tag at 200 characters.
const MaxLabelValue = 1024

// EngineConfig is one instance's settings.
type EngineConfig struct {
	// Limit is the most series of the engine; 0 is no limit. It also limits their label
	// values to 1 KiB a series on average. Further new series are refused.
	Limit int
	// Refused is called with how many samples a rule did not make, and why: rule is the
	// metric's name, or metric_relabel_configs; reason is one of Reasons. May be nil. It
	// is called without locks held, from several goroutines, and must not call the
	// engine.
	Refused func(rule, reason string, n int)
	// Labels are added to every series. A rule's own label of that name takes
	// precedence, unless it is empty.
	Labels []metric.Label
	// SeriesTTL is how long after its last sample a series may be evicted for new series
	// when the limit is reached; 0, or no Clock, is never. A total that comes back
	// starts from 0.
	SeriesTTL time.Duration
	// TagLabel, if not empty, is a label with the record's tag, on every series without
	// one of that name. Each tag then has its own series and totals.
	TagLabel string
	// Series creates the series; nil is an Interner of the Engine's own.
	Series *metric.Interner
	// Clock is for SeriesTTL; without one nothing is evicted.
	Clock timefix.Clock
}

// Engine is the state of a file's rules for one plugin instance. It is safe for
// concurrent use. A nil Engine makes no samples and relabels nothing.
type Engine struct {
	file    *File
	cfg     EngineConfig
	tables  []*table // by family.index
	budget  seriesBudget
	plans   memo.Cache[string, []step]
	scratch sync.Pool // of *scratch
	relabel *relabeler
}

// step is a rule that applies to a tag's records.
type step struct {
	rule   *rule
	table  *table
	labels []template // filled
	static []string   // values for empty labels, in their order
	tag    string     // end of the key, if the tag is a label
	// fieldAt is the index of the label with the name of the field; -1: none.
	fieldAt int
}

// scratch is the working memory of one Observe; reused, never shared.
type scratch struct {
	key, path []byte
	field     []byte // for a rule with all fields
}

// Engine creates an instance's engine. For a nil File, or one without metrics and
// relabel steps, it may return nil.
func (f *File) Engine(cfg EngineConfig) *Engine {
	if f == nil || len(f.rules) == 0 && len(f.relabels) == 0 {
		return nil
	}
	if cfg.Refused == nil {
		cfg.Refused = func(string, string, int) {}
	}
	if cfg.Series == nil {
		cfg.Series = new(metric.Interner)
	}
	cfg.Labels = staticLabels(cfg.Labels)
	e := &Engine{file: f, cfg: cfg, plans: memo.Cache[string, []step]{Limit: maxTags}}
	e.budget.limit = cfg.Limit
	e.scratch.New = func() any { return &scratch{path: make([]byte, 0, 256)} }
	for _, fam := range f.families {
		e.tables = append(e.tables, newTable(fam, e))
	}
	e.relabel = newRelabeler(f.relabels, cfg)
	return e
}

// Inherit takes over the totals of an engine that nobody uses any more, of the metrics
// that are the same in both files: they go on. The others begin anew. It is called
// before the first Observe.
func (e *Engine) Inherit(old *Engine) {
	if e == nil || old == nil || e.cfg.TagLabel != old.cfg.TagLabel || !slices.Equal(e.cfg.Labels, old.cfg.Labels) || e.cfg.Series != old.cfg.Series {
		return
	}
	for _, t := range e.tables {
		for _, before := range old.tables {
			if t.family.name == before.family.name {
				t.inherit(before)
			}
		}
	}
}

// staticLabels returns labels sorted by name, in UTF-8, without empty ones.
func staticLabels(labels []metric.Label) []metric.Label {
	var static []metric.Label
	for _, l := range labels {
		if l.Value != "" {
			static = append(static, metric.Label{Name: l.Name, Value: strings.ToValidUTF8(l.Value, "\uFFFD")})
		}
	}
	slices.SortStableFunc(static, func(a, b metric.Label) int { return strings.Compare(a.Name, b.Name) })
	return slices.CompactFunc(static, func(a, b metric.Label) bool { return a.Name == b.Name })
}

// Observe appends the samples that the rules make of a record: one for each rule that
// matches. Series have the same pointers each time. A counter's sample has its growth
// and its total so far. A total's instant is that of the record, which may be late: of
// two totals the larger one is the newer.
//
// The record is not kept. A sample of a known series costs no allocation if dst has
// room, except a histogram's, whose Distribution is new.
func (e *Engine) Observe(dst []metric.Sample, tag string, rec *chunk.Record, unixNano int64) []metric.Sample {
	if e == nil || len(e.tables) == 0 {
		return dst
	}
	steps := e.steps(tag)
	if len(steps) == 0 {
		return dst
	}
	s := e.scratch.Get().(*scratch)
	for i := range steps {
		if st := &steps[i]; st.rule.when.holds(rec) {
			dst = e.run(dst, st, s, rec, unixNano)
		}
	}
	e.scratch.Put(s)
	return dst
}

// steps returns a tag's rules, from the cache.
func (e *Engine) steps(tag string) []step {
	steps, known := e.plans.Get(tag)
	if !known {
		tag = strings.Clone(tag)
		steps = e.plans.Put(tag, e.plan(tag))
	}
	return steps
}

// plan returns a tag's rules.
func (e *Engine) plan(tag string) []step {
	var steps []step
	for _, r := range e.file.rules {
		captures := r.tags.match(tag)
		if captures == nil {
			continue
		}
		st := step{rule: r, table: e.tables[r.family.index], fieldAt: -1}
		if r.everyField {
			st.fieldAt = slices.Index(r.family.labels, fieldLabel)
		}
		for _, t := range r.labels {
			st.labels = append(st.labels, t.fill(tag, captures))
		}
		for _, name := range r.family.labels {
			st.static = append(st.static, e.static(name))
		}
		if e.cfg.TagLabel != "" {
			st.tag = strings.ToValidUTF8(tag, "\uFFFD") + separatorText
		}
		steps = append(steps, st)
	}
	return steps
}

// static returns the value of one of the labels on every series, or "".
func (e *Engine) static(name string) string {
	for _, l := range e.cfg.Labels {
		if l.Name == name {
			return l.Value
		}
	}
	return ""
}

// run makes the sample of a rule that applies to rec.
func (e *Engine) run(dst []metric.Sample, st *step, s *scratch, rec *chunk.Record, unixNano int64) []metric.Sample {
	if st.rule.everyField {
		return e.runAll(dst, st, s, rec, unixNano)
	}
	v, why := st.rule.value(rec)
	return e.sample(dst, st, s, rec, v, why, unixNano)
}

// sample makes one sample of a value, unless there is a reason against it.
func (e *Engine) sample(dst []metric.Sample, st *step, s *scratch, rec *chunk.Record, v float64, why refusal, unixNano int64) []metric.Sample {
	if why == accepted {
		why = s.makeKey(st, rec)
	}
	var sample metric.Sample
	if why == accepted {
		sample, why = e.add(st.table, s.key, v, unixNano)
	}
	if why != accepted {
		e.cfg.Refused(st.rule.family.name, why.String(), 1)
		return dst
	}
	sample.Index = rec.Index
	return append(dst, sample)
}

// separator follows each label's value in a key. It is not a byte of UTF-8.
const (
	separator     = 0xff
	separatorText = "\xff"
)

// makeKey writes the values of the labels as the series will have them, so that no
// series has two keys.
func (s *scratch) makeKey(st *step, rec *chunk.Record) refusal {
	k := s.key[:0]
	for i, t := range st.labels {
		from := len(k)
		if i == st.fieldAt {
			k = append(k, s.field...)
		} else {
			k = t.append(k, rec)
		}
		switch n := len(k) - from; {
		case n > MaxLabelValue:
			return labelTooLong
		case n == 0:
			k = append(k, st.static[i]...)
		}
		k = append(k, separator)
	}
	s.key = append(k, st.tag...)
	return accepted
}

// add adds v to the series with the key, and evicts others first if needed.
func (e *Engine) add(t *table, key []byte, v float64, unixNano int64) (metric.Sample, refusal) {
	now := int64(0)
	if t.family.kind == metric.Gauge {
		now = e.now()
	}
	sample, why := t.add(key, v, unixNano, now)
	if why == overLimit && e.expire() {
		return t.add(key, v, unixNano, now)
	}
	return sample, why
}

// now is the time for the expiry of gauges, in ns: that of the clock since boot, which
// nobody sets; 0 if nothing expires.
func (e *Engine) now() int64 {
	if e.cfg.SeriesTTL <= 0 || e.cfg.Clock == nil {
		return 0
	}
	return int64(e.cfg.Clock.Now().Elapsed())
}

// wall is the clock's time, or 0.
func (e *Engine) wall() int64 {
	if e.cfg.Clock == nil {
		return 0
	}
	return e.cfg.Clock.Now().Wall
}

// expire evicts the gauges that have had no sample for SeriesTTL, and the totals whose
// records are older than others by as much, and reports whether there was one. It reads
// all of them, so it runs at most ten times in that period.
func (e *Engine) expire() bool {
	now, ttl := e.now(), int64(e.cfg.SeriesTTL)
	if now == 0 || !e.budget.sweep(now, ttl/10) {
		return false
	}
	newest := int64(math.MinInt64)
	for _, t := range e.tables {
		newest = max(newest, t.newest())
	}
	dropped := false
	for _, t := range e.tables {
		dropped = t.expire(now-ttl, min(newest, e.wall())-ttl) || dropped
	}
	return dropped
}
