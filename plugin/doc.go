// Command plugin is out_edge.so, an output plugin for Fluent Bit.
//
// It holds the C entry points and nothing else: each recovers from panics,
// looks up its instance, converts, calls and maps the answer. The data path is
// in plugin/pipeline.
//
// Build it with -buildmode=c-shared; main never runs.
package main
