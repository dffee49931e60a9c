package cmetrics

import (
	"strconv"

	"out_edge/plugin/wire"
)

// OTLP's input stores what cmetrics has no field for in meta.external: {otlp: {metrics:
// {KIND: {NAME: {datapoints: {HASH:TIME: {flags, has_sum, exemplars, ...}}}}}}}. Names
// and points are in the order of the metrics, except that a point without attributes
// comes first. So it is read in parallel with the metrics; what is not at the expected
// place is searched ahead, for a limited number of times.

// cursor iterates over a map in parallel with something else.
type cursor struct {
	it       wire.MapIter
	key      []byte
	value    wire.Value
	ok       bool
	searches int // searches left
}

// maxSearches is how often a cursor may search ahead.
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

// find returns the value of a key, and moves behind it unless stay is set and the key
// is ahead; nil if there is none.
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

// pointMetadata finds the metadata of the points of one metric after the other.
type pointMetadata struct {
	kinds  [numTypes]cursor
	points cursor
	key    []byte
}

// numTypes is the number of cmetrics' types.
const numTypes = cmtExpHistogram + 1

// reset starts an event. external is its meta.external.
func (m *pointMetadata) reset(external wire.Value) {
	names := [numTypes]string{"counter", "gauge", "histogram", "summary", "untyped", "exp_histogram"}
	metrics := external.Get("otlp").Get("metrics")
	for kind, name := range names {
		m.kinds[kind] = newCursor(metrics.Get(name))
	}
	m.points = cursor{}
}

// release releases the payload.
func (m *pointMetadata) release() { *m = pointMetadata{key: m.key[:0]} }

// begin moves to a metric of a type.
func (m *pointMetadata) begin(kind uint64, name []byte) {
	m.points = newCursor(m.kinds[kind].find(name, false).Get("datapoints"))
}

// of returns the metadata of a point, nil if there is none.
func (m *pointMetadata) of(hash uint64, unixNano int64) wire.Value {
	if !m.points.ok {
		return nil
	}
	m.key = strconv.AppendUint(m.key[:0], hash, 16)
	m.key = append(m.key, ':')
	m.key = strconv.AppendUint(m.key, uint64(unixNano), 10)
	return m.points.find(m.key, hash == 0)
}
