// Package harness drives the library from Go tests, the demo and the
// benchmarks: a Kit builds the test host (build/host, C) and the library once
// per architecture, a Run says what the host does, and a Result is what it
// measured. The host runs as a child process in a process group of its own
// that never outlives its context. A real fluent-bit stands beside it: Agent
// runs what of a Run a real agent can do.
package harness
