package e2e_test

import (
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"out_edge/build/harness"
	"out_edge/build/receivers"
)

// The fleet's measures: it lives a minute in fleetInterval.
const (
	fleetSize     = 1000
	fleetPushes   = 24
	fleetInterval = 5 * time.Second
)

// fleetStage is a fleet with its aggregators and its Mimirs.
type fleetStage struct {
	t        *testing.T
	agent    string
	dir, url string
	mimirs   []*receivers.Mimir
	balancer *receivers.Balancer
	begin    time.Time
	fleet    []*fleetDevice
}

// TestFleetOnMimir: 1,000 devices forward to two aggregators of examples/fleet, which
// send through a balancer to three Mimirs with replication 3; two further devices run
// out_edge themselves, and two a Fluent Bit with an upstream of both aggregators. A
// Mimir is killed and comes back, then an aggregator, then two Mimirs at a time.
func TestFleetOnMimir(t *testing.T) {
	agent, ok := harness.RealAgent()
	program, found := receivers.MimirOnPath()
	if !ok || !found {
		t.Log("no fluent-bit, or no mimir, on PATH: TestFleetLosesNothing has done what can be done without")
		return
	}
	s := newFleetStage(t, agent, program)
	a, b := s.aggregator("a"), s.aggregator("b")
	both := []string{a.input, b.input}
	var wg sync.WaitGroup
	errs := make([]error, len(s.fleet))
	local := s.localAgents(both)
	s.begin = time.Now().Add(3 * time.Second)
	for i, d := range s.fleet {
		nodes, from := both, i%2
		if i >= fleetSize {
			nodes, from = []string{local[i-fleetSize]}, 0
		}
		wg.Go(func() { errs[i] = s.live(d, &forwarder{nodes: nodes, node: from}) })
	}
	s.breakThings(a)
	wg.Wait()
	for i, err := range errs {
		if err != nil {
			t.Errorf("%s: %v", s.fleet[i].name, err)
		}
	}
	s.judge()
}

func newFleetStage(t *testing.T, agent, program string) *fleetStage {
	s := &fleetStage{t: t, agent: agent, dir: t.TempDir(), fleet: newFleet(fleetSize + 4), balancer: &receivers.Balancer{}}
	var err error
	if s.mimirs, err = receivers.StartMimir(t.Context(), s.dir, program, 3); err != nil {
		t.Fatal(err)
	}
	for _, m := range s.mimirs {
		t.Cleanup(func() { m.Kill() })
		s.balancer.Targets = append(s.balancer.Targets, m.URL)
	}
	server := httptest.NewServer(s.balancer)
	t.Cleanup(server.Close)
	s.url = server.URL + "/api/v1/push"
	return s
}

// aggregator is one that runs. It can be started again.
type aggregator struct {
	*harness.Agent
	stage       *fleetStage
	conf, input string
}

// aggregator starts one of examples/fleet, with the label that the README asks for.
func (s *fleetStage) aggregator(name string) *aggregator {
	port := freePort(s.t)
	a := &aggregator{stage: s, input: "127.0.0.1:" + port}
	text := readFile(s.t, filepath.Join(kit.Root(), "examples", "fleet", "fluent-bit.conf"))
	text = strings.NewReplacer("/var/lib/fluent-bit", filepath.Join(s.dir, name), "0.0.0.0", "127.0.0.1", "24224", port,
		"${MIMIR_URL}", s.url).Replace(text)
	a.conf = s.conf(name, text+fmt.Sprintf("    listen                 127.0.0.1:%s\n    add_label              aggregator=%s\n", freePort(s.t), name))
	a.start()
	return a
}

func (a *aggregator) start() {
	a.stage.t.Helper()
	a.Agent = a.stage.start(a.conf)
}

func (s *fleetStage) conf(name, text string) string {
	path := filepath.Join(s.dir, name+".conf")
	writeFile(s.t, path, text)
	return path
}

func (s *fleetStage) start(conf string) *harness.Agent {
	s.t.Helper()
	log, err := os.OpenFile(strings.TrimSuffix(conf, ".conf")+".log", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		s.t.Fatal(err)
	}
	a, err := harness.StartAgent(s.t.Context(), s.agent, []string{"-e", library(s.t), "-c", conf}, nil, 20*time.Minute, log)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(a.Kill)
	return a
}

