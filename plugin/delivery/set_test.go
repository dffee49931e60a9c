package delivery_test

import (
	"slices"
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

func TestSetAll(t *testing.T) {
	var s delivery.Set
	for _, i := range []int{200, 0, 63, 64, 7} {
		s.Add(i)
	}
	if got := slices.Collect(s.All()); !slices.Equal(got, []int{0, 7, 63, 64, 200}) {
		t.Errorf("got %v", got)
	}
	for range s.All() {
		break
	}
}
