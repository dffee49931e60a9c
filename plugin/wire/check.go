package wire

// MaxDepth is how deep arrays and maps may be nested in a log event, its own array
// included. Fluent Bit's inputs reach about 6; JSON encoders and Datadog (10 levels)
// stop long before.
const MaxDepth = 64

// State is the result of Check.
type State uint8

// The states.
const (
	Whole State = iota
	Unfit       // complete, but cannot be used
	Cut         // the payload ends first
)

// Checker checks root values. The zero value is ready to use; it allocates nothing, and
// serves one goroutine at a time.
type Checker struct {
	// levels holds, by depth, how many values of an open container are still to come.
	levels [MaxDepth]int
}

// Check checks the root value at p[i], i < len(p), and returns where it ends. Only the
// Values of a Whole one can be read to their end.
func (c *Checker) Check(p []byte, i int) (end int, state State) {
	found := Whole
	depth := 0
	left := 1 // on this level
	for {
		if uint(i) >= uint(len(p)) {
			return len(p), Cut
		}
		b := p[i]
		left--
		if w := int(widths[b]); w > 0 {
			i += w
		} else {
			next, inner := i+1, int(b&0x0f)
			switch {
			case b < headFixArray:
				inner *= 2
			case b < headFixStr:
			default:
				var ok bool
				if next, inner, ok = Open(p, i); !ok {
					return len(p), Cut
				}
				if b == headNever {
					found = Unfit
				}
			}
			if isContainer(b) && depth == MaxDepth {
				return c.leave(p, i, left)
			}
			i = next
			if inner > 0 {
				c.levels[depth&(MaxDepth-1)] = left
				depth++
				left = inner
			}
		}
		for left == 0 {
			if depth == 0 {
				if i > len(p) {
					return len(p), Cut
				}
				return i, found
			}
			depth--
			left = c.levels[depth&(MaxDepth-1)]
		}
	}
}

// leave skips the rest of a root value that is nested too deep: the value at p[i], the
// left ones after it on its level, and those of all levels around it.
func (c *Checker) leave(p []byte, i, left int) (int, State) {
	need := 1 + uint64(left)
	for _, n := range c.levels {
		need += uint64(n)
	}
	if need > uint64(len(p)-i) {
		return len(p), Cut
	}
	end, ok := skipAll(p, i, int(need))
	if !ok {
		return end, Cut
	}
	return end, Unfit
}
