// Package hostmetrics makes samples of the records of Fluent Bit's host inputs (cpu,
// mem, thermal, disk, netif, proc), which are recognised by their keys.
//
// Its table has one row for each metric: name, kind, unit, and which keys of which
// input have its values. An Engine is one instance's cache: the series of each key's
// value, and the time of each counter's last record. It keeps no totals; its counters'
// samples have what was added.
package hostmetrics
