package statuspage

import (
	"time"

	"out_edge/exporter/history"
	"out_edge/exporter/tail"
	"out_edge/exporter/telemetry"
	"out_edge/plugin/metric"
	"out_edge/timefix"
)

// Query is what a page needs of a Snapshot.
type Query struct {
	// Range is how far the charts go back; 0 is no charts.
	Range time.Duration
	// Trusted means that the reader may see records that are not for everybody.
	Trusted bool
}

// Records says who sees the last records on the status page.
type Records uint8

// The choices: the machine itself and whoever has shown a password, everybody, nobody.
const (
	RecordsAuto Records = iota
	RecordsOn
	RecordsOff
)

// Snapshot is all that the pages show. Its instants are in ns of
// timefix.Instant.Elapsed; 0 is never.
type Snapshot struct {
	Device    string // the page's title
	Now       timefix.Instant
	Scraped   int64         // when /metrics was last asked for
	Range     time.Duration // Query's
	Instances []Instance
}

// Instance is one output.
type Instance struct {
	Version string
	Output  string         // what Fluent Bit calls it, or its number
	Labels  []metric.Label // those on every series
	Opened  int64
	Series  int
	// SeriesLimit is the most that Series may be; 0 is no limit.
	SeriesLimit int
	// SeriesTTL is how long no sample may arrive before the page mentions it;
	// 0 is for ever.
	SeriesTTL time.Duration
	Sinks     []string // those that send
	Telemetry telemetry.State
	NotReady  []string // why the instance is not ready
	Notes     []string // what the user has to know of the settings
	Settings  []Setting
	Backlog   []Backlog
	// Returned are the chunks that Fluent Bit has back, to offer them again.
	Returned Backlog
	Repairs  []timefix.Repair // the newest first
	Charts   []Chart
	Traffic  telemetry.Traffic
	// Records is who may see the last records. Tail is empty for a reader who may not.
	Records Records
	Trusted bool
	Tail    []tail.Entry
}

// Setting is one property in force.
type Setting struct {
	Key, Value string
	// Default means that the user has not set it.
	Default bool
	// Secret keeps the value off the page. Keys that look like a secret's, and
	// passwords within URLs, are hidden without it too.
	Secret bool
}

// Backlog is what waits to be delivered.
type Backlog struct {
	// Sink is the sink that it waits for, or empty for the instance as a whole.
	Sink string
	// Chunks of Fluent Bit that wait, and their size in bytes.
	Chunks int
	Bytes  int64
	// Since is when the oldest of them came here, or went back to Fluent Bit; 0 is
	// not known.
	Since int64
	// Stalled means that there is a reason for waiting, and they are not just being
	// sent.
	Stalled bool
	// Next is what happens to them next.
	Next string
}

// Chart is the recent course of one series. Points is not empty.
type Chart struct {
	Series *metric.Series
	// Metric and Labels are those of the series' History.
	Metric string
	Labels []metric.Label
	Points []history.Point
}

// ShowsTail reports whether the reader sees the last records.
func (in *Instance) ShowsTail() bool {
	return in.Records == RecordsOn || in.Records == RecordsAuto && in.Trusted
}
