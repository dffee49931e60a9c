package e2e_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"out_edge/build/harness"
	"out_edge/build/intake"
)

// hostile is a tag that must not become part of the page.
const hostile = `app<script>alert(1)</script><b>"&amp;`

// startDevice runs a device whose logs have wrong times and go to an intake that
// takes them; it gives the address of its page.
func startDevice(t *testing.T, in *intake.Server) (l *live, base string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "app.log")
	appendTo(t, file, "GARBLE one\nGARBLE two\nthree\n")
	l = start(t, harness.Run{V5: true, Threads: 1, Live: []string{"cpu", "mem", "thermal"}, Interval: 200 * time.Millisecond,
		Sysfs: thermalSysfs(t), Tail: map[string]string{hostile: file}, Garble: "ms32", Timeout: 3 * time.Minute,
		Outputs: []harness.Output{{Name: "edge", Properties: harness.Props("listen", "127.0.0.1:0", "apikey", theKey,
			"dd_url", in.URL(), "dd_metrics_url", in.URL(), "dd_hostname", "edge-1", "add_label", "site=plant-7")}}})
	base = "http://" + l.address() + "/"
	ctx, cancel := context.WithTimeout(t.Context(), browserWait)
	defer cancel()
	if err := in.WaitLogs(ctx, 3); err != nil {
		t.Fatal(err)
	}
	if err := in.WaitSeries(ctx, 5); err != nil {
		t.Fatal(err)
	}
	return l, base
}

// cell finds the value beside a row's name, or on the chart of that name.
func cell(name string) string {
	return `[...document.querySelectorAll("tbody th, figcaption > bdi")].find((e) => e.textContent === "` + name + `").parentElement.lastElementChild.textContent`
}

func TestStatusPage(t *testing.T) {
	in := startIntake(t, intake.Config{Keys: []string{theKey}})
	l, base := startDevice(t, in)
	b := startBrowser(t)
	b.screen(1000, "light")
	b.visit(base)

	for _, want := range []string{"CPU", "Memory used", "Temperature", "Last success", "Last scrape"} {
		if got := b.eval(cell(want)); got == "" {
			t.Errorf("%s: empty", want)
		}
	}
	if got := b.eval(cell("Temperature")); got != "48.3 °C" {
		t.Errorf("temperature %q", got)
	}
	if got := b.eval(`document.querySelector(".verdict").innerText`); got != "✓ Well" {
		t.Errorf("the page says %q: %s", got, b.eval(`document.querySelector(".state").innerText`))
	}
	if got := b.eval(`document.querySelector(".repairs bdi").textContent`); got != hostile {
		t.Errorf("the tag of the repair reads %q", got)
	}
	if got := b.eval(`document.querySelector(".repairs ins").textContent > "→ after 2025"`); got != "true" {
		t.Errorf("repaired to %q", b.eval(`document.querySelector(".repairs ins").textContent`))
	}
	if got := b.eval(`document.querySelectorAll("main bdi *, main b b, script:not(:last-child)").length`); got != "0" {
		t.Error("a tag became an element")
	}

	// What flows is there, and so are the last records, as the browser is on the device.
	if got := b.eval(`[...document.querySelectorAll(".inputs bdi")].map((e) => e.title).sort().join()`); got != hostile+",cpu,mem,thermal" {
		t.Errorf("the inputs are %q", got)
	}
	if got := b.eval(`document.querySelectorAll(".wires .live").length >= 4`); got != "true" {
		t.Error("nothing connects inputs and sinks")
	}
	if got := b.eval(`document.querySelector(".tail").innerText`); !strings.Contains(got, "GARBLE one") {
		t.Errorf("the last records are %q", got)
	}

	// By itself, the page shows new figures, draws longer lines, and leaves alone
	// what the reader has opened.
	b.eval(`document.querySelector("details").open = true; window.untouched = document.querySelector("details"); window.cpu = document.querySelector("polyline").getAttribute("points")`)
	b.eval(`window.samples = ` + cell("Samples shown"))
	b.waitFor(cell("Samples shown") + ` !== window.samples && document.querySelector("polyline").getAttribute("points") !== window.cpu`)
	b.waitFor(`document.querySelectorAll(".charts polyline").length >= 3`)
	if got := b.eval(`window.untouched === document.querySelector("details") && window.untouched.open`); got != "true" {
		t.Error("an update closes what is open")
	}
	b.quiet(base)

	for _, c := range []struct {
		name   string
		width  int
		scheme string
		paper  string
	}{
		{"desktop-light", 1000, "light", "rgb(244, 246, 248)"},
		{"desktop-dark", 1000, "dark", "rgb(12, 15, 19)"},
		{"phone-light", 360, "light", "rgb(244, 246, 248)"},
		{"phone-dark", 360, "dark", "rgb(12, 15, 19)"},
	} {
		b.screen(c.width, c.scheme)
		if got := b.eval(`getComputedStyle(document.documentElement).backgroundColor`); got != c.paper {
			t.Errorf("%s: the background is %s", c.name, got)
		}
		if got := b.eval(`document.documentElement.scrollWidth <= ` + b.eval(`innerWidth`)); got != "true" {
			t.Errorf("%s: the page is %s pixels wide", c.name, b.eval(`document.documentElement.scrollWidth`))
		}
		b.shot("page-" + c.name)
	}

	text := b.eval(`document.documentElement.outerHTML`)
	noSecret(t, text)
	noSecret(t, l.stop().Stderr)
	// The device is gone, and the page says so.
	b.waitFor(`!document.getElementById("lost").hidden`)
	b.shot("page-lost")
}

