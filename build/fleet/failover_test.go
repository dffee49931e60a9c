package main

import "testing"

// TestFailoverLosesNothing: of two receivers behind a balancer one is killed while
// devices push. Each sample is at one of them at least.
func TestFailoverLosesNothing(t *testing.T) {
	found, want, err := failover(t.Context(), 40, 4)
	if err != nil || found != want {
		t.Errorf("%d of %d samples: %v", found, want, err)
	}
}
