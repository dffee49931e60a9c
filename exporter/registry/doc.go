// Package registry holds the series of plugin instances: what /metrics shows of them,
// which source owns each, and when they expire.
//
// A Page is what one address shows: at most one series for each name and label set,
// with one kind and help for each name. A Registry is one instance's series. The
// Registry that showed a series first shows it; another one with the same series keeps
// its own value for the other sinks, and shows the series once the first has removed
// it.
//
// A series has one source at a time: a tag, and the series as it was before labels were
// added and relabelling was done. Samples of a second source are refused until the
// first has been silent for long, so that a value never alternates between two.
//
// Totals are kept here: the sums of what host inputs report as added, and the totals of
// rules and metrics events.
package registry
