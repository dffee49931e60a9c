// Command demo shows the library at work on this machine, with nothing else set
// up: a real fluent-bit if there is one on PATH, else the test host, reads cpu,
// mem and thermal and follows a log file; a small local intake stands in for
// Datadog. Now and then a line gets a garbled time on purpose.
//
// It ends on Ctrl-C, or by itself after -seconds, and its exit status is 0 only
// if logs and metrics arrived and the garbled times came out right, or if Ctrl-C was too
// early for that.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"out_edge/build/harness"
	"out_edge/build/intake"
)

// showEvery is the time between two looks at what has arrived.
const showEvery = 3 * time.Second

func main() {
	seconds := flag.Float64("seconds", 0, "end after this many seconds; 0: on Ctrl-C")
	library := flag.String("lib", "out_edge.so", "the library, as `make build` leaves it")
	flag.Parse()
	if err := run(*library, time.Duration(*seconds*float64(time.Second))); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

// run lasts until a signal, or for length unless that is 0.
func run(library string, length time.Duration) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if length > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, length)
		defer cancel()
	}
	dir, err := os.MkdirTemp("", "out_edge-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	in, err := intake.Start(intake.Config{})
	if err != nil {
		return err
	}
	defer in.Close()
	d := &demo{dir: dir, logFile: filepath.Join(dir, "app.log"), intake: in, out: os.Stdout}
	if d.library, err = filepath.Abs(library); err != nil {
		return err
	}
	if d.listen, err = freeAddress("127.0.0.1:2021"); err != nil {
		return err
	}
	agent, err := d.start(ctx)
	if err != nil {
		return err
	}
	d.introduce(agent.name)
	lines := d.writeLog(ctx, agent.garble)
	d.watch(ctx)
	<-lines
	fmt.Fprintln(d.out, "\nstopping")
	if err := agent.stop(); err != nil {
		return err
	}
	err = d.verdict()
	if errors.Is(err, errShort) && errors.Is(ctx.Err(), context.Canceled) { // by Ctrl-C
		fmt.Fprintln(d.out, err)
		return nil
	}
	return err
}

// freeAddress is wanted, or another port of its host when that is taken.
func freeAddress(wanted string) (string, error) {
	ln, err := net.Listen("tcp", wanted)
	if err != nil {
		if ln, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			return "", err
		}
	}
	defer ln.Close()
	return ln.Addr().String(), nil
}

// outputs is the one [OUTPUT] section of the demo.
func (d *demo) outputs() []harness.Output {
	return []harness.Output{{Name: "edge", Properties: harness.Props(
		"listen", d.listen,
		"apikey", "a-key-that-only-the-local-intake-takes",
		"dd_url", d.intake.URL(),
		"dd_metrics_url", d.intake.URL(),
		"dd_service", "demo",
		"edge_log_level", "info",
	)}}
}
