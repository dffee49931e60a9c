/*
 * Parking: a flush that waits for its delivery without holding Fluent Bit.
 *
 * Fluent Bit calls a flush on a coroutine of its engine thread. The flush hands
 * its chunk to Go, switches back to the engine, and is resumed when Go has an
 * answer, as core's own flb_time_sleep() does it. Meanwhile the chunk stays in
 * Fluent Bit's buffer, and the engine does its other work.
 *
 * Go never runs on a coroutine: the chunk goes to a goroutine through a list and
 * a timerfd, and comes back through a list and a timer of the engine. So a
 * coroutine's stack needs room for C alone, and the engine never waits for Go's
 * scheduler or collector.
 *
 * What is assumed of Fluent Bit is checked when it is first used, and written
 * down, with versions, in docs/fluent-bit.md.
 */
#ifndef EDGE_PARK_H
#define EDGE_PARK_H

#include <stddef.h>

/* While flushes are parked, the engine looks for ended ones at least so often, even if
 * nobody has woken it. An odd number, by which the timer's descriptor is recognised. */
enum { EDGE_PERIOD_MS = 1009 };

#pragma GCC visibility push(hidden)

/* The parked flushes of one instance. */
struct edge_parking;

/* Where C and Go exchange flushes. Each list begins with the newest, and is changed by
 * atomic operations alone. Go does that itself: each call of C would wake the monitor
 * thread of its runtime, which costs more than all that is done here. */
struct edge_exchange {
	struct edge_flush *offered; /* to Go */
	struct edge_flush *ended;   /* by Go: who ends the first sets alarm */
	int alarm; /* the timerfd of a timer of the engine: then in 1 ns, and each EDGE_PERIOD_MS */
};

/* One parked flush. Go reads what it points to until it has put it into the list of
 * those that ended, after which it may be gone. */
struct edge_flush {
	void *data;
	size_t size;
	char *tag;
	struct edge_flush *next; /* the next older one in its list */
	int result;              /* one of Fluent Bit's */

	/* the C side's */
	void **caller; /* where struct flb_coro has who resumed it */
	void *coro, *callee;
	struct edge_flush *older, *newer; /* all that are parked */
};

/* A new parking for the Init that runs now, on this thread; NULL with *fault set
 * to what this Fluent Bit lacks. The caller ends it with edge_parking_end. */
struct edge_parking *edge_parking_new(const char **fault);

/* Parks the flushes of the instance whose Init has got plugin from now on. */
void edge_parking_open(struct edge_parking *p, const void *plugin);

/* A timerfd, the caller's to close, that is readable 20 ms after there is something
 * to take; -1 when no descriptor is left. */
int edge_parking_wake(const struct edge_parking *p);

/* The lists of a parking, as long as it has not ended. */
struct edge_exchange *edge_parking_exchange(struct edge_parking *p);

/* Why flushes come that are not parked, or NULL as long as none has come. */
const char *edge_parking_refusal(struct edge_parking *p);

/* In ExitCtx, when each flush taken has been ended: the newest that is still parked,
 * with all others by `older`. Core does not hear of their results. */
const struct edge_flush *edge_parking_parked(const struct edge_parking *p);

/* Ends the parking in ExitCtx, when each flush taken has been ended and no other
 * thread uses it. What is still parked is never resumed: the engine is over. */
void edge_parking_end(struct edge_parking *p);

/* Whether this flush was parked, and ended with *result. */
int edge_park(const void *ctx, void *data, size_t size, char *tag, int *result);

/* Sets the `workers` of the instance whose Init has got plugin to 0; whether the
 * host can. */
int edge_drop_workers(const void *plugin);

/* What the host calls that instance in its own log and metrics: its alias, or its
 * plugin's name with a number. The host's, or NULL where it does not say. */
const char *edge_output_name(const void *plugin);

#pragma GCC visibility pop

#endif
