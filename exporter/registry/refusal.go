package registry

// Refusal is why a sample is not shown on the page. The names are `reason` label
// values.
type Refusal uint8

// The refusals; the zero value is none.
const (
	Accepted Refusal = iota
	// OverLimit: the instance has series_limit series.
	OverLimit
	// Conflict: the name is used for something else, another kind or a series of the
	// plugin's own; the first user keeps it.
	Conflict
	// ShownByOther: another instance of the page shows this series, and does not get
	// these records.
	ShownByOther
	// Malformed: a histogram or summary that contradicts itself, or no name.
	Malformed
	// SecondSource: records of another tag make the same series.
	SecondSource
	// RelabelDuplicate: relabelling merges two series.
	RelabelDuplicate
	numRefusals

	// nothingNew is no refusal: the sample has nothing new. It is not counted.
	nothingNew
	// shownElsewhere is no refusal either: another instance shows the same value.
	shownElsewhere
)

var refusalNames = [numRefusals]string{"", "series_limit", "name_conflict", "shown_by_other_instance", "malformed",
	"second_source", "relabel_duplicate"}

func (r Refusal) String() string { return refusalNames[r] }

// Reasons returns the names of the refusals that can occur in every instance.
func Reasons() []string { return append([]string(nil), refusalNames[OverLimit:RelabelDuplicate]...) }

// Tally counts the samples of one call by Refusal.
type Tally [numRefusals]int32
