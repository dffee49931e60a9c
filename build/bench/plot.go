package main

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
)

// drawPlots draws each curve of the figures as a small SVG, with both axes logarithmic:
// a cost that does not depend on the number is a level line.
func drawPlots(figures, dir string) error {
	r, err := load(figures)
	if err != nil {
		return err
	}
	for _, c := range r.Growth {
		name := strings.NewReplacer(",", "", " ", "-").Replace(c.Name) + ".svg"
		if err := os.WriteFile(filepath.Join(dir, name), []byte(plot(c)), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// The size of a plot, and the space for what is written beside it.
const (
	width, height      = 360, 200
	left, right        = 56, 14
	top, bottom        = 26, 34
	plotWide, plotHigh = width - left - right, height - top - bottom
)

// axis maps values to 0–1, logarithmically, from one power of ten to another.
type axis struct{ low, high int }

func axisOf(values []float64) axis {
	a := axis{math.MaxInt, math.MinInt}
	for _, v := range values {
		a.low = min(a.low, int(math.Floor(math.Log10(v)+1e-9)))
		a.high = max(a.high, int(math.Ceil(math.Log10(v)-1e-9)))
	}
	if a.high == a.low {
		a.high++
	}
	return a
}

func (a axis) at(v float64) float64 {
	return (math.Log10(v) - float64(a.low)) / float64(a.high-a.low)
}

// style is legible on white and, where the reader prefers that, on black.
const style = `<style>text{font:11px sans-serif;fill:#333}.g{stroke:#8886}.l{stroke:#06c;fill:none;stroke-width:2}.p{fill:#06c}` +
	`@media(prefers-color-scheme:dark){text{fill:#ddd}.l{stroke:#6bf}.p{fill:#6bf}}</style>`

func plot(c curve) string {
	var sizes, costs []float64
	for _, p := range c.Points {
		sizes, costs = append(sizes, float64(p.Size)), append(costs, p.CPUNanos)
	}
	x, y := axisOf(sizes), axisOf(costs)
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img"><title>CPU a %s by the number of %s</title>%s`+"\n",
		width, height, width, height, c.Thing, c.Name, style)
	fmt.Fprintf(&b, `<text x="%d" y="15">CPU a %s</text><text x="%d" y="%d" text-anchor="end">%s</text>`+"\n", left, c.Thing, width-right, height-4, c.Name)
	for e := y.low; e <= y.high; e++ {
		at := py(y, math.Pow10(e))
		fmt.Fprintf(&b, `<path class="g" d="M%d %.0fH%d"/><text x="%d" y="%.0f" text-anchor="end">%s</text>`+"\n", left, at, width-right, left-5, at+4, nanos(math.Pow10(e), 0))
	}
	for e := x.low; e <= x.high; e++ {
		at := px(x, math.Pow10(e))
		fmt.Fprintf(&b, `<path class="g" d="M%.0f %dV%d"/><text x="%.0f" y="%d" text-anchor="middle">%s</text>`+"\n", at, top, height-bottom, at, height-bottom+14, count(e))
	}
	drawLine(&b, c, x, y)
	return b.String() + "</svg>\n"
}

func px(x axis, v float64) float64 { return left + plotWide*x.at(v) }
func py(y axis, v float64) float64 { return height - bottom - plotHigh*y.at(v) }

func drawLine(b *strings.Builder, c curve, x, y axis) {
	var line, dots strings.Builder
	for i, p := range c.Points {
		at := fmt.Sprintf("%.0f %.0f", px(x, float64(p.Size)), py(y, p.CPUNanos))
		line.WriteString([]string{"L", "M"}[btoi(i == 0)] + at)
		fmt.Fprintf(&dots, `<circle class="p" r="3" cx="%.0f" cy="%.0f"><title>%d: %s</title></circle>`, px(x, float64(p.Size)), py(y, p.CPUNanos), p.Size, nanos(p.CPUNanos, 2))
	}
	fmt.Fprintf(b, `<path class="l" d="%s"/>%s`+"\n", line.String(), dots.String())
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// count is a power of ten.
func count(e int) string {
	if e >= 3 {
		return fmt.Sprintf("%.0fk", math.Pow10(e-3))
	}
	return fmt.Sprintf("%.0f", math.Pow10(e))
}
