// Package arrows tests that no import points against the flow of data.
package arrows
