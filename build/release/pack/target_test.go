package pack_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"out_edge/build/release/pack"
)

// Somebody's settings, in the environment or by `go env -w`, must not get into
// a release's bytes; where modules come from is theirs to say.
func TestEnvironment(t *testing.T) {
	written := filepath.Join(t.TempDir(), "env")
	text := "GOFIPS140=latest\nGOFLAGS=-buildvcs=false -tags=written\nGOPROXY=https://proxy.example,off\nGONOSUMDB=example.org\nCGO_CFLAGS=-DWRITTEN\nGOAMD64=v3\n"
	if err := os.WriteFile(written, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	foreign := []string{
		"GOFIPS140", "GOFLAGS", "GOEXPERIMENT", "GOAMD64", "GOARM", "GODEBUG", "GOWORK", "GCCGO",
		"CGO_CFLAGS", "CGO_CPPFLAGS", "CGO_LDFLAGS", "CC", "CXX", "AR", "PKG_CONFIG",
		"CPATH", "C_INCLUDE_PATH", "LIBRARY_PATH", "COMPILER_PATH", "GCC_EXEC_PREFIX", "LD_LIBRARY_PATH",
	}
	for _, name := range foreign {
		t.Setenv(name, "foreign")
	}
	// The go command refuses these two when they are nonsense.
	t.Setenv("GOEXPERIMENT", "")
	t.Setenv("GOFIPS140", "v1.0.0")
	t.Setenv("GOFLAGS", "-buildvcs=false")
	t.Setenv("GOWORK", "off")
	t.Setenv("GOENV", written)
	t.Setenv("GOSUMDB", "sum.example")
	t.Setenv("HTTPS_PROXY", "http://gate.example:3128")
	t.Setenv("no_proxy", "example.org")
	for _, cgo := range []bool{true, false} {
		target := pack.Targets()[0]
		env, err := target.Env(t.Context(), cgo)
		if err != nil {
			t.Fatal(err)
		}
		for _, kv := range env {
			name, value, _ := strings.Cut(kv, "=")
			if slices.Contains(foreign, name) && (value == "foreign" || value == "v1.0.0") {
				t.Errorf("cgo %v: %s gets through", cgo, kv)
			}
		}
		for _, kv := range []string{"GOENV=off", "GOPROXY=https://proxy.example,off", "GOSUMDB=sum.example", "GONOSUMDB=example.org",
			"HTTPS_PROXY=http://gate.example:3128", "no_proxy=example.org", "PATH=" + os.Getenv("PATH")} {
			if !slices.Contains(env, kv) {
				t.Errorf("cgo %v: %s is missing", cgo, kv)
			}
		}
		cmd := exec.Command("go", "env", "GOFIPS140", "GOFLAGS", "GOAMD64", "CGO_CPPFLAGS", "GOPROXY")
		cmd.Env = env
		out, err := cmd.CombinedOutput()
		if want := "off\n\nv1\n\nhttps://proxy.example,off\n"; err != nil || string(out) != want {
			t.Errorf("cgo %v: go sees\n%s(%v), want\n%s", cgo, out, err, want)
		}
	}
}
