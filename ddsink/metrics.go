package ddsink

import (
	"bytes"
	"context"
	"strings"
	"time"

	"out_edge/plugin/delivery"
	"out_edge/plugin/record"
)

// The intake's limits for metrics. Source: Datadog's "Submit metrics" API page.
const (
	maxSeriesBytes = 5_242_880 // of one request, before compression
	maxSeriesWire  = 512_000   // of one request, as it is sent
	seriesMaxAge   = time.Hour
	seriesMaxAhead = 10 * time.Minute
	// seriesMargin is what is kept off those two, for the way to the intake.
	seriesMargin = 15 * time.Second
)

// maxBlockSamples bounds the samples that go or fail together.
const maxBlockSamples = 512

// The reasons for which samples are dropped, beside delivery's and too_old, or
// not sent as they came.
const (
	reasonTooNew      = "too_new"
	reasonNotFinite   = "not_finite"
	reasonNoName      = "no_name"
	reasonSeriesLimit = "series_limit"
	reasonFirstSight  = "first_sight" // a total that there was nothing to compare with
)

// seriesBatch is the working memory of one SendMetrics. It is reused.
//
// Its unit is the block: the points of one series in all its parts, so that a
// sample is never delivered by half.
type seriesBatch struct {
	sink    *Sink
	ctx     context.Context
	samples []record.Sample
	done    *delivery.Set
	now     int64 // ns

	blocks map[*record.Series]blockInfo
	// numBlocks is the next block's number.
	numBlocks int
	points    []point
	values    []timedValue
	tag       []byte

	buf    []byte // blocks, with commas between them
	refs   []blockRef
	claims []claim
	body   []byte       // of one request
	wire   bytes.Buffer // the same, compressed
	seen   delivery.Set // samples that pending has

	requests int
	failed   *delivery.RetryError
	pending  int
}

type blockInfo struct{ number, samples int }

// blockRef is where a block stands in the buffer, and which points and claims are
// its own.
type blockRef struct {
	from, to         int
	points, pointsTo int
	claims, claimsTo int
}

// claim is a second that was taken for a count.
type claim struct {
	key uint64
	sec int64
}

// SendMetrics sends the samples whose positions are not in done, and puts those
// into it that are settled. nil means that all are; a *delivery.RetryError, that
// the same samples should be offered again with the same done: a count is added to
// once however often that happens.
func (s *Sink) SendMetrics(ctx context.Context, samples []record.Sample, done *delivery.Set) error {
	b, ok := s.series.Get().(*seriesBatch)
	if !ok {
		b = &seriesBatch{sink: s, blocks: map[*record.Series]blockInfo{}}
	}
	b.ctx, b.samples, b.done, b.now = ctx, samples, done, s.clock.Now().Wall
	b.collect()
	sortPoints(b.points)
	b.encode()
	failed := b.failed
	if b.pending > 0 {
		s.meter.Retried(delivery.SinkDatadogMetrics, b.pending)
	}
	b.release()
	if failed != nil {
		return failed
	}
	return nil
}

// collect turns the samples into points.
func (b *seriesBatch) collect() {
	for i, s := range b.samples {
		if b.done.Has(i) {
			continue
		}
		reason := b.refusal(s)
		before := len(b.points)
		if reason == "" {
			reason = b.appendPoints(s, point{block: b.blockOf(s.Series), sample: i})
		}
		switch {
		case reason != "":
			b.done.Add(i)
			b.sink.meter.Dropped(delivery.SinkDatadogMetrics, reason, 1)
		case len(b.points) == before:
			b.done.Add(i)
			b.sink.meter.adjuster.Adjusted(delivery.SinkDatadogMetrics, reasonFirstSight, 1)
		}
	}
}

// refusal is why the intake would not take a sample, or "".
func (b *seriesBatch) refusal(s record.Sample) string {
	switch age := b.now - s.UnixNano; {
	case age > int64(seriesMaxAge-seriesMargin):
		return reasonTooOld
	case -age > int64(seriesMaxAhead-seriesMargin):
		return reasonTooNew
	case metricName(s.Series.DatadogName) == "" && metricName(s.Series.Name) == "":
		return reasonNoName
	default:
		return ""
	}
}

// blockOf is the number of the block for another sample of a series.
func (b *seriesBatch) blockOf(s *record.Series) int {
	info, seen := b.blocks[s]
	if !seen || info.samples == maxBlockSamples {
		info = blockInfo{number: b.numBlocks}
		b.numBlocks++
	}
	info.samples++
	b.blocks[s] = info
	return info.number
}

// seriesHead and seriesTail enclose the blocks of a request.
const (
	seriesHead = `{"series":[`
	seriesTail = `]}`
)

// encode writes the blocks and sends them, a full request at a time.
func (b *seriesBatch) encode() {
	limit := maxSeriesBytes
	if b.sink.cfg.Compress == CompressOff {
		limit = maxSeriesWire
	}
	b.buf = append(b.buf, seriesHead...)
	from := 0
	for from < len(b.points) && b.failed == nil {
		to := from
		for to < len(b.points) && b.points[to].block == b.points[from].block {
			to++
		}
		b.add(from, to)
		if len(b.buf)+len(seriesTail) > limit && len(b.refs) > 1 {
			b.sendAllButLast()
		}
		from = to
	}
	b.deliver(0, len(b.refs))
	b.giveUp(from, len(b.points))
}

