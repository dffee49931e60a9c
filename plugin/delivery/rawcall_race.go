//go:build race

package delivery

import (
	"errors"
	"syscall"
)

// The race detector has to hear of the calls: what happens before a write happens before
// what follows the read of it.
func rawRead(fd uintptr, b []byte) (int, syscall.Errno)  { return errnoOf(syscall.Read(int(fd), b)) }
func rawWrite(fd uintptr, b []byte) (int, syscall.Errno) { return errnoOf(syscall.Write(int(fd), b)) }

func errnoOf(n int, err error) (int, syscall.Errno) {
	var errno syscall.Errno
	_ = errors.As(err, &errno) // it is nil or an Errno
	return n, errno
}
