// Package rules makes metrics of log records, relabels series and routes records
// according to the user's YAML file, whose sections are metrics, metric_relabel_configs
// and routes. docs/rules.md is the reference.
//
// Parse reads all of the file and reports all faults at once. It returns a File, which
// is immutable. An Engine is one plugin instance's state: the series that its rules
// have made.
//
// For each tag, the matching rules are found once and cached, with the parts of the tag
// already filled in. A record then costs its conditions, its value and its labels: the
// texts of the labels, one after the other, are the series' key in its metric's table.
// Known series cost no allocation, except for a histogram's snapshot.
//
// Everything that grows with the records is limited: the series by the limit, caches by
// tag or series by package memo.
package rules