// Without JavaScript the page is the same tables, and loads itself anew.
func TestStatusPageWithoutJavaScript(t *testing.T) {
	in := startIntake(t, intake.Config{Keys: []string{theKey}})
	l, base := startDevice(t, in)
	b := startBrowser(t)
	b.call("Emulation.setScriptExecutionDisabled", map[string]any{"value": true})
	b.screen(360, "light")
	b.visit(base)
	samples := b.eval(cell("Samples shown"))
	if got := b.eval(`document.querySelector(".verdict").innerText`); got != "✓ Well" {
		t.Errorf("the page says %q", got)
	}
	b.shot("page-noscript")
	b.waitLoads(b.loaded() + 1)
	if again := b.eval(cell("Samples shown")); again == samples {
		t.Errorf("%s samples, then %s", samples, again)
	}
	b.quiet(base)
	l.stop()
}

// An intake that refuses the key shows at a glance.
func TestStatusPageOfAFailingSink(t *testing.T) {
	in := startIntake(t, intake.Config{Keys: []string{"another"}})
	l := start(t, harness.Run{V5: true, Threads: 1, Live: []string{"mem"}, Interval: 100 * time.Millisecond, RetryLimit: "no_limits",
		Outputs: []harness.Output{{Name: "edge", Properties: harness.Props("listen", "127.0.0.1:0", "apikey", theKey, "dd_url", in.URL(), "dd_metrics_url", in.URL())}}})
	base := "http://" + l.address() + "/"
	b := startBrowser(t)
	b.screen(360, "dark")
	b.visit(base)
	b.waitFor(`document.querySelector(".verdict").innerText === "! Needs a look"`)
	b.shot("page-failing")
	if got := b.eval(`document.querySelector(".state li").innerText`); !strings.Contains(got, "Datadog metrics has failed for") || !strings.Contains(got, "403, the key is not valid here") {
		t.Errorf("the finding is %q", got)
	}
	if got := b.eval(`document.title`); !strings.HasPrefix(got, "! ") || !strings.HasSuffix(got, ": Needs a look") {
		t.Errorf("the title is %q", got)
	}
	b.quiet(base)
	noSecret(t, l.stop().Stderr)
}
