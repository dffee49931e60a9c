package testkit

import (
	"os"
	"syscall"
	"testing"
)

// OnDisk returns a copy of payload in a mapped file, as Fluent Bit has it with
// filesystem storage.
func OnDisk(t *testing.T, payload []byte) []byte {
	t.Helper()
	f, err := os.CreateTemp(t.TempDir(), "*.flb")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write(payload); err != nil {
		t.Fatal(err)
	}
	m, err := syscall.Mmap(int(f.Fd()), 0, len(payload), syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Munmap(m) })
	return m
}
