package e2e_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"out_edge/build/harness"
	"out_edge/build/intake"
)

// The plugin's own series say of two outputs which is which, so that the one whose
// receiver has never answered is seen; what both are given is dropped by neither.
func TestTwoOutputsAreToldApart(t *testing.T) {
	in := startIntake(t, intake.Config{Keys: []string{theKey}})
	addr, nobody := "127.0.0.1:"+freePort(t), "http://127.0.0.1:"+freePort(t)+"/write"
	r := harness.Run{V5: true, RetryLimit: "no_limits", Chunks: []harness.Chunk{{Tag: "disk", File: diskChunk(t, 100, 50)}},
		Outputs: []harness.Output{
			{Name: "edge", Properties: harness.Props("listen", addr, "apikey", theKey, "dd_url", in.URL(), "dd_metrics_url", in.URL())},
			{Name: "edge", Properties: harness.Props("alias", "lte", "listen", addr, "remote_write_url", nobody)},
		}}
	l := start(t, r)
	l.address()
	l.arrives(in, in.WaitSeries(soon(t), 1))
	want := []string{
		`edge_records_total{output="edge.0",result="delivered",sink="datadog_metrics"} 2`,
		`edge_records_total{output="edge.0",result="delivered",sink="prometheus"} 2`,
		`edge_records_total{output="lte",result="delivered",sink="prometheus"} 2`,
		`edge_records_total{output="lte",result="delivered",sink="remote_write"} 0`,
		`edge_last_delivery_timestamp_seconds{output="lte",sink="remote_write"} 0`,
		`edge_dropped_records_total{output="lte",reason="shown_by_other_instance",sink="prometheus"} 0`,
		"edge_disk_read_bytes_total 100",
	}
	lacks := pageLacks(t, "http://"+addr+"/metrics", want)
	for end := soon(t); len(lacks) > 0 && end.Err() == nil; {
		lacks = pageLacks(t, "http://"+addr+"/metrics", want)
	}
	if len(lacks) > 0 {
		t.Errorf("the page lacks\n%s", strings.Join(lacks, "\n"))
	}
	l.stop()
}

// pageLacks are those of the lines that a page does not have.
func pageLacks(t *testing.T, url string, lines []string) (lacks []string) {
	t.Helper()
	page := strings.Split(get(t, url), "\n")
	for _, line := range lines {
		if !slices.Contains(page, line) {
			lacks = append(lacks, line)
		}
	}
	return lacks
}

// In a UTS namespace of its own, as a container has, the system's name is not sent,
// and one line says what to set. What is set is sent.
func TestAContainersNameIsNotSent(t *testing.T) {
	container := []string{"unshare", "--user", "--map-root-user", "--uts", "sh", "-c", `hostname 0c4f2e9a71bd && exec "$@"`, "sh"}
	if out, err := exec.Command(container[0], append(container[1:], "true")...).CombinedOutput(); err != nil {
		t.Skipf("nobody may make a UTS namespace here: %v %s", err, out)
	}
	for name, c := range map[string]struct {
		env  []string
		host string
		says int
	}{
		"nothing set":             {nil, "", 1},
		"the environment says it": {[]string{"EDGE_HOSTNAME=pump-7"}, "pump-7", 0},
	} {
		t.Run(name, func(t *testing.T) {
			in := startIntake(t, intake.Config{Keys: []string{theKey}})
			to := edge("apikey", theKey, "dd_url", in.URL(), "dd_metrics_url", in.URL(), "host_metrics", "both")
			l := start(t, harness.Run{V5: true, Wrap: container, Env: c.env, Outputs: []harness.Output{to, to},
				Chunks: []harness.Chunk{{Tag: "disk", File: diskChunk(t, 100, 50)}}})
			l.arrives(in, in.WaitSeries(soon(t), 4))
			l.arrives(in, in.WaitLogs(soon(t), 2))
			for _, e := range slices.Concat(in.Series(), in.Logs()) {
				if got := strings.Contains(string(e.JSON), "0c4f2e9a71bd"); got {
					t.Errorf("the container's name is sent: %s", e.JSON)
				}
				if c.host != "" && !strings.Contains(string(e.JSON), `"`+c.host+`"`) {
					t.Errorf("no %s in %s", c.host, e.JSON)
				}
			}
			log := l.stop().Stderr
			if n := strings.Count(log, "no host name is sent: "); n != c.says {
				t.Errorf("%d lines say that no name is sent\n%s", n, log)
			}
		})
	}
}
