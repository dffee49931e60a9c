package remotewrite

import (
	"bytes"

	"out_edge/plugin/delivery"
)

// fate is what became of a sample. Of the fates of its points the highest
// counts.
type fate uint8

const (
	pending    fate = iota
	sameTime        // another point of the series has its millisecond
	delivered       //
	resent          // refused as out of order after a try whose end nobody knows: it arrived then
	notWritten      // version 2: the receiver says that it wrote fewer than it accepted
	outOfOrder      //
	duplicate       // another value stands at that time
	tooOld          //
	tooNew          //
	tooLarge        //
	rejected        //
	malformed       // a histogram or summary that makes no sense
	noName          //
	relabelled      // dropped by the user's relabelling
	superseded      // of a Reporter: a later report says more
	numFates
)

// String is the `reason` label of a fate that is a drop or an adjustment.
func (f fate) String() string {
	switch f {
	case sameTime:
		return "same_time"
	case resent:
		return "resent"
	case notWritten:
		return "not_written"
	case outOfOrder:
		return "out_of_order"
	case duplicate:
		return "duplicate"
	case tooOld:
		return "too_old"
	case tooNew:
		return "too_new"
	case tooLarge:
		return delivery.ReasonTooLarge
	case malformed:
		return "malformed"
	case noName:
		return "no_name"
	case relabelled:
		return "relabel"
	case superseded:
		return "superseded"
	default:
		return delivery.ReasonRejected
	}
}

// isOrder tells whether all older points of the series share this fate.
func (f fate) isOrder() bool { return f == outOfOrder || f == tooOld }

// isVerdict tells whether only a receiver refuses a point for this.
func (f fate) isVerdict() bool { return f != rejected && f != tooLarge }

// fateOfRefusal reads why a receiver refused a single point. The words are those
// of Prometheus and of what is built on it (Mimir, Cortex, Thanos).
func fateOfRefusal(answer []byte) fate {
	answer = bytes.ToLower(answer)
	has := func(words ...string) bool {
		for _, w := range words {
			if bytes.Contains(answer, []byte(w)) {
				return true
			}
		}
		return false
	}
	switch {
	case has("future"):
		return tooNew
	case has("duplicate", "new-value-for-timestamp"):
		return duplicate
	case has("too old", "too-old", "out of bounds"):
		return tooOld
	case has("out of order", "out-of-order"):
		return outOfOrder
	}
	return rejected
}

// tally counts samples by fate.
type tally [numFates]int

// report tells the meter and starts anew.
func (t *tally) report(m delivery.Recorder) {
	for f, n := range t {
		switch f := fate(f); {
		case n == 0 || f == pending:
		case f == delivered:
			m.Delivered(delivery.SinkRemoteWrite, n)
		case f == sameTime || f == resent:
			m.Adjusted(delivery.SinkRemoteWrite, f.String(), n)
		default:
			m.Dropped(delivery.SinkRemoteWrite, f.String(), n)
		}
	}
	*t = tally{}
}

// DropReasons lists the values that the `reason` label can have for this sink.
func DropReasons() []string {
	var all []string
	for f := notWritten; f < numFates; f++ {
		all = append(all, f.String())
	}
	return all
}
