// Package outbox holds what of series waits for one receiver, between the chunks
// that it comes with and the requests that it leaves with.
//
// There are two kinds of points. An absolute one (a gauge, a total that somebody
// else keeps) says what was true at its own time: each is sent, with that time. A
// kept one belongs to a total that this process keeps (of rules, host records,
// delta events): it has no time but that of its arrival, and what matters is that
// the total arrives, not each step to it.
//
//	Admit    once a chunk, as it comes: its kept points, which are never read again
//	Gather   when its turn comes: its absolute points, as far as there is room; the
//	         chunk gives them again whenever it is asked
//	Take     points for one request, of whole series, each series' oldest first
//	Deliver, Settle, Refuse, Doubt, PutBack   what became of them
//	End      settles the kept samples of the chunks that have nothing waiting
//
// Kept points that wait are bounded by series and time, not by samples: those of
// one grain of time are one, and the grain grows when there are too many. One that
// may have been stored already keeps its time, and is never made one with another.
//
// A series that is refused is set aside for some minutes: what comes of it is
// counted as dropped without asking; then it is tried again, with one request a
// flush for all that are to be tried.
package outbox
