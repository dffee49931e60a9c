package remotewrite

import (
	"encoding/binary"
	"net/http"

	"github.com/klauspost/compress/s2"
)

// compress writes body into dst's capacity.
func (p *protocol) compress(dst, body []byte) []byte {
	if p.zstd != nil {
		return p.zstd.EncodeAll(body, dst[:0])
	}
	return p.cfg.Compression.compress(dst, body)
}

func (p *protocol) contentEncoding() string {
	if p.zstd != nil {
		return "zstd"
	}
	return "snappy"
}

// refusesZstd reports whether an answer may be about zstd: the first one to it that
// refuses the body. From then on snappy is used.
func (p *protocol) refusesZstd(status int) bool {
	p.takesZstd = p.takesZstd || status/100 == 2
	if p.zstd == nil || p.takesZstd || status != http.StatusBadRequest && status != http.StatusUnsupportedMediaType {
		return false
	}
	p.zstd = nil
	p.log.Warn("the receiver takes no zstd: bodies go to it with snappy; leave out `remote_write_compress`", "host", p.host, "code", status)
	return true
}

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
