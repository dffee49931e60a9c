// Package captured plays the captured payloads through a library and gives what the
// library sent and showed, without what differs between two runs: so it can be
// compared between architectures, and with golden files.
package captured
