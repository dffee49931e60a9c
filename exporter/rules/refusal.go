package rules

import "out_edge/plugin/metric"

// refusal is why a record makes no sample. The names are `reason` label values.
type refusal uint8

const (
	accepted refusal = iota
	// overLimit: the engine has reached its limit of series.
	overLimit
	// noValue: the record does not have the value's field, or it is null.
	noValue
	// notANumber: the value's field is no number, and no text with one.
	notANumber
	// notFinite: NaN or an infinity, before or after scaling or adding.
	notFinite
	// negative: a counter cannot decrease.
	negative
	// labelTooLong: a label's value is longer than MaxLabelValue.
	labelTooLong
	// badName: relabelling produces a name that Prometheus does not accept, or a label
	// that is reserved for the kind.
	badName
	// duplicate: relabelling merges two series whose totals differ. The exporter, which
	// sees the samples, reports it.
	duplicate
	numRefusals
)

var refusalNames = [numRefusals]string{"", "series_limit", "no_value", "not_a_number", "not_finite", "negative",
	"label_too_long", "relabel_bad_name", "relabel_duplicate"}

func (r refusal) String() string { return refusalNames[r] }

// Refusal is a possible call of EngineConfig.Refused.
type Refusal struct{ Rule, Reason string }

// Refusals returns all possible calls for the file, in the order of the file.
func (f *File) Refusals() []Refusal {
	if f == nil {
		return nil
	}
	var all []Refusal
	for _, fam := range f.families {
		for why, may := range f.refusals(fam) {
			if may {
				all = append(all, Refusal{fam.name, refusal(why).String()})
			}
		}
	}
	if len(f.relabels) > 0 {
		all = append(all, Refusal{relabelRule, badName.String()}, Refusal{relabelRule, duplicate.String()})
	}
	return all
}

// refusals returns those that the rules of one metric can have.
func (f *File) refusals(fam *family) (may [numRefusals]bool) {
	may[overLimit] = true
	may[labelTooLong] = len(fam.labels) > 0
	for _, r := range f.rules {
		if r.family != fam || r.field == nil {
			continue
		}
		may[noValue], may[notANumber], may[notFinite] = true, true, true
		may[negative] = may[negative] || fam.kind == metric.Counter
	}
	return may
}

// Reasons returns the reasons that EngineConfig.Refused may be called with.
func Reasons() []string { return append([]string(nil), refusalNames[accepted+1:]...) }
