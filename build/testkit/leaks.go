package testkit

import (
	"fmt"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// Main runs a package's tests, and fails if a goroutine is left after them.
func Main(m *testing.M) {
	code := m.Run()
	if code == 0 {
		if err := Leaks(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// Leaks returns an error that names the goroutines which are left. Those that are about
// to end have half a minute for it: a busy machine may not run them for longer than
// goleak waits by itself.
func Leaks() error {
	for end := time.Now().Add(30 * time.Second); ; {
		err := goleak.Find()
		if err == nil || time.Now().After(end) {
			return err
		}
	}
}
