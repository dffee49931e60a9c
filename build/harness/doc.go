// Package harness runs the library from Go tests, the demo and the benchmarks: a Kit
// builds the test host (build/host, C) and the library once per architecture, a Run
// configures the host, and a Result has its measurements. The host is a child process
// in a process group of its own that never outlives its context. Agent runs the
// supported parts of a Run in a real fluent-bit instead.
package harness
