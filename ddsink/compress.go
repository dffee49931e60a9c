package ddsink

import (
	"bytes"
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
	pool sync.Pool // encoder
}

// encoder is what gzip.Writer and zstd.Encoder have in common.
type encoder interface {
	io.WriteCloser
	Reset(io.Writer)
}

func newCompressor(kind string) *compressor { return &compressor{kind: kind} }

// encoding is the Content-Encoding for the given endpoint, or "". For zstd the
// logs intake takes the registered name, which Datadog's Agent sends; the
// series intake's documented name is zstd1.
func (c *compressor) encoding(e endpoint) string {
	switch {
	case c.kind == CompressGzip:
		return "gzip"
	case c.kind == CompressZstd && e == endpointSeries:
		return "zstd1"
	case c.kind == CompressZstd:
		return "zstd"
	default:
		return ""
	}
}

// compress puts the compressed body into out, which it empties first, and
// returns what is to be sent: out's bytes, or body itself when compression is
// off.
func (c *compressor) compress(out *bytes.Buffer, body []byte) ([]byte, error) {
	if c.kind == CompressOff {
		return body, nil
	}
	out.Reset()
	enc, err := c.get(out)
	if err != nil {
		return nil, fmt.Errorf("compress body: %w", err)
	}
	_, writeErr := enc.Write(body)
	if err := enc.Close(); writeErr != nil || err != nil {
		return nil, fmt.Errorf("compress body: %w", firstError(writeErr, err))
	}
	c.pool.Put(enc)
	return out.Bytes(), nil
}

func (c *compressor) get(out io.Writer) (encoder, error) {
	if enc, ok := c.pool.Get().(encoder); ok {
		enc.Reset(out)
		return enc, nil
	}
	if c.kind == CompressZstd {
		return zstd.NewWriter(out,
			zstd.WithEncoderConcurrency(1),
			zstd.WithLowerEncoderMem(true),
			zstd.WithWindowSize(zstdWindow),
			zstd.WithEncoderLevel(zstdLevel))
	}
	return gzip.NewWriterLevel(out, gzipLevel)
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
