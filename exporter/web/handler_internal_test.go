package web

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// TestLimit holds to a refusal while readers are slow, and to its end with them.
func TestLimit(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	h := Limit(2, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		entered <- struct{}{}
		<-leave
	}))
	ask := func() int {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
		return w.Code
	}
	codes := make(chan int)
	for range 2 {
		go func() { codes <- ask() }()
		<-entered
	}
	if code := ask(); code != http.StatusServiceUnavailable {
		t.Errorf("the third was answered %d", code)
	}
	close(leave)
	for range 2 {
		if code := <-codes; code != http.StatusOK {
			t.Errorf("one of the first was answered %d", code)
		}
	}
	go func() { codes <- ask() }()
	<-entered
	if code := <-codes; code != http.StatusOK {
		t.Errorf("afterwards: %d", code)
	}
}
