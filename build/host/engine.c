#define _GNU_SOURCE
#include "engine.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "coroutine.h"
#include "sched.h"
#include "util.h"

enum { MAX_WAIT_US = 50000, SHUTDOWN_RETRY_US = 1000000 };

struct task {
    struct engine *engine;
    struct chunk *chunk;
    struct output *output;
    int attempts; /* flushes so far */
    int result;
    int64_t due_us, begun_us;
    int64_t held_us; /* how long the flush kept its thread, all in all */
    int64_t answer_us;
    long thread;
    struct coroutine *coroutine; /* of the flush that is under way */
    char *tag;                   /* core's copy for it */
    struct task *next;           /* waiting, queued or done */
    struct task *older, *newer;  /* all that are pending */
};

static volatile sig_atomic_t interrupted;

void engine_interrupt(void) { interrupted = 1; }

int engine_interrupted(void) { return interrupted; }

/* --- flushing ------------------------------------------------------------- */

static void post(struct engine *e, struct task *t)
{
    pthread_mutex_lock(&e->lock);
    *e->done_end = t;
    t->next = NULL;
    e->done_end = &t->next;
    pthread_mutex_unlock(&e->lock);
    sched_wake(e->sched);
}

/* On the flush's stack; the plugin may switch away from it in between. A worker
 * posts its tasks itself, when it has left the stack. */
static void flush_on_stack(void *arg)
{
    struct task *t = arg;

    t->result = proxy_flush(t->engine->proxy, t->output, t->chunk, t->tag);
    t->answer_us = mono_us() - t->begun_us;
    if (t->output->workers == 0) {
        post(t->engine, t);
    }
}

/* Returns when the flush has an answer, or has switched back without one. */
static void flush(struct engine *e, struct task *t)
{
    t->thread = syscall(SYS_gettid);
    t->attempts++;
    t->tag = xstrdup(t->chunk->tag);
    t->coroutine = coroutine_new(e->opt->stack_bytes, flush_on_stack, t);
    t->begun_us = mono_us();
    coroutine_resume(t->coroutine);
    t->held_us = mono_us() - t->begun_us;
}

static void flush_ended(struct task *t)
{
    coroutine_free(t->coroutine);
    t->coroutine = NULL;
    free(t->tag);
    t->tag = NULL;
}

struct worker {
    struct engine *engine;
    struct output *output;
};

static struct task *take(struct worker *w)
{
    struct task *t;

    pthread_mutex_lock(&w->engine->lock);
    while (w->output->queue == NULL && !w->engine->workers_stop) {
        pthread_cond_wait(&w->engine->work, &w->engine->lock);
    }
    t = w->output->queue;
    if (t != NULL && (w->output->queue = t->next) == NULL) {
        w->output->queue_end = &w->output->queue;
    }
    pthread_mutex_unlock(&w->engine->lock);
    return t;
}

/* As in core a worker has a scheduler of its own; here it never gets to it. */
static void *work(void *arg)
{
    struct worker *w = arg;
    struct flb_sched *own = sched_new();
    struct task *t;

    while ((t = take(w)) != NULL) {
        flush(w->engine, t);
        if (!coroutine_ended(t->coroutine)) {
            die(EXIT_CRASH, "a flush on a worker thread has switched away for good");
        }
        post(w->engine, t);
    }
    sched_free(own);
    free(w);
    return NULL;
}

static void start_pool(struct engine *e, struct output *o)
{
    o->threads = xcalloc((size_t) o->workers + 1, sizeof(*o->threads));
    for (int i = 0; i < o->workers; i++) {
        struct worker *w = xcalloc(1, sizeof(*w));
        *w = (struct worker) {e, o};
        if (pthread_create(&o->threads[i], NULL, work, w) != 0) {
            die(EXIT_PLUGIN, "start a worker thread: no resources");
        }
    }
}

/*
 * Core starts the workers of a Go output once in its Init and once for all
 * outputs, and ends only the latter (2.2.0 to 5.1.1). The others look at their
 * instance once in a while, which a reload has freed meanwhile.
 */
static void *run_on(void *arg)
{
    const _Atomic int *instance = arg;
    const struct timespec ms = {0, 1000000};

    while (*instance == 0) {
        nanosleep(&ms, NULL);
    }
    die(EXIT_CRASH, "a worker thread that nobody has joined runs over freed memory");
}

