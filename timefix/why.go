package timefix

// The text of Repair.Why, one sentence for each cause.
const (
	whyScaledMs      = "the number counts milliseconds, not seconds"
	whyScaledUs      = "the number counts microseconds, not seconds"
	whyScaledNs      = "the number counts nanoseconds, not seconds"
	whyThousand      = "seconds were taken for milliseconds: the date is a thousandth of what it should be"
	whyWrappedMs     = "the seconds field holds the low 32 bits of milliseconds; the date nearest to the arrival was taken"
	whyWrappedLate   = "the seconds field holds the low 32 bits of milliseconds; the latest date that is not in the future was taken"
	whyWrappedStream = "the source is known to send the low 32 bits of milliseconds as seconds, so this date, plausible by itself, is one of them"
	whyWrappedUs     = "the source is known to send the low 32 bits of microseconds as seconds"
	whyWrappedNs     = "the source is known to send the low 32 bits of nanoseconds as seconds"
	whyNsecCarried   = "the nanoseconds field holds more than 999999999; its whole seconds were carried over"
	whyNsecZeroed    = "the nanoseconds field holds more than 999999999 and carrying it over leads outside the plausible dates; it was set to 0"
	whyNsecOTLP      = "Fluent Bit's OTLP input subtracted the seconds from the nanoseconds as a bare number; that was undone"
	whyYear          = "the date lies ahead and is right a year earlier: it was written without its year"
	whyClockStep     = "stamped before this host's clock was set; moved by exactly the step"

	whyNoTime     = "the record has no readable time"
	whyNotANumber = "the time is NaN or infinite"
	whyZero       = "the time is 0, as when it was NaN or never set"
	whyUnreadable = "the number is no plausible time in any unit"
	whyNotSet     = "the source's clock counts from the beginning of 1970: it was never set"
	whyAhead      = "the source's clock is ahead of the arrival by more than the permitted future"
	whyStuck      = "the source sends the same time again and again"
	whyNoEvidence = "the date is not plausible, and there is no evidence of the right one"
	whyObserved   = "the time is 0; the time at which the record was observed is used"
	whySteady     = "the source's clock runs at the right speed, but shows a date that is not plausible"
	whyDoubt      = "32 bits of microseconds or nanoseconds seem to have been cut off, but the evidence is not enough to say"
	whyLate       = "32 bits of microseconds or nanoseconds were cut off, and the record is too late to find them again"
	whySteps      = "stamped before this host's clock was set, but it was set several times and more than one step fits"
	whyHostUnset  = "this host's own clock is not set yet, so the time cannot be repaired"
	whyArrival    = "the time is not plausible, and time_repair is arrival"
)

// whyStream is the cause of a repair that rests on the source being known to wrap.
func whyStream(w wrap) string {
	switch w {
	case wrapMs:
		return whyWrappedStream
	case wrapUs:
		return whyWrappedUs
	}
	return whyWrappedNs
}
