package timefix

import (
	"syscall"
	"unsafe"
)

// The kernel's numbers, from linux/time.h and asm-generic/unistd.h. The number
// of clock_gettime64 is the same on every architecture that has it.
const (
	clockRealtime = 0
	clockBoottime = 7

	sysClockGettime64 = 403
)

// wallTime reads the wall clock. On 32-bit kernels the plain call, which Go uses, has
// 32-bit seconds.
func wallTime() int64 {
	if wall := gettime64(clockRealtime); wall != 0 {
		return wall
	}
	return goTime()
}

// bootTime returns the time since boot, or 0 when the kernel does not report it.
func bootTime() int64 {
	if boot := gettime64(clockBoottime); boot != 0 {
		return boot
	}
	return gettime(clockBoottime)
}

func gettime(clock uintptr) int64 {
	var ts syscall.Timespec
	if _, _, errno := syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, clock, uintptr(unsafe.Pointer(&ts)), 0); errno != 0 {
		return 0
	}
	return int64(ts.Sec)*second + int64(ts.Nsec)
}

// gettime64 reads a clock with 64-bit seconds where the plain call has 32-bit ones. It
// returns 0 where the call does not exist or is not needed.
func gettime64(clock uintptr) int64 {
	var plain syscall.Timespec
	if unsafe.Sizeof(plain.Sec) == 8 {
		return 0
	}
	var ts struct{ sec, nsec int64 }
	if _, _, errno := syscall.RawSyscall(sysClockGettime64, clock, uintptr(unsafe.Pointer(&ts)), 0); errno != 0 {
		return 0
	}
	return ts.sec*second + ts.nsec
}
