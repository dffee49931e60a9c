// Package metric is what a series, a sample and a histogram are, to every part that
// makes, shows or sends them.
//
// A series has one identity, which an Interner makes in one place (names
// sanitised, labels sorted, units found) and hands out as one pointer: every later
// map is keyed by that pointer.
package metric
