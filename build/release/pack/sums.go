package pack

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
)

// Sums gives the files' checksums in the form that `sha256sum -c` reads.
func Sums(files []File) []byte {
	lines := make([]string, 0, len(files))
	for _, f := range files {
		lines = append(lines, fmt.Sprintf("%x  %s\n", sha256.Sum256(f.Data), f.Name))
	}
	slices.SortFunc(lines, func(a, b string) int { return strings.Compare(a[64:], b[64:]) })
	return []byte(strings.Join(lines, ""))
}