// add writes the block of the points from to to.
func (b *seriesBatch) add(from, to int) {
	ref := blockRef{points: from, pointsTo: to, claims: len(b.claims)}
	if len(b.refs) > 0 {
		b.buf = append(b.buf, ',')
	}
	ref.from = len(b.buf)
	latest := floorDiv(b.now+int64(seriesMaxAhead-seriesMargin), 1e9)
	for from < to {
		end := from + 1
		for end < to && sameSeries(b.points[end], b.points[from]) {
			end++
		}
		p := b.points[from]
		s := b.samples[p.sample]
		if len(b.buf) > ref.from {
			b.buf = append(b.buf, ',')
		}
		b.buf = b.appendSeries(b.buf, s.Series, s.Dist, p, b.merge(b.points[from:end], latest))
		from = end
	}
	ref.to, ref.claimsTo = len(b.buf), len(b.claims)
	b.refs = append(b.refs, ref)
}

// sendAllButLast sends all blocks but the last, which it moves to the front.
func (b *seriesBatch) sendAllButLast() {
	n := len(b.refs) - 1
	last := b.refs[n]
	b.deliver(0, n)
	size := copy(b.buf[len(seriesHead):], b.buf[last.from:last.to])
	b.buf = b.buf[:len(seriesHead)+size]
	last.from, last.to = len(seriesHead), len(b.buf)
	b.refs = append(b.refs[:0], last)
}

// deliver sends blocks lo to hi and settles them, whatever number of requests that
// takes.
func (b *seriesBatch) deliver(lo, hi int) {
	b.requests = 0
	if lo < hi {
		b.settle(lo, hi)
	}
}

// settle is deliver for a part; it halves what the intake refuses.
func (b *seriesBatch) settle(lo, hi int) {
	if b.failed == nil && b.requests == maxSplitRequests {
		b.failed = &delivery.RetryError{Err: errManyRefused}
	}
	if b.failed != nil {
		b.retry(lo, hi)
		return
	}
	b.requests++
	res := b.sink.post(b.ctx, endpointSeries, b.request(lo, hi), hi-lo, &b.wire)
	switch {
	case res.Action == delivery.Delivered:
		b.delivered(lo, hi)
	case res.Action != delivery.Split:
		b.failed = res.err
		b.retry(lo, hi)
	case hi-lo == 1:
		b.sink.tellRefused(endpointSeries, res.Reason)
		b.sink.meter.Dropped(delivery.SinkDatadogMetrics, res.Reason, b.finish(lo, hi))
	default:
		mid := (lo + hi) / 2
		b.settle(lo, mid)
		b.settle(mid, hi)
	}
}

// request is the body of blocks lo to hi.
func (b *seriesBatch) request(lo, hi int) []byte {
	b.body = append(b.body[:0], seriesHead...)
	b.body = append(b.body, b.buf[b.refs[lo].from:b.refs[hi-1].to]...)
	b.body = append(b.body, seriesTail...)
	return b.body
}

func (b *seriesBatch) delivered(lo, hi int) {
	n := b.finish(lo, hi)
	if b.sink.cfg.DryRun {
		b.sink.meter.Dropped(delivery.SinkDatadogMetrics, reasonDryRun, n)
		return
	}
	b.sink.meter.Delivered(delivery.SinkDatadogMetrics, n)
}

// finish puts the samples of blocks lo to hi into done, and counts them.
func (b *seriesBatch) finish(lo, hi int) (n int) {
	for _, p := range b.points[b.refs[lo].points:b.refs[hi-1].pointsTo] {
		if !b.done.Has(p.sample) {
			b.done.Add(p.sample)
			n++
		}
	}
	return n
}

// retry leaves blocks lo to hi for another time.
func (b *seriesBatch) retry(lo, hi int) {
	for _, r := range b.refs[lo:hi] {
		for _, c := range b.claims[r.claims:r.claimsTo] {
			b.sink.seconds.release(c.key, c.sec)
		}
		b.giveUp(r.points, r.pointsTo)
	}
}

// giveUp gives back what points from to to have taken, and counts their samples.
func (b *seriesBatch) giveUp(from, to int) {
	for _, p := range b.points[from:to] {
		if p.claimed {
			b.sink.totals.giveBack(p.key, p.value)
		}
		if !b.seen.Has(p.sample) {
			b.seen.Add(p.sample)
			b.pending++
		}
	}
}

// release gives the batch back to the pool, without what it refers to.
func (b *seriesBatch) release() {
	s, fresh := b.sink, seriesBatch{sink: b.sink, blocks: b.blocks}
	clear(fresh.blocks)
	fresh.tag = b.tag[:0]
	fresh.values = b.values[:0]
	if cap(b.buf) <= keptBytes {
		fresh.buf, fresh.body = b.buf[:0], b.body[:0]
		fresh.points, fresh.refs, fresh.claims = b.points[:0], b.refs[:0], b.claims[:0]
		fresh.wire = b.wire
	}
	*b = fresh
	s.series.Put(b)
}

// appendMetric appends the name of one part of a series at Datadog.
func appendMetric(dst []byte, s *record.Series, p part) []byte {
	suffix := ""
	switch p {
	case partCount:
		suffix = ".count"
	case partSum:
		suffix = ".sum"
	case partBucket:
		suffix = ".bucket"
	case partQuantile:
		suffix = ".quantile"
	}
	name := metricName(s.DatadogName)
	if name == "" {
		name = metricName(s.Name)
		if base, ok := strings.CutSuffix(name, "_total"); ok && s.Kind == record.Counter {
			name, suffix = base, ".count" // as Datadog's OpenMetrics check names it
		}
	}
	dst = append(dst, name[:min(len(name), maxNameChars-len(suffix))]...)
	return append(dst, suffix...)
}

// hostResource is the part of a series that names the host, or "".
func hostResource(cfg Config) string {
	host := cfg.Hostname
	if host == "" {
		host = cfg.MachineName
	}
	if host == "" {
		return ""
	}
	return `,"resources":[{"name":` + string(appendString(nil, []byte(host))) + `,"type":"host"}]`
}
