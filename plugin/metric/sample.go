package metric

// Sample is one value of one series at one instant. Its slices and pointers are never
// written to after it was made, so it may be kept.
type Sample struct {
	Series *Series
	// UnixNano is the instant, repaired, in ns since 1970.
	UnixNano int64
	// Index is that of the record it came from (Record.Index).
	Index int
	// Value is the value of a gauge or untyped series, or the total so far of
	// a counter, in the unit that Series.Name ends in.
	Value float64
	// Delta is what this sample added to a counter; HasDelta is false if that is not
	// known (the first sample of a counter from a metrics event).
	Delta    float64
	HasDelta bool
	// Kept means that this process keeps the total, Value or Dist: it began at 0 with
	// the process, and holds from the sample's arrival on, whatever UnixNano is. All
	// others are values of somebody else at UnixNano.
	Kept bool
	// Dist is set for histograms and summaries only.
	Dist *Distribution
	// Start is when a total that is not kept here began, in ns since 1970; 0 if not
	// known. A change means that it was reset.
	Start int64
	// Exemplars came with the sample, sorted by time; may be nil.
	Exemplars *Exemplars
	// ResetCount increases each time that a histogram or summary (or a total of a rule)
	// is reset, or changes its source: there is no difference between two samples with
	// different counts.
	ResetCount uint32
}

// Distribution is a histogram's or summary's state, totals since its start.
type Distribution struct {
	Count uint64
	// Sum is the sum of all observations; NoSum means that it is not known.
	Sum   float64
	NoSum bool
	// Bounds are a histogram's upper bounds or a summary's quantiles, ascending, without
	// +Inf.
	Bounds []float64
	// Counts are a histogram's cumulative counts, one for each bound.
	Counts []uint64
	// Values are a summary's values, one for each quantile.
	Values []float64
	// Native is a histogram's native form, in addition to the classic one or, without
	// Bounds, alone; may be nil.
	Native *Native
	// Exponential means that Bounds and Counts were made of Native, and change with it.
	Exponential bool
}

// Native is a histogram in Prometheus' native form, with buckets that grow
// exponentially. Bucket i holds what is above b^(i-1) and at most b^i, where b is
// 2^(2^-Schema); those of Negative do so for the values' magnitudes.
type Native struct {
	// Schema is -4 (each bucket 65536 times as wide as the one before) to 8
	// (0.27 % wider).
	Schema int8
	// ZeroThreshold, above 0, is the largest magnitude that ZeroCount counts.
	ZeroThreshold      float64
	ZeroCount          uint64
	Positive, Negative NativeBuckets
}

// NativeBuckets are the non-empty buckets of one sign: their ascending indices, and the
// separate count of each.
type NativeBuckets struct {
	Indices []int32
	Counts  []uint64
}
