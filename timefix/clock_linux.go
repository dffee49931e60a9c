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

// readClocks gives both clocks in nanoseconds; 0 stands for one that is not told
// here. That goes for the wall clock where Go's own has 64 bits.
func readClocks() (wall, boot int64) {
	wall, boot = gettime64(clockRealtime), gettime64(clockBoottime)
	if boot == 0 {
		boot = gettime(clockBoottime)
	}
	return wall, boot
}

func gettime(clock uintptr) int64 {
	var ts syscall.Timespec
	if _, _, errno := syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, clock, uintptr(unsafe.Pointer(&ts)), 0); errno != 0 {
		return 0
	}
	return int64(ts.Sec)*second + int64(ts.Nsec)
}

// gettime64 asks for 64-bit seconds where the plain call has only 32. It gives
// 0 where there is no such call, or no need of it.
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
