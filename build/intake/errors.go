package intake

import "fmt"

// Refusal is an error of a Check that names the status to answer; any other
// error is answered with 400.
type Refusal struct {
	Status int
	Reason string
}

func (r *Refusal) Error() string { return fmt.Sprintf("%d: %s", r.Status, r.Reason) }

// Discard is an error of a Check that is none to the sender: the body is
// accepted with 202, but the entries at Index are silently thrown away, as the
// real intake does with what is too old.
type Discard struct {
	Index  []int
	Reason string
}

func (d *Discard) Error() string {
	return fmt.Sprintf("discard %d entries: %s", len(d.Index), d.Reason)
}
