package intake_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"out_edge/build/intake"
)

// A proxy's faults are those of its script; what reaches the receiver is kept with
// what became of the answer.
func TestProxy(t *testing.T) {
	in := start(t, intake.Config{})
	p := intake.NewProxy(in.URL(), intake.Sequence(
		intake.Action{ResetBefore: true},
		intake.Action{Status: http.StatusServiceUnavailable, Header: http.Header{"Retry-After": {"7"}}},
		intake.Action{ResetAfter: true},
		intake.Action{Cut: true},
		intake.Action{Raw: "no HTTP\r\n\r\n"},
	))
	t.Cleanup(p.Close)
	for i, want := range []struct {
		status int
		fails  bool
	}{{0, true}, {503, false}, {0, true}, {202, true}, {0, true}, {202, false}} {
		got := post(t.Context(), p.URL()+"/api/v2/logs", []byte(`[{"message":"x"}]`))
		if got.status != want.status || (got.err != nil) != want.fails {
			t.Errorf("request %d: %d, error %v; want %d, error %v", i+1, got.status, got.err, want.status, want.fails)
		}
		if want.status == 503 && got.header.Get("Retry-After") != "7" {
			t.Errorf("header %v", got.header)
		}
	}
	if got := post(t.Context(), p.URL()+"/nowhere", nil); got.status != http.StatusNotFound || !strings.Contains(got.body, "Not found") {
		t.Errorf("%d %s, want the receiver's own 404", got.status, got.body)
	}
	var lost []bool
	for _, f := range p.Forwarded()[:4] {
		if f.Path != "/api/v2/logs" || f.Status != http.StatusAccepted || string(f.Body) != `[{"message":"x"}]` {
			t.Errorf("forwarded %+v", f)
		}
		lost = append(lost, f.Lost)
	}
	if want := []bool{true, true, true, false}; !slices.Equal(lost, want) || len(in.Logs()) != 4 {
		t.Errorf("answers lost %v of %d accepted, want %v of 4", lost, len(in.Logs()), want)
	}
}

// A receiver that is down breaks the connection, and hanging ends with the proxy.
func TestProxyBeforeNothing(t *testing.T) {
	p := intake.NewProxy("http://127.0.0.1:1", nil)
	if got := post(t.Context(), p.URL()+"/api/v2/logs", nil); got.err == nil {
		t.Errorf("answered %d", got.status)
	}
	p.SetScript(func(int, *http.Request) intake.Action { return intake.Action{Hang: true} })
	done := make(chan sent)
	go func() { done <- post(t.Context(), p.URL()+"/api/v2/logs", nil) }()
	p.Close()
	if got := <-done; got.err == nil {
		t.Errorf("answered %d", got.status)
	}
}