// localAgents run on the last four devices: two with out_edge, and two that forward to
// both aggregators, as the README has it. It returns the address of each one's input.
func (s *fleetStage) localAgents(aggregators []string) (inputs []string) {
	upstream := "[UPSTREAM]\n    name aggregators\n"
	for i, a := range aggregators {
		host, port, _ := strings.Cut(a, ":")
		upstream += fmt.Sprintf("[NODE]\n    name %d\n    host %s\n    port %s\n", i, host, port)
	}
	file := s.conf("upstream", upstream)
	for i, d := range s.fleet[fleetSize:] {
		port := freePort(s.t)
		text := fmt.Sprintf("[SERVICE]\n    flush 1\n    storage.path %s\n[INPUT]\n    name forward\n    listen 127.0.0.1\n    port %s\n    storage.type filesystem\n",
			filepath.Join(s.dir, d.name), port)
		if i < 2 {
			text += fmt.Sprintf("[OUTPUT]\n    name edge\n    match *\n    listen off\n    retry_limit no_limits\n    remote_write_url %s\n    remote_write_headers X-Scope-OrgID: %s\n", s.url, receivers.Tenant)
		} else {
			text += fmt.Sprintf("[OUTPUT]\n    name forward\n    match *\n    upstream %s\n    retry_limit no_limits\n    require_ack_response on\n", file)
		}
		s.start(s.conf(d.name, text))
		inputs = append(inputs, "127.0.0.1:"+port)
	}
	return inputs
}

// live is a device's life: it measures when it is time, and forwards what it has.
func (s *fleetStage) live(d *fleetDevice, to *forwarder) error {
	defer to.close()
	jitter := time.Duration(d.number) * fleetInterval / time.Duration(len(s.fleet))
	for push := range fleetPushes {
		<-time.After(time.Until(s.begin.Add(time.Duration(push)*fleetInterval + jitter)))
		now := time.Now().UnixMilli()
		d.pushes = append(d.pushes, now)
		for _, tag := range fleetTags {
			record := d.record(tag, push)
			record["hostname"] = d.name
			if err := to.send(tag, now, record, s.begin.Add(10*time.Minute)); err != nil {
				return err
			}
		}
	}
	return nil
}

// breakThings kills, and starts again, while the devices go on.
func (s *fleetStage) breakThings(a *aggregator) {
	at := func(push int, what string, do func() error) {
		<-time.After(time.Until(s.begin.Add(time.Duration(push) * fleetInterval)))
		if err := do(); err != nil {
			s.t.Errorf("%s: %v", what, err)
		}
		s.t.Logf("push %d: %s; %d requests so far, %d refused", push, what, s.balancer.Requests(), s.balancer.Refused())
	}
	kill := func(i int) func() error { return func() error { s.mimirs[i].Kill(); return nil } }
	restart := func(i int) func() error { return func() error { return s.mimirs[i].Restart(s.t.Context()) } }
	at(4, "Mimir 0 is killed", kill(0))
	at(8, "aggregator a is killed", func() error { a.Kill(); return nil })
	at(10, "Mimir 0 starts", restart(0))
	at(12, "aggregator a starts", func() error { a.start(); return nil })
	at(17, "Mimir 1 is killed", kill(1))
	at(17, "Mimir 2 is killed: no quorum", kill(2))
	at(19, "Mimir 1 starts", restart(1))
	at(20, "Mimir 2 starts", restart(2))
}

// judge waits until each sample is there, and says what was found.
func (s *fleetStage) judge() {
	var kept fleetKept
	samples := 0
	eventually(s.t, 3*time.Minute, func() (err error) {
		kept = keptBy(s.t, s.mimirs[:1])
		samples, err = kept.gaugeFaults(s.fleet)
		return err
	})
	twice, err := kept.totalFaults(s.fleet[:fleetSize+2])
	if err != nil {
		s.t.Error(err)
	}
	// What the last two kept comes at once after an aggregator has begun again: a counter
	// that begins again at no less than its last value does not show that it did.
	if _, err := kept.totalFaults(s.fleet[fleetSize+2:]); err != nil {
		s.t.Log(err)
	}
	s.t.Logf("%d devices, %d pushes each: %d samples of gauges are there, each with its time and value, and %d counters; %d of %d records counted twice; %d requests, %d refused",
		len(s.fleet), fleetPushes, samples, len(kept.totals), twice, len(s.fleet)*fleetPushes, s.balancer.Requests(), s.balancer.Refused())
}
