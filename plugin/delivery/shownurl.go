package delivery

import (
	"net/netip"
	"strings"
	"unicode"
)

// hidden replaces the parts of an address that are not shown.
const hidden = "…"

// ShownURL returns an address as it may be logged or shown: its scheme, host, port and
// path. "…" replaces a user and password, a query or fragment, and each part of the
// path that may be a key: what follows "input", as in /v1/input/<key>; what has 20
// characters or more with a digit or in both cases; and what has characters other than
// letters, digits, "-", ".", "_" and "~".
//
// The text need not be an address. It is not parsed, because an unescaped password
// makes a parser split it at the wrong places: everything before an "@" that could be a
// user, and a host that cannot be one, are replaced.
func ShownURL(text string) string {
	scheme, rest := cutScheme(text)
	tail := ""
	if i := strings.IndexAny(rest, "?#"); i >= 0 {
		rest, tail = rest[:i], rest[i:]
	}
	switch {
	case strings.Contains(tail, "@"): // the "?" or "#" may be part of a password
		return scheme + hidden + tail[:1] + hidden
	case len(tail) > 1:
		tail = tail[:1] + hidden
	}
	user := ""
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		user, rest = hidden+"@", rest[i+1:]
	}
	host, path, _ := strings.Cut(rest, "/")
	return scheme + user + shownHost(host) + shownPath(path, len(host) < len(rest)) + tail
}

// cutScheme splits after "://"; without a scheme, everything is the rest.
func cutScheme(text string) (scheme, rest string) {
	i := strings.Index(text, "://")
	if i < 0 || strings.ContainsFunc(text[:i], func(r rune) bool { return !isPlain(r) && r != '+' }) {
		return "", text
	}
	return text[:i+len("://")], text[i+len("://"):]
}

// shownHost returns a host with its port, unless it cannot be one.
func shownHost(text string) string {
	host, port := text, ""
	if i := strings.LastIndexByte(text, ':'); i >= 0 && !strings.HasSuffix(text, "]") {
		host, port = text[:i], text[i+1:]
	}
	switch {
	case strings.ContainsFunc(port, func(r rune) bool { return r < '0' || r > '9' }):
		return hidden
	case isIPv6(host), !strings.ContainsFunc(host, isUnusual) && (strings.Contains(host, ".") || !isKeyLike(host)):
		return text
	}
	return hidden
}

func isIPv6(host string) bool {
	inner, ok := strings.CutPrefix(host, "[")
	inner, closed := strings.CutSuffix(inner, "]")
	ip, err := netip.ParseAddr(inner)
	return ok && closed && err == nil && ip.Zone() == ""
}

func shownPath(path string, slash bool) string {
	if !slash {
		return ""
	}
	parts := strings.Split(path, "/")
	input := false
	for i, part := range parts {
		if part != "" && input || strings.ContainsFunc(part, isUnusual) || isKeyLike(part) {
			parts[i] = hidden
		}
		input = part == "input"
	}
	return "/" + strings.Join(parts, "/")
}

// isKeyLike reports whether a word is too long, and too unlike a word, to be part of a
// receiver's usual path.
func isKeyLike(word string) bool {
	const least = 20 // Datadog's keys have 32, tokens rarely fewer than 20
	return len(word) >= least && (strings.ContainsFunc(word, unicode.IsDigit) ||
		strings.ContainsFunc(word, unicode.IsUpper) && strings.ContainsFunc(word, unicode.IsLower))
}

// isPlain reports whether a character may be in a host or a path unescaped.
func isPlain(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("-._~", r)
}

func isUnusual(r rune) bool { return !isPlain(r) }
