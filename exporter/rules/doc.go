// Package rules makes metrics of log records, rewrites series and routes
// records, as the user's YAML file says: its sections are metrics,
// metric_relabel_configs and routes. docs/rules.md is the reference.
//
// Parse reads all of the file and reports all that is wrong with it at once.
// What it gives is a File, which never changes. An Engine is one plugin
// instance's running state: the series that its rules have made.
//
// Per tag, the rules that match are found once and remembered, with what they
// take from the tag already filled in. A record then costs its conditions, its
// value and its labels: the labels' texts, one after the other, are the key of
// the series in its metric's table. Nothing is allocated for a series that is
// known, a histogram's snapshot apart.
//
// Everything that records can make grow is bounded: the series by the limit,
// what is remembered by tag or by series by package memo.
package rules
