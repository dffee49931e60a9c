package pack

import (
	"regexp"
	"strings"
)

var described = regexp.MustCompile(`^v?(\d+(?:\.\d+)+)(?:-([0-9A-Za-z.]+))??(?:-(\d+)-g([0-9a-f]+))?$`)

// DebianVersion turns what `git describe --tags --always --dirty` says into a
// version that Debian sorts rightly: a pre-release before its release, commits
// after the tag behind it, a tree without tags before everything.
func DebianVersion(version string) string {
	v, dirty := strings.CutSuffix(version, "-dirty")
	m := described.FindStringSubmatch(v)
	deb := "0~" + clean(v)
	if m != nil {
		deb = m[1]
		if m[2] != "" {
			deb += "~" + clean(m[2])
		}
		if m[3] != "" {
			deb += "+" + m[3] + ".g" + m[4]
		}
	}
	if dirty {
		deb += "+dirty"
	}
	return deb
}

// clean leaves what Debian allows in an upstream version.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= '0' && r <= '9', r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r == '.', r == '+', r == '~':
			return r
		}
		return '.'
	}, s)
}
