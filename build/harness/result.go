package harness

import "fmt"

// Result is what the host measured, over all its cycles.
type Result struct {
	// Seconds is the wall time, Bits the host's pointer size.
	Seconds float64 `json:"seconds"`
	Bits    int     `json:"bits"`
	// Plugin and Description are those that Register set.
	Plugin      string `json:"plugin"`
	Description string `json:"description"`
	// EventTypes is the mask that the plugin asked for: logs 1, metrics 2,
	// traces 4.
	EventTypes int `json:"event_types"`
	// Cycles are the finished life cycles; the others the anonymous memory,
	// threads and descriptors at the end of each.
	Cycles           int   `json:"cycles"`
	CycleRSSAnonKB   []int `json:"cycle_rss_anon_kb"`
	CycleThreads     []int `json:"cycle_threads"`
	CycleDescriptors []int `json:"cycle_descriptors"`
	// BeforeLoad is the bare host, AfterInit with the plugin loaded and idle,
	// Now at the end. Under qemu-user they are qemu's own.
	BeforeLoad Usage `json:"before_load"`
	AfterInit  Usage `json:"after_init"`
	Now        Usage `json:"now"`
	// HeldBytes are the bytes of chunks in the host's buffer, not in the plugin's.
	HeldBytes     int            `json:"held_bytes"`
	HeldBytesPeak int            `json:"held_bytes_peak"`
	Outputs       []OutputResult `json:"outputs"`

	// Reports and Flushes are filled when the Run asked for them.
	Reports []Result `json:"-"`
	Flushes []Flush  `json:"-"`
	// Stderr is everything that the host and the plugin wrote there.
	Stderr string `json:"-"`
}

// Usage is a process's memory in KiB, threads, open descriptors, and CPU time in
// ms.
type Usage struct {
	RSSKB       int `json:"rss_kb"`
	RSSAnonKB   int `json:"rss_anon_kb"`
	PeakRSSKB   int `json:"peak_rss_kb"`
	Threads     int `json:"threads"`
	Descriptors int `json:"descriptors"`
	CPUMs       int `json:"cpu_ms"`
}

// OutputResult is one section's part of a Result.
type OutputResult struct {
	Name string `json:"name"`
	// Workers is the number after Init.
	Workers int `json:"workers"`
	// Init and Exit are the last values that the plugin returned.
	Init int `json:"init"`
	Exit int `json:"exit"`
	// Chunks were offered; OK, Error and GaveUp (retries used up) settled
	// them, Unsettled were still in the buffer at the end. Unrouted were of a
	// type that the plugin did not ask for.
	Chunks    int `json:"chunks"`
	OK        int `json:"ok"`
	Error     int `json:"error"`
	GaveUp    int `json:"gave_up"`
	Unsettled int `json:"unsettled"`
	Unrouted  int `json:"unrouted"`
	// Flushes counts calls, Retry those that gave RETRY.
	Flushes int `json:"flushes"`
	Retry   int `json:"retry"`
	// Records and Bytes were offered, RecordsOK were in chunks that gave OK.
	// A group's markers count as records.
	Records   int `json:"records"`
	RecordsOK int `json:"records_ok"`
	Bytes     int `json:"bytes"`
	// FlushUs is how long flushes blocked their thread, AnswerUs the time from their
	// call to their result.
	FlushUs  Latency `json:"flush_us"`
	AnswerUs Latency `json:"answer_us"`
}

// Latency is in microseconds; the percentiles are at most 3 % too high.
type Latency struct {
	Max  int `json:"max"`
	P50  int `json:"p50"`
	P99  int `json:"p99"`
	Mean int `json:"mean"`
}

// Flush is one call, as recorded with Run.Trace.
type Flush struct {
	Output  string `json:"output"`
	Tag     string `json:"tag"`
	Records int    `json:"records"`
	Bytes   int    `json:"bytes"`
	// Attempt counts from 1; Result is ok, retry or error.
	Attempt int    `json:"attempt"`
	Result  string `json:"result"`
	// Us is from call to result.
	Us int `json:"us"`
	// Thread is the kernel's thread id.
	Thread int `json:"thread"`
}

// Exit statuses of the host.
const (
	ExitPlugin = 1  // the library, Register or an Init failed
	ExitCrash  = 3  // a crash signal
	ExitUsage  = 64 // a wrong command line
)

// ExitError means that the host did not end with status 0.
type ExitError struct {
	// Code is the status, or -1 when a signal or the timeout ended it.
	Code   int
	Stderr string
}

func (e *ExitError) Error() string {
	return fmt.Sprintf("run the host: exit status %d:\n%s", e.Code, tail(e.Stderr, 4000))
}

func tail(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return "…" + s[len(s)-n:]
}
