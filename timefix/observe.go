package timefix

// Observe passes a reading of the host's clocks, so that the Fixer notices a step even
// when no session begins with this instant: Begin observes its own instant, but that of
// a replay is in the past. Instants out of order are ignored.
func (f *Fixer) Observe(at Instant) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.watch.observe(at)
}
