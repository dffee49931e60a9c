package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vmihailenco/msgpack/v5"

	"out_edge/build/captured"
	"out_edge/build/harness"
	"out_edge/build/intake"
	"out_edge/build/receivers"
)

// before puts a proxy with faults before a receiver.
func before(t *testing.T, url string, script intake.Script) *intake.Proxy {
	t.Helper()
	p := intake.NewProxy(url, script)
	t.Cleanup(p.Close)
	return p
}

// logLine is one record that a test has made.
type logLine struct {
	ID   string
	Time time.Time
	Text string
}

// logPayload packs records as Fluent Bit does. All their values are texts:
// VictoriaLogs takes nothing else.
func logPayload(t *testing.T, lines []logLine) []byte {
	t.Helper()
	var b bytes.Buffer
	enc := msgpack.NewEncoder(&b)
	for _, l := range lines {
		sec, nsec := uint32(l.Time.Unix()), uint32(l.Time.Nanosecond())
		b.Write([]byte{0x92, 0x92, 0xd7, 0x00, byte(sec >> 24), byte(sec >> 16), byte(sec >> 8), byte(sec),
			byte(nsec >> 24), byte(nsec >> 16), byte(nsec >> 8), byte(nsec), 0x80, 0x83})
		if err := enc.EncodeMulti("id", l.ID, "log", l.Text, "level", "info"); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

// logChunks writes records into payload files of so many each.
func logChunks(t *testing.T, lines []logLine, perChunk int) (chunks []harness.Chunk) {
	t.Helper()
	dir := t.TempDir()
	for part := range slices.Chunk(lines, perChunk) {
		file := filepath.Join(dir, fmt.Sprintf("%04d.msgpack", len(chunks)))
		if err := os.WriteFile(file, logPayload(t, part), 0o600); err != nil {
			t.Fatal(err)
		}
		chunks = append(chunks, harness.Chunk{Tag: fmt.Sprintf("app%d", len(chunks)%4), File: file})
	}
	return chunks
}

// Every record is at VictoriaLogs with its own time, once, but for those whose
// answer was lost: through broken connections and refusals.
func TestVictoriaLogsKeepsEachRecord(t *testing.T) {
	vl, err := receivers.StartVictoriaLogs(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(vl.Close)
	const records, perChunk = 5000, 125
	begin := time.Now().Add(-2 * time.Hour)
	lines := make([]logLine, records)
	for i := range lines {
		lines[i] = logLine{fmt.Sprintf("id-%05d", i), begin.Add(time.Duration(i) * 1234567 * time.Nanosecond), fmt.Sprintf("line %d of %d", i, records)}
	}
	proxy := before(t, vl.URL, intake.Faults{Seed: 11, Share: 0.3, Kinds: everyFault()}.Script())
	chunks := logChunks(t, lines, perChunk)
	_, res := runUntilSettled(t, harness.Run{V5: true, Without: noParking, Threads: 3, RetryLimit: "no_limits", RetryBase: 10 * time.Millisecond,
		RetryCap: 100 * time.Millisecond, Chunks: chunks, Timeout: 2 * patience,
		Outputs: []harness.Output{serving(edge("apikey", theKey, "dd_url", proxy.URL(), "dd_metrics_url", proxy.URL(), "dd_hostname", "edge-1"))}}, len(chunks))
	if o := res.Outputs[0]; o.OK != len(chunks) {
		t.Errorf("host: %+v\n%s", o, res.Stderr)
	}
	stored, err := vl.Logs(t.Context(), "*")
	if err != nil {
		t.Fatal(err)
	}
	kept := make(map[string][]receivers.Log)
	for _, l := range stored {
		kept[l.Fields["id"]] = append(kept[l.Fields["id"]], l)
	}
	lost := lostAnswers(t, proxy)
	for _, l := range lines {
		got := kept[l.ID]
		if len(got) != 1+lost[l.ID] {
			t.Errorf("%s is stored %d times, and %d answers were lost", l.ID, len(got), lost[l.ID])
		}
		for _, g := range got {
			if !g.Time.Equal(l.Time.Truncate(time.Millisecond)) || g.Fields["_msg"] != l.Text || g.Fields["hostname"] != "edge-1" {
				t.Errorf("%s is stored as %+v, want %+v", l.ID, g, l)
			}
		}
	}
	if len(kept) != records {
		t.Errorf("%d ids, want %d", len(kept), records)
	}
	if len(lost) == 0 {
		t.Error("no answer was lost: nothing is proved")
	}
	noSecret(t, res.Stderr)
}

// lostAnswers counts, by id, the accepted logs requests whose answer did not reach
// the library.
func lostAnswers(t *testing.T, proxy *intake.Proxy) map[string]int {
	t.Helper()
	lost := make(map[string]int)
	for _, f := range proxy.Forwarded() {
		if f.Path != "/api/v2/logs" || f.Status/100 != 2 || !f.Lost {
			continue
		}
		var entries []struct{ ID string }
		if err := json.Unmarshal(unpacked(t, f), &entries); err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			lost[e.ID]++
		}
	}
	return lost
}

func unpacked(t *testing.T, f intake.Forwarded) []byte {
	t.Helper()
	r, err := intake.Unpack(f.Body, f.Encoding)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// What senders garbled is at VictoriaLogs with the times that the golden files of
// the intake have.
func TestVictoriaLogsKeepsRepairedTimes(t *testing.T) {
	senders := captured.Sets()[0]
	for _, host := range hosts {
		t.Run(host, func(t *testing.T) {
			vl, err := receivers.StartVictoriaLogs(t.Context(), t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(vl.Close)
			all := slices.DeleteFunc(chunks(t, host, senders), func(c harness.Chunk) bool { return !strings.HasPrefix(c.Tag, "fw.") })
			in := startIntake(t, intake.Config{})
			runUntilSettled(t, harness.Run{V5: host == hosts[0], Threads: 1, Chunks: all, Timeout: patience,
				Outputs: []harness.Output{serving(edge("apikey", theKey, "dd_url", vl.URL, "dd_metrics_url", in.URL(), "dd_hostname", "edge-1",
					"clock_start", senders.Clock, "include_tag_key", "on"))}}, len(all))
			stored, err := vl.Logs(t.Context(), "*")
			if err != nil {
				t.Fatal(err)
			}
			begin, err := time.Parse(time.RFC3339, senders.Clock)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, l := range stored {
				ms := l.Time.UnixMilli()
				if since := l.Time.Sub(begin); since >= 0 && since < time.Minute {
					ms = 0 // the arrival's
				}
				got = append(got, fmt.Sprintf("%s %d %s", l.Fields["tagkey"], ms, l.Fields["m"]))
			}
			want := goldenTimes(t, host)
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		})
	}
}

// goldenTimes are tag, time and text of the forward protocol's records in a golden
// file of the intake.
func goldenTimes(t *testing.T, host string) (all []string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "intake-"+host+"-senders.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		var entry struct {
			Timestamp int64
			Tagkey, M string
		}
		if err := json.Unmarshal([]byte(line), &entry); err == nil && strings.HasPrefix(entry.Tagkey, "fw.") {
			all = append(all, fmt.Sprintf("%s %d %s", entry.Tagkey, entry.Timestamp, entry.M))
		}
	}
	if len(all) < 20 {
		t.Fatalf("%d entries in the golden file", len(all))
	}
	slices.Sort(all)
	return all
}
