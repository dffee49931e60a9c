package config

// History keeps the settings of a process' outputs from one hot reload to the next, so
// that a fault in the new ones does not end the agent: Fluent Bit has stopped the old
// pipeline by then, and ends when an output does not start. The zero History is of a
// process that has just begun.
type History struct {
	before, now []*Settings // by the order in which outputs start
}

// Begin says that the first output of a start, or of a reload, is about to start.
func (h *History) Begin() { h.before, h.now = h.now, nil }

// Take notes what Load made of the next output, and returns the settings to start it
// with: those, or where they have faults the ones that the output in its place had
// before the reload; nil where there was none.
func (h *History) Take(s *Settings, faults []error) (_ *Settings, kept bool) {
	if len(faults) == 0 {
		h.now = append(h.now, s)
		return s, false
	}
	place := len(h.now)
	if place >= len(h.before) {
		return nil, false
	}
	old := *h.before[place]
	old.Pipeline.Kept = true
	h.now = append(h.now, &old)
	return &old, true
}
