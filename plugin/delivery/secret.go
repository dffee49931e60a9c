package delivery

import (
	"fmt"
	"io"
	"log/slog"
)

const redacted = "[redacted]"

// Secret is a text that is never shown: every way of printing or encoding it returns
// "[redacted]", and inside another struct only an address is printed. The zero value
// means no secret.
type Secret struct{ text *string }

// NewSecret wraps text. For an empty text it returns the zero Secret.
func NewSecret(text string) Secret {
	if text == "" {
		return Secret{}
	}
	return Secret{&text}
}

// Reveal returns the text itself. Only the code that sends it calls this.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// IsZero reports whether there is no secret.
func (s Secret) IsZero() bool { return s.text == nil }

// Equal reports whether both have the same text.
func (s Secret) Equal(o Secret) bool { return s.Reveal() == o.Reveal() }

// String, GoString, Format, MarshalText, MarshalJSON and LogValue all return
// "[redacted]", or nothing for no secret.
func (s Secret) String() string {
	if s.IsZero() {
		return ""
	}
	return redacted
}

// GoString is like String.
func (s Secret) GoString() string { return s.String() }

// Format is like String for every verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// MarshalText is like String.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue is like String.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }
