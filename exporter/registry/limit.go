package registry

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"out_edge/plugin/metric"
	"out_edge/timefix"
)

// makesRoom reports whether another series fits, and evicts some if needed. A closed
// instance has no room.
func (r *Registry) makesRoom(id *metric.Series, now timefix.Instant) bool {
	switch {
	case r.closed:
		return false
	case !r.full(size(id)):
		return true
	}
	r.logLimit()
	return r.evictSilent(now) && !r.full(size(id))
}

func (r *Registry) full(n int) bool {
	limit := r.cfg.Limit
	return limit > 0 && (len(r.all) >= limit || int64(r.bytes+n) > int64(limit)*1024)
}

// How long a total must have been silent to be evicted if there is no ttl; and which
// part of the limit is freed at once, because eviction reads all series.
const (
	silentTotal = int64(10 * time.Minute)
	freedPart   = 32
)

// evictSilent evicts the totals that have been silent longest, and reports whether there
// was one.
func (r *Registry) evictSilent(now timefix.Instant) bool {
	silent := int64(r.cfg.TTL)
	if silent == 0 {
		silent = silentTotal
	}
	at := arrival(now)
	if r.searched != 0 && at-r.searched < silent/10 {
		return false
	}
	var old []*series
	for _, s := range r.all {
		if s.id.Kind.IsTotal() && at-s.seen > silent {
			old = append(old, s)
		}
	}
	if len(old) == 0 {
		r.searched = at
		return false
	}
	slices.SortFunc(old, func(a, b *series) int { return int(min(max(a.seen-b.seen, -1), 1)) })
	for _, s := range old[:min(len(old), max(1, r.cfg.Limit/freedPart))] {
		r.end(s)
	}
	return true
}

// logLimit logs once that the limit is reached, with the largest families.
func (r *Registry) logLimit() {
	if r.limited {
		return
	}
	r.limited = true
	counts := make(map[string]int)
	for id := range r.all {
		counts[id.Name]++
	}
	names := make([]string, 0, len(counts))
	for name := range counts {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		if counts[a] != counts[b] {
			return counts[b] - counts[a]
		}
		return strings.Compare(a, b)
	})
	r.cfg.Log.Warn("`series_limit` is reached: totals that have been silent longest make room, and other new series are refused and counted as series_limit; this is said once",
		"series_limit", r.cfg.Limit, "series", len(r.all), "largest", largest(names, counts))
}

// largest lists the first names with their counts.
func largest(names []string, counts map[string]int) string {
	parts := make([]string, 0, 5)
	for _, name := range names[:min(len(names), cap(parts))] {
		parts = append(parts, fmt.Sprintf("%s (%d)", name, counts[name]))
	}
	return strings.Join(parts, ", ")
}
