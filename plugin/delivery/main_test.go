package delivery_test

import (
	"os"
	"sync/atomic"
	"testing"
	"time"

	"out_edge/build/testkit"
)

// envProxy is what the environment names as proxy; net/http reads that once a
// process, and uses it for no loopback address.
const envProxy = "proxy.invalid:3128"

func TestMain(m *testing.M) {
	for name, value := range map[string]string{
		"HTTP_PROXY": "http://u:p@" + envProxy, "http_proxy": "", "NO_PROXY": "direct.invalid", "no_proxy": "",
	} {
		if err := os.Setenv(name, value); err != nil {
			panic(err)
		}
	}
	testkit.Main(m)
}

// ticks is time that the test moves.
type ticks struct{ atomic.Int64 }

func (t *ticks) elapsed() time.Duration  { return time.Duration(t.Load()) }
func (t *ticks) advance(d time.Duration) { t.Add(int64(d)) }
