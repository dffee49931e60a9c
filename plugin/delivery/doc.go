// Package delivery is what every sink that sends over a network shares: the one
// table of outcomes, the set of records that a sink is done with, secrets that
// are read from files, and the HTTP client. It knows no intake and no format.
package delivery
