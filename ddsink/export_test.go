package ddsink

import (
	"out_edge/plugin/chunk"
	"out_edge/plugin/wire"
)

// AppendValue is what the sink makes of a value, within limit bytes.
func AppendValue(dst []byte, v wire.Value, limit int) ([]byte, bool) {
	w := valueWriter{keys: newKeySet()}
	r := v.Reader()
	return w.append(dst, &r, limit)
}

// AppendString and AppendFloat are the encoders of scalars.
func AppendString(dst, s []byte) []byte        { return appendString(dst, s) }
func AppendFloat(dst []byte, f float64) []byte { return appendFloat(dst, f) }

// AppendStringMax cuts a string to fit.
func AppendStringMax(dst, s []byte, limit int) ([]byte, int) { return appendStringMax(dst, s, limit) }

// MetricName and MetricTag normalise.
func MetricName(name string) string       { return metricName(name) }
func MetricTag(name, value string) string { return string(appendMetricTag(nil, name, value)) }

// Entries writes entries as Logs does, without sending them.
type Entries struct{ w entryWriter }

// NewEntries is for cfg's properties.
func NewEntries(cfg Config) *Entries {
	return &Entries{newEntryWriter(newEntryFormat(cfg.withDefaults()))}
}

// Append appends one entry.
func (e *Entries) Append(dst []byte, rec *chunk.Record, tag string, ms int64) []byte {
	return e.w.append(dst, rec, tag, stamp{ms: ms})
}

// NewCompressor compresses as the sink does.
func NewCompressor(kind string) *Compressor {
	return &Compressor{c: coding{kind: kind, gzip: &compressor{kind: CompressGzip}, zstd: &compressor{kind: CompressZstd}}}
}

// Compressor compresses into a buffer of its own.
type Compressor struct {
	c   coding
	out []byte
}

// Compress returns what is valid until the next call.
func (c *Compressor) Compress(body []byte) []byte {
	out, err := c.c.append(c.out[:0], body)
	if err != nil {
		panic(err)
	}
	c.out = out
	return out
}
