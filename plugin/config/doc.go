// Package config turns the text of an [OUTPUT] section's properties into typed
// settings.
//
// Each property is one Option in one table (Options). Load reads them all and
// gives all faults at once, not only the first; the README's table is written
// from the same Options. A setting that may heal by itself, such as a key file
// that is not there yet, is no fault; one that cannot, such as a size that is
// no number, is.
package config
