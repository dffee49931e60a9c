package statuspage

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"out_edge/exporter/history"
)

// The size of a chart in the units of its SVG; it is stretched to fit.
const (
	chartWidth  = 240.0
	chartHeight = 60.0
	chartMargin = 1.0
	chartSlots  = 30 // parts that say their values
)

// chart is a line with its axes. Where samples were missing, the line breaks.
type chart struct {
	Name, Detail string
	Now, Range   string
	// Top and Bottom are the values at the edges, Since is how long ago the left one was.
	Top, Bottom, Since string
	Lines              []stroke
	Slots              []slot
	minor              bool // shown on demand
}

// stroke is one polyline, with the polygon below it.
type stroke struct{ Line, Area string }

// slot is a part of a chart: its place, and its values in words.
type slot struct{ At, Title string }

// frame is what a line is drawn into.
type frame struct {
	now       int64 // ns of timefix.Instant.Elapsed
	wall      int64 // the same in ns since 1970
	from      int64
	low, high float64 // at the lower and the upper edge
	write     format
}

// draw makes the lines of points that are in the order of time.
func (f *frame) draw(points []history.Point) (lines []stroke) {
	gap := longGap(points)
	start := 0
	for i := range points {
		if i+1 == len(points) || points[i+1].At-points[i].At > gap {
			lines = append(lines, f.stroke(points[start:i+1]))
			start = i + 1
		}
	}
	return lines
}

// longGap is the distance in ns beyond which two points are not joined: four
// times what is usual between them.
func longGap(points []history.Point) int64 {
	var steps []int64
	for i := 1; i < len(points); i++ {
		steps = append(steps, points[i].At-points[i-1].At)
	}
	if len(steps) == 0 {
		return 0
	}
	slices.Sort(steps)
	return max(4*steps[len(steps)/2], 5e9)
}

func (f *frame) stroke(points []history.Point) stroke {
	var b []byte
	for _, p := range points {
		b = f.appendPoint(b, f.x(p.At), p.Value)
	}
	last := f.x(points[len(points)-1].At)
	if len(points) == 1 { // a lone point would not be seen
		last = min(f.x(points[0].At)+1, chartWidth)
		b = f.appendPoint(b, last, points[0].Value)
	}
	base := formatFloat(chartHeight)
	return stroke{Line: string(b), Area: formatFloat(f.x(points[0].At)) + "," + base + " " + string(b) + " " + formatFloat(last) + "," + base}
}

func (f *frame) appendPoint(b []byte, x, v float64) []byte {
	if len(b) > 0 {
		b = append(b, ' ')
	}
	b = append(b, formatFloat(x)...)
	b = append(b, ',')
	return append(b, formatFloat(f.y(v))...)
}

func formatFloat(v float64) string { return strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64) }

func (f *frame) x(at int64) float64 {
	if f.now <= f.from {
		return chartWidth
	}
	return min(max(float64(at-f.from)/float64(f.now-f.from), 0), 1) * chartWidth
}

func (f *frame) y(v float64) float64 {
	share := (v - f.low) / (f.high - f.low)
	if f.high <= f.low || math.IsNaN(share) {
		return chartHeight / 2
	}
	share = min(max(share, 0), 1)
	return chartHeight - chartMargin - share*(chartHeight-2*chartMargin)
}

// slots say what the values of each part of the chart were.
func (f *frame) slots(points []history.Point) (all []slot) {
	span := f.now - f.from
	if span <= 0 {
		return nil
	}
	layout := "15:04"
	if span < int64(40*time.Minute) {
		layout = "15:04:05"
	}
	for rest := points; len(rest) > 0; {
		place := f.slotOf(rest[0].At)
		n := 1
		for n < len(rest) && f.slotOf(rest[n].At) == place {
			n++
		}
		low, high := extent(rest[:n])
		text := time.Unix(0, f.wall-(f.now-rest[0].At)).UTC().Format(layout) + " UTC: " + spread(low, high, f.write)
		all = append(all, slot{At: strconv.Itoa(place * int(chartWidth) / chartSlots), Title: text})
		rest = rest[n:]
	}
	return all
}

func (f *frame) slotOf(at int64) int {
	return min(int(f.x(at)*chartSlots/chartWidth), chartSlots-1)
}

// spread writes two values: with one unit where both have the same, and as one where they
// read alike.
func spread(low, high float64, write format) string {
	text, top := write(low), write(high)
	if text == top {
		return text
	}
	number, unit := cutUnit(text)
	if _, other := cutUnit(top); unit == other {
		text = number
	}
	return text + " to " + top
}

// cutUnit divides a written value into its number and what follows it.
func cutUnit(text string) (number, unit string) {
	i := strings.IndexFunc(text, func(r rune) bool { return !strings.ContainsRune("0123456789.,+-e", r) })
	if i < 0 {
		return text, ""
	}
	return text[:i], text[i:]
}

// extent is the lowest and the highest value.
func extent(points []history.Point) (low, high float64) {
	low, high = math.Inf(1), math.Inf(-1)
	for _, p := range points {
		low, high = min(low, p.Value), max(high, p.Value)
	}
	return low, high
}

// recent returns the points from a time on.
func recent(points []history.Point, from int64) []history.Point {
	i, _ := slices.BinarySearchFunc(points, from, func(p history.Point, at int64) int {
		if p.At < at {
			return -1
		}
		return 1
	})
	return points[i:]
}

// rounded is the next round number that is no smaller, for the edge of a chart; binary
// ones are powers of 2, as sizes in KiB need them.
func rounded(v float64, binary bool) float64 {
	if v <= 0 || math.IsInf(v, 0) || math.IsNaN(v) {
		return v
	}
	if binary && v > 1 {
		return math.Exp2(math.Ceil(math.Log2(v)))
	}
	unit := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range [...]float64{1, 1.5, 2, 3, 4, 5, 6, 8} {
		if edge := m * unit; v <= edge*(1+1e-9) {
			return edge
		}
	}
	return 10 * unit
}

// fill draws the points that are not too old. It reports whether there are any.
func (c *chart) fill(points []history.Point, f *frame) bool {
	points = recent(points, f.from)
	c.Since = ago(f.now, f.from)
	if len(points) == 0 {
		return false
	}
	c.Top, c.Bottom = f.write(f.high), f.write(f.low)
	c.Lines, c.Slots = f.draw(points), f.slots(points)
	return true
}

// Label is what the chart shows, in words.
func (c *chart) Label() string {
	return strings.TrimSpace(c.Name+" "+c.Detail) + ": " + c.Range + " since " + c.Since
}
