package strict

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/DataDog/datadog-api-client-go/v2/api/datadogV2"
)

// The longest metric name and tag, in characters, and the most tags.
const (
	maxNameLength = 200
	maxTagLength  = 200
	maxTags       = 100
)

// name is Datadog's rule for metric names; others are rewritten there, so that
// what is looked for is not what was sent.
var name = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9_.]*$`)

func checkName(s datadogV2.MetricSeries) error {
	if !name.MatchString(s.Metric) || len(s.Metric) > maxNameLength {
		return fmt.Errorf("metric name %q: a letter, then letters, digits, _ and . are allowed, 200 in all", s.Metric)
	}
	return nil
}

func checkType(s datadogV2.MetricSeries) error {
	if s.Type == nil || *s.Type == datadogV2.METRICINTAKETYPE_UNSPECIFIED {
		return fmt.Errorf("metric %s: the type is not given", s.Metric)
	}
	if *s.Type == datadogV2.METRICINTAKETYPE_RATE && (s.Interval == nil || *s.Interval <= 0) {
		return fmt.Errorf("metric %s: a rate needs an interval", s.Metric)
	}
	return nil
}

func checkTags(s datadogV2.MetricSeries) error {
	if len(s.Tags) > maxTags {
		return fmt.Errorf("metric %s: %d tags, over %d", s.Metric, len(s.Tags), maxTags)
	}
	for i, tag := range s.Tags {
		if err := checkTag(tag); err != nil {
			return err
		}
		if slices.Contains(s.Tags[:i], tag) {
			return fmt.Errorf("tag %q stands twice", tag)
		}
	}
	return nil
}

// checkTagList judges the ddtags of a log: tags joined by commas.
func checkTagList(list string) error {
	if list == "" {
		return nil
	}
	for tag := range strings.SplitSeq(list, ",") {
		if err := checkTag(tag); err != nil {
			return err
		}
	}
	return nil
}

// checkTag refuses what Datadog would silently rewrite or drop.
func checkTag(tag string) error {
	first, _ := utf8.DecodeRuneInString(tag)
	switch {
	case tag == "" || !unicode.IsLetter(first):
		return fmt.Errorf("tag %q does not begin with a letter", tag)
	case utf8.RuneCountInString(tag) > maxTagLength:
		return fmt.Errorf("a tag has over %d characters", maxTagLength)
	case strings.HasSuffix(tag, ":") || strings.HasSuffix(tag, "_"):
		return fmt.Errorf("tag %q ends in : or _", tag)
	case strings.Contains(tag, "__"):
		return fmt.Errorf("tag %q has a run of _", tag)
	case strings.ContainsFunc(tag, func(r rune) bool { return !tagRune(r) }):
		return fmt.Errorf("tag %q: letters in lower case, digits, _ - : . / are allowed", tag)
	}
	return nil
}

func tagRune(r rune) bool {
	return strings.ContainsRune("_-:./", r) || unicode.IsDigit(r) || unicode.IsLetter(r) && !unicode.IsUpper(r)
}

func checkResources(s datadogV2.MetricSeries) error {
	for _, r := range s.Resources {
		if r.GetName() == "" || r.GetType() == "" {
			return fmt.Errorf("metric %s: a resource lacks its name or type", s.Metric)
		}
	}
	return nil
}

// units are those of Datadog's list that a device's metrics can need.
var units = []string{
	"", "bit", "byte", "kibibyte", "percent", "fraction", "degree celsius", "degree fahrenheit",
	"nanosecond", "microsecond", "millisecond", "second", "minute", "hour", "day", "hertz",
	"packet", "error", "request", "event", "record", "file", "process", "connection", "operation",
	"volt", "ampere", "watt", "joule", "core", "thread", "message", "item", "page", "sample",
}

func checkUnit(s datadogV2.MetricSeries) error {
	if !slices.Contains(units, s.GetUnit()) {
		return fmt.Errorf("metric %s: unit %q is not one of Datadog's", s.Metric, s.GetUnit())
	}
	return nil
}
