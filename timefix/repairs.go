package timefix

import "sync"

// RepairsKept is how many repairs Fixer.Repairs remembers.
const RepairsKept = 100

// Repair tells of one repair.
type Repair struct {
	Tag string
	Raw Raw
	// Before is the time as it stood, read as seconds, and After what it
	// became, both in nanoseconds since 1970. Before is 0 when the raw time is
	// no number or lies outside the years that 64 bits of nanoseconds hold.
	Before, After int64
	Verdict       Verdict
	Why           string  // a sentence for people
	At            Instant // the arrival
}

// ring keeps the last repairs. The zero value is ready.
type ring struct {
	list [RepairsKept]Repair
	n    uint // how many were ever put in
}

func (r *ring) put() *Repair {
	slot := &r.list[r.n%RepairsKept]
	r.n++
	return slot
}

// len is how many are kept.
func (r *ring) len() uint { return min(r.n, RepairsKept) }

// at gives the i-th oldest of those kept.
func (r *ring) at(i uint) *Repair { return &r.list[(r.n-r.len()+i)%RepairsKept] }

// notes is what a session writes down without taking a lock: it goes into the
// Fixer's ring at the session's end.
type notes struct {
	ring
	firsts [NumVerdicts]Repair
	known  uint16 // the verdicts that have a place in firsts
}

func (n *notes) reset() {
	n.n, n.known = 0, 0
}

// board is the Fixer's list of the last repairs.
type board struct {
	mu sync.Mutex
	ring
}

func (b *board) add(n *notes) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range n.len() {
		*b.put() = *n.at(i)
	}
}

// snapshot lists what is kept, newest first.
func (b *board) snapshot() []Repair {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := make([]Repair, b.len())
	for i := range list {
		list[i] = *b.at(b.len() - 1 - uint(i))
	}
	return list
}
