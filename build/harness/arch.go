package harness

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
)

// Arch is a platform that the host and the library are built for.
type Arch struct {
	// Name as in the names of artefacts: amd64, arm64, armv7.
	Name string
	// CC is the C compiler; GOARCH and GOARM are Go's settings.
	CC, GOARCH, GOARM string
	// Runner is put before the host's command line; nil runs it directly.
	Runner []string
}

// Native is this machine. $CC names the C compiler, else it is cc.
func Native() Arch {
	cc := os.Getenv("CC")
	if cc == "" {
		cc = "cc"
	}
	return Arch{Name: runtime.GOARCH, CC: cc, GOARCH: runtime.GOARCH}
}

// Sanitized is Native with AddressSanitizer in the host and in the library's C; Go's
// own memory is not looked at. Run.Without has no effect there.
func Sanitized() Arch {
	a := Native()
	a.Name += "-asan"
	a.CC += " -fsanitize=address -fno-omit-frame-pointer"
	// The host frees little at its end. A Go runtime wants to have the signals, and
	// a stack to handle them on, for itself.
	a.Runner = []string{"env", "ASAN_OPTIONS=detect_leaks=0:detect_stack_use_after_return=0:use_sigaltstack=0:" +
		"handle_segv=0:handle_sigbus=0:handle_sigfpe=0:handle_sigill=0:handle_abort=0"}
	return a
}

// ARMv7 is 32-bit hard-float ARM with Debian's cross compiler, run by qemu.
func ARMv7() Arch {
	return Arch{
		Name: "armv7", CC: "arm-linux-gnueabihf-gcc", GOARCH: "arm", GOARM: "7",
		Runner: []string{"qemu-arm-static", "-L", "/usr/arm-linux-gnueabihf"},
	}
}

// ARM64 is 64-bit ARM with Debian's cross compiler, run by qemu.
func ARM64() Arch {
	return Arch{
		Name: "arm64", CC: "aarch64-linux-gnu-gcc", GOARCH: "arm64",
		Runner: []string{"qemu-aarch64-static", "-L", "/usr/aarch64-linux-gnu"},
	}
}

// Check reports which tool the architecture needs and this machine lacks.
func (a Arch) Check() error {
	tools := append([]string{strings.Fields(a.CC)[0]}, a.Runner...)
	for _, tool := range tools[:min(len(tools), 2)] {
		if _, err := exec.LookPath(tool); err != nil {
			return fmt.Errorf("look for %s's tools: %w: `make deps` installs what is missing", a.Name, err)
		}
	}
	return nil
}

// goEnv is the environment for a cgo build for the architecture.
func (a Arch) goEnv() []string {
	env := append(os.Environ(), "CGO_ENABLED=1", "GOOS=linux", "GOARCH="+a.GOARCH, "CC="+a.CC)
	if a.GOARM != "" {
		env = append(env, "GOARM="+a.GOARM)
	}
	return env
}
