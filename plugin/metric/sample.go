package metric

// Sample is one value of one series at one instant. The slices and pointers in
// it are never written to after it was made, so it may be kept.
type Sample struct {
	Series *Series
	// UnixNano is the instant, repaired, in ns since 1970.
	UnixNano int64
	// Index is that of the record it came from (Record.Index).
	Index int
	// Value is the value of a gauge or untyped series, or the total so far of
	// a counter, in the unit that Series.Name ends in.
	Value float64
	// Delta is what this sample added to a counter; HasDelta is false where
	// that is not known (the first sight of a counter from a metrics event).
	Delta    float64
	HasDelta bool
	// Kept says that the total, Value or Dist, is kept by this process: it began
	// at 0 with it, and holds from the sample's arrival on, whatever UnixNano
	// says. All others are what somebody else says was true at UnixNano.
	Kept bool
	// Dist is set for histograms and summaries only.
	Dist *Distribution
	// Start is when a total that is not kept here began, in ns since 1970; 0 where
	// nobody says. Another one means that it began anew.
	Start int64
	// Exemplars are those that came with the sample, by time; nil without.
	Exemplars *Exemplars
	// ResetCount rises each time that a histogram or summary (or a total of a rule)
	// begins anew, or changes its source: between two samples with unlike ones there
	// is no difference to take.
	ResetCount uint32
}

// Distribution is a histogram's or summary's state, totals since its start.
type Distribution struct {
	Count uint64
	// Sum is of all observations; NoSum says that nobody knows it.
	Sum   float64
	NoSum bool
	// Bounds are a histogram's upper bounds or a summary's quantiles, rising;
	// +Inf is not listed.
	Bounds []float64
	// Counts are a histogram's cumulative counts, one a bound.
	Counts []uint64
	// Values are a summary's values, one a quantile.
	Values []float64
	// Native is a histogram's native form, beside the classic one or, where
	// there are no Bounds, alone; nil without.
	Native *Native
	// Exponential says that Bounds and Counts were made of Native, so that they change
	// with it.
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

// NativeBuckets are the buckets of one sign that are not empty: their indices,
// rising, and the count of each alone.
type NativeBuckets struct {
	Indices []int32
	Counts  []uint64
}
