package pack

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// forDevelopers are the README's chapters that need the source tree.
var forDevelopers = []string{"Two commands", "Map of the code", "Working on it", "How it is built"}

var sourceLink = regexp.MustCompile(`\[([^\]]+)\]\(([^)]+)\)`)

// Excerpt is the README for somebody who has the archive, not the source tree:
// without the chapters that need the latter, and with links only to what the
// archive has.
func Excerpt(readme string, has func(path string) bool) string {
	var kept []string
	skip, fenced := false, false
	for line := range strings.Lines(readme) {
		if strings.HasPrefix(line, "```") {
			fenced = !fenced
		}
		if title, ok := strings.CutPrefix(line, "## "); ok && !fenced {
			skip = slices.Contains(forDevelopers, strings.TrimSpace(title))
		}
		if skip || strings.HasPrefix(line, "<!-- ") || strings.TrimSpace(line) == "make build" {
			continue
		}
		kept = append(kept, KeepLinks("README.md", line, has))
	}
	return strings.Join(kept, "")
}

// KeepLinks is the text of the document name, in which a link leads only to the
// web, within the document, or to what has says is there; of any other link its
// words are left. has gets paths from the archive's root.
func KeepLinks(name, text string, has func(path string) bool) string {
	return sourceLink.ReplaceAllStringFunc(text, func(link string) string {
		m := sourceLink.FindStringSubmatch(link)
		target, _, _ := strings.Cut(m[2], "#")
		if target == "" || strings.Contains(m[2], "://") || has(path.Join(path.Dir(name), target)) {
			return link
		}
		return m[1]
	})
}
