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
	spans []span
	// sieve has a bit for what keys look like: where it is 0 a key is new.
	sieve uint64
	table []int32 // of many keys: index into spans + 1, by seeded hash
	seed  maphash.Seed
}

type span struct{ from, to int }

func newKeySet() keySet { return keySet{seed: maphash.MakeSeed()} }

func (k *keySet) reset() {
	k.spans = k.spans[:0]
	k.sieve = 0
	k.table = k.table[:0]
}

// add notes the key that stands in text[from:], quotes included, and says whether
// it is new. Each text is an extension of the one before.
func (k *keySet) add(text []byte, from int) bool {
	key := text[from:]
	if len(k.spans) >= fewKeys {
		return k.addToTable(text, key, from)
	}
	bit := uint64(1) << ((key[1] + key[len(key)-2]*5 + byte(len(key))*11) & 63)
	if k.sieve&bit != 0 && k.has(text, key) {
		return false
	}
	k.sieve |= bit
	k.spans = append(k.spans, span{from, len(text)})
	return true
}

// has looks for a key among few.
func (k *keySet) has(text, key []byte) bool {
	for _, s := range k.spans {
		if s.to-s.from == len(key) && bytes.Equal(text[s.from:s.to], key) {
			return true
		}
	}
	return false
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
