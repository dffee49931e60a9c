package ddsink

import (
	"bytes"
	"hash/maphash"
)

// fewKeys is up to how many keys a scan is faster than a table.
const fewKeys = 24

// keySet knows the keys of the object that is being written, as places in the
// text itself, so that none is written twice. It is reused from entry to entry.
type keySet struct {
	marks []uint64 // a cheap hash of each key: equal keys have equal marks
	spans []span
	table []int32 // of many keys: index into spans + 1, by seeded hash
	seed  maphash.Seed
}

type span struct{ from, to int }

func newKeySet() keySet { return keySet{seed: maphash.MakeSeed()} }

func (k *keySet) reset() {
	k.marks = k.marks[:0]
	k.spans = k.spans[:0]
	k.table = k.table[:0]
}

// add notes the key that stands in text[from:], quotes included, and says whether
// it is new. Each text is an extension of the one before.
func (k *keySet) add(text []byte, from int) bool {
	key := text[from:]
	if len(k.spans) >= fewKeys {
		return k.addToTable(text, key, from)
	}
	m := mark(key)
	for i, other := range k.marks {
		if other == m && bytes.Equal(text[k.spans[i].from:k.spans[i].to], key) {
			return false
		}
	}
	k.marks = append(k.marks, m)
	k.spans = append(k.spans, span{from, len(text)})
	return true
}

// mark mixes the length with the first and the last eight bytes.
func mark(key []byte) uint64 {
	n := len(key)
	var a, b uint64
	if n >= 8 {
		a, b = load64(key), load64(key[n-8:])
	} else {
		for _, c := range key {
			a = a<<8 | uint64(c)
		}
	}
	return a ^ b<<7 ^ b>>57 ^ uint64(n)<<56
}

func load64(b []byte) uint64 {
	_ = b[7]
	return uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 |
		uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56
}

// addToTable is add for many keys; the hash is seeded, so that no sender can
// choose keys that collide.
func (k *keySet) addToTable(text, key []byte, from int) bool {
	if 2*(len(k.spans)+1) > len(k.table) {
		k.grow(text)
	}
	at := k.slot(text, key)
	if k.table[at] != 0 {
		return false
	}
	k.spans = append(k.spans, span{from, len(text)})
	k.table[at] = int32(len(k.spans))
	return true
}

// slot is where key stands in the table, or the free place where it belongs.
func (k *keySet) slot(text, key []byte) int {
	last := len(k.table) - 1 // the length is a power of two
	for at := int(maphash.Bytes(k.seed, key)) & last; ; at = (at + 1) & last {
		i := k.table[at]
		if i == 0 || bytes.Equal(text[k.spans[i-1].from:k.spans[i-1].to], key) {
			return at
		}
	}
}

func (k *keySet) grow(text []byte) {
	size := max(4*fewKeys, 2*len(k.table))
	for size&(size-1) != 0 {
		size += size & -size
	}
	if cap(k.table) < size {
		k.table = make([]int32, size)
	}
	k.table = k.table[:size]
	clear(k.table)
	for i, s := range k.spans {
		k.table[k.slot(text, text[s.from:s.to])] = int32(i + 1)
	}
}

// shrink gives memory back that only a record with very many keys needed.
func (k *keySet) shrink() {
	const kept = 1 << 12
	if cap(k.spans) > kept {
		*k = keySet{seed: k.seed}
	}
}
