package e2e_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"out_edge/build/harness"
)

// prometheus is Debian's, with a configuration of the test.
type prometheus struct {
	t   *testing.T
	url string
	log *watched
}

// startPrometheus runs it until the end of the test.
func startPrometheus(t *testing.T, config string) *prometheus {
	t.Helper()
	path, err := exec.LookPath("prometheus")
	if err != nil {
		t.Fatal("no prometheus: `make deps` installs it")
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "prometheus.yml")
	writeFile(t, file, config)
	addr := "127.0.0.1:" + freePort(t)
	p := &prometheus{t: t, url: "http://" + addr, log: newWatched()}
	cmd := exec.Command(path, "--config.file="+file, "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+addr)
	cmd.Stderr = p.log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended
		_ = cmd.Wait()
	})
	return p
}

// query gives the samples that an expression has now, without the labels of
// their target; none while Prometheus is not up.
func (p *prometheus) query(expression string) map[string]float64 {
	p.t.Helper()
	var answer struct {
		Data struct {
			Result []struct {
				Metric model.Metric
				Value  [2]any
			}
		}
	}
	p.get("/api/v1/query?query="+url.QueryEscape(expression), &answer)
	found := make(map[string]float64)
	for _, r := range answer.Data.Result {
		v, err := strconv.ParseFloat(r.Value[1].(string), 64)
		if err != nil {
			p.t.Fatal(err)
		}
		delete(r.Metric, model.JobLabel)
		delete(r.Metric, model.InstanceLabel)
		found[r.Metric.String()] = v
	}
	return found
}

func (p *prometheus) get(path string, into any) {
	p.t.Helper()
	resp, err := http.Get(p.url + path)
	if err != nil {
		return // it is starting
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return
	}
	if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
		p.t.Fatal(err)
	}
}

// await waits until an expression holds for one series at least.
func (p *prometheus) await(expression string) {
	p.t.Helper()
	end := time.After(browserWait)
	for len(p.query(expression)) == 0 {
		select {
		case <-end:
			p.t.Fatalf("never: %s\n%v", expression, p.lastErrors())
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// lastErrors are those of the targets, by job.
func (p *prometheus) lastErrors() map[string]string {
	p.t.Helper()
	var answer struct {
		Data struct {
			ActiveTargets []struct{ ScrapePool, LastError string }
		}
	}
	p.get("/api/v1/targets", &answer)
	found := make(map[string]string)
	for _, target := range answer.Data.ActiveTargets {
		found[target.ScrapePool] = target.LastError
	}
	return found
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// webConfig makes a web config file with TLS and one user, scraper with the
// password "letmein-s3cret", and gives its path and that of the certificate.
func webConfig(t *testing.T) (config, cert string) {
	t.Helper()
	dir := t.TempDir()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "edge"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	public, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	cert = filepath.Join(dir, "cert.pem")
	writeFile(t, cert, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: public})))
	writeFile(t, filepath.Join(dir, "key.pem"), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})))
	config = filepath.Join(dir, "web.yml")
	writeFile(t, config, "tls_server_config: {cert_file: cert.pem, key_file: key.pem}\n"+
		"basic_auth_users: {scraper: $2a$04$5Nxd/.JJgVmnRprNwrOho.hDpjDdXy0KILLAgX2PBvjOFxaaTWODK}\n")
	return config, cert
}

// job is one of a Prometheus configuration; more are further lines of YAML.
func job(name, addr string, more ...string) string {
	text := "- job_name: " + name + "\n  static_configs: [{targets: ['" + addr + "']}]\n"
	for _, line := range more {
		text += "  " + line + "\n"
	}
	return text
}

