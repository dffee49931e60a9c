// Package footprint keeps the library's memory and CPU use low on a device where an
// agent has little to do. It imports no other package of this module.
package footprint
