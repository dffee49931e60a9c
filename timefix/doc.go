// Package timefix finds out when a record happened when its time was garbled on
// the way: cut down to 32 bits, in the wrong unit, stamped by a clock that was
// not set, or not a time at all. It needs nothing but the standard library, knows
// no log agent, and asks no clock unless told to.
//
// # Model
//
// Records arrive in sessions: those of one tag that arrived at the same Instant.
//
//	Raw ── as it stands, believable? ──────────────────────────→ OK, BadNsec
//	   └── in another unit? ──────────────────────────────────→ ScaledMs, Us, Ns
//	   └── stamped before this host's clock was set? ─────────→ ClockStep
//	   └── read with a year too many? ────────────────────────→ ClockStep
//	   └── cut down to 32 bits, and evidence of it? ──────────→ WrappedMs, Us, Ns
//	   └── in doubt ──────────────────────────────────────────→ Arrival
//
// No result is later than Config.MaxFuture after the arrival, unless the mode is
// Off or the host's own clock is not set (see Fixer.Believable).
//
// A time is believable from Config.Floor to Config.MaxFuture after its arrival.
// A believable one is returned as it is, to the nanosecond, unless there is proof
// against it from the stream of its source or from a step of the host's clock.
// Nothing is repaired in silence: each repair has a verdict and says why.
//
// # Wraps
//
// What is left of a count of ms, µs or ns in 32 bits (read with a sign or
// without) stands for one time in every 49.7 days, 71.6 minutes or 4.29 s. Of ms
// the latest is taken that is not in the future, of the others the one nearest to
// the arrival.
//
// Any wrong date has a candidate, so how late wrapped ms may be depends on what
// speaks for them: ten minutes with nothing else, three hours without a fraction,
// 49.7 days with a fraction that fits, after a Look at records that are too far
// from each other to be seconds, or of a source that is known to wrap. The chances
// are in docs/time.md. What reads as 0, as the first day of 1970, or as up to a day
// later than the permitted future, is ms of the last ten minutes or the arrival:
// clocks that were never set, or are ahead, are far more common.
//
// Every number has a candidate within 2.15 s for ns and within 35.8 min for µs,
// so that one record is no evidence of either. They are believed of a tag when
// three unbelievable records (µs) or twelve (ns) in a row lie from one minute
// before to 5 s after the arrival (µs), or from 1.25 s before to 50 ms after it
// (ns), are no ms of the last ten minutes, and are far enough from each other not
// to do so by being alike. A known µs source is repaired up to 15 min late, a known ns source up to
// 1.25 s, and later records become their arrival.
//
// A fraction beside a wrapped number is added when the number is of a whole
// second, or when it repeats the number's own fraction; else it is left out.
//
// # Streams
//
// A wrapped count of ms, read as seconds, runs 1000 times too fast, and for about
// 4 days in every 49.7 shows believable dates. So the first record of a session
// that could be ms of the last ten minutes is compared with the one before: when
// both have the same lag, to a quarter of the time between them and 30 s at most,
// the source wraps. No source at another speed than 750 to 1250 times the right
// one gives that, and none at that speed unless it began within those minutes of
// 49.7 days. A believable record of a source known to wrap is repaired when it is
// nearer to its arrival as ms than as it stands. Eight records in a row that are
// nearer as they stand, 32 sessions of late records alone, or a week without
// proof end it.
//
// A source that advances at the right speed while its date is not believable has
// a wrong clock, and one that sends the same again and again has none: what they
// send becomes the arrival.
//
// # Steps of the host's clock
//
// Wall-Boot of an Instant changes by more than 3 s only when somebody sets the
// clock. Each setting is known with the stretch of the boot clock that it can
// have lasted, for the last eight. A record that the present setting cannot have
// stamped, and exactly one past one can, is moved by the difference, exactly. An
// unbelievable date needs no more than that. A believable one must besides be of
// a tag whose records kept to the host's clock under that setting; nothing being
// known of the tag, of a step of more than a day. Where a stamp can be of before
// or after the step, it is left alone.
//
// # Limits
//
// Memory is bounded: 1024 tags of some 200 bytes, the least recently used go; 100
// repairs; eight settings of the clock. A repair takes no lock and allocates
// nothing.
package timefix
