package cmetrics

import (
	"cmp"
	"encoding/hex"
	"slices"
	"strings"
	"unicode/utf8"

	"out_edge/plugin/metric"
	"out_edge/plugin/wire"
)

const (
	// maxExemplars is how many exemplars of a point are kept, the newest; the SDKs send
	// up to one for each bucket.
	maxExemplars = 16
	// maxExemplarRunes is OpenMetrics' limit for the labels of one.
	maxExemplarRunes = 128
)

// exemplars reads [{time_unix_nano, trace_id: bytes, span_id: bytes, as_int or
// as_double, filtered_attributes: {...}}, ...]; nil without.
func (r *eventReader) exemplars(v wire.Value) *metric.Exemplars {
	n := v.Len()
	if n == 0 {
		return nil
	}
	var all metric.Exemplars
	it := v.Array()
	for e, ok := it.Next(); ok; e, ok = it.Next() {
		if x, isSound := r.exemplar(e); isSound {
			all = append(all, x)
		}
	}
	if len(all) == 0 {
		return nil
	}
	slices.SortStableFunc(all, func(a, b metric.Exemplar) int { return cmp.Compare(a.UnixNano, b.UnixNano) })
	all = slices.Clip(all[max(0, len(all)-maxExemplars):])
	return &all
}

func (r *eventReader) exemplar(v wire.Value) (x metric.Exemplar, ok bool) {
	if x.Value, ok = v.Get("as_double").Float64(); !ok {
		if x.Value, ok = v.Get("as_int").Float64(); !ok {
			return x, false
		}
	}
	if at, isTime := v.Get("time_unix_nano").Int64(); isTime && at > 0 {
		x.UnixNano = at
	}
	runes := 0
	add := func(name, value string) {
		if value == "" || slices.ContainsFunc(x.Labels, func(l metric.Label) bool { return l.Name == name }) {
			return
		}
		if n := utf8.RuneCountInString(name) + utf8.RuneCountInString(value); runes+n <= maxExemplarRunes {
			runes += n
			x.Labels = append(x.Labels, metric.Label{Name: name, Value: value})
		}
	}
	add("trace_id", hex.EncodeToString(textOf(v.Get("trace_id"))))
	add("span_id", hex.EncodeToString(textOf(v.Get("span_id"))))
	for attributes := v.Get("filtered_attributes").Map(); ; {
		key, value, more := attributes.Next()
		if !more {
			break
		}
		if name := textOf(key); len(name) > 0 && len(name) <= maxExemplarRunes {
			add(r.in.labelName(name), textOfAttribute(value))
		}
	}
	slices.SortFunc(x.Labels, func(a, b metric.Label) int { return strings.Compare(a.Name, b.Name) })
	return x, true
}
