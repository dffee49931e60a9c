// Package metric is what a series, a sample and a histogram are, to every part that
// makes, shows or sends them.
package metric
