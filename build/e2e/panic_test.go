package e2e_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"out_edge/build/harness"
	"out_edge/build/intake"
)

// nullChunk makes the host flush a chunk that lies: its data is NULL, and File
// is the length that it claims. The library believes it, and panics.
const nullChunk harness.Type = "null-"

// A panic inside the library costs the chunk, and never the agent, on whichever
// thread and stack it happens.
func TestAPanicIsAnErrorAndLifeGoesOn(t *testing.T) {
	for _, threads := range []int{0, 1} {
		for _, stack := range []int{0, 24, 64} { // KiB; 24 is v4's coroutine, 64 v5's, 0 the thread's own
			t.Run(fmt.Sprintf("%d workers, %d KiB of stack", threads, stack), func(t *testing.T) {
				in := startIntake(t, intake.Config{})
				good := harness.Chunk{Tag: "app", File: chunkFile(hosts[0], "app.1")}
				r := harness.Run{V5: true, Threads: threads, StackKiB: stack, OwnStack: stack == 0, Repeat: 5, Pace: 5 * time.Millisecond,
					Chunks:  []harness.Chunk{good, {Type: nullChunk, Tag: "bad", File: "4096"}, good, {Type: nullChunk, Tag: "bad", File: "1"}, good},
					Outputs: []harness.Output{toIntake(in, "delivery", "sync")}}
				res := replay(t, r)
				if o := res.Outputs[0]; o.OK != 15 || o.Error != 10 || o.Retry != 0 {
					t.Errorf("%+v\n%s", o, res.Stderr)
				}
				if n := strings.Count(res.Stderr, "panic in FLBPluginFlushCtx"); n != 10 {
					t.Errorf("%d panics were logged, want 10:\n%s", n, res.Stderr)
				}
				if n := len(in.Logs()); n != 30 {
					t.Errorf("%d logs arrived, want those of the 15 good chunks: 30", n)
				}
			})
		}
	}
}

// In queue mode the flush itself copies the payload: the same holds.
func TestAPanicInQueueModeIsAnErrorToo(t *testing.T) {
	in := startIntake(t, intake.Config{})
	good := harness.Chunk{Tag: "app", File: chunkFile(hosts[0], "app.1")}
	res := replay(t, harness.Run{V5: true, Chunks: []harness.Chunk{good, {Type: nullChunk, Tag: "bad", File: "4096"}, good},
		Outputs: []harness.Output{toIntake(in, "delivery", "queue")}})
	if o := res.Outputs[0]; o.OK != 2 || o.Error != 1 {
		t.Errorf("%+v\n%s", o, res.Stderr)
	}
	if n := len(in.Logs()); n != 4 {
		t.Errorf("%d logs arrived, want 4", n)
	}
}
