package e2e_test

import (
	"testing"

	"out_edge/build/captured"
	"out_edge/build/harness"
	"out_edge/build/testkit"
)

// play gives what a library makes of a host's payloads of a set.
func play(t *testing.T, k *harness.Kit, host string, s captured.Set) captured.Sent {
	t.Helper()
	sent, err := s.Play(t.Context(), k, libraryOf(t, k), host)
	if err != nil {
		t.Fatal(err)
	}
	return sent
}

// The library on ARM does what it does here: every captured payload, garbled times
// and metrics events among them, leaves and shows as the same.
func TestARMSendsAndShowsTheSame(t *testing.T) {
	for _, get := range []func() (*harness.Kit, error){armv7, arm64} {
		k, err := get()
		if err != nil {
			t.Fatal(err)
		}
		for _, host := range hosts {
			for _, s := range captured.Sets() {
				t.Run(k.Arch().Name+"/"+host+"/"+s.Name, func(t *testing.T) { sameAsHere(t, k, host, s) })
			}
		}
	}
}

func sameAsHere(t *testing.T, k *harness.Kit, host string, s captured.Set) {
	t.Helper()
	got, want := play(t, k, host, s), play(t, kit, host, s)
	if got.Intake != want.Intake {
		t.Errorf("the intake was sent something else: %s", testkit.Difference(want.Intake, got.Intake))
	}
	if got.Page != want.Page {
		t.Errorf("/metrics shows something else: %s", testkit.Difference(want.Page, got.Page))
	}
	if s.Name != "events" {
		testkit.Golden(t, "intake-"+host+"-"+s.Name+".jsonl", got.Intake)
	}
	if host == hosts[0] && s.Name == "events" && (got.Played != 5 || got.Unrouted != 1) {
		t.Errorf("%d events played, %d not asked for", got.Played, got.Unrouted)
	}
}
