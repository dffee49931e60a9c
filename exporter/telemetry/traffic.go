package telemetry

import (
	"cmp"
	"math/bits"
	"slices"
	"strings"
	"sync"
	"time"

	"out_edge/exporter/history"
)

// Limits of what is known by tag. 256 tags take about 60 KiB, beside their names.
const (
	maxTags    = 256
	maxTagName = 128 // bytes; longer ones are cut
	maxParts   = 4   // the sinks that send, and the page
)

// tagSilence is how long a tag must be silent to make room for another.
const tagSilence = 10 * time.Minute

// Intake is one chunk as it comes from Fluent Bit.
type Intake struct {
	Tag string
	// Count is the number of records, or of samples if Samples is set; Bytes is the size
	// of the payload.
	Count, Bytes int
	Samples      bool
	// Parts are how many records or samples each sink gets of it: those that send in
	// their order, and then the page. The slice is not kept.
	Parts []int
	At    int64 // ns of timefix.Instant.Elapsed
}

// TagState is what came with one tag.
type TagState struct {
	Tag string // "" are the tags for which there is no room
	// Count and Bytes are since the start, CountRate and ByteRate of the last minute.
	Count, Bytes        int64
	CountRate, ByteRate float64
	// Parts are what each sink gets in a second, as Intake's.
	Parts [maxParts]float64
	// Ever are the sinks that ever got something.
	Ever    [maxParts]bool
	Samples bool
	Last    int64
}

// traffic is what comes and goes. It is safe for concurrent use.
type traffic struct {
	mu     sync.Mutex
	tags   map[string]*tagTraffic
	others *tagTraffic // those for which there is no room
	total  int64
	course history.History
	sinks  map[string]*sinkTraffic
	began  int64 // ns of timefix.Instant.Elapsed
}

type tagTraffic struct {
	count, bytes int64
	counts, wire history.Window
	parts        [maxParts]history.Window
	ever         [maxParts]bool
	samples      bool
	last         int64
}

// Took counts a chunk by its tag.
func (t *Telemetry) Took(in Intake) {
	f := &t.traffic
	f.mu.Lock()
	defer f.mu.Unlock()
	f.total += int64(in.Count)
	f.course.Add(in.At, float64(f.total))
	f.tag(in.Tag, in.At).add(&in)
}

// tag returns the counts of a tag; the caller holds mu.
func (f *traffic) tag(name string, now int64) *tagTraffic {
	name = name[:min(len(name), maxTagName)]
	if one := f.tags[name]; one != nil {
		return one
	}
	if len(f.tags) >= maxTags && !f.makeRoom(now) {
		if f.others == nil {
			f.others = new(tagTraffic)
		}
		return f.others
	}
	if f.tags == nil {
		f.tags = make(map[string]*tagTraffic)
	}
	one := new(tagTraffic)
	f.tags[strings.Clone(name)] = one
	return one
}

// makeRoom removes the tag that has been silent for longest, if that was long.
func (f *traffic) makeRoom(now int64) bool {
	oldest, last := "", now-int64(tagSilence)
	for name, one := range f.tags {
		if one.last < last {
			oldest, last = name, one.last
		}
	}
	if last == now-int64(tagSilence) {
		return false
	}
	delete(f.tags, oldest)
	return true
}

func (one *tagTraffic) add(in *Intake) {
	one.count += int64(in.Count)
	one.bytes += int64(in.Bytes)
	one.counts.Add(in.At, in.Count)
	one.wire.Add(in.At, in.Bytes)
	one.samples, one.last = in.Samples, in.At
	for i, n := range in.Parts[:min(len(in.Parts), maxParts)] {
		if n > 0 {
			one.parts[i].Add(in.At, n)
			one.ever[i] = true
		}
	}
}

// SinkTraffic is what a sink has delivered: in a second of the last minute, and its
// course as a total.
type SinkTraffic struct {
	Rate, ByteRate float64 // records or samples, and bytes of request bodies
	Course         []history.Point
}

type sinkTraffic struct {
	total           int64
	delivered, wire history.Window
	course          history.History
}

// Traffic is what the status page shows of what comes and goes.
type Traffic struct {
	// Tags are those with data in the last minute first, and of these those with the most
	// records; with about as many, by name, so that the order stays.
	Tags []TagState
	// Course is the total of all records and samples that came; the points are those of
	// about the time that was asked for.
	Course []history.Point
	Sinks  map[string]SinkTraffic
}

// Traffic returns what comes and goes now, with courses of about the last span.
func (t *Telemetry) Traffic(span time.Duration) Traffic {
	now := int64(t.clock.Now().Elapsed())
	f := &t.traffic
	f.mu.Lock()
	defer f.mu.Unlock()
	all := Traffic{Course: f.course.Points(span), Sinks: make(map[string]SinkTraffic)}
	for name, one := range f.tags {
		all.Tags = append(all.Tags, one.state(name, now, f.began))
	}
	slices.SortFunc(all.Tags, func(a, b TagState) int {
		return cmp.Or(-compareTrue(a.CountRate > 0, b.CountRate > 0), cmp.Compare(bits.Len64(uint64(b.Count)), bits.Len64(uint64(a.Count))), cmp.Compare(a.Tag, b.Tag))
	})
	if f.others != nil {
		all.Tags = append(all.Tags, f.others.state("", now, f.began))
	}
	for name, s := range f.sinks {
		all.Sinks[name] = SinkTraffic{Rate: s.delivered.Rate(now, f.began), ByteRate: s.wire.Rate(now, f.began), Course: s.course.Points(span)}
	}
	return all
}

// compareTrue is positive where a alone is true.
func compareTrue(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

func (one *tagTraffic) state(name string, now, since int64) TagState {
	s := TagState{Tag: name, Count: one.count, Bytes: one.bytes, CountRate: one.counts.Rate(now, since), ByteRate: one.wire.Rate(now, since),
		Ever: one.ever, Samples: one.samples, Last: one.last}
	for i := range one.parts {
		s.Parts[i] = one.parts[i].Rate(now, since)
	}
	return s
}

// delivered counts what a sink has delivered.
func (f *traffic) delivered(sink string, at int64, n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.sink(sink)
	s.total += int64(n)
	s.delivered.Add(at, n)
	s.course.Add(at, float64(s.total))
}

// sent counts the bytes of a request's body.
func (f *traffic) sent(sink string, at int64, n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sink(sink).wire.Add(at, n)
}

// sink returns the counts of a sink; the caller holds mu.
func (f *traffic) sink(name string) *sinkTraffic {
	if f.sinks == nil {
		f.sinks = make(map[string]*sinkTraffic)
	}
	if f.sinks[name] == nil {
		f.sinks[name] = new(sinkTraffic)
	}
	return f.sinks[name]
}
