// Package cmetrics converts metrics events, as encoded by Fluent Bit's cmetrics
// library, to samples.
package cmetrics
