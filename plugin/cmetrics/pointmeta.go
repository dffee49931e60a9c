package cmetrics

import (
	"strconv"

	"out_edge/plugin/wire"
)

// OTLP's input notes what cmetrics has no place for in meta.external: {otlp: {metrics:
// {KIND: {NAME: {datapoints: {HASH:TIME: {flags, has_sum, exemplars, ...}}}}}}}, names
// and points in the order in which the metrics have them, but for a point without
// attributes, which comes first there. So it is read in step with the metrics; what
// does not fit is looked for ahead, which a limit keeps from costing much.

// cursor goes through a map in step with something else.
type cursor struct {
	it       wire.MapIter
	key      []byte
	value    wire.Value
	ok       bool
	searches int // that may still be made
}

// maxSearches is how often a cursor looks ahead.
const maxSearches = 16

func newCursor(v wire.Value) cursor {
	c := cursor{it: v.Map(), searches: maxSearches}
	c.step()
	return c
}

func (c *cursor) step() {
	var key wire.Value
	key, c.value, c.ok = c.it.Next()
	c.key = textOf(key)
}

// find returns the value of a key, and goes behind it unless stay is set and it lies
// ahead; nil where there is none.
func (c *cursor) find(key []byte, stay bool) wire.Value {
	if c.ok && string(c.key) == string(key) {
		v := c.value
		c.step()
		return v
	}
	if !c.ok || c.searches == 0 {
		return nil
	}
	c.searches--
	ahead := *c
	for ahead.step(); ahead.ok; ahead.step() {
		if string(ahead.key) != string(key) {
			continue
		}
		v := ahead.value
		if !stay {
			ahead.searches++
			ahead.step()
			*c = ahead
		}
		return v
	}
	return nil
}

// pointMetadata finds what is noted of the points of one metric after the other.
type pointMetadata struct {
	kinds  [numTypes]cursor
	points cursor
	key    []byte
}

// numTypes is how many types cmetrics has.
const numTypes = cmtExpHistogram + 1

// reset begins an event. external is its meta.external.
func (m *pointMetadata) reset(external wire.Value) {
	names := [numTypes]string{"counter", "gauge", "histogram", "summary", "untyped", "exp_histogram"}
	metrics := external.Get("otlp").Get("metrics")
	for kind, name := range names {
		m.kinds[kind] = newCursor(metrics.Get(name))
	}
	m.points = cursor{}
}

// release lets go of the payload.
func (m *pointMetadata) release() { *m = pointMetadata{key: m.key[:0]} }

// begin goes to a metric of a type.
func (m *pointMetadata) begin(kind uint64, name []byte) {
	m.points = newCursor(m.kinds[kind].find(name, false).Get("datapoints"))
}

// of is what is noted of a point, nil for nothing.
func (m *pointMetadata) of(hash uint64, unixNano int64) wire.Value {
	if !m.points.ok {
		return nil
	}
	m.key = strconv.AppendUint(m.key[:0], hash, 16)
	m.key = append(m.key, ':')
	m.key = strconv.AppendUint(m.key, uint64(unixNano), 10)
	return m.points.find(m.key, hash == 0)
}
