package harness

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"time"
)

// Run is one run of the host. The zero value of each field is the host's own
// default; `host --help` says more of each.
type Run struct {
	// Library is the .so to load.
	Library string
	// Also are further libraries that the process has loaded.
	Also []string
	// V5 chooses the host build that exports what every Fluent Bit v5 does.
	V5 bool
	// ABI is v4.2.2, v4.2.3 or v5.1.1: 5, 6 or 7 fields in Register's struct.
	ABI string
	// Guard ends that struct at an inaccessible page.
	Guard bool
	// StackKiB is the flushes' coroutine stack; OwnStack leaves them on the
	// thread's.
	StackKiB int
	OwnStack bool
	// Without are names that the library does not find in this host, CoroIDs and
	// ForeignTimers structs that look otherwise.
	Without       []string
	CoroIDs       bool
	ForeignTimers bool
	// SinglePool starts workers once only, FreeEarly frees chunks before workers
	// have ended: as up to v2.1.
	SinglePool, FreeEarly bool
	// Filesystem has chunks in files: a cycle offers again what the one before
	// has not settled, and sources go on.
	Filesystem bool

	Outputs []Output
	// Threads are the workers of outputs that set none; 0 flushes on the
	// engine thread.
	Threads int

	Chunks   []Chunk
	Repeat   int
	Generate Generate
	// Live are inputs of this machine: cpu, mem, thermal.
	Live     []string
	Interval time.Duration
	// Sysfs replaces /sys for thermal.
	Sysfs string
	// Tail follows files: tag → path.
	Tail map[string]string
	// Garble is HOW[:PREFIX] for tailed lines.
	Garble string
	// Headers is fixarray or array32.
	Headers string
	// Pace is the time between two chunks of a source.
	Pace time.Duration

	RetryLimit          string
	RetryBase, RetryCap time.Duration
	// NoGrace gives pending chunks no time at shutdown; Grace another than 5 s.
	NoGrace bool
	Grace   time.Duration
	Pending int
	Seed    uint64

	// Seconds is the time to run; 0 until all is settled.
	Seconds   float64
	IdleAfter time.Duration
	Cycles    int
	Overlap   bool
	// Daemon forks after Register; Init and all else are the child's.
	Daemon bool
	// DaemonStderr is the file that the child has in place of standard error.
	DaemonStderr string
	KeepGoing    bool
	// Bare only loads the library: no output uses it.
	Bare      bool
	PlainExit bool
	ExitCalls int

	// ReportEvery fills Result.Reports, Trace Result.Flushes.
	ReportEvery time.Duration
	Trace       bool

	// Env is added to the environment.
	Env []string
	// Wrap is put before the command line (valgrind, taskset).
	Wrap []string
	// Stderr gets a copy of the host's and the plugin's messages as they come.
	Stderr io.Writer
	// StderrFile, unless nil, is what the host writes its messages to instead.
	StderrFile *os.File
	// OnReport is called with each report as it comes.
	OnReport func(Result)
	// Timeout ends the process group; 0 is 5 minutes.
	Timeout time.Duration
}

// Output is one [OUTPUT] section.
type Output struct {
	// Name defaults to what the library registers.
	Name string
	// Properties may repeat a key. `workers`, `match` and `retry_limit` act as
	// in core.
	Properties []Property
	// Reloaded are the properties that a reload changes: their values from the second
	// cycle on.
	Reloaded []Property
}

// Property is one key and value; ${NAME} in the value is expanded.
type Property struct{ Key, Value string }

// Props makes properties of alternating keys and values.
func Props(kv ...string) []Property {
	var props []Property
	for pair := range slices.Chunk(kv, 2) {
		props = append(props, Property{pair[0], pair[1]})
	}
	return props
}

// Type is a chunk's event type.
type Type string

// The types; a plugin is given only those that it registered for.
const (
	Logs    Type = ""
	Metrics Type = "metrics-"
	Traces  Type = "traces-"
)

// Chunk is a payload file that is flushed under a tag.
type Chunk struct {
	Type      Type
	Tag, File string
}

// Generate asks for made-up log records.
type Generate struct {
	Records, PerChunk, RecordBytes int
	Tag                            string
	// IDs gives each record a unique `id`, IDPrefix-00000001 onwards ("id").
	IDs      bool
	IDPrefix string
}

