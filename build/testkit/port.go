package testkit

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
)

// FreeAddress returns an address of the loopback that nobody listens on. Its port is
// below those that Linux gives to connections and to whoever listens on port 0: one of
// these could be given away before the caller's program listens.
func FreeAddress() (string, error) {
	var errs []error
	for range 100 {
		l, err := net.Listen("tcp", fmt.Sprint("127.0.0.1:", 12_000+rand.IntN(20_000)))
		if err == nil {
			return l.Addr().String(), l.Close()
		}
		errs = append(errs, err)
	}
	return "", fmt.Errorf("find a free port: %w", errors.Join(errs...))
}
