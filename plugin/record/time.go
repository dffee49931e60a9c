package record

import "encoding/binary"

// timeOf reads a record's time from the bytes of exactly one value. Anything
// that is not EventTime or a number is no time: Absent.
func timeOf(raw []byte) Time {
	switch raw[0] {
	case headFixExt8:
		return eventTime(raw[1:])
	case headExt8:
		return eventTime(raw[2:])
	case headExt16:
		return eventTime(raw[3:])
	case headExt32:
		return eventTime(raw[5:])
	}
	r := Value(raw).Reader()
	switch r.Next() {
	case Double:
		return Time{Float, r.bits}
	case Unsigned:
		return Time{Uint, r.bits}
	case Integer:
		if raw[0] >= headInt8 && raw[0] <= headInt64 || raw[0] >= headNegFix {
			return Time{Int, r.bits}
		}
		return Time{Uint, r.bits}
	default:
		return Time{}
	}
}

// eventTime reads an ext's type and data: type 0 and 8 bytes are an EventTime.
func eventTime(ext []byte) Time {
	if len(ext) != 9 || ext[0] != 0 {
		return Time{}
	}
	return Time{EventTime, binary.BigEndian.Uint64(ext[1:])}
}
