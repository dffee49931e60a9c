//go:build dist

package disttest_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"out_edge/build/harness"
	"out_edge/build/release/pack"
)

// release is what was made: the folder that $DIST names, else dist.
var release pack.Release

func TestMain(m *testing.M) {
	root, err := harness.Root()
	if err == nil {
		release = pack.Release{Root: root, Dist: os.Getenv("DIST")}
		if release.Dist == "" {
			release.Dist = filepath.Join(root, "dist")
		}
		release.Version, release.At, err = identify(release.Dist)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "disttest: %v: run `make dist` first\n", err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// identify reads the version and the time of the release out of an SBOM.
func identify(dist string) (string, time.Time, error) {
	t := pack.Targets()[0]
	data, err := os.ReadFile(filepath.Join(dist, t.SBOM()))
	if err != nil {
		return "", time.Time{}, err
	}
	var doc struct {
		Metadata struct {
			Timestamp time.Time
			Component struct{ Version string }
		}
	}
	err = json.Unmarshal(data, &doc)
	return doc.Metadata.Component.Version, doc.Metadata.Timestamp, err
}

// artefact is a path in the release.
func artefact(name string) string { return filepath.Join(release.Dist, name) }

// read gives a file's bytes.
func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// output runs a command and gives what it wrote.
func output(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}
