package e2e_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"out_edge/build/harness"
	"out_edge/build/intake"
	"out_edge/build/intake/strict"
)

// mutant spoils a payload in one of the ways in which bytes get spoilt, and in
// some that only malice finds.
func mutant(draw *rand.Rand, seeds [][]byte) []byte {
	p := append([]byte(nil), seeds[draw.IntN(len(seeds))]...)
	for range 1 + draw.IntN(6) {
		at := draw.IntN(len(p) + 1)
		switch draw.IntN(9) {
		case 0: // a bit
			if at < len(p) {
				p[at] ^= 1 << draw.IntN(8)
			}
		case 1: // a type byte of any kind, for what stood there
			if at < len(p) {
				p[at] = byte(0xc0 + draw.IntN(32))
			}
		case 2: // cut off
			p = p[:at]
		case 3: // a length beyond all memory
			head := []byte{0xdd, 0xdf, 0xdb, 0xc6, 0xc9, 0xdc, 0xde}[draw.IntN(7)]
			p = append(p[:at:at], append([]byte{head, 0xff, 0xff, 0xff, byte(0xf0 + draw.IntN(16))}, p[at:]...)...)
		case 4: // a piece twice
			end := at + draw.IntN(len(p)-at+1)
			p = append(p[:end:end], p[at:]...)
		case 5: // a piece missing
			end := at + draw.IntN(len(p)-at+1)
			p = append(p[:at:at], p[end:]...)
		case 6: // another payload's rest
			other := seeds[draw.IntN(len(seeds))]
			p = append(p[:at:at], other[draw.IntN(len(other)):]...)
		case 7: // nesting
			deep := make([]byte, draw.IntN(300))
			for i := range deep {
				deep[i] = []byte{0x91, 0x81, 0x92, 0xdc}[draw.IntN(4)]
			}
			p = append(p[:at:at], append(deep, p[at:]...)...)
		case 8: // noise
			for i := at; i < min(at+8, len(p)); i++ {
				p[i] = byte(draw.IntN(256))
			}
		}
	}
	return p
}

// mutants writes n of them, of log payloads and of metrics events.
func mutants(t *testing.T, n int) (all []harness.Chunk) {
	t.Helper()
	var seeds [][]byte
	for _, host := range hosts {
		files, err := filepath.Glob(chunkFile(host, "*"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no payloads of %s: %v", host, err)
		}
		for _, f := range files {
			p, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			if len(p) < 100_000 {
				seeds = append(seeds, p)
			}
		}
	}
	draw, dir := rand.New(rand.NewPCG(1, 2026)), t.TempDir()
	for i := range n {
		file := filepath.Join(dir, fmt.Sprint(i))
		if err := os.WriteFile(file, mutant(draw, seeds), 0o600); err != nil {
			t.Fatal(err)
		}
		kind := harness.Logs
		if i%3 == 0 {
			kind = harness.Metrics
		}
		all = append(all, harness.Chunk{Type: kind, Tag: fmt.Sprint("t", i%50), File: file})
	}
	return all
}

// lenient is the strict check but for how far ahead a log's time may lie: a
// wrapped time is undone to the instant nearest to the clock, and a spoilt one may
// look like that.
func lenient(endpoint string, body []byte) error {
	c := new(strict.Checker)
	if endpoint == intake.Logs {
		c.Now = func() time.Time { return time.Now().Add(wrap / 2) }
	}
	return c.Check(endpoint, body)
}

// wrap is how far apart the instants lie that a wrapped time may mean: 2^32 ms.
const wrap = (1 << 32) * time.Millisecond

// Whatever a payload holds, the agent lives, each flush gives one of the three
// answers, and what is sent all the same is sound in the eyes of the intake.
func TestSpoiltPayloadsHarmNobody(t *testing.T) {
	const n = 4000
	in := startIntake(t, intake.Config{Check: lenient, CountOnly: true})
	r := harness.Run{V5: true, Threads: 2, Chunks: mutants(t, n), Trace: true, Timeout: 2 * time.Minute,
		Outputs: []harness.Output{toIntake(in, "host_metrics", "both", "include_tag_key", "on", "provider", "ecs")}}
	res := replay(t, r)
	o := res.Outputs[0]
	if o.Chunks != n || o.OK+o.Error != n || o.Retry+o.GaveUp != 0 {
		t.Errorf("%+v\n%.4000s", o, res.Stderr)
	}
	results := map[string]int{}
	for _, f := range res.Flushes {
		results[f.Result]++
	}
	t.Logf("%v, %d logs and %d series arrived", results, in.Count(intake.Logs), in.Count(intake.Series))
	if results["ok"] < n/4 || results["error"] < n/100 {
		t.Errorf("%v: too one-sided to prove anything", results)
	}
	noneRefused(t, in, true)
	noPanic(t, res)
	good := replay(t, harness.Run{V5: true, Threads: 1, Chunks: []harness.Chunk{{Tag: "app", File: chunkFile(hosts[0], "app.1")}}, Outputs: []harness.Output{toIntake(in)}})
	if good.Outputs[0].OK != 1 {
		t.Errorf("%+v", good.Outputs[0])
	}
}
