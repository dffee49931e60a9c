package footprint

import (
	"runtime"
	"testing"
)

func TestTheUsersNumberOfProcessorsHolds(t *testing.T) {
	before := runtime.GOMAXPROCS(3)
	defer runtime.GOMAXPROCS(before)
	t.Setenv("GOMAXPROCS", "3")
	UseOneProcessor()
	if n := runtime.GOMAXPROCS(0); n != 3 {
		t.Errorf("%d processors, want the user's 3", n)
	}
	t.Setenv("GOMAXPROCS", "")
	UseOneProcessor()
	if n := runtime.GOMAXPROCS(0); n != 1 {
		t.Errorf("%d processors, want 1", n)
	}
}
