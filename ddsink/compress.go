package ddsink

import (
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// The levels. For entries of 260 bytes BenchmarkCompress gives, in bytes and in CPU
// ns an entry on x86-64: gzip-1 38 and 290, gzip-6 35 and 780, gzip-9 32 and 4300;
// zstd fastest 30 and 320, default 31 and 500, better 30 and 900. gzip-6 is what
// Datadog's own Agent uses; for zstd more than the least buys nothing.
const (
	gzipLevel = 6
	zstdLevel = zstd.SpeedFastest
	// zstdWindow bounds what an encoder keeps of what it has seen, in bytes:
	// beyond 64 KiB nothing is gained, and memory grows with it.
	zstdWindow = 128 << 10
)

// compressor compresses bodies; it is safe for concurrent use. Encoders are
// pooled: a gzip writer takes about 1.1 MB, a zstd encoder 0.7 MB.
type compressor struct {
	kind string
	pool sync.Pool // of *encoder
}

// encoder is a gzip.Writer or zstd.Encoder that writes to the end of out.
type encoder struct {
	resetWriter
	out appendWriter
}

type resetWriter interface {
	io.WriteCloser
	Reset(io.Writer)
}

type appendWriter struct{ b []byte }

func (w *appendWriter) Write(p []byte) (int, error) {
	w.b = append(w.b, p...)
	return len(p), nil
}

func newCompressor(kind string) *compressor { return &compressor{kind: kind} }

// encoding is the Content-Encoding for an endpoint that calls zstd so, or "".
func (c *compressor) encoding(zstdName string) string {
	switch c.kind {
	case CompressGzip:
		return "gzip"
	case CompressZstd:
		return zstdName
	default:
		return ""
	}
}

// append appends the compressed body to dst, or returns body itself when
// compression is off.
func (c *compressor) append(dst, body []byte) ([]byte, error) {
	if c.kind == CompressOff {
		return body, nil
	}
	enc, err := c.get()
	if err != nil {
		return nil, fmt.Errorf("compress body: %w", err)
	}
	enc.out.b = dst
	enc.Reset(&enc.out)
	_, err = enc.Write(body)
	if err = errors.Join(err, enc.Close()); err != nil {
		return nil, fmt.Errorf("compress body: %w", err)
	}
	dst, enc.out.b = enc.out.b, nil
	c.pool.Put(enc)
	return dst, nil
}

func (c *compressor) get() (*encoder, error) {
	if enc, ok := c.pool.Get().(*encoder); ok {
		return enc, nil
	}
	if c.kind == CompressZstd {
		enc, err := zstd.NewWriter(nil,
			zstd.WithEncoderConcurrency(1),
			zstd.WithLowerEncoderMem(true),
			zstd.WithWindowSize(zstdWindow),
			zstd.WithEncoderLevel(zstdLevel))
		return &encoder{resetWriter: enc}, err //nolint:wrapcheck // by the caller
	}
	enc, err := gzip.NewWriterLevel(nil, gzipLevel)
	return &encoder{resetWriter: enc}, err //nolint:wrapcheck // by the caller
}
