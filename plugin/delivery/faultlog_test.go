package delivery_test

import (
	"bytes"
	"log/slog"
	"testing"
	"time"

	"out_edge/build/testkit"
	"out_edge/plugin/delivery"
)

func TestFaultLog(t *testing.T) {
	var (
		out   bytes.Buffer
		clock ticks
	)
	log := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{ReplaceAttr: testkit.NoTime}))
	f := delivery.NewFaultLog(log, clock.elapsed)
	step := func(name, want string) {
		t.Helper()
		if out.String() != want {
			t.Errorf("%s: got %q, want %q", name, out.String(), want)
		}
		out.Reset()
		clock.advance(time.Second)
	}
	f.OK("fine")
	step("no fault, no recovery", "")
	f.Fail("503", false, "trouble", "code", 503)
	step("first", "level=WARN msg=trouble code=503\n")
	f.Fail("503", false, "trouble", "code", 503)
	step("again", "")
	f.Fail("403", true, "other trouble")
	step("another kind", "level=ERROR msg=\"other trouble\"\n")
	clock.advance(time.Hour)
	f.Fail("503", false, "trouble", "code", 503)
	step("still", "")
	f.OK("fine")
	step("over", "level=INFO msg=fine failures=4 after=1h0m4s\n")
	f.OK("fine")
	step("and silent", "")
	f.Fail("503", false, "trouble")
	f.OK("fine")
	step("back for the first time in an hour", "level=WARN msg=trouble\nlevel=INFO msg=fine failures=1 after=0s\n")
	f.Fail("503", false, "trouble")
	f.OK("fine")
	step("flapping", "")
	clock.advance(time.Minute)
	f.Fail("503", false, "trouble")
	step("a minute later", "level=WARN msg=trouble\n")
}
