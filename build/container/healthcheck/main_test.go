package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	for _, c := range []struct {
		name   string
		status int
		body   string
		want   string
	}{
		{"healthy", 200, "ok\n", ""},
		{"behind a password", 401, "Unauthorized\n", ""},
		{"ill", 503, "not now\n", "check health: 503 Service Unavailable: not now"},
		{"something else", 404, "", "check health: 404 Not Found: "},
	} {
		t.Run(c.name, func(t *testing.T) {
			handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(c.status)
				_, _ = w.Write([]byte(c.body))
			})
			plain, secured := httptest.NewServer(handler), httptest.NewTLSServer(handler)
			defer plain.Close()
			defer secured.Close()
			for _, url := range []string{plain.URL, secured.URL} {
				got := ""
				if err := check(t.Context(), url+"/healthz"); err != nil {
					got = err.Error()
				}
				if got != c.want {
					t.Errorf("check = %q, want %q", got, c.want)
				}
			}
		})
	}
}

func TestCheckUnreachable(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	if err := check(t.Context(), server.URL); err == nil || !strings.Contains(err.Error(), "refused") {
		t.Errorf("check of a closed port: %v", err)
	}
	if err := check(t.Context(), "://"); err == nil {
		t.Error("check of no address succeeded")
	}
}

func TestAddress(t *testing.T) {
	none := func(string) string { return "" }
	set := func(key string) string { return map[string]string{"EDGE_HEALTH_URL": "http://127.0.0.1:9/x"}[key] }
	for _, c := range []struct {
		name string
		args []string
		env  func(string) string
		want string
	}{
		{"default", nil, none, "http://127.0.0.1:2021/healthz"},
		{"environment", nil, set, "http://127.0.0.1:9/x"},
		{"argument", []string{"https://127.0.0.1:8/y"}, set, "https://127.0.0.1:8/y"},
	} {
		if got := address(c.args, c.env); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
