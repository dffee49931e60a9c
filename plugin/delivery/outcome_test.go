package delivery_test

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"out_edge/plugin/delivery"
)

func TestOfStatus(t *testing.T) {
	want := map[delivery.Action][]int{
		delivery.Delivered: {200, 202, 204, 299},
		delivery.Split:     {400, 413, 422},
		delivery.Reload:    {401, 403},
		delivery.Retry:     {0, 100, 301, 307, 402, 404, 405, 407, 408, 409, 418, 429, 499, 500, 502, 503, 504, 599, 600, 999},
	}
	for action, statuses := range want {
		for _, status := range statuses {
			if got := delivery.OfStatus(status).Action; got != action {
				t.Errorf("%d: got %v, want %v", status, got, action)
			}
		}
	}
	reasons := map[int]string{400: "rejected", 422: "rejected", 413: "too_large", 503: "", 202: ""}
	for status, reason := range reasons {
		if got := delivery.OfStatus(status).Reason; got != reason {
			t.Errorf("%d: reason %q, want %q", status, got, reason)
		}
	}
	loud := map[int]bool{202: false, 301: true, 401: true, 403: true, 404: true, 408: false, 413: false, 429: false, 503: false}
	for status, want := range loud {
		if got := delivery.OfStatus(status).Loud; got != want {
			t.Errorf("%d: loud %v, want %v", status, got, want)
		}
	}
}

func TestCodeOf(t *testing.T) {
	tests := []struct {
		name string
		err  error
		want string
	}{
		{"canceled", fmt.Errorf("x: %w", context.Canceled), "canceled"},
		{"deadline", fmt.Errorf("x: %w", context.DeadlineExceeded), "timeout"},
		{"network timeout", &net.OpError{Op: "read", Err: os.ErrDeadlineExceeded}, "timeout"},
		{"refused", &net.OpError{Op: "dial", Err: errors.New("connection refused")}, "network"},
		{"EOF", io.EOF, "network"},
		{"unknown CA", x509.UnknownAuthorityError{}, "tls"},
		{"expired", x509.CertificateInvalidError{Reason: x509.Expired}, "tls"},
	}
	for _, test := range tests {
		if got := delivery.CodeOf(test.err); got != test.want {
			t.Errorf("%s: got %s, want %s", test.name, got, test.want)
		}
		if o := delivery.OfCode(test.want); o.Action != delivery.Retry || o.Answer != test.want {
			t.Errorf("%s: outcome %+v", test.name, o)
		}
	}
}

func TestOutcomeTable(t *testing.T) {
	seen := map[string]bool{}
	for _, o := range delivery.OutcomeTable() {
		if o.Answer == "" || o.Meaning == "" || seen[o.Answer] {
			t.Errorf("row %+v", o)
		}
		if (o.Action == delivery.Split) != (o.Reason != "") {
			t.Errorf("row %s: a drop has a reason, and nothing else does", o.Answer)
		}
		seen[o.Answer] = true
	}
	md := delivery.OutcomeMarkdown()
	if got, want := strings.Count(md, "\n"), len(seen)+2; got != want {
		t.Errorf("%d lines, want %d:\n%s", got, want, md)
	}
	if !strings.Contains(md, "| 413 | halve; a single entry is dropped and counted | the request is too large |\n") {
		t.Errorf("got\n%s", md)
	}
}

func TestWait(t *testing.T) {
	now := time.Date(2026, 11, 21, 6, 0, 0, 0, time.UTC)
	in := func(d time.Duration) string { return now.Add(d).Format(http.TimeFormat) }
	tests := []struct {
		name   string
		header map[string]string
		want   time.Duration
	}{
		{"none", nil, 0},
		{"seconds", map[string]string{"Retry-After": "30"}, 30 * time.Second},
		{"seconds with white space", map[string]string{"Retry-After": " 30 "}, 30 * time.Second},
		{"fraction", map[string]string{"Retry-After": "0.5"}, 500 * time.Millisecond},
		{"date", map[string]string{"Retry-After": in(40 * time.Second)}, 40 * time.Second},
		{"date in the past", map[string]string{"Retry-After": in(-time.Hour)}, 0},
		{"date by the answer's own clock", map[string]string{"Date": in(-time.Hour), "Retry-After": in(-time.Hour + 5*time.Second)}, 5 * time.Second},
		{"reset in seconds", map[string]string{"X-RateLimit-Reset": "12"}, 12 * time.Second},
		{"reset as a date", map[string]string{"X-RateLimit-Reset": fmt.Sprint(now.Unix() + 20)}, 20 * time.Second},
		{"the longer", map[string]string{"Retry-After": "3", "X-RateLimit-Reset": "12"}, 12 * time.Second},
		{"capped", map[string]string{"Retry-After": "86400"}, delivery.MaxWait},
		{"a date far ahead", map[string]string{"Retry-After": in(24 * time.Hour)}, delivery.MaxWait},
		{"beyond any duration", map[string]string{"Retry-After": "1e300"}, delivery.MaxWait},
		{"negative", map[string]string{"Retry-After": "-5"}, 0},
		{"NaN", map[string]string{"Retry-After": "NaN", "X-RateLimit-Reset": "NaN"}, 0},
		{"nonsense", map[string]string{"Retry-After": "soon", "X-RateLimit-Reset": "?"}, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			h := http.Header{}
			for k, v := range test.header {
				h.Set(k, v)
			}
			if got := delivery.Wait(h, now); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}
