// Package config converts the text of an [OUTPUT] section's properties to typed
// settings.
//
// Each property is one Option in one table (Options). Load reads them all and returns
// all faults at once; the README's table is generated from the same Options. A setting
// that may start to work later, such as a key file that does not exist yet, is no
// fault; one that cannot, such as a size that is no number, is.
package config
