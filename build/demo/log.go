package main

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// trueTime is how a line says when it was written.
const trueTime = "2006-01-02T15:04:05.000Z"

// writeLog writes a line a second until ctx ends, each fourth by way of garble;
// the channel is closed at its end.
func (d *demo) writeLog(ctx context.Context, garble func(string, time.Time) error) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for n := 1; ; n++ {
			now := time.Now().UTC()
			line := fmt.Sprintf("line %d written at %s", n, now.Format(trueTime))
			var err error
			if n%4 == 0 {
				err = garble(line, now)
			} else {
				err = appendLine(d.logFile, line)
			}
			if err != nil {
				fmt.Fprintln(d.out, "demo:", err)
			}
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	}()
	return done
}

// writtenAt is when a line says that it was written.
func writtenAt(message string) (time.Time, bool) {
	_, stamp, ok := strings.Cut(message, "written at ")
	if !ok {
		return time.Time{}, false
	}
	t, err := time.Parse(trueTime, stamp)
	return t, err == nil
}
