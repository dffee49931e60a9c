package rules_test

import (
	"os"
	"strings"
	"testing"

	"out_edge/build/testkit"
	"out_edge/exporter/rules"
)

const docsPath = "../../docs/rules.md"

// TestGoldenDocs holds the reference's tables to the keys that are read; `make
// golden` writes them.
func TestGoldenDocs(t *testing.T) {
	b, err := os.ReadFile(docsPath)
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	for name, table := range rules.Tables() {
		begin, end := "<!-- keys of "+name+" -->\n", "<!-- end -->"
		before, rest, found := strings.Cut(text, begin)
		old, after, ended := strings.Cut(rest, end)
		if !found || !ended {
			t.Fatalf("%s has no place for the keys of %s", docsPath, name)
		}
		if old != table && !testkit.Update() {
			t.Errorf("the keys of %s differ (make golden writes them):\n%s", name, table)
		}
		text = before + begin + table + end + after
	}
	if testkit.Update() && text != string(b) {
		if err := os.WriteFile(docsPath, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, reason := range rules.Reasons() {
		if !strings.Contains(text, "| `"+reason+"` |") {
			t.Errorf("%s does not explain the reason %s", docsPath, reason)
		}
	}
}

// TestDocsExamples reads every block of YAML in the reference but for Fluent Bit's own
// configuration.
func TestDocsExamples(t *testing.T) {
	b, err := os.ReadFile(docsPath)
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(b), "```yaml\n")[1:]
	if len(blocks) < 4 {
		t.Fatalf("%d blocks", len(blocks))
	}
	for _, block := range blocks {
		text, _, _ := strings.Cut(block, "```")
		if strings.HasPrefix(text, "pipeline:") {
			continue
		}
		if _, err := rules.Parse(docsPath, []byte(text)); err != nil {
			t.Errorf("%v in\n%s", err, text)
		}
	}
}
