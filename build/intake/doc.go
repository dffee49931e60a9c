// Package intake is a local stand-in for Datadog's intake: logs at
// /api/v2/logs, metrics at /api/v2/series. It checks keys, encodings and sizes
// as the real one does, keeps what it accepted, and fails on demand: a Script
// says for each request what goes wrong. What it accepts beyond that is
// pluggable (Config.Check; package strict has the official models). The demo
// shows what it received, the tests wait for it and compare.
package intake