static void start_forgotten(const struct output *o)
{
    pthread_t thread;

    for (int i = 0; i < o->workers; i++) {
        if (pthread_create(&thread, NULL, run_on, o->instance) != 0) {
            die(EXIT_PLUGIN, "start a worker thread: no resources");
        }
        pthread_detach(thread);
    }
}

static void start_workers(struct engine *e, struct output *o)
{
    if (o->instance != NULL) {
        *o->instance = 1; /* freed, and never given back: its threads may look */
    }
    o->instance = xcalloc(1, sizeof(*o->instance));
    if (!e->opt->single_pool) {
        start_forgotten(o);
    }
    start_pool(e, o);
}

static void stop_workers(struct engine *e)
{
    pthread_mutex_lock(&e->lock);
    e->workers_stop = 1;
    pthread_cond_broadcast(&e->work);
    pthread_mutex_unlock(&e->lock);
    for (size_t i = 0; i < e->opt->noutputs; i++) {
        struct output *o = e->opt->outputs[i];
        for (int k = 0; k < o->workers; k++) {
            pthread_join(o->threads[k], NULL);
        }
        free(o->threads);
    }
}

/* --- tasks ---------------------------------------------------------------- */

static void wait_until(struct engine *e, struct task *t, int64_t due_us)
{
    t->due_us = due_us;
    t->next = e->waiting;
    e->waiting = t;
}

static void task_free(struct engine *e, struct task *t)
{
    if (t->newer != NULL) {
        t->newer->older = t->older;
    }
    else {
        e->newest = t->older;
    }
    if (t->older != NULL) {
        t->older->newer = t->newer;
    }
    flush_ended(t);
    chunk_unref(t->chunk);
    free(t);
    e->pending--;
}

static uint64_t next_random(struct engine *e)
{
    e->random ^= e->random << 13;
    e->random ^= e->random >> 7;
    e->random ^= e->random << 17;
    return e->random;
}

/* Core's backoff_full_jitter: uniform between base and base * 2^n, capped. */
static int64_t backoff_us(struct engine *e, int attempts)
{
    int64_t base = e->opt->retry_base_us, top = base;

    for (int i = 0; i < attempts && top < e->opt->retry_cap_us; i++) {
        top *= 2;
    }
    if (top > e->opt->retry_cap_us) {
        top = e->opt->retry_cap_us;
    }
    if (top <= base) {
        return top;
    }
    return base + (int64_t) (next_random(e) % (uint64_t) (top - base + 1));
}

static int64_t min64(int64_t a, int64_t b) { return a < b ? a : b; }

static void retry(struct engine *e, struct task *t)
{
    struct output *o = t->output;
    int64_t delay;

    if (o->retry_limit == RETRY_NONE ||
        (o->retry_limit != RETRY_UNLIMITED && t->attempts > o->retry_limit)) {
        o->n.gave_up++;
        task_free(e, t);
        return;
    }
    delay = backoff_us(e, t->attempts);
    wait_until(e, t, mono_us() + (e->draining ? min64(delay, SHUTDOWN_RETRY_US) : delay));
}

static void settle(struct engine *e, struct task *t)
{
    struct counters *n = &t->output->n;

    flush_ended(t);
    if (t->result != FLB_OK && t->result != FLB_RETRY && t->result != FLB_ERROR) {
        note("flush gave %d, which core takes as an error", t->result);
        t->result = FLB_ERROR;
    }
    n->flushes++;
    latency_add(&t->output->flush_us, (uint64_t) t->held_us);
    latency_add(&t->output->answer_us, (uint64_t) t->answer_us);
    if (e->opt->trace) {
        report_flush(&(struct flush_line) {t->output->name, t->chunk->tag, t->chunk->records,
                                           t->chunk->size, t->attempts, t->result, t->answer_us,
                                           t->thread});
    }
    if (t->result == FLB_RETRY) {
        n->retry++;
        retry(e, t);
        return;
    }
    if (t->result == FLB_OK) {
        n->ok++;
        n->records_ok += t->chunk->records;
    }
    else {
        n->error++;
    }
    task_free(e, t);
}

static void settle_done(struct engine *e)
{
    struct task *t, *next;

    pthread_mutex_lock(&e->lock);
    t = e->done;
    e->done = NULL;
    e->done_end = &e->done;
    pthread_mutex_unlock(&e->lock);
    for (; t != NULL; t = next) {
        next = t->next;
        settle(e, t);
    }
}

