package arrows_test

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"out_edge/build/testkit"
)

// TestGoldenLint writes the same rules into the linter's configuration, so that an
// editor shows a wrong import at once.
func TestGoldenLint(t *testing.T) {
	const file = "../../.golangci.yml"
	old, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	const begin, end = "# begin arrows\n", "        # end arrows"
	before, rest, found := strings.Cut(string(old), begin)
	_, after, ended := strings.Cut(rest, end)
	if !found || !ended {
		t.Fatalf("%s has no place for the arrows", file)
	}
	var rules strings.Builder
	for _, room := range slices.Sorted(maps.Keys(allowed)) {
		writeRule(&rules, room)
	}
	testkit.GoldenFile(t, file, before+begin+rules.String()+end+after)
}

// writeRule writes what the files of a package, except tests, may import. The longest
// prefix of an import applies.
func writeRule(b *strings.Builder, room string) {
	mode := "lax"
	list, limited := foreign[room]
	if limited {
		mode = "strict"
	}
	fmt.Fprintf(b, "        %s:\n          list-mode: %s\n          files:\n", strings.ReplaceAll(room, "/", "-"), mode)
	fmt.Fprintf(b, "            - \"${base-path}/%s/**\"\n            - \"!$test\"\n", room)
	for _, other := range roomsBelow(room) {
		fmt.Fprintf(b, "            - \"!${base-path}/%s/**\"\n", other)
	}
	may := append([]string{room}, allowed[room]...)
	fmt.Fprint(b, "          allow:\n")
	if limited {
		fmt.Fprint(b, "            - $gostd\n")
	}
	for _, other := range may {
		fmt.Fprintf(b, "            - out_edge/%s\n", other)
	}
	for _, other := range list {
		fmt.Fprintf(b, "            - %s\n", other)
	}
	fmt.Fprintf(b, "          deny:\n            - {pkg: out_edge, desc: the arrow points the wrong way}\n")
	for _, other := range may {
		for _, below := range roomsBelow(other) {
			if !slices.Contains(may, below) {
				fmt.Fprintf(b, "            - {pkg: out_edge/%s, desc: the arrow points the wrong way}\n", below)
			}
		}
	}
}

// roomsBelow returns the entries below a package.
func roomsBelow(room string) (below []string) {
	for _, other := range slices.Sorted(maps.Keys(allowed)) {
		if strings.HasPrefix(other, room+"/") {
			below = append(below, other)
		}
	}
	return below
}
