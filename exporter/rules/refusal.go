package rules

import "out_edge/plugin/metric"

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
	// badName: relabelling leaves a name that Prometheus does not take, or a
	// label that the kind needs for itself.
	badName
	// duplicate: relabelling makes one series of two whose totals differ. The
	// exporter tells of it, which sees the samples.
	duplicate
	numRefusals
)

var refusalNames = [numRefusals]string{"", "series_limit", "no_value", "not_a_number", "not_finite", "negative",
	"label_too_long", "relabel_bad_name", "relabel_duplicate"}

func (r refusal) String() string { return refusalNames[r] }

// Refusal is what EngineConfig.Refused may be told.
type Refusal struct{ Rule, Reason string }

// Refusals are all that an engine of the file may tell, in the order of the file.
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

// refusals are those that the rules of one metric can end in.
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

// Reasons are the reasons that EngineConfig.Refused may be told.
func Reasons() []string { return append([]string(nil), refusalNames[accepted+1:]...) }
