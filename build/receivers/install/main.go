// Command install builds receivers that tests run, by name, or all, so that no test
// waits for that: `make deps` calls it.
package main

import (
	"context"
	"log"
	"os"
	"slices"

	"out_edge/build/receivers"
)

func main() {
	names := os.Args[1:]
	for _, p := range receivers.Programs() {
		if len(names) > 0 && !slices.Contains(names, p.Name()) {
			continue
		}
		file, err := p.Path(context.Background())
		if err != nil {
			log.Fatal("install: ", err)
		}
		log.Print("install: ", file)
	}
}
