package remotewrite

import (
	"bytes"
	"net/http"

	"out_edge/plugin/delivery"
)

// outcomeOf is delivery's table, with what is particular to remote write.
func outcomeOf(status int, answer []byte) delivery.Outcome {
	o := delivery.OfStatus(status)
	switch status {
	case http.StatusBadRequest:
		if isOtherProtocol(answer) {
			o.Action, o.Reason = delivery.Retry, ""
			o.Meaning = "the address is one of https: `remote_write_url` must begin with https://"
			return o
		}
		o.Meaning = "a point is refused (out of order, too old, a duplicate, malformed): it is found by halving, and the rest delivered"
	case http.StatusConflict: // Thanos
		o.Action, o.Reason, o.Loud = delivery.Split, delivery.ReasonRejected, true
		o.Meaning = "a point is refused (out of order, a duplicate): it is found by halving, and the rest delivered"
	case http.StatusUnauthorized, http.StatusForbidden:
		o.Meaning = "the user, password or token is missing, wrong or not allowed here: check the files and `remote_write_headers`"
	case http.StatusNotFound, http.StatusMethodNotAllowed:
		o.Meaning = "nothing takes remote write at this address: check `remote_write_url`, its path included, and that the receiver is switched on"
	case http.StatusUnsupportedMediaType:
		o.Meaning = "the receiver does not take this version of remote write: set `remote_write_version` auto"
		o.Loud = true
	}
	return o
}

// isOtherProtocol recognises what servers say when http is spoken to https.
func isOtherProtocol(answer []byte) bool {
	return bytes.Contains(answer, []byte("HTTP request to an HTTPS server")) || // Go
		bytes.Contains(answer, []byte("plain HTTP request was sent to HTTPS port")) // nginx
}

// cure is what a user can do about a refusal.
func (f fate) cure() string {
	switch f {
	case outOfOrder, tooOld:
		return "let the receiver take what is late (Prometheus: storage.tsdb.out_of_order_time_window)"
	case duplicate:
		return "two devices may send the same labels: give each its own with `add_label`"
	case tooNew:
		return "the clock of this device or of the receiver is wrong"
	default:
		return "see the receiver's log"
	}
}
