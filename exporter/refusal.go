package exporter

// refusal says why a sample does not reach the page. The names are `reason`
// label values.
type refusal uint8

const (
	accepted refusal = iota
	// overLimit: the instance has series_limit series.
	overLimit
	// conflict: the name stands for something else, another kind or a self
	// series; the first one wins.
	conflict
	// twin: another instance of the page shows this very series.
	twin
	// notFinite: NaN or an infinity where a number was measured.
	notFinite
	// wrapped: a difference of counters that went below zero.
	wrapped
	// stuck: 4294967295, where a 32-bit counter stays once it is full.
	stuck
	// implausible: faster than any device.
	implausible
	// malformed: a histogram or summary that contradicts itself, or no name.
	malformed
	numRefusals

	// relabelledAway is no refusal: the user asked for it. It is not counted.
	relabelledAway = numRefusals
)

func (r refusal) String() string {
	return [numRefusals]string{"", "series_limit", "name_conflict", "shown_by_other_instance", "not_finite",
		"wrapped", "stuck", "implausible", "malformed"}[r]
}

// tally counts the samples of one call by what became of them.
type tally [numRefusals]int32