// everyFamily is a device whose page shows host metrics of all inputs and what
// node_exporter_metrics gives.
func everyFamily(t *testing.T, outputs ...harness.Output) harness.Run {
	t.Helper()
	r := harness.Run{V5: true, Live: []string{"cpu", "mem", "thermal"}, Interval: 200 * time.Millisecond, Sysfs: thermalSysfs(t),
		Timeout: 3 * time.Minute, Outputs: outputs}
	for _, name := range []string{"disk.1", "disk.2", "netif.1", "netif.2", "proc.1"} {
		r.Chunks = append(r.Chunks, harness.Chunk{Tag: "host", File: chunkFile(hosts[0], name)})
	}
	for _, name := range []string{"node_metrics.1", "node_metrics.2"} {
		r.Chunks = append(r.Chunks, harness.Chunk{Type: harness.Metrics, Tag: "node", File: chunkFile(hosts[0], name)})
	}
	return r
}

// still are the samples of a page that nothing changes any more once the chunks
// have been replayed.
func still(t *testing.T, page string) map[string]float64 {
	t.Helper()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[string]float64)
	for name, f := range families {
		if !strings.HasPrefix(name, "node_") && !strings.HasPrefix(name, "edge_disk_") && !strings.HasPrefix(name, "edge_network_") && !strings.HasPrefix(name, "edge_temp") {
			continue
		}
		for _, m := range f.Metric {
			labels := model.Metric{model.MetricNameLabel: model.LabelValue(name)}
			for _, l := range m.Label {
				labels[model.LabelName(l.GetName())] = model.LabelValue(l.GetValue())
			}
			switch f.GetType() {
			case dto.MetricType_COUNTER:
				found[labels.String()] = m.Counter.GetValue()
			case dto.MetricType_GAUGE:
				found[labels.String()] = m.Gauge.GetValue()
			case dto.MetricType_UNTYPED:
				found[labels.String()] = m.Untyped.GetValue()
			}
		}
	}
	return found
}

func TestARealPrometheusScrapes(t *testing.T) {
	web, cert := webConfig(t)
	open, guarded := "127.0.0.1:"+freePort(t), "127.0.0.1:"+freePort(t)
	l := start(t, everyFamily(t,
		harness.Output{Name: "edge", Properties: harness.Props("listen", open)},
		harness.Output{Name: "edge", Properties: harness.Props("listen", guarded, "web_config_file", web)}))
	for _, addr := range []string{open, guarded} { // else the first scrapes may find nobody
		l.log.find(t, regexp.MustCompile(`listening on `+regexp.QuoteMeta(addr)))
	}
	p := startPrometheus(t, "global: {scrape_interval: 1s, scrape_timeout: 1s}\nscrape_configs:\n"+
		job("open", open)+
		job("admitted", guarded, "scheme: https", "tls_config: {ca_file: "+cert+"}", "basic_auth: {username: scraper, password: letmein-s3cret}")+
		job("wrong_password", guarded, "scheme: https", "tls_config: {ca_file: "+cert+"}", "basic_auth: {username: scraper, password: wrong}")+
		job("no_password", guarded, "scheme: https", "tls_config: {ca_file: "+cert+"}")+
		job("no_tls", guarded, "basic_auth: {username: scraper, password: letmein-s3cret}")+
		job("no_trust", guarded, "scheme: https", "basic_auth: {username: scraper, password: letmein-s3cret}"))

	// Twenty in a row: on a busy machine one may take longer than its second.
	p.await(`count_over_time(up{job="open"}[21s]) >= 20 and min_over_time(up{job="open"}[21s]) == 1`)
	p.await(`count_over_time(up{job="admitted"}[21s]) >= 20 and min_over_time(up{job="admitted"}[21s]) == 1`)
	for name, want := range map[string]string{
		"open": "", "admitted": "", "wrong_password": "401 Unauthorized", "no_password": "401 Unauthorized",
		"no_tls": "400 Bad Request", "no_trust": "x509: ",
	} {
		p.await(fmt.Sprintf(`count_over_time(up{job=%q}[2m]) >= 5`, name))
		eventually(t, browserWait, func() error {
			if got := p.lastErrors()[name]; want == "" && got != "" || !strings.Contains(got, want) {
				return fmt.Errorf("job %s: the last error is %q, want %q", name, got, want)
			}
			return nil
		})
		wantUp := 0.0
		if want == "" {
			wantUp = 1
		}
		if ups := p.query(fmt.Sprintf(`max_over_time(up{job=%q}[2m])`, name)); len(ups) != 1 {
			t.Errorf("job %s: %v", name, ups)
		} else {
			for _, up := range ups {
				if up != wantUp {
					t.Errorf("job %s was up %v, want %v", name, up, wantUp)
				}
			}
		}
	}

	page := get(t, "http://"+open+"/metrics")
	want := still(t, page)
	got := p.query(`{__name__=~"node_.+|edge_disk_.+|edge_network_.+|edge_temp.+", job="open"}`)
	if len(want) < 200 {
		t.Errorf("the page has %d samples that stand still", len(want))
	}
	for name, v := range want {
		stored, ok := got[name]
		if !ok || stored != v && (stored == stored || v == v) {
			t.Errorf("%s: the page has %v, Prometheus %v", name, v, stored)
		}
	}
	if len(p.query(`rate(edge_records_total{job="open",sink="prometheus",result="delivered"}[1m]) > 0`)) != 1 {
		t.Error("the count of samples does not rise")
	}
	p.log.mu.Lock()
	defer p.log.mu.Unlock()
	for _, bad := range []string{"append failed", "Error on ingesting", "level=error", "out-of-order", "duplicate"} {
		if strings.Contains(p.log.text.String(), bad) {
			t.Errorf("Prometheus says %q:\n%s", bad, p.log.text.String())
		}
	}
	noSecret(t, l.stop().Stderr)
}

