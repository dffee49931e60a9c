package rules

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"go.yaml.in/yaml/v3"
)

// fault is one thing that is wrong with a file.
type fault struct {
	file string
	line int
	text string
}

func (f *fault) Error() string { return fmt.Sprintf("%s:%d: %s", f.file, f.line, f.text) }

// faults collects the faults of one file.
type faults struct {
	file string
	all  []*fault
}

// at adds a fault of the text at n.
func (fs *faults) at(n *yaml.Node, format string, args ...any) {
	fs.line(n.Line, format, args...)
}

func (fs *faults) line(line int, format string, args ...any) {
	fs.all = append(fs.all, &fault{fs.file, max(line, 1), fmt.Sprintf(format, args...)})
}

// err returns all faults in the order of their lines, or nil.
func (fs *faults) err() error {
	slices.SortStableFunc(fs.all, func(a, b *fault) int { return cmp.Compare(a.line, b.line) })
	errs := make([]error, len(fs.all))
	for i, f := range fs.all {
		errs[i] = f
	}
	return errors.Join(errs...)
}
