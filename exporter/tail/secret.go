package tail

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// hidden is shown instead of what looks like a secret.
const hidden = "••••••"

// maxShown is how many bytes of a record are shown. More are kept, so that a secret at
// the end of what is shown is recognised as a whole.
const maxShown = 400

// secretNames are parts of the names of fields whose values are not shown.
var secretNames = []string{"apikey", "api_key", "api-key", "passw", "pwd", "token", "secret", "authorization", "cookie", "credential", "private_key", "private-key", "session_id", "sessionid"}

// isSecretName reports whether a field of this name may hold a secret. It does not
// allocate.
func isSecretName(key []byte) bool {
	for i := range key {
		switch key[i] | 0x20 { // the first letters of secretNames
		case 'a', 'p', 't', 's', 'c':
		default:
			continue
		}
		for _, part := range secretNames {
			if i+len(part) <= len(key) && key[i]|0x20 == part[0] && bytes.EqualFold(key[i:i+len(part)], []byte(part)) {
				return true
			}
		}
	}
	return false
}

// rule finds one kind of secret within texts.
type rule struct {
	// signs are what a text must have one of, in lower case, before the expression, which
	// takes far longer, is asked; nil is for long hexadecimal words.
	signs []string
	finds *regexp.Regexp
	with  string
}

var rules = sync.OnceValue(func() []rule {
	return []rule{
		{[]string{"private key"}, regexp.MustCompile(`(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|$)`), hidden},
		{[]string{"bearer", "basic", "digest", "negotiate"}, regexp.MustCompile(`(?i)\b(bearer|basic|digest|negotiate)(\s+)[A-Za-z0-9+/_=.~-]{6,}`), "$1$2" + hidden},
		{secretNames, regexp.MustCompile(`(?i)((?:api[_-]?key|passw|pwd|token|secret|authorization|cookie|credential|private[_-]?key|session_?id)[a-z0-9_-]*["']?\s*[:=]\s*)("[^"]*"?|'[^']*'?|\[[^\]]*\]?|[^\s"']+)`), "$1" + hidden},
		{[]string{"@"}, regexp.MustCompile(`//[^/@\s]+@`), "//" + hidden + "@"},
		{[]string{"eyj"}, regexp.MustCompile(`\beyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]*)?`), hidden},
		{[]string{"akia", "asia", "ghp_", "gho_", "ghs_", "ghu_", "ghr_", "xox", "sk-", "glpat-"},
			regexp.MustCompile(`\b(AKIA|ASIA)[A-Z0-9]{16}\b|\bgh[a-z]_[A-Za-z0-9]{20,}|\bxox[a-z]-[A-Za-z0-9-]{10,}|\bsk-[A-Za-z0-9_-]{16,}|\bglpat-[A-Za-z0-9_-]{16,}`), hidden},
		{nil, regexp.MustCompile(`\b[0-9a-fA-F]{32,}\b`), hidden},
	}
})

// applies reports whether a rule can find something; lower is the text in lower case.
func (r *rule) applies(lower string) bool {
	if r.signs == nil {
		return hasLongHex(lower)
	}
	return slices.ContainsFunc(r.signs, func(sign string) bool { return strings.Contains(lower, sign) })
}

// hasLongHex reports whether 32 hexadecimal digits follow one another.
func hasLongHex(lower string) bool {
	n := 0
	for i := range len(lower) {
		if c := lower[i]; c >= '0' && c <= '9' || c >= 'a' && c <= 'f' {
			if n++; n == 32 {
				return true
			}
		} else {
			n = 0
		}
	}
	return false
}

// shown is a record's text without secrets, and not too long. cut means that its end is
// missing, and may be within a secret.
func shown(text string, cut bool) string {
	lower := strings.ToLower(text)
	for _, r := range rules() {
		if r.applies(lower) {
			text = r.finds.ReplaceAllString(text, r.with)
		}
	}
	if !cut && len(text) <= maxShown {
		return text
	}
	return strings.ToValidUTF8(text[:min(len(text)*3/4, maxShown)], "") + "…"
}
