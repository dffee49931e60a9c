package elfcheck

import "fmt"

// Version is a glibc version. Patch is 0 in all but a few old ones (2.3.2).
type Version struct{ Major, Minor, Patch int }

// ParseVersion reads 2.34 or 2.3.2.
func ParseVersion(s string) (Version, error) {
	var v Version
	if n, err := fmt.Sscanf(s, "%d.%d.%d", &v.Major, &v.Minor, &v.Patch); n < 2 {
		return Version{}, fmt.Errorf("parse glibc version %q: %w", s, err)
	}
	return v, nil
}

// Less tells whether v is older than w.
func (v Version) Less(w Version) bool {
	if v.Major != w.Major {
		return v.Major < w.Major
	}
	if v.Minor != w.Minor {
		return v.Minor < w.Minor
	}
	return v.Patch < w.Patch
}

func (v Version) String() string {
	if v.Patch == 0 {
		return fmt.Sprintf("%d.%d", v.Major, v.Minor)
	}
	return fmt.Sprintf("%d.%d.%d", v.Major, v.Minor, v.Patch)
}
