// Package testkit holds what the tests of several packages share: bytes written as
// hex digits, captured payloads, golden files, a clock that stands still, text
// forms of values and samples, and checks of what those promise for any input.
// No package outside build/ and tests imports it.
package testkit
