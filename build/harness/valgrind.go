package harness

import "strings"

// Valgrind is a Run.Wrap that checks the heap (on the native architecture). Go's
// runtime makes it report reads and jumps that are no faults; only InvalidWrites
// tells something. Go is kept from RDTSCP, which valgrind does not know on every
// machine that has it.
func Valgrind() []string {
	return []string{"env", "GODEBUG=cpu.rdtscp=off", "valgrind", "-q", "--undef-value-errors=no"}
}

// InvalidWrites are valgrind's reports of writes outside of what is allocated.
func (r Result) InvalidWrites() []string {
	var found []string
	for _, part := range strings.Split(r.Stderr, "Invalid write")[1:] {
		found = append(found, "Invalid write"+part[:min(len(part), 600)])
	}
	return found
}
