// Package footprint keeps what the library takes of a device's memory small,
// where an agent has little to do. It is a leaf: it knows none of the others.
package footprint
