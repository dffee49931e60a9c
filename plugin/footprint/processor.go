package footprint

import (
	"os"
	"runtime"
)

// UseOneProcessor lets Go's code run on one processor at a time, unless the user has
// set GOMAXPROCS. With more, the runtime wakes threads that look for work which there
// is not, after each flush and each answer: most of what a quiet device's agent does.
// A busy one loses nothing, as what there is to do of a chunk is done one after the
// other.
func UseOneProcessor() {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(1)
	}
}
