package rules

import (
	"bytes"
	"unicode/utf8"

	"out_edge/plugin/chunk"
	"out_edge/plugin/metric"
	"out_edge/plugin/wire"
)

// everyField is the value_field for all numeric fields of a record. Each makes a series
// of its own, which fieldLabel distinguishes.
const (
	everyField = "*"
	fieldLabel = "field"
)

// maxDepth is how deep maps may be nested whose fields are used.
const maxDepth = 8

// eachNumber calls do with each number in a map and the path to it, with dots; path is
// that of the map. do must not keep its path. Texts with a number and bools are not
// included.
func eachNumber(path []byte, v wire.Value, depth int, do func(path []byte, v float64)) {
	it := v.Map()
	for {
		key, val, ok := it.Next()
		if !ok {
			return
		}
		name, isText := key.Bytes()
		if !isText || len(name) == 0 {
			continue
		}
		at := path
		if len(at) > 0 {
			at = append(at, '.')
		}
		at = append(at, name...)
		switch val.Kind() {
		case wire.Integer, wire.Unsigned, wire.Double:
			if n, ok := val.Float64(); ok {
				do(at, n)
			}
		case wire.Map:
			if depth < maxDepth {
				eachNumber(at, val, depth+1, do)
			}
		}
	}
}

// NumericFields returns the first fields of a record, at most n, that a value_field of
// "*" uses.
func NumericFields(rec *chunk.Record, n int) (fields []string) {
	eachNumber(nil, rec.Body, 0, func(path []byte, _ float64) {
		if len(fields) < n {
			fields = append(fields, string(path))
		}
	})
	return fields
}

// runAll makes the samples of a rule for every numeric field of rec.
func (e *Engine) runAll(dst []metric.Sample, st *step, s *scratch, rec *chunk.Record, unixNano int64) []metric.Sample {
	eachNumber(s.path[:0], rec.Body, 0, func(path []byte, v float64) {
		if s.field = path; !utf8.Valid(path) {
			s.field = bytes.ToValidUTF8(path, []byte("\uFFFD"))
		}
		v, why := st.rule.scaled(v)
		dst = e.sample(dst, st, s, rec, v, why, unixNano)
	})
	s.field = nil
	return dst
}

// Takes reports whether a rule applies to a record, even if it makes no sample of it.
func (e *Engine) Takes(tag string, rec *chunk.Record) bool {
	if e == nil {
		return false
	}
	for _, st := range e.steps(tag) {
		if st.rule.when.holds(rec) {
			return true
		}
	}
	return false
}
