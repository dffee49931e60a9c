// Package registry keeps the series of plugin instances: what /metrics shows of them,
// whose samples they take, and how long they live.
//
// A Page is what one address shows: at most one series for each name and label set,
// of one kind and help for each name. A Registry is one instance's series. A series
// is shown by the Registry that showed it first; another one that has the same series
// keeps its own value for the other sinks, stands back on the page, and takes the
// place over when the first lets go.
//
// A series has one source at a time: a tag, and the series as it was before labels
// were added and relabelling was done. What comes from a second source is refused
// until the first has been silent for long, so that a value never jumps between two.
//
// Totals are kept here: of what the host inputs say was added, of what rules and
// metrics events say stands.
package registry
