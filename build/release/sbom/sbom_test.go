package sbom_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"testing"
	"time"

	"out_edge/build/release/sbom"
)

// doc is the standard's names, written down a second time.
type doc struct {
	BOMFormat    string `json:"bomFormat"`
	SpecVersion  string `json:"specVersion"`
	SerialNumber string `json:"serialNumber"`
	Metadata     struct {
		Timestamp string
		Component part
	}
	Components   []part
	Dependencies []struct {
		Ref       string
		DependsOn []string `json:"dependsOn"`
	}
}

type part struct {
	Type, Name, Version, PURL string
	Ref                       string `json:"bom-ref"`
	Hashes                    []struct{ Alg, Content string }
	Licenses                  []struct{ License struct{ ID string } }
	Properties                []struct{ Name, Value string }
}

const moduleFile = `module example.org/app

go 1.26

require (
	example.org/kept v1.2.3
	example.org/swapped v0.1.0
)

replace example.org/kept => ./kept

replace example.org/swapped => ./local
`

// program is a Go program with two modules in it, made without a network.
func program(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod": moduleFile, "main.go": "package main\n\nimport (\n\t_ \"example.org/kept\"\n\t_ \"example.org/swapped\"\n)\n\nfunc main() {}\n",
		"kept/go.mod": "module example.org/kept\n\ngo 1.26\n", "kept/a.go": "package kept\n",
		"local/go.mod": "module example.org/swapped\n\ngo 1.26\n", "local/a.go": "package swapped\n",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-o", "app", ".")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return filepath.Join(dir, "app")
}

func TestWrite(t *testing.T) {
	app := program(t)
	info := sbom.Info{
		Version: "v1.0.0", At: time.Unix(1_764_771_798, 0),
		License: func(path, version string) string {
			if path == "./kept" && version == "v1.2.3" {
				return "MIT"
			}
			return ""
		},
	}
	out, err := sbom.Write(app, info)
	if err != nil {
		t.Fatal(err)
	}
	again, err := sbom.Write(app, info)
	if err != nil || !bytes.Equal(out, again) {
		t.Errorf("a second run differs (%v)", err)
	}
	var d doc
	if err := json.Unmarshal(out, &d); err != nil {
		t.Fatal(err)
	}
	if d.BOMFormat != "CycloneDX" || d.SpecVersion != "1.5" || d.Metadata.Timestamp != "2025-12-03T14:23:18Z" {
		t.Errorf("head: %s %s %s", d.BOMFormat, d.SpecVersion, d.Metadata.Timestamp)
	}
	if !regexp.MustCompile(`^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(d.SerialNumber) {
		t.Errorf("serial number %q is no UUID of version 8", d.SerialNumber)
	}
	data, err := os.ReadFile(app)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(data)
	if c := d.Metadata.Component; c.Name != "app" || c.Version != "v1.0.0" || len(c.Hashes) != 1 || c.Hashes[0].Content != hex.EncodeToString(sum[:]) {
		t.Errorf("component: %+v", c)
	}
	if len(d.Components) != 3 {
		t.Fatalf("%d components, want std and two modules:\n%s", len(d.Components), out)
	}
	std, kept, swapped := d.Components[0], d.Components[1], d.Components[2]
	if std.Name != "std" || std.Version != runtime.Version() {
		t.Errorf("std: %+v", std)
	}
	if kept.Name != "example.org/kept" || len(kept.Licenses) != 1 || kept.Licenses[0].License.ID != "MIT" {
		t.Errorf("kept: %+v", kept)
	}
	if swapped.Name != "example.org/swapped" || len(swapped.Licenses) != 0 || len(swapped.Properties) != 1 || swapped.Properties[0].Value != "./local" {
		t.Errorf("swapped: %+v", swapped)
	}
	if len(d.Dependencies) != 1 || len(d.Dependencies[0].DependsOn) != 3 {
		t.Errorf("dependencies: %+v", d.Dependencies)
	}
}

func TestWriteRefuses(t *testing.T) {
	text := filepath.Join(t.TempDir(), "a.txt")
	if err := os.WriteFile(text, []byte("no library"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{text, text + ".missing"} {
		if _, err := sbom.Write(path, sbom.Info{}); err == nil {
			t.Errorf("Write(%s) succeeded", path)
		}
	}
}
