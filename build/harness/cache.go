package harness

import (
	"fmt"
	"os/exec"
)

// Uncache takes a file that nobody has mapped out of the page cache, so that it is
// read as after a boot. One that was just written lies there in large folios, which
// a kernel of 6.18 or newer maps whole: all of it would count as resident.
func Uncache(path string) error {
	dd := exec.Command("dd", "of="+path, "oflag=nocache", "conv=notrunc,fdatasync", "count=0")
	if out, err := dd.CombinedOutput(); err != nil {
		return fmt.Errorf("take %s out of the page cache: %w\n%s", path, err, out)
	}
	return nil
}
