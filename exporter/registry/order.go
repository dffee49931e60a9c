package registry

import (
	"slices"

	"out_edge/exporter/textformat"
)

// order is the order of a family's series on the page. What has changed since the last
// scrape is sorted by the next one, so that a series that comes or goes costs nothing
// more; what has not changed is not sorted again. The page's lock guards it.
type order struct {
	// sorted is never written to, so a scrape reads it without a lock.
	sorted []*series
	added  []*series // not in sorted yet
	gone   int       // of both, those that are not shown any more
}

func (o *order) add(s *series) { o.added = append(o.added, s) }

// left notes that a series is not shown any more. They are removed once they are the
// most, as nobody may ever scrape the page.
func (o *order) left() {
	if o.gone++; o.gone > (len(o.sorted)+len(o.added))/2 {
		o.sorted, o.added = withoutGone(o.sorted), withoutGone(o.added)
		o.gone = 0
	}
}

func withoutGone(all []*series) []*series {
	var kept []*series
	for _, s := range all {
		if s.shown {
			kept = append(kept, s)
		}
	}
	return kept
}

// inOrder returns the series that are shown, in order. The caller must not write to it.
func (o *order) inOrder() []*series {
	if len(o.added) == 0 && o.gone == 0 {
		return o.sorted
	}
	added := withoutGone(o.added)
	slices.SortFunc(added, compare)
	merged := make([]*series, 0, len(o.sorted)+len(o.added)-o.gone)
	for _, s := range o.sorted {
		for len(added) > 0 && s.shown && compare(added[0], s) < 0 {
			merged, added = append(merged, added[0]), added[1:]
		}
		if s.shown {
			merged = append(merged, s)
		}
	}
	*o = order{sorted: append(merged, added...)}
	return o.sorted
}

func compare(a, b *series) int { return textformat.Compare(a.id.Labels, b.id.Labels) }
