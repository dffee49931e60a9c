package logline

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"syscall"
	"time"
)

const (
	// outletLimit is how many bytes of lines may wait for a slow reader.
	outletLimit = 64 << 10
	// busyPause is the time between two attempts on a non-blocking descriptor that is
	// full.
	busyPause = 50 * time.Millisecond
)

// Outlet is a writer for a file descriptor that is not ours, such as standard error.
// Whatever is behind it, a broken pipe, a full disk or a reader that has stopped, Write
// returns at once and the process continues. Lines over the limit are lost; after the
// next successful line a notice says how many.
//
// It uses write(2) instead of os.Stderr: package os raises SIGPIPE, which ends the
// process, when standard output or standard error is a broken pipe.
type Outlet struct {
	fd int

	mu      sync.Mutex
	waiting []byte // whole lines
	lost    int    // lines since the last successful one
	idle    chan struct{}
}

// NewOutlet returns an Outlet that writes to the descriptor fd and does not close it.
func NewOutlet(fd int) *Outlet { return &Outlet{fd: fd} }

// Write queues one line. It does not block and does not fail.
func (o *Outlet) Write(line []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.waiting)+len(line) > outletLimit {
		o.lost++
		return len(line), nil
	}
	o.waiting = append(o.waiting, line...)
	if o.idle == nil {
		o.idle = make(chan struct{})
		go o.drain(o.idle)
	}
	return len(line), nil
}

// Flush waits until all lines are written or have failed, for patience at most. It
// reports whether they are.
func (o *Outlet) Flush(patience time.Duration) bool {
	o.mu.Lock()
	idle := o.idle
	o.mu.Unlock()
	if idle == nil {
		return true
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-idle:
		return true
	case <-timer.C:
		return false
	}
}

// drain writes until no line is waiting, so that there is a goroutine only while there
// is something to write.
func (o *Outlet) drain(idle chan struct{}) {
	defer close(idle)
	var spare []byte
	for {
		lines := o.next(spare)
		if len(lines) == 0 {
			return
		}
		for rest := lines; len(rest) > 0; {
			line := rest[:lineEnd(rest)]
			rest = rest[len(line):]
			o.count(writeAll(o.fd, line))
		}
		spare = lines[:0]
	}
}

// next returns the waiting lines and keeps spare as the next buffer; no lines end the
// goroutine.
func (o *Outlet) next(spare []byte) []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	lines := o.waiting
	o.waiting = spare
	if len(lines) == 0 {
		o.idle, o.waiting = nil, nil
	}
	return lines
}

// count counts a line that failed, or writes the notice of lost ones after a line that
// succeeded.
func (o *Outlet) count(err error) {
	o.mu.Lock()
	lost := o.lost
	if err != nil {
		o.lost++
	} else {
		o.lost = 0
	}
	o.mu.Unlock()
	if err == nil && lost > 0 {
		notice := fmt.Sprintf("%s %s [output:edge] %d log lines were lost: standard error did not take them\n",
			time.Now().Format(timeFormat), label(slog.LevelWarn), lost)
		if writeAll(o.fd, []byte(notice)) != nil {
			o.mu.Lock()
			o.lost += lost
			o.mu.Unlock()
		}
	}
}

// lineEnd is the length of the first line.
func lineEnd(b []byte) int {
	for i, c := range b {
		if c == '\n' {
			return i + 1
		}
	}
	return len(b)
}

// writeAll writes b; it blocks for as long as the descriptor does.
func writeAll(fd int, b []byte) error {
	for len(b) > 0 {
		n, err := syscall.Write(fd, b)
		switch {
		case errors.Is(err, syscall.EINTR):
		case errors.Is(err, syscall.EAGAIN):
			time.Sleep(busyPause)
		case err != nil:
			return err
		default:
			b = b[n:]
		}
	}
	return nil
}
