package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/vmihailenco/msgpack/v5"

	"out_edge/build/harness"
	"out_edge/build/intake"
)

// demo is what its parts share.
type demo struct {
	dir, logFile, library, listen string
	intake                        *intake.Server
	out                           *os.File
	shown                         int // logs that were shown already
}

// agent is what carries the library.
type agent struct {
	name string
	// garble brings a line in with a time of which only the low 32 bits of the
	// milliseconds are left, in the place of seconds.
	garble func(line string, at time.Time) error
	stop   func() error
}

// marker begins the lines that the test host stamps with a garbled time.
const marker = "GARBLED"

// start starts a real fluent-bit if there is one, else the test host.
func (d *demo) start(ctx context.Context) (*agent, error) {
	if err := os.WriteFile(d.logFile, nil, 0o644); err != nil {
		return nil, err
	}
	run := harness.Run{
		Library: d.library, V5: true, Outputs: d.outputs(), Threads: 1, RetryLimit: "no_limits",
		Live: []string{"cpu", "mem"}, Interval: time.Second, Tail: map[string]string{"app": d.logFile},
		Garble: "ms32:" + marker, Seconds: 1e6, Timeout: 30 * 24 * time.Hour, Stderr: os.Stderr,
	}
	if zones, _ := filepath.Glob("/sys/class/thermal/thermal_zone*"); len(zones) > 0 {
		run.Live = append(run.Live, "thermal")
	}
	if path, ok := harness.RealAgent(); ok {
		return d.startReal(context.WithoutCancel(ctx), path, &run)
	}
	return d.startHost(ctx, run)
}

func (d *demo) startHost(ctx context.Context, run harness.Run) (*agent, error) {
	kit, err := harness.NewKit(d.dir, harness.Native())
	if err != nil {
		return nil, err
	}
	p, err := kit.Start(context.WithoutCancel(ctx), run)
	if err != nil {
		return nil, err
	}
	return &agent{
		name:   "the test host (no fluent-bit on PATH)",
		garble: func(line string, _ time.Time) error { return appendLine(d.logFile, marker+" "+line) },
		stop: func() error {
			if err := p.Signal(os.Interrupt); err != nil {
				return err
			}
			_, err := p.Wait()
			return err
		},
	}, nil
}

func (d *demo) startReal(ctx context.Context, path string, run *harness.Run) (*agent, error) {
	socket := filepath.Join(d.dir, "forward.sock")
	args := append(run.AgentArgs(), "--input", "forward", "--prop", "unix_path="+socket)
	a, err := harness.StartAgent(ctx, path, args, nil, run.Timeout, os.Stderr)
	if err != nil {
		return nil, err
	}
	return &agent{
		name:   path,
		garble: func(line string, at time.Time) error { return forward(socket, line, at) },
		stop: func() error {
			_, err := a.Stop()
			return err
		},
	}, nil
}

// forward sends one record by the forward protocol, in a packed blob, which
// Fluent Bit passes through as it is. Its time is what a 32-bit node makes of
// milliseconds.
func forward(socket, line string, at time.Time) error {
	var blob bytes.Buffer
	blob.Write(binary.BigEndian.AppendUint32([]byte{0x92, 0xd7, 0x00}, uint32(at.UnixMilli())))
	blob.Write([]byte{0, 0, 0, 0}) // nanoseconds
	if err := msgpack.NewEncoder(&blob).Encode(map[string]string{"log": marker + " " + line}); err != nil {
		return err
	}
	message, err := msgpack.Marshal([]any{"upstream", blob.Bytes()})
	if err != nil {
		return err
	}
	conn, err := net.Dial("unix", socket)
	if err != nil {
		return fmt.Errorf("reach the agent's forward input: %w", err)
	}
	defer conn.Close()
	_, err = conn.Write(message)
	return err
}

func appendLine(path, line string) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.WriteString(line + "\n")
	return err
}