func TestPromtoolChecksEveryFamily(t *testing.T) {
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Fatal("no promtool: `make deps` installs it")
	}
	l := start(t, everyFamily(t, harness.Output{Name: "edge", Properties: harness.Props("listen", "127.0.0.1:0")}))
	base := "http://" + l.address()
	page := get(t, base+"/metrics")
	for end := time.Now().Add(browserWait); time.Now().Before(end) && !containsAll(page, "node_load1 ", "edge_temperature_celsius{", "edge_cpu_usage_ratio{"); {
		page = get(t, base+"/metrics")
	}
	for _, family := range []string{"edge_cpu_usage_ratio", "edge_memory_bytes", "edge_temperature_celsius", "edge_disk_read_bytes_total",
		"edge_network_bytes_total", "edge_process_up", "edge_records_total", "edge_flush_duration_seconds", "edge_build_info", "node_load1"} {
		if !strings.Contains(page, "# TYPE "+family+" ") {
			t.Errorf("no %s on the page", family)
		}
	}
	var own strings.Builder
	for line := range strings.Lines(page) {
		if name := strings.TrimPrefix(strings.TrimPrefix(line, "# HELP "), "# TYPE "); !strings.HasPrefix(name, "node_") {
			own.WriteString(line)
		}
	}
	if complaints := checkMetrics(t, promtool, own.String()); complaints != "" {
		t.Errorf("promtool check metrics of our own families:\n%s", complaints)
	}
	// node_exporter's names are kept as they are, capitals and all: that is the
	// one thing to find in them.
	for line := range strings.Lines(checkMetrics(t, promtool, page)) {
		if !strings.HasPrefix(line, "node_") {
			t.Errorf("promtool check metrics of the whole page: %s", line)
		}
	}
	l.stop()
}

func containsAll(text string, parts ...string) bool {
	for _, p := range parts {
		if !strings.Contains(text, p) {
			return false
		}
	}
	return true
}

// checkMetrics gives what promtool has to say of a page.
func checkMetrics(t *testing.T, promtool, page string) string {
	t.Helper()
	cmd := exec.Command(promtool, "check", "metrics")
	cmd.Stdin = strings.NewReader(page)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 3) { // 3: it parses, but there are findings
		t.Errorf("promtool check metrics: %v\n%s", err, out)
	}
	return string(out)
}
