package metric

// Exemplars are examples of what was counted, sorted by time.
type Exemplars []Exemplar

// Exemplar is one observation, with labels that identify its trace. It is immutable.
type Exemplar struct {
	// Labels are sorted by name; their names and values are at most 128 characters,
	// which is OpenMetrics' limit.
	Labels   []Label
	Value    float64
	UnixNano int64 // ns since 1970; 0 if not known
}

// In returns the newest exemplar with a value above low and at most high, or nil.
func (e *Exemplars) In(low, high float64) *Exemplar {
	if e == nil {
		return nil
	}
	for i := len(*e) - 1; i >= 0; i-- {
		if x := &(*e)[i]; x.Value > low && x.Value <= high {
			return x
		}
	}
	return nil
}
