package delivery

import (
	"iter"
	"math/bits"
	"slices"
)

// Set holds the record indices of one chunk that one sink is done with:
// delivered, or dropped and counted. The zero value is empty. It is not safe
// for concurrent use.
type Set struct{ words []uint64 }

// Add puts index i (>= 0) into the set.
func (s *Set) Add(i int) {
	for len(s.words) <= i>>6 {
		s.words = append(s.words, 0)
	}
	s.words[i>>6] |= 1 << (i & 63)
}

// Has tells whether index i is in the set.
func (s *Set) Has(i int) bool {
	return i>>6 < len(s.words) && s.words[i>>6]&(1<<(i&63)) != 0
}

// Clone is a copy that shares nothing.
func (s *Set) Clone() Set { return Set{slices.Clone(s.words)} }

// IsEmpty tells whether nothing was ever added.
func (s *Set) IsEmpty() bool { return len(s.words) == 0 }

// All yields the indices, rising.
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

// Bytes is the memory that the set holds, in bytes.
func (s *Set) Bytes() int { return 8 * cap(s.words) }

// Len is the number of indices in the set.
func (s *Set) Len() (n int) {
	for _, w := range s.words {
		n += bits.OnesCount64(w)
	}
	return n
}
