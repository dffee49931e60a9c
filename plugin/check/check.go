package check

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"out_edge/plugin/config"
)

// Output is one `edge` output as the plugin would take it.
type Output struct {
	*Section
	// Settings are nil where there is a fault.
	Settings *config.Settings
}

// Outputs are the sections that are outputs of this plugin.
func Outputs(sections []*Section) (outputs []*Section) {
	for _, s := range sections {
		if name, _ := s.Get("name"); s.Name == "output" && strings.EqualFold(name.Value, "edge") {
			outputs = append(outputs, s)
		}
	}
	return outputs
}

// Check reads an output's properties. env looks up the environment, for properties
// that may come from it; version is the plugin's own.
func Check(s *Section, env func(string) string, version string) (*Output, []Fault) {
	hostname, isPrivate := config.SystemName()
	settings, errs := config.Load(config.Source{
		Property: func(key string) string { e, _ := s.Get(key); return e.Value },
		Env:      env, Hostname: hostname, IsPrivate: isPrivate, Version: version,
	})
	var faults []Fault
	for _, err := range errs {
		faults = append(faults, s.place(err)...)
	}
	faults = append(faults, s.unknown()...)
	slices.SortStableFunc(faults, func(a, b Fault) int {
		return cmp.Or(strings.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line))
	})
	faults = slices.Compact(faults)
	if len(faults) > 0 {
		settings = nil
	}
	return &Output{Section: s, Settings: settings}, faults
}

var (
	// quotedKey is how a fault names the property that it concerns, first of all.
	quotedKey = regexp.MustCompile("`([a-z_.0-9]+)`")
	// fileLine is how a fault of config_file begins.
	fileLine = regexp.MustCompile(`^(.+?):(\d+): (.*)$`)
)

// place finds the lines that an error of config.Load is about.
func (s *Section) place(err error) (faults []Fault) {
	var fault config.Fault
	if errors.As(err, &fault) && fault.Key == "config_file" {
		err = fault.Unwrap()
	}
	for text := range strings.SplitSeq(err.Error(), "\n") {
		at := s.Place
		if m := fileLine.FindStringSubmatch(text); m != nil {
			line, _ := strconv.Atoi(m[2])
			at, text = Place{File: m[1], Line: line}, m[3]
		} else if m := quotedKey.FindStringSubmatch(text); m != nil {
			if e, found := s.Get(m[1]); found {
				at = e.Place
			}
		}
		faults = append(faults, Fault{at, text})
	}
	return faults
}

// unknown are the keys that neither this plugin nor Fluent Bit reads, and those of
// Fluent Bit that do nothing here.
func (s *Section) unknown() (faults []Fault) {
	for i, e := range s.Entries {
		key := strings.ToLower(e.Key)
		why := config.Judge(key)
		if why == "" && !config.Repeatable(key) && slices.ContainsFunc(s.Entries[:i], func(o Entry) bool { return strings.EqualFold(o.Key, key) }) {
			why = "stands here twice, and the first counts: remove one"
		}
		if why != "" {
			faults = append(faults, Fault{e.Place, fmt.Sprintf("`%s`: %s", e.Key, why)})
		}
	}
	return faults
}