static void dispatch(struct engine *e, struct task *t)
{
    struct output *o = t->output;

    if (o->workers == 0) {
        flush(e, t);
        return;
    }
    t->next = NULL;
    pthread_mutex_lock(&e->lock);
    *o->queue_end = t;
    o->queue_end = &t->next;
    pthread_cond_broadcast(&e->work);
    pthread_mutex_unlock(&e->lock);
}

static void dispatch_due(struct engine *e, int64_t now)
{
    struct task *all = e->waiting, *t;

    e->waiting = NULL;
    while ((t = all) != NULL) {
        all = t->next;
        if (t->due_us <= now) {
            dispatch(e, t);
        }
        else {
            wait_until(e, t, t->due_us);
        }
    }
}

static void add_task(struct engine *e, struct chunk *c, struct output *o)
{
    struct task *t = xcalloc(1, sizeof(*t));

    e->pending++;
    t->engine = e;
    t->chunk = chunk_ref(c);
    t->output = o;
    t->older = e->newest;
    if (t->older != NULL) {
        t->older->newer = t;
    }
    e->newest = t;
    dispatch(e, t);
}

static void offer(struct engine *e, struct chunk *c, struct output *o)
{
    if ((c->type & e->summary->event_types) == 0) {
        o->n.unrouted++;
        return;
    }
    o->n.chunks++;
    o->n.records += c->records;
    o->n.bytes += c->size;
    add_task(e, c, o);
}

/* As core's storage_backlog does after the start. */
static void offer_kept(struct engine *e, struct output *o)
{
    struct chunk **kept = o->kept;
    size_t n = o->nkept;

    o->kept = NULL;
    o->nkept = 0;
    for (size_t i = n; i > 0; i--) { /* the oldest was kept last */
        o->n.unsettled--;
        add_task(e, kept[i - 1], o);
        chunk_unref(kept[i - 1]);
    }
    free(kept);
}

static void route(struct engine *e, struct chunk *c)
{
    for (size_t i = 0; i < e->opt->noutputs && !e->opt->bare; i++) {
        if (tag_matches(e->opt->outputs[i]->match, c->tag)) {
            offer(e, c, e->opt->outputs[i]);
        }
    }
    chunk_unref(c);
}

static void poll_sources(struct engine *e, int64_t now)
{
    for (struct source *s = e->opt->sources; s != NULL; s = s->next) {
        if (s->due_us <= now && e->pending < e->opt->pending_max) {
            struct chunk *c = s->poll(s, now);
            if (c != NULL) {
                route(e, c);
            }
        }
    }
}

/* --- the loop ------------------------------------------------------------- */

static int sources_ended(const struct engine *e)
{
    for (const struct source *s = e->opt->sources; s != NULL; s = s->next) {
        if (s->due_us != INT64_MAX) {
            return 0;
        }
    }
    return 1;
}

/* Whether the run is over: interrupted, its time is up, or all is done. */
static int run_over(struct engine *e, int64_t begun, int64_t now)
{
    if (interrupted) {
        return 1;
    }
    if (e->opt->run_us >= 0) {
        return now - begun >= e->opt->run_us;
    }
    if (!sources_ended(e) || e->pending > 0) {
        e->idle_since_us = now;
        return 0;
    }
    return now - e->idle_since_us >= (e->opt->idle_us > 0 ? e->opt->idle_us : 0);
}

static void begin_drain(struct engine *e, int64_t now)
{
    for (struct task *t = e->waiting; t != NULL; t = t->next) {
        t->due_us = min64(t->due_us, now + SHUTDOWN_RETRY_US);
    }
    e->drain_until_us = now + e->opt->grace_us;
    pthread_mutex_lock(&e->lock);
    e->draining = 1;
    pthread_cond_broadcast(&e->begun_drain);
    pthread_mutex_unlock(&e->lock);
}

static void report_due(struct engine *e, int64_t now)
{
    if (e->opt->report_us > 0 && now >= e->report_due_us) {
        e->summary->wall_us = now - e->started_us;
        report_summary("report", e->opt, e->summary);
        e->report_due_us = now + e->opt->report_us;
    }
}

static int64_t next_due(const struct engine *e, int64_t now)
{
    int64_t due = now + MAX_WAIT_US;

    for (const struct task *t = e->waiting; t != NULL; t = t->next) {
        due = min64(due, t->due_us);
    }
    for (const struct source *s = e->opt->sources;
         s != NULL && !e->draining && e->pending < e->opt->pending_max; s = s->next) {
        due = min64(due, s->due_us);
    }
    return due;
}

