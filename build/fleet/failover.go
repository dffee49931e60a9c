package main

import (
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"out_edge/build/receivers"
	"out_edge/exporter/remotewrite"
)

// failover lets devices push through the balancer while one of two nodes is killed,
// starts that one again, and counts the samples that one of the two has.
func failover(ctx context.Context, devices, minutes int) (found, want int, err error) {
	dir, err := os.MkdirTemp("", "fleet")
	if err != nil {
		return 0, 0, err
	}
	defer os.RemoveAll(dir)
	var nodes []*receivers.Prometheus
	var b receivers.Balancer
	for i := range 2 {
		home := filepath.Join(dir, strconv.Itoa(i))
		if err := os.Mkdir(home, 0o700); err != nil {
			return 0, 0, err
		}
		n, err := newPrometheus(ctx, home)
		if err != nil {
			return 0, 0, err
		}
		defer func() { n.Kill() }()
		nodes = append(nodes, n)
		b.Targets = append(b.Targets, n.URL)
	}
	b.Before = func(number int64) {
		if number == int64(devices*minutes)/2 {
			nodes[0].Kill()
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
	if err := nodes[0].Restart(ctx); err != nil {
		return 0, want, err
	}
	found, err = union(ctx, nodes)
	return found, want, err
}

// union counts the samples, by series and time, that one of the nodes has.
func union(ctx context.Context, nodes []*receivers.Prometheus) (int, error) {
	all := map[string]bool{}
	for _, name := range hostNames() {
		for _, n := range nodes {
			found, err := n.Series(ctx, name+`{job="out_edge"}`)
			if err != nil {
				return 0, err
			}
			for _, s := range found {
				for _, p := range s.Points {
					all[fmt.Sprint(s.Labels, p.UnixMilli)] = true
				}
			}
		}
	}
	return len(all), nil
}
