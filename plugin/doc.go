// Command plugin is out_edge.so, an output plugin for Fluent Bit.
//
// It contains the C entry points and nothing else: each recovers from panics, looks up
// its instance, converts the arguments, calls it and maps the result. The data path is
// in plugin/pipeline.
//
// Build it with -buildmode=c-shared; main never runs.
package main
