// Package timefix finds out when a record happened if its time was corrupted on the
// way: truncated to 32 bits, in the wrong unit, stamped by a clock that was not set, or
// no time at all. It uses only the standard library, knows no log agent, and reads a
// clock only where its caller asks for that.
//
// # Model
//
// Records arrive in sessions: those of one tag that arrived at the same Instant.
//
//	Raw ── plausible as given? ──────────────────────────────→ OK, BadNsec
//	   └── in another unit? ──────────────────────────────────→ ScaledMs, Us, Ns
//	   └── stamped before this host's clock was set? ─────────→ ClockStep
//	   └── dated a year too late? ────────────────────────────→ ClockStep
//	   └── truncated to 32 bits, with evidence? ─────────────→ WrappedMs, Us, Ns
//	   └── in doubt ──────────────────────────────────────────→ Arrival
//
// No result is later than Config.MaxFuture after the arrival, unless the mode is Off or
// the host's own clock is not set (see Fixer.ClockSet).
//
// A time is plausible from Config.Floor to Config.MaxFuture after its arrival. A
// plausible time is returned unchanged, to the nanosecond, unless other records of its
// source or a step of the host's clock prove it wrong. Each repair is reported with a
// verdict and a reason.
//
// # Wraps
//
// A count of ms, µs or ns that was truncated to 32 bits (read as signed or unsigned)
// means one time in every 49.7 days, 71.6 minutes or 4.29 s. These are its
// candidates. For ms the latest candidate that is not in the future is used, for µs and
// ns the one nearest to the arrival.
//
// Any wrong date has a candidate, so the evidence decides how late wrapped ms may be:
// ten minutes without evidence; three hours if there is no fraction; 49.7 days with a
// fraction that fits, after a Preview of records that are too far apart to be seconds,
// or for a source that is known to wrap. The probabilities are in docs/time.md. What
// reads as 0, as the first day of 1970, or as up to a day later than the permitted
// future, is ms of the last ten minutes or becomes the arrival: clocks that were never
// set or are ahead are far more common.
//
// Every number has a candidate within 2.15 s for ns and within 35.8 min for µs, so one
// record is no evidence for either. A tag is classified as wrapping µs after three
// implausible records in a row, ns after twelve. Each must lie where such a source
// would put it: for µs from one minute before to 5 s after the arrival, for ns from
// 1.25 s before to 50 ms after it. None may be ms of the last ten minutes, and they
// must be far enough apart not to match only because they are alike. A known µs source
// is repaired up to 15 min late, a known ns source up to 1.25 s; later records get
// their arrival.
//
// A fraction next to a wrapped number is added when the number is a whole second, or
// when it repeats the number's own fraction; otherwise it is ignored.
//
// # Streams
//
// A wrapped count of ms, read as seconds, runs 1000 times too fast, and shows plausible
// dates for about 4 days in every 49.7. So the first record of a session that could be
// ms of the last ten minutes is compared with that of an earlier session. If both have
// the same lag, to a quarter of the time between them and 30 s at most, the source
// wraps. A source at a speed other than 750 to 1250 times the right one never matches,
// and one at that speed matches only if it began within those minutes of 49.7 days. A
// plausible record of a source known to wrap is repaired when it is nearer to its
// arrival as ms than as given. The classification ends after eight records in a row
// that are nearer as given, 32 sessions with only late records, or a week without
// proof.
//
// A source that advances at the right speed while its date is implausible has a wrong
// clock. One that repeats the same value has none. The records of both get their
// arrival.
//
// # Steps of the host's clock
//
// Wall-Boot of an Instant changes by more than 3 s only when somebody sets the clock.
// For each of the last eight settings the package knows during which span of the boot
// clock it may have been in effect. A record that cannot have been stamped under the
// present setting, but under exactly one past one, is moved by exactly the difference.
// For an implausible date that is enough. A plausible date is moved only if the tag's
// records followed the host's clock under that setting; if nothing is known of the tag,
// only if the step is longer than a day. A stamp that may be from before or after the
// step is left unchanged.
//
// # Limits
//
// Memory is bounded: 1024 tags of some 200 bytes, the least recently used is evicted;
// 100 repairs; eight settings of the clock. A repair takes no lock and allocates
// nothing.
package timefix
