package config

// History keeps the settings of a process' outputs from one hot reload to the next, so
// that a fault in the new ones does not end the agent: by then Fluent Bit has stopped
// the old pipeline, and it exits when an output does not start. The zero History is for
// a process that has just started.
type History struct {
	before, now []*Settings // in the order in which outputs start
}

// Begin is called before the first output of a start or reload.
func (h *History) Begin() { h.before, h.now = h.now, nil }

// Take records the result of Load for the next output, and returns the settings to
// start it with: the loaded ones, or if they have faults those that the output at the
// same position had before the reload; nil if there was none.
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
	old.Pipeline.FromBeforeReload = true
	h.now = append(h.now, &old)
	return &old, true
}
