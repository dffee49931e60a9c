package arrows_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// allowed lists the packages of the module that each package may import. A package
// below it (plugin/delivery/outbox) counts as part of it, unless it is listed itself.
var allowed = map[string][]string{
	"plugin":               {"plugin/config", "plugin/pipeline", "plugin/logline", "plugin/footprint", "exporter", "exporter/statuspage", "timefix"},
	"plugin/check":         {"plugin/config", "plugin/pipeline", "plugin/metric", "timefix"},
	"plugin/config":        {"plugin/pipeline", "plugin/logline", "plugin/delivery", "plugin/metric", "timefix", "exporter", "exporter/statuspage", "exporter/rules", "exporter/remotewrite", "ddsink"},
	"plugin/pipeline":      {"exporter/tail", "plugin/wire", "plugin/chunk", "plugin/cmetrics", "plugin/metric", "plugin/delivery", "timefix", "exporter", "exporter/statuspage", "exporter/telemetry", "exporter/rules", "exporter/remotewrite", "ddsink"},
	"exporter":             {"exporter/memo", "exporter/tail", "exporter/web", "exporter/statuspage", "exporter/telemetry", "exporter/textformat", "exporter/history", "exporter/hostmetrics", "exporter/registry", "plugin/wire", "plugin/chunk", "plugin/metric", "plugin/delivery", "timefix"},
	"exporter/rules":       {"exporter/memo", "plugin/wire", "plugin/chunk", "plugin/metric", "plugin/delivery", "timefix"},
	"exporter/remotewrite": {"plugin/chunk", "plugin/metric", "plugin/delivery", "timefix"},
	"exporter/hostmetrics": {"plugin/wire", "plugin/chunk", "plugin/metric"},
	"exporter/registry":    {"exporter/textformat", "plugin/metric", "timefix"},
	"exporter/statuspage":  {"exporter/tail", "exporter/history", "exporter/telemetry", "exporter/web", "plugin/delivery", "plugin/metric", "timefix"},
	"exporter/telemetry":   {"exporter/history", "exporter/textformat", "plugin/delivery", "plugin/metric", "timefix"},
	"exporter/history":     {"plugin/metric"},
	"exporter/tail":        {"plugin/wire", "timefix"},
	"exporter/textformat":  {"plugin/metric"},
	"exporter/memo":        {},
	"exporter/web":         {},
	"ddsink":               {"plugin/wire", "plugin/chunk", "plugin/metric", "plugin/delivery", "timefix"},
	"plugin/chunk":         {"plugin/wire"},
	"plugin/cmetrics":      {"plugin/wire", "plugin/metric"},
	"plugin/metric":        {},
	"plugin/wire":          {},
	"plugin/delivery":      {"plugin/chunk", "plugin/metric", "timefix"},
	"plugin/logline":       {},
	"plugin/footprint":     {},
	"timefix":              {},
}

// foreign lists what a package may import from outside the standard library; packages
// that are not listed may import anything.
var foreign = map[string][]string{
	"timefix":          {},
	"plugin/logline":   {},
	"plugin/footprint": {},
	"plugin/wire":      {},
	"plugin/chunk":     {},
	"plugin/cmetrics":  {"github.com/prometheus/otlptranslator"},
	"plugin/metric":    {"github.com/prometheus/common/model"},

	"exporter/textformat": {},
}

type goPackage struct {
	ImportPath string
	Imports    []string
	CgoFiles   []string
}

func TestImportsFollowTheFlowOfData(t *testing.T) {
	for _, p := range packages(t) {
		room := roomOf(p.ImportPath)
		if room == "" || strings.HasPrefix(room, "build") {
			continue
		}
		for _, imported := range p.Imports {
			if reason := refuse(room, imported); reason != "" {
				t.Errorf("%s imports %s: %s", p.ImportPath, imported, reason)
			}
		}
	}
}

func TestOnlyThePluginUsesCgo(t *testing.T) {
	for _, p := range packages(t) {
		if len(p.CgoFiles) > 0 && p.ImportPath != "out_edge/plugin" {
			t.Errorf("%s imports C", p.ImportPath)
		}
	}
}

func TestTheLibraryLeavesTheModelsOut(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "out_edge/plugin").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, dep := range strings.Fields(string(out)) {
		if strings.HasSuffix(dep, "/api/datadogV2") || strings.HasSuffix(dep, "/api/datadogV1") || strings.HasPrefix(dep, "out_edge/build") {
			t.Errorf("the library links %s", dep)
		}
	}
}

func refuse(room, imported string) string {
	if other := roomOf(imported); other != "" {
		if other != room && !slices.Contains(allowed[room], other) {
			return "the arrow points the wrong way"
		}
		return ""
	}
	list, limited := foreign[room]
	if limited && strings.Contains(strings.Split(imported, "/")[0], ".") && !slices.Contains(list, imported) {
		return "this room stays with the standard library"
	}
	return ""
}

// roomOf returns the entry of allowed that a package of the module belongs to, or "".
func roomOf(path string) string {
	path, ours := strings.CutPrefix(path, "out_edge/")
	if !ours {
		return ""
	}
	for room := path; ; {
		if _, ok := allowed[room]; ok {
			return room
		}
		cut := strings.LastIndexByte(room, '/')
		if cut < 0 {
			return path
		}
		room = room[:cut]
	}
}

func packages(t *testing.T) []goPackage {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports,CgoFiles", "out_edge/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	var all []goPackage
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		switch err := dec.Decode(&p); {
		case errors.Is(err, io.EOF):
			return all
		case err != nil:
			t.Fatal(err)
		}
		all = append(all, p)
	}
}
