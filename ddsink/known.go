package ddsink

import "out_edge/plugin/wire"

// knownShapes are the names of the last records, so that a few kinds of records may come
// in turns.
type knownShapes [8]knownNames

// of returns the names of the last record whose body began like m: by the number of its
// fields, and the length and first byte of its first name.
func (k *knownShapes) of(m wire.Value) *knownNames {
	if len(m) < 3 {
		return &k[0]
	}
	return &k[(m[0]+3*m[1]+m[2])%byte(len(k))]
}

// knownNames is what the names of a record's fields became, in their order: the records
// of a source mostly have the same ones. A name at the same place behind the same names
// becomes the same, and is as new.
type knownNames []knownName

const (
	// maxKnownNames is how many names are kept, and maxKnownBytes the length from which
	// one is not. Escaped, none takes more than maxReservedBytes.
	maxKnownNames = 64
	maxKnownBytes = 128
	// shortName is the length up to which a name is copied as one value.
	shortName = 32
)

type knownName struct {
	token []byte // the name as MessagePack
	json  []byte // what the entry has of it: `,"name":`, or nothing
	short [shortName]byte
	field reservedField
	bit   uint64 // of keySet's sieve
}

// match returns the name at place i if it is what r is before, and skips it.
func (k *knownNames) match(r *wire.Reader, i int) *knownName {
	if i < len(*k) && r.Match((*k)[i].token) {
		return &(*k)[i]
	}
	return nil
}

// learn keeps the name at place i, behind which others may be from now on. Nothing is
// learned behind a name that was not.
func (k *knownNames) learn(i int, token wire.Value, json []byte, field reservedField) {
	if i > len(*k) || i >= maxKnownNames {
		return
	}
	if i < cap(*k) {
		*k = (*k)[:i+1]
	} else {
		*k = append(*k, knownName{})
	}
	name := &(*k)[i]
	name.token = append(name.token[:0], token...)
	name.json = append(name.json[:0], json...)
	copy(name.short[:], json)
	name.field = field
	if len(json) > 0 {
		name.bit = sieveBit(json[1 : len(json)-1])
	}
}

// forget forgets the name at place i, and those behind it.
func (k *knownNames) forget(i int) { *k = (*k)[:min(i, len(*k))] }

// append appends what the entry has of the name.
func (k *knownName) append(dst []byte) []byte {
	if n := len(dst); len(k.json) <= shortName && cap(dst)-n >= shortName {
		*(*[shortName]byte)(dst[n : n+shortName]) = k.short
		return dst[:n+len(k.json)]
	}
	return append(dst, k.json...)
}
