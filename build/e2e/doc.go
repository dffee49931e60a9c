// Package e2e tests the real library through the C ABI: the test host loads it
// and flushes real payloads, intakes and scrapers stand on loopback. Where a
// fluent-bit is on PATH, the same examples run under it too.
package e2e
