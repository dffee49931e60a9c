// Package testkit has what the tests of several packages share: bytes written as hex
// digits, captured payloads, golden files, a clock that only the test moves, text forms
// of values and samples, and checks of their contracts for any input. Only packages in
// build/ and tests import it.
package testkit
