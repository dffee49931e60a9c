// Package arrows holds the test that no import points against the flow of data.
package arrows
