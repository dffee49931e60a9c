package statuspage

import (
	"slices"
	"time"

	"out_edge/exporter/telemetry"
	"out_edge/plugin/delivery"
)

// condition is how well an instance is; the higher, the worse.
type condition uint8

const (
	well condition = iota
	waiting
	doubtful
	unwell
)

// class is the condition's name in the style sheet.
func (c condition) class() string { return [...]string{"well", "waiting", "doubtful", "unwell"}[c] }

func (c condition) sign() string { return [...]string{"✓", "…", "!", "✕"}[c] }

func (c condition) word() string {
	return [...]string{"Well", "Waiting for data", "Needs a look", "Not well"}[c]
}

// How long a drop makes an instance doubtful, and how long a sink may fail before
// the instance is unwell: brief connection loss is normal here.
const (
	dropsConcern = 15 * time.Minute
	failsConcern = time.Minute
)

// finding is one reason for a condition.
type finding struct {
	condition condition
	Text      string
}

// Class is the finding's name in the style sheet.
func (f finding) Class() string { return f.condition.class() }

// Sign is shown before the text for people who cannot see the colours.
func (f finding) Sign() string { return f.condition.sign() }

// findings are the reasons why an instance is not well.
func (in *Instance) findings(now int64) (all []finding) {
	for _, reason := range in.NotReady {
		all = append(all, finding{unwell, clean(reason)})
	}
	for _, sink := range in.sinks() {
		all = append(all, sinkFindings(sink, in.sink(sink).Last, now)...)
	}
	all = append(all, in.waitingFindings(now)...)
	for _, note := range in.Notes {
		all = append(all, finding{doubtful, clean(note)})
	}
	if f := in.silence(now); f != nil {
		all = append(all, *f)
	}
	return all
}

func sinkFindings(sink string, last telemetry.SinkTimes, now int64) (all []finding) {
	if last.Failing != 0 {
		c, lasted := doubtful, time.Duration(now-last.Failing)
		if lasted >= failsConcern {
			c = unwell
		}
		all = append(all, finding{c, sinkTitle(sink) + " has failed for " + span(lasted) + ": " + faultText(last.Code)})
	}
	if last.Dropped != 0 && time.Duration(now-last.Dropped) < dropsConcern {
		all = append(all, finding{doubtful, sinkTitle(sink) + " dropped data " + ago(now, last.Dropped) + ": " + plainWords(last.Reason)})
	}
	return all
}

// waitingFindings are the chunks that wait for a reason: how many, since when, and
// what happens next.
func (in *Instance) waitingFindings(now int64) (all []finding) {
	for _, b := range append(slices.Clone(in.Backlog), in.Returned) {
		if !b.Stalled || b.Chunks == 0 {
			continue
		}
		text := chunksText(b.Chunks) + " waiting"
		if b.Sink != "" {
			text = sinkTitle(b.Sink) + ": " + text
		}
		if b.Since != 0 {
			text += ", the oldest for " + span(time.Duration(now-b.Since))
		}
		if b.Next != "" {
			text += "; " + clean(b.Next)
		}
		all = append(all, finding{doubtful, text})
	}
	return all
}

// silence is the finding that nothing arrives.
func (in *Instance) silence(now int64) *finding {
	last, ttl := in.Telemetry.Arrived, in.SeriesTTL
	switch {
	case last != 0 && ttl > 0 && time.Duration(now-last) > ttl:
		return &finding{doubtful, "no sample for " + span(time.Duration(now-last)) + ": what Fluent Bit measures has stopped"}
	case in.newest() == 0:
		return &finding{waiting, "nothing has come from Fluent Bit in " + span(time.Duration(now-in.Opened))}
	}
	return nil
}

// newest is when a sample last arrived, or a sink last succeeded.
func (in *Instance) newest() int64 {
	last := in.Telemetry.Arrived
	for _, s := range in.Telemetry.Sinks {
		last = max(last, s.Last.Delivered)
	}
	return last
}

// sinks are those of the instance, in the order in which they are shown.
func (in *Instance) sinks() []string {
	return append(append([]string{}, in.Sinks...), delivery.SinkPrometheus, delivery.SinkDecode)
}

// sink is what happened at a sink.
func (in *Instance) sink(name string) *telemetry.SinkState {
	if s := in.Telemetry.Sinks[name]; s != nil {
		return s
	}
	return new(telemetry.SinkState)
}

// worst is the condition of the worst finding.
func worst(all []finding) condition {
	c := well
	for _, f := range all {
		c = max(c, f.condition)
	}
	return c
}
