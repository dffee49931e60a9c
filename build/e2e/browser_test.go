package e2e_test

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// browserWait is how long a test waits for what a page must show.
const browserWait = 2 * time.Minute

// browser is a headless Chromium with one tab, driven by the DevTools protocol
// over a pair of pipes.
type browser struct {
	t       *testing.T
	to      *os.File
	session string

	mu      sync.Mutex
	last    int
	answers map[int]chan devtools
	more    chan struct{} // closed and made anew by each event
	// What the page did.
	loads      int
	requests   []string
	complaints []string
}

// devtools is one message of the protocol, either way.
type devtools struct {
	ID      int             `json:"id,omitempty"`
	Session string          `json:"sessionId,omitempty"`
	Method  string          `json:"method,omitempty"`
	Params  any             `json:"params,omitempty"`
	Result  json.RawMessage `json:"result,omitempty"`
	Error   *struct {
		Message string `json:"message"`
	} `json:"error,omitempty"`
}

// pageEvent is what is read of the events.
type pageEvent struct {
	Request struct {
		URL string `json:"url"`
	} `json:"request"`
	Entry struct {
		Level, Text, URL string
	} `json:"entry"`
	Type             string          `json:"type"`
	Args             json.RawMessage `json:"args"`
	ExceptionDetails json.RawMessage `json:"exceptionDetails"`
}

// startBrowser starts a Chromium that ends with the test.
func startBrowser(t *testing.T) *browser {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatal("no chromium: `make deps` installs it")
	}
	fromUs, to := pipe(t)
	from, toUs := pipe(t)
	profile := t.TempDir()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, path, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
		"--hide-scrollbars", "--user-data-dir="+profile, "--remote-debugging-pipe", "about:blank")
	cmd.ExtraFiles = []*os.File{fromUs, toUs}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // with its children
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	fromUs.Close()
	toUs.Close()
	b := &browser{t: t, to: to, answers: make(map[int]chan devtools), more: make(chan struct{})}
	ended := make(chan struct{})
	go func() { defer close(ended); b.read(from) }()
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait() // killed
		<-ended
	})
	b.open()
	return b
}

func pipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); w.Close() })
	return r, w
}

// open makes the tab and listens to it.
func (b *browser) open() {
	b.t.Helper()
	var target struct {
		TargetID string `json:"targetId"`
	}
	b.into(&target, "Target.createTarget", map[string]any{"url": "about:blank"})
	var attached struct {
		SessionID string `json:"sessionId"`
	}
	b.into(&attached, "Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true})
	b.session = attached.SessionID
	for _, domain := range []string{"Page", "Runtime", "Log", "Network"} {
		b.call(domain+".enable", nil)
	}
}

// read takes what Chromium sends until it ends.
func (b *browser) read(from *os.File) {
	in := bufio.NewReader(from)
	for {
		text, err := in.ReadBytes(0)
		if err != nil {
			return
		}
		m := devtools{}
		var params json.RawMessage
		m.Params = &params
		if json.Unmarshal(text[:len(text)-1], &m) != nil {
			continue
		}
		b.mu.Lock()
		if m.ID != 0 {
			b.answers[m.ID] <- m
			delete(b.answers, m.ID)
		} else {
			b.note(m.Method, params)
		}
		b.mu.Unlock()
	}
}

// note keeps an event; the caller holds b.mu.
func (b *browser) note(method string, params json.RawMessage) {
	var e pageEvent
	_ = json.Unmarshal(params, &e) // other events have other fields
	switch method {
	case "Page.loadEventFired":
		b.loads++
	case "Network.requestWillBeSent":
		b.requests = append(b.requests, e.Request.URL)
	case "Log.entryAdded":
		if e.Entry.Level == "error" || e.Entry.Level == "warning" {
			b.complaints = append(b.complaints, e.Entry.Text+" "+e.Entry.URL)
		}
	case "Runtime.consoleAPICalled":
		if e.Type == "error" || e.Type == "warning" {
			b.complaints = append(b.complaints, string(e.Args))
		}
	case "Runtime.exceptionThrown":
		b.complaints = append(b.complaints, string(e.ExceptionDetails))
	default:
		return
	}
	close(b.more)
	b.more = make(chan struct{})
}

// call sends a command and waits for its result.
func (b *browser) call(method string, params any) json.RawMessage {
	b.t.Helper()
	answer := make(chan devtools, 1)
	b.mu.Lock()
	b.last++
	m := devtools{ID: b.last, Session: b.session, Method: method, Params: params}
	b.answers[m.ID] = answer
	b.mu.Unlock()
	text, err := json.Marshal(m)
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := b.to.Write(append(text, 0)); err != nil {
		b.t.Fatal(err)
	}
	select {
	case m = <-answer:
	case <-time.After(browserWait):
		b.t.Fatalf("chromium does not answer %s", method)
	}
	if m.Error != nil {
		b.t.Fatalf("%s: %s", method, m.Error.Message)
	}
	return m.Result
}

func (b *browser) into(v any, method string, params any) {
	b.t.Helper()
	if err := json.Unmarshal(b.call(method, params), v); err != nil {
		b.t.Fatal(err)
	}
}

// visit loads an address.
func (b *browser) visit(url string) {
	b.t.Helper()
	before := b.loaded()
	b.call("Page.navigate", map[string]any{"url": url})
	b.waitLoads(before + 1)
}

func (b *browser) loaded() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.loads
}

