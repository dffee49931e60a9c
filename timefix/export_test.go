package timefix

// ReadTogether reads the kernel's clocks, whatever is known of them.
var ReadTogether = readTogether

// ShiftAhead makes what the clock knows of the kernel's clocks by ns less true; 0
// makes it forget that.
func ShiftAhead(ns int64) {
	if ns == 0 {
		lastAhead.Store(nil)
		return
	}
	a := *lastAhead.Load()
	lastAhead.Store(&ahead{wall: a.wall + ns, boot: a.boot + ns})
}
