// Command install builds all receivers that tests run, so that no test waits for
// that: `make deps` calls it.
package main

import (
	"context"
	"log"

	"out_edge/build/receivers"
)

func main() {
	for _, p := range receivers.Programs() {
		file, err := p.Path(context.Background())
		if err != nil {
			log.Fatal("install: ", err)
		}
		log.Print("install: ", file)
	}
}
