package ddsink

import (
	"bytes"
	"fmt"
	"io"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

const (
	// gzipLevel: see BenchmarkCompress for what the levels cost and save.
	gzipLevel = 5
	// zstdWindow bounds what an encoder keeps of what it has seen, in bytes.
	zstdWindow = 256 << 10
)

// compressor compresses bodies; it is safe for concurrent use. Encoders are
// pooled: a gzip writer takes about 0.8 MB, a zstd encoder some 1 MB.
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
			zstd.WithEncoderLevel(zstd.SpeedDefault))
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
