//go:build dist

package disttest_test

import (
	"bytes"
	"os"
	"strconv"
	"testing"

	"out_edge/build/release/elfcheck"
	"out_edge/build/release/pack"
)

func TestLibraries(t *testing.T) {
	for _, target := range pack.Targets() {
		t.Run(target.Name, func(t *testing.T) {
			want, err := elfcheck.For(target.Name)
			if err != nil {
				t.Fatal(err)
			}
			facts, err := elfcheck.Read(artefact(target.Library()))
			if err != nil {
				t.Fatal(err)
			}
			if err := want.Check(facts); err != nil {
				t.Error(err)
			}
			t.Logf("%.2f MiB, glibc %v for %v", float64(facts.Size)/(1<<20), facts.GLIBC, facts.NewestSymbols)
		})
	}
}

// TestLibrariesKnowTheirDate looks for the commit's time, which a device's clock is
// held against.
func TestLibrariesKnowTheirDate(t *testing.T) {
	at := strconv.FormatInt(release.At.Unix(), 10)
	for _, target := range pack.Targets() {
		data, err := os.ReadFile(artefact(target.Library()))
		if err != nil {
			t.Fatal(err)
		}
		if release.At.Year() < 2025 || !bytes.Contains(data, []byte(at)) {
			t.Errorf("%s does not hold %s", target.Library(), at)
		}
	}
}
