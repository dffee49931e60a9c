package registry

import (
	"math"
	"time"

	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/types/known/timestamppb"

	"out_edge/plugin/metric"
)

// exemplar returns the form that is exposed; nil for none.
func exemplar(e *metric.Exemplar) *dto.Exemplar {
	if e == nil {
		return nil
	}
	x := &dto.Exemplar{Label: pairsOf(e.Labels), Value: &e.Value}
	if e.UnixNano > 0 {
		x.Timestamp = timestamppb.New(time.Unix(0, e.UnixNano))
	}
	return x
}

// addExemplars adds to each bucket its newest exemplar, and to the native form all of
// them.
func addExemplars(h *dto.Histogram, all *metric.Exemplars) {
	if all == nil {
		return
	}
	low := math.Inf(-1)
	for _, b := range h.Bucket {
		b.Exemplar = exemplar(all.In(low, b.GetUpperBound()))
		low = b.GetUpperBound()
	}
	inf := math.Inf(1)
	if last := all.In(low, inf); last != nil {
		h.Bucket = append(h.Bucket, &dto.Bucket{UpperBound: &inf, CumulativeCount: h.SampleCount, Exemplar: exemplar(last)})
	}
	if h.Schema == nil {
		return
	}
	for i := range *all {
		if (*all)[i].UnixNano > 0 { // the native form needs a time
			h.Exemplars = append(h.Exemplars, exemplar(&(*all)[i]))
		}
	}
}
