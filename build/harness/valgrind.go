package harness

import "strings"

// Valgrind is a Run.Wrap that checks the heap (on the native architecture). Go's
// runtime makes it report reads and jumps that are no faults; only InvalidWrites is
// useful. It hides RDTSCP from Go, which valgrind does not support on every machine
// that has it.
func Valgrind() []string {
	return []string{"env", "GODEBUG=cpu.rdtscp=off", "valgrind", "-q", "--undef-value-errors=no"}
}

// InvalidWrites returns valgrind's reports of writes outside allocated memory.
func (r Result) InvalidWrites() []string {
	var found []string
	for _, part := range strings.Split(r.Stderr, "Invalid write")[1:] {
		found = append(found, "Invalid write"+part[:min(len(part), 600)])
	}
	return found
}
