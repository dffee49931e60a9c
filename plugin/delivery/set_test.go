package delivery_test

import (
	"testing"

	"out_edge/plugin/delivery"
)

func TestSet(t *testing.T) {
	var s delivery.Set
	for _, i := range []int{0, 63, 64, 1000} {
		if s.Has(i) {
			t.Errorf("%d is in an empty set", i)
		}
		s.Add(i)
		s.Add(i)
		if !s.Has(i) || s.Has(i+1) {
			t.Errorf("after adding %d", i)
		}
	}
	if s.Has(1 << 30) {
		t.Error("an index that was never added")
	}
	if s.Bytes() < 128 {
		t.Errorf("%d bytes", s.Bytes())
	}
}