static void loop(struct engine *e)
{
    int64_t begun = mono_us(), now = begun;

    e->idle_since_us = begun;
    while (!e->draining || (e->pending > 0 && now < e->drain_until_us)) {
        now = mono_us();
        settle_done(e);
        dispatch_due(e, now);
        if (!e->draining) {
            poll_sources(e, now);
            if (run_over(e, begun, now)) {
                begin_drain(e, now);
                continue;
            }
        }
        report_due(e, now);
        sched_wait(e->sched, next_due(e, now));
    }
}

/* What the grace period has left is in core's buffer, not lost: unsettled. Among
 * it are flushes that wait, of which core never hears again. */
static void abandon(struct engine *e)
{
    settle_done(e);
    while (e->newest != NULL) {
        struct output *o = e->newest->output;

        o->n.unsettled++;
        if (e->opt->filesystem) {
            o->kept = xrealloc(o->kept, (o->nkept + 1) * sizeof(*o->kept));
            o->kept[o->nkept++] = chunk_ref(e->newest->chunk);
        }
        task_free(e, e->newest);
    }
}

/* Up to 2.1, core frees the chunks before it joins the workers. */
static void free_early(struct engine *e)
{
    for (struct task *t = e->newest; t != NULL && e->opt->free_early; t = t->older) {
        chunk_spoil(t->chunk);
    }
}

/* Tasks that no worker has begun stay in the buffer when grace is over. */
static void empty_queues(struct engine *e)
{
    pthread_mutex_lock(&e->lock);
    for (size_t i = 0; i < e->opt->noutputs; i++) {
        e->opt->outputs[i]->queue = NULL;
        e->opt->outputs[i]->queue_end = &e->opt->outputs[i]->queue;
    }
    pthread_mutex_unlock(&e->lock);
}

static int init_outputs(struct engine *e)
{
    int ok = 1;

    for (size_t i = 0; i < e->opt->noutputs && !e->opt->bare; i++) {
        struct output *o = e->opt->outputs[i];
        o->workers = o->workers_given; /* the configuration is read anew */
        o->init_result = proxy_properties_fault(e->proxy, o) ? 0 : proxy_init(e->proxy, o);
        if (o->init_result <= 0) {
            note("init of output %s gave %d", o->name, o->init_result);
            ok = 0;
        }
    }
    return ok;
}

static void exit_outputs(struct engine *e)
{
    for (size_t i = 0; i < e->opt->noutputs && !e->opt->bare; i++) {
        struct output *o = e->opt->outputs[i];
        for (int k = 0; k < e->opt->exits; k++) {
            o->exit_result = proxy_exit(e->proxy, o, e->opt->plain_exit);
        }
        free(o->ctx);
        o->ctx = NULL;
    }
}

static void run(struct engine *e)
{
    for (size_t i = 0; i < e->opt->noutputs && !e->opt->bare; i++) {
        start_workers(e, e->opt->outputs[i]);
    }
    e->summary->after_init = usage_now();
    e->report_due_us = mono_us() + e->opt->report_us;
    for (size_t i = 0; i < e->opt->noutputs; i++) {
        offer_kept(e, e->opt->outputs[i]);
    }
    loop(e);
    empty_queues(e);
    free_early(e);
    stop_workers(e);
}

static void *engine_main(void *arg)
{
    struct engine *e = arg;

    e->sched = sched_new();
    e->failed = !init_outputs(e);
    if (!e->failed || e->opt->keep_going) {
        run(e);
        exit_outputs(e);
        abandon(e);
    }
    sched_free(e->sched);
    if (!e->draining) {
        begin_drain(e, mono_us());
    }
    return NULL;
}

void engine_start(struct engine *e)
{
    pthread_mutex_init(&e->lock, NULL);
    pthread_cond_init(&e->begun_drain, NULL);
    e->done_end = &e->done;
    pthread_cond_init(&e->work, NULL);
    e->random = e->opt->seed | 1;
    for (struct source *s = e->opt->sources; s != NULL; s = s->next) {
        if (!e->opt->filesystem || e->summary->cycles == 0) {
            s->rewind(s);
        }
    }
    if (pthread_create(&e->thread, NULL, engine_main, e) != 0) {
        die(EXIT_PLUGIN, "start the engine thread: no resources");
    }
}

void engine_wait_draining(struct engine *e)
{
    pthread_mutex_lock(&e->lock);
    while (!e->draining) {
        pthread_cond_wait(&e->begun_drain, &e->lock);
    }
    pthread_mutex_unlock(&e->lock);
}

void engine_join(struct engine *e) { pthread_join(e->thread, NULL); }
