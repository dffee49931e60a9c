package rules

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/prometheus/prometheus/model/relabel"
	"go.yaml.in/yaml/v3"

	"out_edge/exporter/memo"
)

// maxFile is the maximum size of a file, in bytes. A rule takes about 300.
const maxFile = 1 << 20

// File is the content of a rules file. It is immutable, and may be shared by instances
// and goroutines. A nil File has no rules.
type File struct {
	name     string
	families []*family
	rules    []*rule
	relabels []*relabel.Config
	routes   []*route
	byTag    memo.Cache[string, []*route]
}

// Counts returns how many metrics, relabel steps and routes there are.
func (f *File) Counts() (metrics, relabels, routes int) {
	if f == nil {
		return 0, 0, 0
	}
	return len(f.families), len(f.relabels), len(f.routes)
}

// Load reads the file at path. The error names each fault in a line of its own:
// file:line: what is wrong and what to write.
func Load(path string) (*File, error) {
	text, err := readFile(path)
	if err != nil {
		return nil, fmt.Errorf("read `config_file`: %w", err)
	}
	return Parse(path, text)
}

// readFile reads no more than Parse accepts.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxFile+1))
}

// Parse reads a file's text; name is used in errors. An empty text is a File without
// rules. Parse keeps nothing of text.
func Parse(name string, text []byte) (*File, error) {
	r := &reader{faults: faults{file: name}}
	f := &File{name: name, byTag: memo.Cache[string, []*route]{Limit: maxTags}}
	if root := r.document(text); root != nil {
		r.root(f, root)
	}
	if err := r.err(); err != nil {
		return nil, err
	}
	return f, nil
}

// document returns the text's one document; nil, with or without a fault, if there is
// none.
func (r *reader) document(text []byte) *yaml.Node {
	if len(text) > maxFile {
		r.line(1, "the file is larger than %d KiB: split it between instances", maxFile>>10)
		return nil
	}
	dec := yaml.NewDecoder(bytes.NewReader(text))
	var doc, more yaml.Node
	switch err := dec.Decode(&doc); {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		r.syntax(err)
		return nil
	}
	if err := dec.Decode(&more); err == nil {
		r.at(&more, "a second document: put everything into one, without a line of ---")
	} else if !errors.Is(err, io.EOF) {
		r.syntax(err)
	}
	return doc.Content[0]
}

// syntax adds an error of package yaml, whose text may have the line: yaml: line 3: did
// not find expected key.
func (r *reader) syntax(err error) {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	line := 1
	if n, what, ok := cutLine(text); ok {
		line, text = n, what
	}
	r.line(line, "no YAML, here or below: %s", text)
}

// cutLine removes the line number from a text of package yaml.
func cutLine(text string) (line int, rest string, ok bool) {
	number, rest, ok := strings.Cut(strings.TrimPrefix(text, "line "), ": ")
	if !ok || !strings.HasPrefix(text, "line ") {
		return 0, "", false
	}
	line, err := strconv.Atoi(number)
	return line, rest, err == nil
}

func (r *reader) root(f *File, n *yaml.Node) {
	if isNull(n) {
		return
	}
	m := r.mapping(n, &fileSection)
	if m == nil {
		return
	}
	r.metrics(f, m.values["metrics"])
	r.relabels(f, m.values["metric_relabel_configs"])
	r.routes(f, m.values["routes"])
}

// CheckPrefix reports the metrics whose names start with the metric_prefix that
// the plugin's own series have.
func (f *File) CheckPrefix(prefix string) error {
	if f == nil {
		return nil
	}
	fs := faults{file: f.name}
	for _, fam := range f.families {
		if rest, ok := strings.CutPrefix(fam.name, prefix+"_"); ok {
			fs.line(fam.line, "metric %s: names with %s_ first are the plugin's own (`metric_prefix`): write %s, or another `metric_prefix`", fam.name, prefix, rest)
		}
	}
	return fs.err()
}

// Names returns the names of the file's metrics, in the order of the file;
// EngineConfig.Refused is called with them too.
func (f *File) Names() []string {
	if f == nil {
		return nil
	}
	names := make([]string, len(f.families))
	for i, fam := range f.families {
		names[i] = fam.name
	}
	return names
}
