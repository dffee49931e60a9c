package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"out_edge/build/receivers"
	"out_edge/exporter/remotewrite"
)

// node is one of the Prometheus behind a balancer. It keeps its folder and address
// when it is killed and started again.
type node struct {
	dir, addr string
	cmd       *exec.Cmd
}

func newNode() (*node, error) {
	dir, addr, err := newHome()
	if err != nil {
		return nil, err
	}
	n := &node{dir: dir, addr: addr}
	return n, n.start()
}

func (n *node) start() error {
	n.cmd = exec.Command("prometheus", "--config.file="+filepath.Join(n.dir, configFile), "--storage.tsdb.path="+filepath.Join(n.dir, "data"),
		"--web.enable-remote-write-receiver", "--web.listen-address="+n.addr, "--query.max-samples=200000000")
	n.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	stderr, err := n.cmd.StderrPipe()
	if err != nil {
		return err
	}
	if err := n.cmd.Start(); err != nil {
		return fmt.Errorf("start prometheus (apt-get install prometheus): %w", err)
	}
	return awaitReady(stderr)
}

// kill ends it as a power cut does.
func (n *node) kill() {
	_ = n.cmd.Process.Kill()
	_ = n.cmd.Wait()
}

func (n *node) remove() {
	n.kill()
	_ = os.RemoveAll(n.dir)
}

// failover lets devices push through the balancer while one of two nodes is killed,
// starts that one again, and counts the samples that one of the two has.
func failover(ctx context.Context, devices, minutes int) (found, want int, err error) {
	var nodes []*node
	var b receivers.Balancer
	for range 2 {
		n, err := newNode()
		if err != nil {
			return 0, 0, err
		}
		defer n.remove()
		nodes = append(nodes, n)
		b.Targets = append(b.Targets, "http://"+n.addr)
	}
	b.Before = func(number int64) {
		if number == int64(devices*minutes)/2 {
			nodes[0].kill()
		}
	}
	server := httptest.NewServer(&b)
	defer server.Close()
	p := plan{devices: devices, minutes: minutes, every: 60, version: remotewrite.Version1}
	var counts ledger
	fleet, err := newFleet(p, remotewrite.Config{URL: server.URL + "/api/v1/write", Version: p.version, PluginVersion: "1.0.0"}, &counts)
	if err != nil {
		return 0, 0, err
	}
	start := time.Now().Add(-time.Duration(minutes+2) * time.Minute).UnixNano()
	for m := range minutes {
		if err := fleet.minute(ctx, start+int64(m)*60e9); err != nil {
			return 0, 0, err
		}
	}
	fleet.close(ctx)
	want = devices * minutes * len(fleet.series)
	if lost := counts.lost.Load(); lost != 0 {
		return 0, want, fmt.Errorf("the senders dropped %d samples", lost)
	}
	if err := nodes[0].start(); err != nil {
		return 0, want, err
	}
	found, err = union(ctx, nodes)
	return found, want, err
}

// union counts the samples, by series and time, that one of the nodes has.
func union(ctx context.Context, nodes []*node) (int, error) {
	all := map[string]bool{}
	names := map[string]bool{}
	for _, s := range hostSeries() {
		names[s.Name] = true
	}
	for name := range names {
		for _, n := range nodes {
			if err := n.addSamples(ctx, name, all); err != nil {
				return 0, err
			}
		}
	}
	return len(all), nil
}

func (n *node) addSamples(ctx context.Context, name string, to map[string]bool) error {
	q := url.Values{"query": {name + `{job="out_edge"}[2h]`}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+n.addr+"/api/v1/query?"+q.Encode(), nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var answer struct {
		Data struct {
			Result []struct {
				Metric json.RawMessage
				Values [][2]any
			}
		}
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return fmt.Errorf("ask prometheus for its samples: %w", err)
	}
	for _, r := range answer.Data.Result {
		for _, v := range r.Values {
			to[fmt.Sprintf("%s %v", r.Metric, v[0])] = true
		}
	}
	return nil
}
