//go:build !race

package delivery

import (
	"syscall"
	"unsafe"
)

// rawRead and rawWrite are the system calls, unannounced.
func rawRead(fd uintptr, b []byte) (int, syscall.Errno)  { return rawCall(syscall.SYS_READ, fd, b) }
func rawWrite(fd uintptr, b []byte) (int, syscall.Errno) { return rawCall(syscall.SYS_WRITE, fd, b) }

func rawCall(trap, fd uintptr, b []byte) (int, syscall.Errno) {
	n, _, errno := syscall.RawSyscall(trap, fd, uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)))
	return int(n), errno
}
