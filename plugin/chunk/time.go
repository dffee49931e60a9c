package chunk

import (
	"encoding/binary"
	"math"

	"out_edge/plugin/wire"
)

const (
	// fixExt8 is the head byte of an ext of 8 bytes, as Fluent Bit writes times.
	fixExt8 = 0xd7
	// emptyMap is a map of no pairs, as nearly all metadata is.
	emptyMap = 0x80
)

// timeOf reads a record's time from the bytes of exactly one value. Anything
// that is not EventTime or a number is no time: Absent.
func timeOf(raw []byte) Time {
	if raw[0] == fixExt8 { // nearly all of them
		return eventTime(int8(raw[1]), raw[2:])
	}
	r := wire.Value(raw).Reader()
	switch r.Next() {
	case wire.Ext:
		return eventTime(r.ExtType(), r.Bytes())
	case wire.Double:
		return Time{Float, math.Float64bits(r.Float64())}
	case wire.Unsigned:
		return Time{Uint, r.Uint64()}
	case wire.Integer:
		if wire.IsSigned(raw[0]) {
			return Time{Int, r.Uint64()}
		}
		return Time{Uint, r.Uint64()}
	default:
		return Time{}
	}
}

// eventTime reads an ext: type 0 and 8 bytes are an EventTime.
func eventTime(kind int8, data []byte) Time {
	if len(data) != 8 || kind != 0 {
		return Time{}
	}
	return Time{EventTime, binary.BigEndian.Uint64(data)}
}
