package delivery

import (
	"iter"
	"math/bits"
	"slices"
)

// Set is the set of a chunk's record indices that one sink has settled: delivered, or
// dropped and counted. The zero value is empty. It is not safe for concurrent use.
type Set struct{ words []uint64 }

// Add adds index i (>= 0).
func (s *Set) Add(i int) {
	for len(s.words) <= i>>6 {
		s.words = append(s.words, 0)
	}
	s.words[i>>6] |= 1 << (i & 63)
}

// Has reports whether index i is in the set.
func (s *Set) Has(i int) bool {
	return i>>6 < len(s.words) && s.words[i>>6]&(1<<(i&63)) != 0
}

// Clone returns an independent copy.
func (s *Set) Clone() Set { return Set{slices.Clone(s.words)} }

// IsEmpty reports whether nothing was ever added.
func (s *Set) IsEmpty() bool { return len(s.words) == 0 }

// All yields the indices in ascending order.
func (s *Set) All() iter.Seq[int] {
	return func(yield func(int) bool) {
		for i, w := range s.words {
			for ; w != 0; w &= w - 1 {
				if !yield(i<<6 + bits.TrailingZeros64(w)) {
					return
				}
			}
		}
	}
}

// Bytes is the memory that the set uses, in bytes.
func (s *Set) Bytes() int { return 8 * cap(s.words) }

// Len is the number of indices in the set.
func (s *Set) Len() (n int) {
	for _, w := range s.words {
		n += bits.OnesCount64(w)
	}
	return n
}
