package e2e_test

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"out_edge/build/harness"
	"out_edge/build/receivers"
)

// fleetDevice is one simulated device. What it measures follows from its number and from
// the push, so that each value at a receiver can be told from every other.
type fleetDevice struct {
	name   string
	number int
	// pushes are the times of what it has measured, in ms, by push.
	pushes []int64
}

func newFleet(devices int) (all []*fleetDevice) {
	for i := range devices {
		all = append(all, &fleetDevice{name: fmt.Sprintf("edge-%05d", i), number: i})
	}
	return all
}

// fleetTags are what a device has inputs for.
var fleetTags = []string{"cpu", "mem", "disk"}

// record is what the input of a tag makes at a push.
func (d *fleetDevice) record(tag string, push int) map[string]any {
	switch tag {
	case "cpu":
		cpu := d.percent(push)
		return map[string]any{"cpu_p": cpu, "user_p": cpu / 2, "system_p": cpu / 4}
	case "mem":
		used := d.usedKiB(push)
		return map[string]any{"Mem.total": totalKiB, "Mem.used": used, "Mem.free": totalKiB - used,
			"Swap.total": totalKiB, "Swap.used": push, "Swap.free": totalKiB - push}
	default:
		return map[string]any{"read_size": d.read(), "write_size": push + 1}
	}
}

const totalKiB = 8 << 20

func (d *fleetDevice) percent(push int) float64 { return float64(d.number%89) + float64(push)/64 }
func (d *fleetDevice) usedKiB(push int) int     { return 1000*(d.number+1) + push }
func (d *fleetDevice) read() int                { return 1000 + d.number }

// gauges are what the receiver must have of a push.
func (d *fleetDevice) gauges(push int) map[string]float64 {
	cpu, used := d.percent(push), d.usedKiB(push)
	return map[string]float64{
		"edge_cpu_usage_ratio total": cpu / 100, "edge_cpu_usage_ratio user": cpu / 2 / 100, "edge_cpu_usage_ratio system": cpu / 4 / 100,
		"edge_memory_bytes total": totalKiB * 1024, "edge_memory_bytes used": float64(used) * 1024, "edge_memory_bytes free": float64(totalKiB-used) * 1024,
		"edge_swap_bytes total": totalKiB * 1024, "edge_swap_bytes used": float64(push) * 1024, "edge_swap_bytes free": float64(totalKiB-push) * 1024,
	}
}

// totals are what its counters must have come to.
func (d *fleetDevice) totals() map[string]float64 {
	n := len(d.pushes)
	return map[string]float64{"edge_disk_read_bytes_total": float64(n * d.read()), "edge_disk_written_bytes_total": float64(n * (n + 1) / 2)}
}

// fleetKept is what receivers have: values by device, series and ms. Points of one series
// that several aggregators have sent are together for gauges, and apart for counters.
type fleetKept struct {
	gauges map[string]map[int64]float64
	// totals has each counter's points in the order of their times.
	totals map[string]map[string][]receivers.Point
}

// asker is a receiver that can be asked.
type asker interface {
	Series(ctx context.Context, selector string) ([]receivers.Series, error)
}

// keptBy asks all of them, and puts together what they have.
func keptBy[A asker](t *testing.T, all []A) fleetKept {
	t.Helper()
	k := fleetKept{map[string]map[int64]float64{}, map[string]map[string][]receivers.Point{}}
	for _, one := range all {
		for _, name := range []string{"edge_cpu_usage_ratio", "edge_memory_bytes", "edge_swap_bytes", "edge_disk_read_bytes_total", "edge_disk_written_bytes_total"} {
			found, err := one.Series(t.Context(), name+`{instance=~"edge-.*"}`)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range found {
				k.add(&s)
			}
		}
	}
	return k
}

func (k *fleetKept) add(s *receivers.Series) {
	name, device := s.Labels["__name__"], s.Labels["instance"]
	if strings.HasSuffix(name, "_total") {
		by := device + " " + name
		if k.totals[by] == nil {
			k.totals[by] = map[string][]receivers.Point{}
		}
		from := s.Labels["aggregator"]
		k.totals[by][from] = merged(k.totals[by][from], s.Points)
		return
	}
	by := device + " " + name + " " + s.Labels["mode"] + s.Labels["state"]
	if k.gauges[by] == nil {
		k.gauges[by] = map[int64]float64{}
	}
	for _, p := range s.Points {
		k.gauges[by][p.UnixMilli] = p.Value
	}
}

// merged are the points of one series at two receivers, by time.
func merged(a, b []receivers.Point) []receivers.Point {
	byTime := func(a, b receivers.Point) int { return cmp.Compare(a.UnixMilli, b.UnixMilli) }
	all := slices.Concat(a, b)
	slices.SortFunc(all, byTime)
	return slices.CompactFunc(all, func(a, b receivers.Point) bool { return a.UnixMilli == b.UnixMilli })
}

// gaugeFaults compares the gauges with each sample of each push: its time, its value, and
// that there is no other.
func (k *fleetKept) gaugeFaults(fleet []*fleetDevice) (samples int, err error) {
	lost, wrong := 0, 0
	for _, d := range fleet {
		for push, at := range d.pushes {
			for series, want := range d.gauges(push) {
				got, ok := k.gauges[d.name+" "+series][at]
				switch {
				case !ok:
					lost++
				case got != want:
					wrong++
				default:
					samples++
				}
			}
		}
	}
	kept := 0
	for _, points := range k.gauges {
		kept += len(points)
	}
	if lost+wrong > 0 || kept != samples {
		err = fmt.Errorf("of the gauges %d samples are there, %d are lost, %d wrong, and %d of the receiver's were never sent", samples, lost, wrong, kept-samples-wrong)
	}
	return samples, err
}

