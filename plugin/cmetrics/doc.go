// Package cmetrics reads metrics events, as Fluent Bit's cmetrics library encodes
// them, and turns them into samples.
package cmetrics
