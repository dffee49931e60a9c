package wire

// MaxDepth is how many arrays and maps may stand in one another in a log
// event, its own array included. Fluent Bit's inputs reach 6 or so; JSON
// encoders and Datadog (10 levels) stop long before.
const MaxDepth = 64

// State is what Check found.
type State uint8

// The states.
const (
	Whole State = iota
	Unfit       // it ends where Check says, but cannot be used
	Cut         // the payload ends first
)

// Checker walks root values and says whether they are whole. The zero value is
// ready; it allocates nothing, and serves one goroutine at a time.
type Checker struct {
	// levels holds, by depth, how many values of an open container are still to
	// come.
	levels [MaxDepth]int
}

// Check walks the root value at p[i], i < len(p), and returns where it ends. Only
// the Values in one that is Whole are sure to be readable to their end.
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

// leave steps over the rest of a root value that is nested too deep: the value
// at p[i], the left ones after it on its level, and those of all levels
// around it.
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
