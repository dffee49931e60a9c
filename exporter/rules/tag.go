package rules

import (
	"regexp"
	"strconv"
	"strings"
)

// maxTags is how many tags a generation remembers. Devices have a dozen; a tag
// that holds a file's name may have any number of values.
const maxTags = 1024

// tagPattern says which tags a rule is for. The zero value takes none; anyTag
// gives the one that takes all.
type tagPattern struct{ re *regexp.Regexp }

// anyTag is what a rule without match and match_regex is for.
func anyTag() tagPattern { return globTag("*") }

// globTag is a pattern as Fluent Bit's match: a star stands for any number of
// any characters. $1 is what the first star took, each as little as it can.
func globTag(glob string) tagPattern {
	parts := strings.Split(glob, "*")
	for i := range parts {
		parts[i] = regexp.QuoteMeta(parts[i])
	}
	return tagPattern{regexp.MustCompile(`(?s)^` + strings.Join(parts, "(.*?)") + `$`)}
}

// capture is which group name stands for, a number or a group's name.
func (p tagPattern) capture(name string) (int, bool) {
	n, err := strconv.Atoi(name)
	if err != nil {
		n = p.re.SubexpIndex(name)
	}
	return n, n >= 0 && n <= p.re.NumSubexp()
}

// match gives the tag's captures, the whole match first, or nil.
func (p tagPattern) match(tag string) []string { return p.re.FindStringSubmatch(tag) }
