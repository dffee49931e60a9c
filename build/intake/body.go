package intake

import (
	"bytes"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
)

// Datadog's limits (API reference, "Send logs" and "Submit metrics"). Where it
// says MB they are read as 10^6, the stricter reading.
const (
	MaxLogsBytes    = 5_000_000 // of a logs body, uncompressed
	MaxLogEntries   = 1000      // in a logs body
	MaxEntryBytes   = 1_000_000 // of one log entry; the real intake cuts a longer one
	MaxSeriesWire   = 512_000   // of a series body as sent
	MaxSeriesBytes  = 5_242_880 // of a series body, uncompressed
	readPiece       = 4096
	zstdWindowLimit = 8 << 20
)

// limits are an endpoint's sizes in bytes.
type limits struct{ wire, raw int64 }

// body is one request's content.
type body struct {
	wire int64
	raw  []byte
}

var errTooLarge = &Refusal{http.StatusRequestEntityTooLarge, "the body is too large"}

// readBody reads and unpacks a body within the limits; its errors are Refusals
// but for a connection that broke.
func readBody(r *http.Request, l limits, slow time.Duration) (body, error) {
	wire, err := readLimited(&slowReader{r: r.Body, pause: slow, done: r.Context().Done()}, l.wire)
	b := body{wire: int64(len(wire))}
	if err != nil {
		return b, err
	}
	encoding := r.Header.Get("Content-Encoding")
	if encoding == "snappy" { // remote write's, which Datadog does not take
		return b, &Refusal{http.StatusBadRequest, `content encoding "snappy" is not known`}
	}
	unpacked, err := Unpack(wire, encoding)
	if err != nil {
		return b, &Refusal{http.StatusBadRequest, err.Error()}
	}
	b.raw, err = readLimited(unpacked, l.raw)
	var refusal *Refusal
	if err != nil && !errors.As(err, &refusal) {
		err = &Refusal{http.StatusBadRequest, "the body cannot be unpacked: " + err.Error()}
	}
	return b, err
}

func readLimited(r io.Reader, limit int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = errTooLarge
	}
	return data, err
}

// Unpack reads a body of a content encoding that the library knows how to write:
// none, gzip, deflate, zstd (zstd1), or snappy's block format.
func Unpack(wire []byte, encoding string) (io.Reader, error) {
	r := bytes.NewReader(wire)
	switch encoding {
	case "", "identity":
		return r, nil
	case "gzip":
		return gzip.NewReader(r)
	case "deflate":
		return zlib.NewReader(r)
	case "zstd", "zstd1":
		d, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(zstdWindowLimit))
		if err != nil {
			return nil, err
		}
		return d.IOReadCloser(), nil
	case "snappy":
		raw, err := snappy.Decode(nil, wire)
		return bytes.NewReader(raw), err
	}
	return nil, fmt.Errorf("content encoding %q is not known", encoding)
}

// slowReader gives small pieces with a pause before each, when there is one.
type slowReader struct {
	r     io.Reader
	pause time.Duration
	done  <-chan struct{}
}

func (s *slowReader) Read(p []byte) (int, error) {
	if s.pause == 0 {
		return s.r.Read(p)
	}
	t := time.NewTimer(s.pause)
	defer t.Stop()
	select {
	case <-t.C:
	case <-s.done:
		return 0, io.ErrUnexpectedEOF
	}
	return s.r.Read(p[:min(len(p), readPiece)])
}
