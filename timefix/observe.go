package timefix

// Observe tells the Fixer what the host's clocks show, so that it learns of a
// step even where no session begins with this instant: Begin observes its own
// instant, but that of a replay lies in the past. Instants out of order say
// nothing new.
func (f *Fixer) Observe(at Instant) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.watch.observe(at)
}
