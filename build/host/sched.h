/*
 * Core's scheduler and event loop, as far as plugins see them: timers that call
 * back on the thread that runs the loop. Exported are flb_sched_ctx_get,
 * flb_sched_timer_cb_create and flb_sched_timer_cb_destroy.
 */
#ifndef HOST_SCHED_H
#define HOST_SCHED_H

#include <stdint.h>

struct flb_sched;

/* Timers whose struct does not begin as in the versions that are known. */
void sched_foreign_timers(void);

/* The calling thread's. */
struct flb_sched *sched_new(void);
void sched_free(struct flb_sched *s);

/* Waits for the timers, or a wake, or the time (CLOCK_MONOTONIC) to come, and
 * calls back. */
void sched_wait(struct flb_sched *s, int64_t until_us);

/* From any thread: ends the wait that is under way, or the next. */
void sched_wake(struct flb_sched *s);

#endif
