package delivery

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"strconv"
	"strings"
)

// Action is what a sender does with a batch, given the outcome.
type Action uint8

// The actions.
const (
	// Delivered: the receiver has it; never send it again.
	Delivered Action = iota
	// Retry: keep it and send it again later.
	Retry
	// Split: send each half by itself; what cannot be halved is dropped and counted.
	Split
	// Reload: read the secret again. If it has changed, send again at once, else like
	// Retry.
	Reload
	// Again: send the same parts again at once, because the sink has changed how it
	// encodes them (another version, another compression). Only a sink's Judge returns
	// it; a batch is sent again this way a few times at most.
	Again
)

// String returns the action as in the README's table.
func (a Action) String() string {
	switch a {
	case Delivered:
		return "delivered"
	case Split:
		return "halve; a single entry is dropped and counted"
	case Reload:
		return "read the key again, then retry"
	default:
		return "retry"
	}
}

// The values of the `code` label when there is no HTTP status.
const (
	CodeTimeout  = "timeout"  // no answer in time
	CodeNetwork  = "network"  // no connection, or it broke before the answer
	CodeTLS      = "tls"      // the receiver's certificate was not accepted, or ours cannot be read
	CodeCut      = "cut"      // the answer broke off
	CodeCanceled = "canceled" // the sender was stopped
)

// The reasons for dropping an entry that was refused, as in the `reason` label.
const (
	ReasonRejected = "rejected"  // refused on its own (400, 422)
	ReasonTooLarge = "too_large" // larger than the receiver's limit on its own (413)
)

// Outcome is one row of the outcome table.
type Outcome struct {
	// Answer is what came back: a status, a range of them, or a Code value.
	Answer string
	// Action is what to do.
	Action Action
	// Reason is the drop's reason when Action is Split.
	Reason string
	// Meaning is one line for users: what it means, and what they can do.
	Meaning string
	// Loud logs at error level: waiting alone will not resolve it.
	Loud bool
	// FromReceiver is set by a sink if only a real receiver refuses a part for this reason:
	// it counts even if nothing has been accepted so far.
	FromReceiver bool
}

// row assigns an Outcome to the statuses from first to last.
type row struct {
	first, last int
	Outcome
}

// statusRows is searched from the top: the first row that contains the status applies.
// The last one contains every status.
var statusRows = []row{
	{200, 299, Outcome{"2xx", Delivered, "", "accepted", false, false}},
	{300, 399, Outcome{"3xx", Retry, "", "a redirect, which is not followed, as the key would go with it: the address is wrong, or a portal is in between", true, false}},
	{400, 400, Outcome{"400", Split, ReasonRejected, "an entry is malformed: it is found by halving, and the rest delivered", true, false}},
	{401, 401, Outcome{"401", Reload, "", "the key is missing or wrong", true, false}},
	{403, 403, Outcome{"403", Reload, "", "the key is not valid here: check the key and the site", true, false}},
	{404, 404, Outcome{"404", Retry, "", "nothing answers at this address: check the site or the URL", true, false}},
	{405, 405, Outcome{"405", Retry, "", "something else answers at this address: check the site or the URL", true, false}},
	{407, 407, Outcome{"407", Retry, "", "the proxy wants another user or password", true, false}},
	{408, 408, Outcome{"408", Retry, "", "the receiver waited too long for the request", false, false}},
	{413, 413, Outcome{"413", Split, ReasonTooLarge, "the request is too large", false, false}},
	{422, 422, Outcome{"422", Split, ReasonRejected, "an entry is malformed: it is found by halving, and the rest delivered", true, false}},
	{429, 429, Outcome{"429", Retry, "", "too many requests: Retry-After and X-RateLimit-Reset are obeyed", false, false}},
	{400, 499, Outcome{"other 4xx", Retry, "", "refused for a reason that the entries have no part in", true, false}},
	{500, 599, Outcome{"5xx", Retry, "", "the receiver, or a proxy before it, is in trouble", false, false}},
	{0, 1 << 30, Outcome{"anything else", Retry, "", "no HTTP answer that makes sense", true, false}},
}

var codeRows = []Outcome{
	{CodeTimeout, Retry, "", "no answer within the time allowed", false, false},
	{CodeNetwork, Retry, "", "no connection, or it was reset", false, false},
	{CodeTLS, Retry, "", "the certificate was not accepted: a wrong device clock, a missing CA, or another server", true, false},
	{CodeCut, Retry, "", "the answer broke off, so nothing proves that it was accepted; it may arrive twice", false, false},
	{CodeCanceled, Retry, "", "the flush was ended, at its time limit or at exit", false, false},
}

// OutcomeTable returns the whole table in the order in which it is searched.
func OutcomeTable() []Outcome {
	var table []Outcome
	for _, r := range statusRows {
		table = append(table, r.Outcome)
	}
	return append(table, codeRows...)
}

// OutcomeMarkdown returns the table for the README.
func OutcomeMarkdown() string {
	var b strings.Builder
	b.WriteString("| answer | what is done | meaning |\n| --- | --- | --- |\n")
	for _, o := range OutcomeTable() {
		b.WriteString("| " + o.Answer + " | " + o.Action.String() + " | " + o.Meaning + " |\n")
	}
	return b.String()
}

// OfStatus returns the outcome of a complete answer.
func OfStatus(status int) Outcome {
	for _, r := range statusRows {
		if r.first <= status && status <= r.last {
			return r.Outcome
		}
	}
	return Outcome{Answer: strconv.Itoa(status), Action: Retry, Loud: true}
}

// OfCode returns the outcome of a Code value.
func OfCode(code string) Outcome {
	for _, o := range codeRows {
		if o.Answer == code {
			return o
		}
	}
	return Outcome{Answer: code, Action: Retry, Loud: true}
}

// CodeOf returns the Code value for an error of an HTTP client.
func CodeOf(err error) string {
	var netErr net.Error
	switch {
	case errors.Is(err, context.Canceled):
		return CodeCanceled
	case errors.Is(err, context.DeadlineExceeded),
		errors.As(err, &netErr) && netErr.Timeout():
		return CodeTimeout
	case isCertificateError(err):
		return CodeTLS
	default:
		return CodeNetwork
	}
}

func isCertificateError(err error) bool {
	var (
		verify    *tls.CertificateVerificationError
		invalid   x509.CertificateInvalidError
		unknownCA x509.UnknownAuthorityError
		hostname  x509.HostnameError
		file      *FileError
	)
	return errors.As(err, &verify) || errors.As(err, &invalid) ||
		errors.As(err, &unknownCA) || errors.As(err, &hostname) ||
		errors.As(err, &file)
}
