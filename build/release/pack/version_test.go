package pack_test

import (
	"os/exec"
	"testing"

	"out_edge/build/release/pack"
)

func TestDebianVersion(t *testing.T) {
	for _, c := range []struct{ git, want string }{
		{"v1.2.3", "1.2.3"},
		{"1.2.3", "1.2.3"},
		{"v1.2.3-rc.1", "1.2.3~rc.1"},
		{"v1.2.3-4-g0a1b2c3", "1.2.3+4.g0a1b2c3"},
		{"v1.2.3-rc1-4-g0a1b2c3-dirty", "1.2.3~rc1+4.g0a1b2c3+dirty"},
		{"0a1b2c3", "0~0a1b2c3"},
		{"1234567", "0~1234567"},
		{"5c4b4e1-dirty", "0~5c4b4e1+dirty"},
		{"dev", "0~dev"},
		{"feature/x_y", "0~feature.x.y"},
	} {
		if got := pack.DebianVersion(c.git); got != c.want {
			t.Errorf("DebianVersion(%q) = %q, want %q", c.git, got, c.want)
		}
	}
}

// Debian's own comparison has the last word on the order.
func TestDebianVersionOrder(t *testing.T) {
	dpkg, err := exec.LookPath("dpkg")
	if err != nil {
		t.Logf("without dpkg the order is only as good as the table above: %v", err)
		return
	}
	ascending := []string{"5c4b4e1", "v0.9.0-rc.1", "v0.9.0-rc.1-3-gabc", "v0.9.0", "v0.9.0-1-gabc", "v0.9.0-10-gabc", "v0.10.0", "v1.0.0-rc.1", "v1.0.0"}
	for i := range ascending[1:] {
		a, b := pack.DebianVersion(ascending[i]), pack.DebianVersion(ascending[i+1])
		if err := exec.Command(dpkg, "--compare-versions", a, "lt", b).Run(); err != nil {
			t.Errorf("dpkg does not sort %s before %s: %v", a, b, err)
		}
	}
}
