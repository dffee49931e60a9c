package footprint

import (
	"os"
	"runtime"
)

// UseOneProcessor limits Go's code to one processor, unless the user has set
// GOMAXPROCS. With more, the runtime wakes threads that search for work after each
// flush and each answer, although there is none: that is most of the CPU use of a quiet
// device's agent. A busy agent loses nothing, because the steps for a chunk run one
// after the other.
func UseOneProcessor() {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(1)
	}
}
