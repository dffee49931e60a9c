package ddsink

import (
	"context"
	"strings"
	"sync"
	"time"

	"out_edge/plugin/delivery"
	"out_edge/plugin/metric"
	"out_edge/timefix"
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

// Metrics is the sink of metrics.
type Metrics struct {
	*Account
	sender   *delivery.Sender
	batch    *seriesBatch // of the Send that runs
	totals   *totals
	seconds  *secondsTaken
	ahead    sync.Once // what is ahead of the clock was spoken of
	tags     []string  // the user's, each as "name:value"
	hostJSON string    // of a series
}

var _ delivery.Sink = (*Metrics)(nil)

// Metrics makes the account's sink of metrics.
func (a *Account) Metrics() (*Metrics, error) {
	sender, err := a.newSender(a.seriesEndpoint())
	if err != nil {
		return nil, err
	}
	s := &Metrics{
		Account: a, sender: sender, totals: newTotals(), seconds: newSecondsTaken(),
		tags: strings.FieldsFunc(a.cfg.Tags, func(r rune) bool { return r == ',' }), hostJSON: hostResource(a.cfg),
	}
	s.batch = &seriesBatch{sink: s, blocks: map[*metric.Series]blockInfo{}}
	return s, nil
}

// Name is that of the sink.
func (s *Metrics) Name() string { return delivery.SinkDatadogMetrics }

// Reasons are those of metrics.
func (s *Metrics) Reasons() (dropped, adjusted []string) {
	return delivery.DropReasons(s.Name()), delivery.AdjustReasons(s.Name())
}

// Admit has nothing to note.
func (s *Metrics) Admit(*delivery.Job) {}

// Send sends the open samples of the jobs. A count is added to once, however often
// its job is offered.
func (s *Metrics) Send(ctx context.Context, jobs []*delivery.Job, probe bool) error {
	b := s.batch
	b.run.Begin(ctx, s.sender)
	for _, j := range jobs {
		if b.run.Failed() {
			break
		}
		b.send(j)
		if probe {
			break
		}
	}
	return b.run.End()
}

// seriesBatch is the working memory of Send. It is reused.
//
// Its unit is the block: the points of one series in all its parts, so that a
// sample is never delivered by half.
type seriesBatch struct {
	sink    *Metrics
	run     delivery.Run
	job     *delivery.Job
	samples []metric.Sample
	now     timefix.Instant

	blocks map[*metric.Series]blockInfo
	// numBlocks is the next block's number.
	numBlocks int
	points    []point
	values    []timedValue
	tag       []byte

	buf    []byte // blocks, with commas between them
	refs   []blockRef
	claims []claim
	out    []byte // the body of one request
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

// send sends the samples of one job.
func (b *seriesBatch) send(j *delivery.Job) {
	b.release() // the last one may have panicked
	b.job, b.samples, b.now = j, j.Samples(), b.sink.clock.Now()
	b.collect()
	sortPoints(b.points)
	b.encode()
	b.release()
}

// collect turns the samples into points.
func (b *seriesBatch) collect() {
	for i, s := range b.samples {
		if b.job.IsDone(i) {
			continue
		}
		reason := b.refusal(s)
		before := len(b.points)
		if reason == "" {
			reason = b.appendPoints(s, point{block: b.blockOf(s.Series), sample: i})
		}
		switch {
		case reason != "":
			if reason == reasonTooNew {
				b.sink.ahead.Do(func() {
					b.sink.sayAhead("metric points are more than 10 minutes ahead of the clock: Datadog takes none, and they are dropped")
				})
			}
			b.job.Drop(reason, i)
		case len(b.points) == before:
			b.job.Absorb(reasonFirstSight, i)
		}
	}
}

// refusal is why the intake would not take a sample, or "".
func (b *seriesBatch) refusal(s metric.Sample) string {
	switch age := b.now.Wall - s.UnixNano; {
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
func (b *seriesBatch) blockOf(s *metric.Series) int {
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
	b.buf = append(b.buf, seriesHead...)
	from := 0
	for from < len(b.points) && !b.run.Failed() {
		to := from
		for to < len(b.points) && b.points[to].block == b.points[from].block {
			to++
		}
		b.add(from, to)
		if len(b.buf)+len(seriesTail) > b.sink.sender.BatchBytes() && len(b.refs) > 1 {
			b.sendAllButLast()
		}
		from = to
	}
	b.run.Deliver(b, len(b.refs))
	b.giveUp(from, len(b.points))
}

// add writes the block of the points from to to.
func (b *seriesBatch) add(from, to int) {
	ref := blockRef{points: from, pointsTo: to, claims: len(b.claims)}
	if len(b.refs) > 0 {
		b.buf = append(b.buf, ',')
	}
	ref.from = len(b.buf)
	latest := floorDiv(b.now.Wall+int64(seriesMaxAhead-seriesMargin), 1e9)
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
	b.run.Deliver(b, n)
	size := copy(b.buf[len(seriesHead):], b.buf[last.from:last.to])
	b.buf = b.buf[:len(seriesHead)+size]
	last.from, last.to = len(seriesHead), len(b.buf)
	b.refs = append(b.refs[:0], last)
}

// Body is that of a request with blocks lo to hi.
func (b *seriesBatch) Body(lo, hi int) []byte {
	b.out = append(b.out[:0], seriesHead...)
	b.out = append(b.out, b.buf[b.refs[lo].from:b.refs[hi-1].to]...)
	b.out = append(b.out, seriesTail...)
	return b.out
}

// Delivered settles the samples of blocks lo to hi.
func (b *seriesBatch) Delivered(lo, hi int, _ delivery.Answer) {
	points := b.points[b.refs[lo].points:b.refs[hi-1].pointsTo]
	at := func(k int) int { return points[k].sample }
	if b.sink.cfg.DryRun {
		b.job.DropEach(reasonDryRun, len(points), at)
		return
	}
	b.job.DeliverEach(len(points), at)
}

// Refused drops the samples of a block.
func (b *seriesBatch) Refused(i int, reason string) (lost bool) {
	points := b.points[b.refs[i].points:b.refs[i].pointsTo]
	b.job.DropEach(reason, len(points), func(k int) int { return points[k].sample })
	return true
}

// Kept leaves blocks lo to hi for another time.
func (b *seriesBatch) Kept(lo, hi int) {
	for _, r := range b.refs[lo:hi] {
		for _, c := range b.claims[r.claims:r.claimsTo] {
			b.sink.seconds.release(c.key, c.sec)
		}
		b.giveUp(r.points, r.pointsTo)
	}
}

// giveUp gives back what points from to to have taken.
func (b *seriesBatch) giveUp(from, to int) {
	for _, p := range b.points[from:to] {
		if p.claimed {
			b.sink.totals.giveBack(p.key, p.value)
		}
	}
}

// release makes the batch ready for the next job, without what it refers to.
func (b *seriesBatch) release() {
	fresh := seriesBatch{sink: b.sink, run: b.run, blocks: b.blocks, tag: b.tag[:0], values: b.values[:0]}
	clear(fresh.blocks)
	if cap(b.buf) <= keptBytes {
		fresh.buf, fresh.out = b.buf[:0], b.out[:0]
		fresh.points, fresh.refs, fresh.claims = b.points[:0], b.refs[:0], b.claims[:0]
	}
	*b = fresh
}

// appendMetric appends the name of one part of a series at Datadog.
func appendMetric(dst []byte, s *metric.Series, p part) []byte {
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
		if base, ok := strings.CutSuffix(name, "_total"); ok && s.Kind == metric.Counter {
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
