package testkit

import (
	"encoding/hex"
	"strings"
	"testing"
)

// Unhex reads bytes written as hex digits, with spaces where they help.
func Unhex(tb testing.TB, s string) []byte {
	tb.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		tb.Fatal(err)
	}
	return b
}
