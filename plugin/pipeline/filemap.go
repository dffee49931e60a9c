package pipeline

import (
	"bufio"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"unsafe"
)

// fileMap is the address ranges of files that the process has mapped for writing,
// ascending. Fluent Bit maps the file of a chunk (`storage.type filesystem`) and
// flushes from there: a payload in it survives the process, and is offered again by the
// next one. Other payloads are lost with the process.
type fileMap []addressRange

type addressRange struct{ from, to uint64 }

// readFileMap reads /proc/self/maps. If it cannot be read, no payload counts as being
// on disk.
func readFileMap() fileMap {
	f, err := os.Open("/proc/self/maps")
	if err != nil {
		return nil
	}
	defer f.Close()
	return parseFileMap(f)
}

// parseFileMap reads lines like
//
//	7f0283e0d000-7f0283e0e000 rw-s 00000000 fe:00 5464078    /var/lib/…/1-2.3.flb
func parseFileMap(r io.Reader) (m fileMap) {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 6 || !strings.HasSuffix(fields[1], "s") || fields[1][1] != 'w' || fields[4] == "0" {
			continue
		}
		from, to, _ := strings.Cut(fields[0], "-")
		lo, err := strconv.ParseUint(from, 16, 64)
		hi, err2 := strconv.ParseUint(to, 16, 64)
		if err == nil && err2 == nil {
			m = append(m, addressRange{lo, hi})
		}
	}
	return m
}

// has reports whether a payload is in a mapped file.
func (m fileMap) has(payload []byte) bool {
	at := uint64(uintptr(unsafe.Pointer(unsafe.SliceData(payload))))
	i, _ := slices.BinarySearchFunc(m, at, func(r addressRange, at uint64) int {
		if r.to <= at {
			return -1
		}
		return 1
	})
	return i < len(m) && m[i].from <= at
}
