package remotewrite

import (
	"encoding/binary"

	"github.com/klauspost/compress/s2"
)

// compress writes body as one snappy block into dst's capacity.
func (c Compression) compress(dst, body []byte) []byte {
	if n := s2.MaxEncodedLen(len(body)); n > cap(dst) {
		dst = make([]byte, n)
	}
	dst = dst[:cap(dst)]
	if c == Stored {
		return appendStored(dst[:0], body)
	}
	// Its "better" encoder saves 2 %, but needs tables of 80 KiB instead of 32.
	return s2.EncodeSnappy(dst, body)
}

// appendStored appends a snappy block of literals of 64 KiB at most. Source:
// snappy's format description.
func appendStored(dst, body []byte) []byte {
	const longest, twoByteLength = 1 << 16, 61 << 2
	dst = binary.AppendUvarint(dst, uint64(len(body)))
	for len(body) > 0 {
		n := min(len(body), longest)
		dst = append(dst, twoByteLength, byte(n-1), byte((n-1)>>8))
		dst = append(dst, body[:n]...)
		body = body[n:]
	}
	return dst
}
