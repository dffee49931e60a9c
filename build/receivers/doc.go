// Package receivers runs receivers that nobody here wrote, for tests: VictoriaLogs,
// VictoriaMetrics and Prometheus 3. Their programs are built by `go install`, of
// versions that are pinned here, into a folder of the user's cache, each once a
// machine. They listen on the loopback alone, keep what they take in a folder of the
// test's, and are asked for all of it again.
package receivers
