package pipeline

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"out_edge/build/testkit"
)

func TestFileMap(t *testing.T) {
	const maps = `00400000-00452000 r-xp 00000000 08:02 173521      /usr/bin/fluent-bit
7f02-7f04 rw-p 00001000 fe:00 5464078 /usr/bin/private
7f04-7f05 rw-s 00000000 fe:00 5464078                    /var/lib/edge/tail.0/1-2.3.flb
b5e00000-b5e01000 r--s 00000000 fe:00 12 /usr/share/zoneinfo
b6e0d000-b6e0e000 rw-s 00000000 fe:00 5464079                    /var/lib/a name/2.flb
b6f0d000-b6f0e000 rw-s 00000000 00:00 0
nonsense
x-y rw-s 00000000 fe:00 1 /a`
	if got, want := fmt.Sprintf("%x", parseFileMap(strings.NewReader(maps))), "[{7f04 7f05} {b6e0d000 b6e0e000}]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if parseFileMap(strings.NewReader(maps)).has(nil) {
		t.Error("no payload is taken to be on disk")
	}
}

// At exit Fluent Bit hears of no result any more: what it has on disk it offers again
// after the start, and would be delivered twice. What is in memory alone is tried once
// more.
func TestAChunkOnDiskIsNotSentAtExit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := startToy(t, nil)
		b.set(false)
		disk, memory := make(chan Result, 1), b.park("memory", "in memory")
		b.Park(Parked{"disk", testkit.OnDisk(t, logsOf(t, "on disk")), func(r Result) { disk <- r }})
		time.Sleep(100 * time.Millisecond)
		synctest.Wait()
		b.set(true)
		b.stop(time.Second)
		b.wantResult("on disk", disk, Retry)
		b.wantResult("in memory", memory, OK)
		if got := fmt.Sprint(b.messages()); got != "[in memory]" {
			t.Errorf("sent %s", got)
		}
	})
}

// A request that is under way with such chunks alone is not waited for.
func TestARequestOfChunksOnDiskEndsAtExit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := startToy(t, nil)
		b.hang = true
		result := make(chan Result, 1)
		b.Park(Parked{"disk", testkit.OnDisk(t, logsOf(t, "on disk")), func(r Result) { result <- r }})
		time.Sleep(100 * time.Millisecond)
		synctest.Wait()
		began := time.Now()
		b.stop(time.Minute)
		if took := time.Since(began); took > 0 {
			t.Errorf("the stop took %v", took)
		}
		b.wantResult("on disk", result, Retry)
	})
}
