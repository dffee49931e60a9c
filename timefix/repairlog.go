package timefix

import "sync"

// RepairsKept is how many repairs Fixer.Repairs remembers.
const RepairsKept = 100

// Repair describes one repair.
type Repair struct {
	Tag string
	Raw Raw
	// Before is the time as given, read as seconds, and After the repaired one, both in
	// nanoseconds since 1970. Before is 0 when the raw time is no number or lies outside
	// the years that 64 bits of nanoseconds hold.
	Before, After int64
	Verdict       Verdict
	Why           string  // a sentence for people
	At            Instant // the arrival
}

// ring keeps the last repairs. The zero value is ready to use.
type ring struct {
	list [RepairsKept]Repair
	n    uint // how many were ever added
}

func (r *ring) put() *Repair {
	slot := &r.list[r.n%RepairsKept]
	r.n++
	return slot
}

// len is the number of repairs kept.
func (r *ring) len() uint { return min(r.n, RepairsKept) }

// at returns the i-th oldest repair kept.
func (r *ring) at(i uint) *Repair { return &r.list[(r.n-r.len()+i)%RepairsKept] }

// notes holds a session's repairs, so that it needs no lock. Session.End copies them
// into the Fixer's log.
type notes struct {
	ring
	firsts [NumVerdicts]Repair
	known  uint16 // the verdicts that are present in firsts
}

func (n *notes) reset() {
	n.n, n.known = 0, 0
}

// repairLog is the Fixer's list of the last repairs.
type repairLog struct {
	mu sync.Mutex
	ring
}

func (b *repairLog) add(n *notes) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range n.len() {
		*b.put() = *n.at(i)
	}
}

// snapshot returns the repairs kept, newest first.
func (b *repairLog) snapshot() []Repair {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := make([]Repair, b.len())
	for i := range list {
		list[i] = *b.at(b.len() - 1 - uint(i))
	}
	return list
}