// grownTo is what a counter has grown to, over each time that it began again.
func grownTo(points []receivers.Point) (sum float64) {
	last := 0.0
	for _, p := range points {
		if p.Value < last {
			sum += last
		}
		last = p.Value
	}
	return sum + last
}

// totalFaults compares each counter with what was sent. twice is by how many records in
// all they are above that.
func (k *fleetKept) totalFaults(fleet []*fleetDevice) (twice int, err error) {
	below := 0
	for _, d := range fleet {
		for name, want := range d.totals() {
			sum := 0.0
			for _, points := range k.totals[d.name+" "+name] {
				sum += grownTo(points)
			}
			if sum < want {
				below++
				err = fmt.Errorf("%s of %s is %v, want %v, from %v", name, d.name, sum, want, k.totals[d.name+" "+name])
			}
			if name == "edge_disk_read_bytes_total" {
				twice += int(sum-want) / d.read()
			}
		}
	}
	if below > 0 {
		err = fmt.Errorf("%d counters are below what was sent: %w", below, err)
	}
	return twice, err
}

// fleetPayload packs a record of each device and push, as they lie in a chunk.
func fleetPayload(t *testing.T, fleet []*fleetDevice, tag string, from, to int) []byte {
	t.Helper()
	var b bytes.Buffer
	for push := from; push < to; push++ {
		for _, d := range fleet {
			record := d.record(tag, push)
			record["hostname"] = d.name
			b.Write(recordPayload(t, time.UnixMilli(d.pushes[push]), record))
		}
	}
	return b.Bytes()
}

// fleetChunks are those of pushes, a minute from one to the next until now. Of each tag
// the last ones, so many as kept, are in one chunk.
func fleetChunks(t *testing.T, fleet []*fleetDevice, pushes, kept int) (chunks []harness.Chunk) {
	t.Helper()
	dir := t.TempDir()
	begin := time.Now().Add(-time.Duration(pushes) * time.Minute).UnixMilli()
	for push := range pushes {
		for _, d := range fleet {
			d.pushes = append(d.pushes, begin+int64(push)*60_000+int64(d.number)*37)
		}
	}
	for from := 0; from < pushes; {
		to := from + 1
		if from >= pushes-kept {
			to = pushes
		}
		for _, tag := range fleetTags {
			file := filepath.Join(dir, fmt.Sprintf("%s-%02d.msgpack", tag, from))
			writeFile(t, file, string(fleetPayload(t, fleet, tag, from, to)))
			chunks = append(chunks, harness.Chunk{Tag: tag, File: file})
		}
		from = to
	}
	return chunks
}

var anyDropped = regexp.MustCompile(`(?m)^edge_dropped_records_total\{.*\} [1-9].*$`)

// TestFleetLosesNothing: an aggregator sends what a fleet has measured through a
// balancer to two Prometheus 3, one of which is killed in between. Each sample is at one
// of them at least, with its time and value, and each counter is exact. The last pushes
// come in one chunk, as after an outage of the aggregator.
func TestFleetLosesNothing(t *testing.T) {
	fleet := newFleet(200)
	chunks := fleetChunks(t, fleet, 12, 4)
	nodes, balancer := prometheusPair(t, 4)
	server := httptest.NewServer(balancer)
	t.Cleanup(server.Close)
	// Each flush waits for requests of its own: how many there are does not hang on how
	// fast the machine is.
	page, res := runUntilSettled(t, harness.Run{V5: true, Without: noParking, Threads: 1, Chunks: chunks, RetryLimit: "no_limits", RetryBase: 20 * time.Millisecond, RetryCap: 100 * time.Millisecond, Timeout: patience,
		Outputs: []harness.Output{serving(edge("hostname", "off", "remote_write_every_sample", "on", "remote_write_url", server.URL+"/api/v1/write"))}}, len(chunks))
	if line := anyDropped.FindString(page); line != "" || strings.Contains(res.Stderr, "[error]") {
		t.Errorf("%s\n%s", line, res.Stderr)
	}
	if balancer.Requests() < 8 {
		t.Errorf("%d requests: the kill was not in between", balancer.Requests())
	}
	if err := nodes[0].Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	kept := keptBy(t, nodes)
	if _, err := kept.gaugeFaults(fleet); err != nil {
		t.Error(err)
	}
	if twice, err := kept.totalFaults(fleet); err != nil || twice != 0 {
		t.Errorf("%v, and %d records are counted twice", err, twice)
	}
}

// prometheusPair are two Prometheus 3 that take late samples, behind a balancer that
// kills the first one at a request.
func prometheusPair(t *testing.T, killAt int64) ([]*receivers.Prometheus, *receivers.Balancer) {
	t.Helper()
	var nodes []*receivers.Prometheus
	b := &receivers.Balancer{}
	for range 2 {
		p, err := receivers.StartPrometheus(t.Context(), t.TempDir(), "", "storage: {tsdb: {out_of_order_time_window: 2h}}")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { p.Close() })
		nodes = append(nodes, p)
		b.Targets = append(b.Targets, p.URL)
	}
	b.Before = func(number int64) {
		if number == killAt {
			nodes[0].Kill()
		}
	}
	return nodes, b
}
