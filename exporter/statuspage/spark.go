package statuspage

import (
	"math"
	"slices"
	"strconv"

	"out_edge/exporter/history"
)

// The size of a sparkline, in the units of its SVG; it is stretched to fit.
const (
	sparkWidth  = 240.0
	sparkHeight = 32.0
	sparkMargin = 2.0
)

// spark is a sparkline. Lines are the values of the points attribute of one
// polyline each: where samples were missing, the line breaks.
type spark struct {
	Lines []string
	Label string // what the line tells, in words
}

// frame is what a sparkline is drawn into.
type frame struct {
	from, to  int64
	low, high float64 // at the lower and the upper edge
}

// draw makes the lines of points that are in the order of time.
func (f *frame) draw(points []history.Point) (lines []string) {
	gap := longGap(points)
	start := 0
	for i := range points {
		if i+1 == len(points) || points[i+1].At-points[i].At > gap {
			lines = append(lines, f.line(points[start:i+1]))
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

func (f *frame) line(points []history.Point) string {
	var b []byte
	for _, p := range points {
		b = f.appendPoint(b, f.x(p.At), p.Value)
	}
	if len(points) == 1 { // a lone point would not be seen
		b = f.appendPoint(b, f.x(points[0].At)+1, points[0].Value)
	}
	return string(b)
}

func (f *frame) appendPoint(b []byte, x, v float64) []byte {
	if len(b) > 0 {
		b = append(b, ' ')
	}
	b = strconv.AppendFloat(b, math.Round(x*10)/10, 'f', -1, 64)
	b = append(b, ',')
	return strconv.AppendFloat(b, math.Round(f.y(v)*10)/10, 'f', -1, 64)
}

func (f *frame) x(at int64) float64 {
	if f.to <= f.from {
		return 0
	}
	return float64(at-f.from) / float64(f.to-f.from) * (sparkWidth - 1)
}

func (f *frame) y(v float64) float64 {
	if f.high <= f.low {
		return sparkHeight / 2
	}
	share := min(max((v-f.low)/(f.high-f.low), 0), 1)
	return sparkHeight - sparkMargin - share*(sparkHeight-2*sparkMargin)
}

// extent is the lowest and the highest value.
func extent(points []history.Point) (low, high float64) {
	low, high = math.Inf(1), math.Inf(-1)
	for _, p := range points {
		low, high = min(low, p.Value), max(high, p.Value)
	}
	return low, high
}
