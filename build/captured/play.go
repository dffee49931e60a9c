package captured

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"time"

	"out_edge/build/harness"
	"out_edge/build/intake"
	"out_edge/build/testkit"
)

// patience ends a run that comes to no end by itself, under qemu too.
const patience = 5 * time.Minute

// Sent is what a library has made of a Set.
type Sent struct {
	// Intake is Text of what Datadog was sent.
	Intake string
	// Page is Steady of /metrics, once all is settled.
	Page string
	// Played are the payloads that the library was given, Unrouted those of a type
	// that it did not ask for.
	Played, Unrouted int
}

// Play flushes a host's payloads of the set to a library, in the C host of the
// kit's architecture and of that Fluent Bit's version: host_metrics both, on
// /metrics and at an intake that takes everything. A chunk that is not OK is an
// error.
func (s Set) Play(ctx context.Context, k *harness.Kit, library, host string) (sent Sent, err error) {
	chunks, err := s.Chunks(k.Root(), host)
	if err != nil || len(chunks) == 0 {
		return Sent{}, err
	}
	in, err := intake.Start(intake.Config{})
	if err != nil {
		return Sent{}, err
	}
	defer in.Close()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	r := harness.Run{
		// Without parking each flush is requests of its own, so that what is sent
		// does not hang on how fast the machine is.
		Without: []string{"co_switch"},
		Library: library, V5: host == Hosts()[0], Guard: true, Threads: 1, Chunks: chunks, Timeout: patience,
		Seconds: patience.Seconds(), ReportEvery: 50 * time.Millisecond,
		Outputs: []harness.Output{{Name: "edge", Properties: harness.Props("listen", "127.0.0.1:0", "apikey", "k",
			"dd_url", in.URL(), "dd_metrics_url", in.URL(), "dd_hostname", "edge-1", "host_metrics", "both",
			"clock_start", s.Clock, "include_tag_key", "on")}},
	}
	page, res, err := runAndScrape(ctx, k, r)
	if err != nil {
		return Sent{}, err
	}
	o := res.Outputs[0]
	if res.Plugin != "edge" || o.OK != o.Chunks || o.Chunks+o.Unrouted != len(chunks) {
		return Sent{}, fmt.Errorf("play %s of %s: plugin %q, %+v\n%s", s.Name, host, res.Plugin, o, res.Stderr)
	}
	text, err := s.Text(in)
	return Sent{Intake: text, Page: Steady(page), Played: o.Chunks, Unrouted: o.Unrouted}, err
}

// runAndScrape ends the run when all chunks are settled and /metrics was read.
func runAndScrape(ctx context.Context, k *harness.Kit, r harness.Run) (page string, res harness.Result, err error) {
	said := &testkit.Buffer{}
	settled, ended := make(chan string, 1), make(chan error, 1)
	r.Stderr = said
	r.OnReport = func(rep harness.Result) {
		o, addr := rep.Outputs[0], address(said)
		if o.OK+o.Error+o.GaveUp+o.Unrouted < len(r.Chunks) || addr == "" {
			return
		}
		select {
		case settled <- addr:
		default:
		}
	}
	p, err := k.Start(ctx, r)
	if err != nil {
		return "", res, err
	}
	go func() {
		var err error
		res, err = p.Wait()
		ended <- err
	}()
	select {
	case addr := <-settled:
		page, err = get(ctx, "http://"+addr+"/metrics")
		err = errors.Join(err, p.Signal(os.Interrupt))
	case err = <-ended:
		return "", res, errors.Join(errors.New("the host ended before all was settled"), err)
	}
	return page, res, errors.Join(err, <-ended)
}

var listening = regexp.MustCompile(`listening on (\S+)\n`)

// address is where the library says that it listens, or "".
func address(said *testkit.Buffer) string {
	if m := listening.FindStringSubmatch(said.String()); m != nil {
		return m[1]
	}
	return ""
}

func get(ctx context.Context, url string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return string(body), err
}

// Text is all that an intake accepted, a line an entry, logs first. Times that are
// the arrival's vary by the run and read 0.
func (s Set) Text(in *intake.Server) (string, error) {
	begin, err := time.Parse(time.RFC3339, s.Clock)
	if err != nil {
		return "", err
	}
	times := arrival(begin)
	var lines []string
	for _, e := range append(in.Logs(), in.Series()...) {
		var buf bytes.Buffer
		if err := json.Compact(&buf, e.JSON); err != nil {
			return "", fmt.Errorf("read an entry: %w", err)
		}
		lines = append(lines, times.ReplaceAllString(buf.String(), "0"))
	}
	return strings.Join(lines, "\n") + "\n", nil
}

// arrival matches the times, in s or ms, of the first minute of a run.
func arrival(begin time.Time) *regexp.Regexp {
	var alternatives []string
	for s := range int64(60) {
		alternatives = append(alternatives, fmt.Sprint(begin.Unix()+s))
	}
	return regexp.MustCompile(`\b(` + strings.Join(alternatives, "|") + `)(\d{3})?\b`)
}

// restless are series that differ between runs: of how long something took, of
// when it was, and of what a compressor made of either.
var restless = regexp.MustCompile(`^edge_(flush_duration_seconds_(bucket|sum)|build_info|last_delivery|clock_skew_seconds [^0]|datadog_sent_bytes)`)

// Steady leaves out of a page what differs between runs.
func Steady(page string) string {
	var kept []string
	for line := range strings.Lines(page) {
		if !restless.MatchString(line) {
			kept = append(kept, strings.TrimRight(line, "\n"))
		}
	}
	return strings.Join(kept, "\n") + "\n"
}
