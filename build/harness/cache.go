package harness

import (
	"fmt"
	"os/exec"
)

// Uncache removes a file that nobody has mapped from the page cache, so that it is read
// as after a boot. A file that was just written is cached in large folios, which kernel
// 6.18 or newer maps as a whole: all of it would count as resident.
func Uncache(path string) error {
	dd := exec.Command("dd", "of="+path, "oflag=nocache", "conv=notrunc,fdatasync", "count=0")
	if out, err := dd.CombinedOutput(); err != nil {
		return fmt.Errorf("take %s out of the page cache: %w\n%s", path, err, out)
	}
	return nil
}
