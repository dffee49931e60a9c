package harness

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Resident is a process's resident memory in KiB.
type Resident struct {
	All       int
	Anonymous int // of it, not backed by a file
	Library   int // of it, unchanged pages of the library's file
}

// GuestEnd is where the memory of a 32-bit program under an emulator on 64 bits ends;
// above it is the emulator's own, with the translated code.
const GuestEnd = 1 << 32

// ResidentOf sums the process's mappings below end.
func ResidentOf(pid int, library string, end uint64) (sum Resident, err error) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/smaps", pid))
	if err != nil {
		return sum, err
	}
	defer f.Close()
	counts, ours := false, false
	var resident, anonymous int
	for lines := bufio.NewScanner(f); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		switch {
		case len(fields) < 2:
		case !strings.HasSuffix(fields[0], ":"):
			_, high, _ := strings.Cut(fields[0], "-")
			to, err := strconv.ParseUint(high, 16, 64)
			counts = err == nil && to <= end
			ours = strings.HasSuffix(lines.Text(), library)
		case counts && fields[0] == "Rss:":
			resident, err = strconv.Atoi(fields[1])
		case counts && fields[0] == "Anonymous:":
			anonymous, err = strconv.Atoi(fields[1])
			sum.All += resident
			sum.Anonymous += anonymous
			if ours {
				sum.Library += resident - anonymous
			}
		}
		if err != nil {
			return sum, fmt.Errorf("read memory: %w", err)
		}
	}
	return sum, nil
}
