package testkit

import (
	"encoding/hex"
	"strings"
	"testing"
)

// Unhex decodes hex digits, which may be separated by spaces.
func Unhex(tb testing.TB, s string) []byte {
	tb.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		tb.Fatal(err)
	}
	return b
}
