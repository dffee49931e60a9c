package ddsink

import (
	"bytes"
	"hash/maphash"
)

// fewKeys is the number of keys up to which a scan is faster than a table.
const fewKeys = 24

// keySet is the set of keys of the objects that are being written, stored as positions
// in the text itself, so that none is written twice. It is reused from entry to entry.
type keySet struct {
	spans []span
	// sieve is a small filter of the keys: if a key's bit is 0, the key is new.
	sieve uint64
	table []int32 // of many keys: index into spans + 1, by seeded hash
	seed  maphash.Seed
}

// span is a key's position in the text, and the number of its object.
type span struct {
	from, to, object int
	hash             uint32 // set once there is a table
}

// is reports whether s is the position of key in an object.
func (s *span) is(text, key []byte, object int) bool {
	return s.object == object && s.to-s.from == len(key) && bytes.Equal(text[s.from:s.to], key)
}

func newKeySet() keySet { return keySet{seed: maphash.MakeSeed()} }

func (k *keySet) reset() {
	k.spans = k.spans[:0]
	k.sieve = 0
	k.table = k.table[:0]
}

// add adds the key of an object that is at text[from:], quotes included, and reports
// whether it is new. Text that was passed before must be unchanged, except for objects
// that are complete.
func (k *keySet) add(text []byte, from, object int) bool {
	s, key := span{from: from, to: len(text), object: object}, text[from:]
	if len(k.spans) >= fewKeys {
		return k.addToTable(text, key, s)
	}
	bit := sieveBit(key)
	if k.sieve&bit != 0 && k.has(text, key, object) {
		return false
	}
	k.sieve |= bit
	k.spans = append(k.spans, s)
	return true
}

// sieveBit is a key's bit in the sieve.
func sieveBit(key []byte) uint64 {
	return 1 << ((key[1] + key[len(key)-2]*5 + byte(len(key))*11) & 63)
}

// addNew adds the key of object 0 at text[from:to], which is known to be new. No table can
// be there yet.
func (k *keySet) addNew(from, to int, bit uint64) {
	k.sieve |= bit
	k.spans = append(k.spans, span{from: from, to: to})
}

// has searches a key among few.
func (k *keySet) has(text, key []byte, object int) bool {
	for i := range k.spans {
		if k.spans[i].is(text, key, object) {
			return true
		}
	}
	return false
}

// addToTable is add for many keys.
func (k *keySet) addToTable(text, key []byte, s span) bool {
	if len(k.table) == 0 {
		for i := range k.spans {
			old := &k.spans[i]
			old.hash = k.hash(text[old.from:old.to], old.object)
		}
	}
	if 2*(len(k.spans)+1) > len(k.table) {
		k.grow()
	}
	s.hash = k.hash(key, s.object)
	at := k.slot(s.hash)
	for ; k.table[at] != 0; at = k.slot(uint32(at) + 1) {
		if other := &k.spans[k.table[at]-1]; other.hash == s.hash && other.is(text, key, s.object) {
			return false
		}
	}
	k.spans = append(k.spans, s)
	k.table[at] = int32(len(k.spans))
	return true
}

// hash is seeded, so that no sender can choose keys that collide.
func (k *keySet) hash(key []byte, object int) uint32 {
	return uint32(maphash.Bytes(k.seed, key)) + uint32(object)*0x9e3779b1
}

// slot is the position for a hash; the table's length is a power of two.
func (k *keySet) slot(hash uint32) int { return int(hash & uint32(len(k.table)-1)) }

func (k *keySet) grow() {
	size := 4 * 32
	for size < 4*(len(k.spans)+1) {
		size *= 2
	}
	if cap(k.table) < size {
		k.table = make([]int32, size)
	}
	k.table = k.table[:size]
	clear(k.table)
	for i := range k.spans {
		at := k.slot(k.spans[i].hash)
		for k.table[at] != 0 {
			at = k.slot(uint32(at) + 1)
		}
		k.table[at] = int32(i + 1)
	}
}

// shrink releases memory that only a record with very many keys needed.
func (k *keySet) shrink() {
	const kept = 1 << 12
	if cap(k.spans) > kept {
		*k = keySet{seed: k.seed}
	}
}
