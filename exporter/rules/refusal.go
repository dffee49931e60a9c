package rules

// refusal says why a record makes no sample. The names are `reason` label
// values.
type refusal uint8

const (
	accepted refusal = iota
	// overLimit: the engine has as many series as it may.
	overLimit
	// noValue: the record does not have the value's field, or it is null.
	noValue
	// notANumber: the value's field is no number, and no text that writes one.
	notANumber
	// notFinite: NaN or an infinity, before or after scaling or adding.
	notFinite
	// negative: a counter cannot fall.
	negative
	// labelTooLong: a label's value is longer than MaxLabelValue.
	labelTooLong
	// badName: relabelling leaves a name that Prometheus does not take.
	badName
	// duplicate: relabelling makes one series of two whose totals differ.
	duplicate
	numRefusals
)

var refusalNames = [numRefusals]string{"", "series_limit", "no_value", "not_a_number", "not_finite", "negative",
	"label_too_long", "relabel_bad_name", "relabel_duplicate"}

func (r refusal) String() string { return refusalNames[r] }

// Reasons are the reasons that EngineConfig.Refused may be told.
func Reasons() []string { return append([]string(nil), refusalNames[accepted+1:]...) }
