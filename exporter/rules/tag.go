package rules

import (
	"regexp"
	"strconv"
	"strings"
)

// maxTags is how many tags a generation of the cache has. Devices have a dozen; a tag
// with a file's name may have any number of values.
const maxTags = 1024

// tagPattern matches the tags of a rule. The zero value matches none; anyTag matches
// all.
type tagPattern struct{ re *regexp.Regexp }

// anyTag matches the tags of a rule without match and match_regex.
func anyTag() tagPattern { return globTag("*") }

// globTag is a pattern like Fluent Bit's match: a star matches any number of any
// characters. $1 is the match of the first star; each matches as little as possible.
func globTag(glob string) tagPattern {
	parts := strings.Split(glob, "*")
	for i := range parts {
		parts[i] = regexp.QuoteMeta(parts[i])
	}
	return tagPattern{regexp.MustCompile(`(?s)^` + strings.Join(parts, "(.*?)") + `$`)}
}

// capture returns the index of a group by number or name.
func (p tagPattern) capture(name string) (int, bool) {
	n, err := strconv.Atoi(name)
	if err != nil {
		n = p.re.SubexpIndex(name)
	}
	return n, n >= 0 && n <= p.re.NumSubexp()
}

// match returns the tag's captures, the whole match first, or nil.
func (p tagPattern) match(tag string) []string { return p.re.FindStringSubmatch(tag) }
