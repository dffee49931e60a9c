// Package metric defines series, samples and histograms for all parts that make, show
// or send them.
//
// A series has one identity, which an Interner makes (names sanitised, labels sorted,
// units found) and returns as one pointer: every later map is keyed by that pointer.
package metric
