package textformat

import (
	"slices"
	"strings"

	"out_edge/plugin/metric"
)

// Family is a family whose lines have been made.
type Family struct {
	Head
	Series []Series // in the order of Compare
}

// Series is one series of a Family.
type Series struct {
	Labels []metric.Label // sorted by name
	Text   []byte         // all of its lines
}

// Merge sorts families by name, and makes those of one name one, with the first one's
// help and kind. The result uses the memory of all, but writes to none of their series.
func Merge(all []Family) []Family {
	slices.SortStableFunc(all, func(a, b Family) int { return strings.Compare(a.Name, b.Name) })
	merged := all[:0]
	for _, f := range all {
		if n := len(merged) - 1; n >= 0 && merged[n].Name == f.Name {
			both := slices.Concat(merged[n].Series, f.Series)
			slices.SortStableFunc(both, func(a, b Series) int { return Compare(a.Labels, b.Labels) })
			merged[n].Series = both
			continue
		}
		merged = append(merged, f)
	}
	return merged
}
