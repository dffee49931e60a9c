package registry

// Refusal says why a sample does not reach the page. The names are `reason` label
// values.
type Refusal uint8

// The refusals; the zero value is none.
const (
	Accepted Refusal = iota
	// OverLimit: the instance has series_limit series.
	OverLimit
	// Conflict: the name stands for something else, another kind or a series of the
	// plugin's own; the first one wins.
	Conflict
	// ShownByOther: another instance of the page shows this very series, and is not
	// given these records.
	ShownByOther
	// Malformed: a histogram or summary that contradicts itself, or no name.
	Malformed
	// SecondSource: records of another tag make the same series.
	SecondSource
	// RelabelDuplicate: relabelling makes one series of two.
	RelabelDuplicate
	numRefusals

	// passedOver is no refusal: the sample says nothing new. It is not counted.
	passedOver
	// shownByTwin is none either: another instance shows what this one would.
	shownByTwin
)

var refusalNames = [numRefusals]string{"", "series_limit", "name_conflict", "shown_by_other_instance", "malformed",
	"second_source", "relabel_duplicate"}

func (r Refusal) String() string { return refusalNames[r] }

// Reasons are the names of the refusals that can occur in every instance.
func Reasons() []string { return append([]string(nil), refusalNames[OverLimit:RelabelDuplicate]...) }

// Tally counts the samples of one call by what became of them: by Refusal.
type Tally [numRefusals]int32
