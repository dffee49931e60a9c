// Package hostmetrics makes samples of the records of Fluent Bit's host inputs (cpu,
// mem, thermal, disk, netif, proc), which are recognised by their keys.
//
// Its table has one row for each metric: name, kind, unit, and from which keys of
// which input its values come. An Engine is one instance's running state, a cache:
// which series a key's value belongs to, and when a counter's record last came. It
// keeps no totals; its counters' samples say what was added.
package hostmetrics
