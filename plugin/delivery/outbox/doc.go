// Package outbox holds the points that wait for one receiver, between the chunks that
// brought them and the requests that send them.
//
// There are two kinds of points. An absolute one (a gauge, a total that somebody else
// keeps) is a value at its own time: each is sent, with that time. A kept one belongs
// to a total that this process keeps (of rules, host records, delta events): its only
// time is that of its arrival, and the total must arrive, not each step to it.
//
//	Admit    once a chunk, as it comes: its kept points, which are never read again
//	Gather   when its turn comes: its absolute points, as far as there is room; the
//	         chunk gives them again whenever it is asked
//	Take     points for one request, of whole series, each series' oldest first
//	Deliver, Settle, Refuse, MarkUncertain, PutBack   what became of them
//	End      settles the kept samples of the chunks that have nothing waiting
//
// Waiting kept points are limited by series and time, not by samples: those in one
// grain of time are merged, and the grain grows when there are too many. One that may
// have been stored already keeps its time, and is never merged.
//
// A series that is refused is set aside for some minutes: its samples are counted as
// dropped and not sent; then it is tried again, with one request a flush for all such
// series.
package outbox
