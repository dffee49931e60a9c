package logline_test

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"out_edge/plugin/logline"
)

const patience = 10 * time.Second

// pipe is one whose ends the test closes.
func pipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); w.Close() })
	return r, w
}

// descriptor is f's, and blocks as an inherited one does: Fd sees to it.
func descriptor(f *os.File) int { return int(f.Fd()) }

func write(t *testing.T, o *logline.Outlet, line string) {
	t.Helper()
	if n, err := o.Write([]byte(line)); n != len(line) || err != nil {
		t.Fatalf("Write gave %d, %v", n, err)
	}
}

func TestOutletWritesLinesInOrder(t *testing.T) {
	r, w := pipe(t)
	o := logline.NewOutlet(descriptor(w))
	for i := range 100 {
		write(t, o, fmt.Sprintf("line %d\n", i))
	}
	if !o.Flush(patience) {
		t.Fatal("not flushed")
	}
	lines := bufio.NewScanner(r)
	for i := range 100 {
		if !lines.Scan() || lines.Text() != fmt.Sprintf("line %d", i) {
			t.Fatalf("got %q, want line %d", lines.Text(), i)
		}
	}
}

func TestOutletOfABrokenPipeDoesNothing(t *testing.T) {
	r, w := pipe(t)
	r.Close()
	o := logline.NewOutlet(descriptor(w))
	write(t, o, "gone\n")
	if !o.Flush(patience) {
		t.Fatal("not flushed")
	}
}

func TestOutletOfAFullDiskDoesNothing(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	o := logline.NewOutlet(descriptor(full))
	write(t, o, "gone\n")
	if !o.Flush(patience) {
		t.Fatal("not flushed")
	}
}

// A reader that has stopped holds up nobody, what it misses is bounded, and it is
// told how much that was when it goes on.
func TestOutletOfAStuckReaderCountsWhatIsLost(t *testing.T) {
	const lines = 5000
	r, w := pipe(t)
	o := logline.NewOutlet(descriptor(w))
	for range lines { // 500 kB: the pipe takes 64 KiB, the outlet as much again
		write(t, o, strings.Repeat("x", 99)+"\n")
	}
	if o.Flush(time.Millisecond) {
		t.Fatal("the reader is not stuck")
	}
	whole, lost := 0, 0 // there may be more than one notice
	in := bufio.NewScanner(r)
	for whole+lost < lines && in.Scan() {
		var n int
		if got, err := fmt.Sscanf(lastField(in.Text()), "%d log lines were lost", &n); got == 1 && err == nil {
			lost += n
			continue
		}
		if len(in.Text()) != 99 {
			t.Fatalf("a broken line: %q", in.Text())
		}
		whole++
	}
	if whole+lost != lines || lost == 0 {
		t.Errorf("%d lines came, %d are said to be lost, of %d", whole, lost, lines)
	}
}

// lastField is what follows the time, level and origin.
func lastField(line string) string {
	_, text, _ := strings.Cut(line, "[output:edge] ")
	return text
}
