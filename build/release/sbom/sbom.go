// Package sbom writes a library's bill of materials in CycloneDX 1.5 JSON, from
// what the Go linker has put into the library itself. Nothing is guessed from a
// lock file: a module stands here exactly if it was linked in.
package sbom

import (
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"time"
)

// Info is what the library does not say of itself.
type Info struct {
	// Version is the release's.
	Version string
	// At is the commit's time.
	At time.Time
	// License gives a module's SPDX identifier; "" is unknown. May be nil.
	License func(path, version string) string
}

// Write reads the library and gives the document.
func Write(library string, info Info) ([]byte, error) {
	data, err := os.ReadFile(library)
	if err != nil {
		return nil, fmt.Errorf("write sbom: %w", err)
	}
	build, err := buildinfo.ReadFile(library)
	if err != nil {
		return nil, fmt.Errorf("write sbom of %s: %w", library, err)
	}
	doc := describe(filepath.Base(library), data, build, info)
	out, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write sbom of %s: %w", library, err)
	}
	return append(out, '\n'), nil
}

// The parts of CycloneDX that are used (cyclonedx.org/docs/1.5/json).
type document struct {
	Format       string       `json:"bomFormat"`
	SpecVersion  string       `json:"specVersion"`
	SerialNumber string       `json:"serialNumber"`
	Version      int          `json:"version"`
	Metadata     metadata     `json:"metadata"`
	Components   []component  `json:"components"`
	Dependencies []dependency `json:"dependencies"`
}

type metadata struct {
	Timestamp string    `json:"timestamp"`
	Component component `json:"component"`
}

type component struct {
	Type       string     `json:"type"`
	Ref        string     `json:"bom-ref"`
	Name       string     `json:"name"`
	Version    string     `json:"version,omitempty"`
	PURL       string     `json:"purl,omitempty"`
	Hashes     []hash     `json:"hashes,omitempty"`
	Licenses   []license  `json:"licenses,omitempty"`
	Properties []property `json:"properties,omitempty"`
}

type hash struct {
	Algorithm string `json:"alg"`
	Content   string `json:"content"`
}

type license struct {
	License struct {
		ID string `json:"id"`
	} `json:"license"`
}

type property struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type dependency struct {
	Ref       string   `json:"ref"`
	DependsOn []string `json:"dependsOn"`
}

func describe(name string, data []byte, build *debug.BuildInfo, info Info) document {
	sum := sha256.Sum256(data)
	main := component{
		Type: "library", Ref: "out_edge", Name: name, Version: info.Version,
		Hashes: []hash{{"SHA-256", hex.EncodeToString(sum[:])}}, Licenses: spdx("Apache-2.0"),
		Properties: settings(build),
	}
	components := []component{{
		Type: "library", Ref: "pkg:golang/std@" + build.GoVersion, Name: "std", Version: build.GoVersion,
		PURL: "pkg:golang/std@" + strings.TrimPrefix(build.GoVersion, "go"), Licenses: spdx("BSD-3-Clause"),
	}}
	for _, m := range build.Deps {
		components = append(components, module(m, info))
	}
	refs := make([]string, 0, len(components))
	for _, c := range components {
		refs = append(refs, c.Ref)
	}
	return document{
		Format: "CycloneDX", SpecVersion: "1.5", SerialNumber: serial(sum), Version: 1,
		Metadata:     metadata{Timestamp: info.At.UTC().Format(time.RFC3339), Component: main},
		Components:   components,
		Dependencies: []dependency{{Ref: main.Ref, DependsOn: refs}},
	}
}

// settings lists how the library was compiled, as far as it changes the code.
func settings(build *debug.BuildInfo) []property {
	var list []property
	for _, s := range build.Settings {
		if slices.Contains([]string{"GOARCH", "GOARM", "GOAMD64", "GOARM64", "GOOS", "CGO_ENABLED", "-tags", "-buildmode"}, s.Key) {
			list = append(list, property{"build:" + s.Key, s.Value})
		}
	}
	return list
}

// module describes one. A module that another replaces goes by the name under
// which it is imported; what stands in is a property.
func module(m *debug.Module, info Info) component {
	ref := "pkg:golang/" + m.Path + "@" + m.Version
	c := component{Type: "library", Ref: ref, Name: m.Path, Version: m.Version, PURL: ref, Hashes: sumOf(m.Sum)}
	path := m.Path
	if r := m.Replace; r != nil {
		// A folder has no version, or (devel).
		c.Properties = []property{{"replaced-by", strings.TrimSuffix(strings.TrimSuffix(r.Path+"@"+r.Version, "(devel)"), "@")}}
		c.PURL, c.Hashes, path = "", sumOf(r.Sum), r.Path
	}
	if info.License != nil {
		c.Licenses = spdx(info.License(path, m.Version))
	}
	return c
}

// sumOf turns go.sum's h1: into the SHA-256 that it is.
func sumOf(sum string) []hash {
	b64, ok := strings.CutPrefix(sum, "h1:")
	if !ok {
		return nil
	}
	raw, err := base64.StdEncoding.DecodeString(b64)
	if err != nil {
		return nil
	}
	return []hash{{"SHA-256", hex.EncodeToString(raw)}}
}

func spdx(id string) []license {
	if id == "" {
		return nil
	}
	l := make([]license, 1)
	l[0].License.ID = id
	return l
}

// serial makes a UUID of the library's hash (RFC 9562, version 8), so that the
// same library has the same document.
func serial(sum [32]byte) string {
	b := sum[:16]
	b[6] = b[6]&0x0f | 0x80
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:16])
}
