package delivery

import (
	"fmt"
	"io"
	"log/slog"
)

const redacted = "[redacted]"

// Secret is a text that never shows: every way of printing or encoding one
// gives "[redacted]", and inside another struct it is no more than an address.
// The zero value is no secret at all.
type Secret struct{ text *string }

// NewSecret hides text. An empty text gives the zero Secret.
func NewSecret(text string) Secret {
	if text == "" {
		return Secret{}
	}
	return Secret{&text}
}

// Reveal is the text itself. Only the code that puts it on the wire calls it.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// IsZero says whether there is no secret.
func (s Secret) IsZero() bool { return s.text == nil }

// Equal says whether both hide the same text.
func (s Secret) Equal(o Secret) bool { return s.Reveal() == o.Reveal() }

// String, GoString, Format, MarshalText, MarshalJSON and LogValue all give
// "[redacted]", or nothing for no secret.
func (s Secret) String() string {
	if s.IsZero() {
		return ""
	}
	return redacted
}

// GoString is as String.
func (s Secret) GoString() string { return s.String() }

// Format is as String, whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// MarshalText is as String.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue is as String.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }
