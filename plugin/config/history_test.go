package config_test

import (
	"errors"
	"testing"

	"out_edge/plugin/config"
)

// A fault at a reload keeps the settings that the same output had before, however
// often; at the start there are none.
func TestFaultsAtAReloadKeepTheOldSettings(t *testing.T) {
	var h config.History
	faults := []error{errors.New("bad")}
	load := func(prefix string) *config.Settings {
		s := new(config.Settings)
		s.Pipeline.Metrics.Prefix = prefix
		return s
	}
	take := func(prefix string, faults []error, want string, wantKept bool) {
		t.Helper()
		s, kept := h.Take(load(prefix), faults)
		got := "nothing"
		if s != nil {
			got = s.Pipeline.Metrics.Prefix
			if s.Pipeline.FromBeforeReload != wantKept {
				t.Errorf("%s: Kept = %v", prefix, s.Pipeline.FromBeforeReload)
			}
		}
		if got != want || kept != wantKept {
			t.Errorf("%s gives %s (kept %v), want %s (%v)", prefix, got, kept, want, wantKept)
		}
	}
	h.Begin()
	take("a1", nil, "a1", false)
	take("b1", faults, "nothing", false)
	h.Begin()
	take("a2", nil, "a2", false)
	take("b2", nil, "b2", false)
	for range 2 {
		h.Begin()
		take("a3", faults, "a2", true)
		take("b3", faults, "b2", true)
		take("c3", faults, "nothing", false)
	}
	h.Begin()
	take("a4", nil, "a4", false)
	take("b4", faults, "b2", true)
}