// arguments collects a command line, leaving out what is unset.
type arguments []string

func (a *arguments) str(name, v string) {
	if v != "" {
		*a = append(*a, name, v)
	}
}

func (a *arguments) num(name string, v int) {
	if v != 0 {
		*a = append(*a, name, strconv.Itoa(v))
	}
}

func (a *arguments) ms(name string, v time.Duration) {
	if v != 0 {
		*a = append(*a, name, strconv.FormatInt(v.Milliseconds(), 10))
	}
}

func (a *arguments) flag(name string, v bool) {
	if v {
		*a = append(*a, name)
	}
}

// Args is the host's command line.
func (r *Run) Args() []string {
	a := arguments{"--lib", r.Library}
	a.str("--abi", r.ABI)
	a.flag("--guard", r.Guard)
	a.num("--stack-kib", r.StackKiB)
	if r.OwnStack {
		a = append(a, "--stack-kib", "0")
	}
	for _, name := range r.Without {
		a.str("--without", name)
	}
	a.flag("--coro-ids", r.CoroIDs)
	a.flag("--foreign-timers", r.ForeignTimers)
	a.flag("--single-pool", r.SinglePool)
	a.flag("--free-early", r.FreeEarly)
	a.flag("--filesystem", r.Filesystem)
	r.outputArgs(&a)
	r.sourceArgs(&a)
	r.coreArgs(&a)
	return a
}

func (r *Run) outputArgs(a *arguments) {
	for _, o := range r.Outputs {
		*a = append(*a, "--output", o.Name)
		for _, p := range o.Properties {
			*a = append(*a, "--property", p.Key+"="+p.Value)
		}
		for _, p := range o.Reloaded {
			*a = append(*a, "--reload-property", p.Key+"="+p.Value)
		}
	}
	a.num("--threads", r.Threads)
	a.str("--retry-limit", r.RetryLimit)
}

func (r *Run) sourceArgs(a *arguments) {
	for _, c := range r.Chunks {
		*a = append(*a, fmt.Sprintf("--%schunk", c.Type), c.Tag+"="+c.File)
	}
	a.num("--repeat", r.Repeat)
	a.num("--generate", r.Generate.Records)
	a.num("--per-chunk", r.Generate.PerChunk)
	a.num("--record-bytes", r.Generate.RecordBytes)
	a.str("--tag", r.Generate.Tag)
	a.flag("--ids", r.Generate.IDs)
	a.str("--id-prefix", r.Generate.IDPrefix)
	for _, name := range r.Live {
		a.str("--live", name)
	}
	a.ms("--interval-ms", r.Interval)
	a.str("--sysfs", r.Sysfs)
	for _, tag := range sortedKeys(r.Tail) {
		a.str("--tail", tag+"="+r.Tail[tag])
	}
	a.str("--garble", r.Garble)
	a.str("--headers", r.Headers)
	a.ms("--pace-ms", r.Pace)
}

func (r *Run) coreArgs(a *arguments) {
	a.ms("--retry-base-ms", r.RetryBase)
	a.ms("--retry-cap-ms", r.RetryCap)
	a.ms("--grace-ms", r.Grace)
	if r.NoGrace {
		*a = append(*a, "--grace-ms", "0")
	}
	a.num("--pending", r.Pending)
	if r.Seed != 0 {
		a.str("--seed", strconv.FormatUint(r.Seed, 10))
	}
	if r.Seconds > 0 {
		a.str("--seconds", strconv.FormatFloat(r.Seconds, 'f', 3, 64))
	}
	a.ms("--idle-after-ms", r.IdleAfter)
	a.num("--cycles", r.Cycles)
	a.flag("--overlap", r.Overlap)
	for _, path := range r.Also {
		a.str("--also", path)
	}
	a.flag("--daemon", r.Daemon)
	if r.DaemonStderr != "" {
		a.str("--daemon-stderr", r.DaemonStderr)
	}
	a.flag("--keep-going", r.KeepGoing)
	a.flag("--bare", r.Bare)
	if r.PlainExit {
		*a = append(*a, "--exit", "plain")
	}
	a.num("--exit-calls", r.ExitCalls)
	a.ms("--report-every-ms", r.ReportEvery)
	a.flag("--trace", r.Trace)
}

func sortedKeys(m map[string]string) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