// waitLoads waits until n documents have been loaded.
func (b *browser) waitLoads(n int) {
	b.t.Helper()
	enough := time.After(browserWait)
	for {
		b.mu.Lock()
		loads, more := b.loads, b.more
		b.mu.Unlock()
		if loads >= n {
			return
		}
		select {
		case <-more:
		case <-enough:
			b.t.Fatalf("%d of %d documents were loaded", loads, n)
		}
	}
}

// eval gives the text of a JavaScript expression, or of what its promise brings.
func (b *browser) eval(expression string) string {
	b.t.Helper()
	var res struct {
		Result           struct{ Value any } `json:"result"`
		ExceptionDetails json.RawMessage     `json:"exceptionDetails"`
	}
	b.into(&res, "Runtime.evaluate", map[string]any{"expression": expression, "awaitPromise": true, "returnByValue": true})
	if res.ExceptionDetails != nil {
		b.t.Fatalf("%s: %s", expression, res.ExceptionDetails)
	}
	return fmt.Sprint(res.Result.Value)
}

// waitFor waits in the page until a condition holds.
func (b *browser) waitFor(condition string) {
	b.t.Helper()
	b.eval(fmt.Sprintf(`new Promise((yes, no) => {
		const end = Date.now() + %d;
		const look = () => %s ? yes() : Date.now() > end ? no(document.body.innerText) : setTimeout(look, 50);
		look();
	})`, (browserWait - 5*time.Second).Milliseconds(), condition))
}

// screen sets the size in CSS pixels and the colour scheme.
func (b *browser) screen(width int, scheme string) {
	b.t.Helper()
	b.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 600})
	b.call("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme}}})
}

// shot saves the whole page as a picture, in $E2E_ARTIFACTS if it is set.
func (b *browser) shot(name string) {
	b.t.Helper()
	dir := os.Getenv("E2E_ARTIFACTS")
	if dir == "" {
		dir = b.t.TempDir()
	}
	var layout struct {
		Size struct{ Width, Height float64 } `json:"cssContentSize"`
	}
	b.into(&layout, "Page.getLayoutMetrics", nil)
	var shot struct{ Data string }
	b.into(&shot, "Page.captureScreenshot", map[string]any{"format": "png", "captureBeyondViewport": true,
		"clip": map[string]any{"x": 0, "y": 0, "width": layout.Size.Width, "height": layout.Size.Height, "scale": 1}})
	png, err := base64.StdEncoding.DecodeString(shot.Data)
	if err == nil {
		err = os.MkdirAll(dir, 0o755)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644)
	}
	if err != nil {
		b.t.Fatal(err)
	}
}

// quiet fails the test if the page complained, or asked anybody but base for
// anything.
func (b *browser) quiet(base string) {
	b.t.Helper()
	b.mu.Lock()
	complaints, requests := slices.Clone(b.complaints), slices.Clone(b.requests)
	b.mu.Unlock()
	for _, c := range complaints {
		b.t.Errorf("the console says: %s", c)
	}
	asked := 0
	for _, url := range requests {
		switch {
		case strings.HasPrefix(url, base):
			asked++
		case !strings.HasPrefix(url, "data:"):
			b.t.Errorf("the page asked for %s", url)
		}
	}
	if asked == 0 {
		b.t.Error("no request was seen")
	}
}

// forget begins a new page's account.
func (b *browser) forget() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.complaints, b.requests = nil, nil
}

// fits fails the test if something reaches over the edge of the window, or text over the
// edge of its box without being cut on purpose.
func (b *browser) fits(t *testing.T) {
	t.Helper()
	if got := b.eval(`document.documentElement.scrollWidth <= innerWidth`); got != "true" {
		t.Errorf("the page is %s pixels wide", b.eval(`document.documentElement.scrollWidth`))
	}
	if got := b.eval(`[...document.querySelectorAll("main *:not(svg *):not(.hidden)")].filter((e) => {
		const style = getComputedStyle(e);
		return e.scrollWidth > e.clientWidth + 1 && style.display !== "inline" && style.overflowX === "visible";
	}).map((e) => e.outerHTML.slice(0, 120)).join("\n")`); got != "" {
		t.Errorf("text runs over:\n%s", got)
	}
}
