/*
 * Core's engine: one thread that inits the outputs, runs the inputs, flushes
 * for outputs without workers, schedules retries, and exits the outputs.
 */
#ifndef HOST_ENGINE_H
#define HOST_ENGINE_H

#include <pthread.h>

#include "options.h"
#include "report.h"

struct engine {
    const struct options *opt;
    struct proxy *proxy;
    struct summary *summary;
    int64_t started_us; /* of the whole run */
    int failed;         /* an Init gave <= 0 */

    pthread_t thread;
    pthread_mutex_t lock; /* guards what follows, and the outputs' queues */
    pthread_cond_t begun_drain;
    pthread_cond_t work; /* a queue has a task, or workers_stop */
    struct task *done, **done_end;
    int draining, workers_stop;

    /* the engine thread's only */
    struct flb_sched *sched;
    struct task *waiting; /* for their due time */
    struct task *newest;  /* of all that are not settled */
    size_t pending;       /* their number */
    uint64_t random;
    int64_t drain_until_us, idle_since_us, report_due_us;
};

/* Begins one life cycle of the outputs on a thread of its own. */
void engine_start(struct engine *e);
/* Returns when the engine has begun to drain (or is over). */
void engine_wait_draining(struct engine *e);
void engine_join(struct engine *e);

/* SIGINT and SIGTERM: ends the run cleanly, in this cycle and for good. */
void engine_interrupt(void);
int engine_interrupted(void);

#endif
