#define _GNU_SOURCE
#include "park.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum {
	FLB_RETRY = 2,               /* fluent-bit/flb_output.h */
	FLB_SCHED_TIMER_CB_PERM = 4, /* fluent-bit/flb_scheduler.h */
	/* How many flushes are resumed in a row: each leaves 8 bytes in a pipe that
	 * the engine reads only afterwards, and which may be as small as a page. */
	TURN = 64,
	/* How long a chunk waits for those that are flushed with it, so that Go is
	 * woken once for all: Fluent Bit flushes its tags one after the other. */
	GATHER_MS = 20,
};

/* What Fluent Bit exports (fluent-bit/flb_coro.h, flb_scheduler.h, libco.h). */
static struct {
	void *(*coro_get)(void);
	void (*coro_set)(void *coro);
	void *(*sched_get)(void);
	int (*timer_create)(void *sched, int type, int ms, void (*cb)(void *config, void *data),
			    void *data, void **timer);
	int (*timer_destroy)(void *timer);
	void *(*active)(void);
	void (*switch_to)(void *coroutine);
} flb;

static const struct {
	const char *name, *fault;
	void *function;
} wanted[] = {
	{"flb_coro_get", "this Fluent Bit exports no flb_coro_get", &flb.coro_get},
	{"flb_coro_set", "this Fluent Bit exports no flb_coro_set", &flb.coro_set},
	{"flb_sched_ctx_get", "this Fluent Bit exports no flb_sched_ctx_get", &flb.sched_get},
	{"flb_sched_timer_cb_create", "this Fluent Bit exports no flb_sched_timer_cb_create", &flb.timer_create},
	{"flb_sched_timer_cb_destroy", "this Fluent Bit exports no flb_sched_timer_cb_destroy", &flb.timer_destroy},
	{"co_active", "this Fluent Bit exports no co_active", &flb.active},
	{"co_switch", "this Fluent Bit exports no co_switch", &flb.switch_to},
};

static const char *lookup_fault;

static void look_up(void)
{
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		void *function = dlsym(RTLD_DEFAULT, wanted[i].name);

		if (function == NULL) {
			lookup_fault = wanted[i].fault;
			return;
		}
		memcpy(wanted[i].function, &function, sizeof(function));
	}
}

struct edge_parking {
	struct edge_parking *next; /* of all */
	uintptr_t id;
	const void *ctx;  /* the instance's remote_context, once open */
	pthread_t thread; /* the engine's */
	void *sched, *timer;
	struct edge_exchange exchange; /* its alarm is a duplicate of the timer's descriptor */
	int wake;  /* Go's timerfd: it expires when a turn of flushes has been offered */

	/* the engine thread's */
	struct edge_flush *ready, **ready_end; /* ended, the oldest first */
	struct edge_flush *newest;             /* all that are parked */

	_Atomic(const char *) refusal;
};

/* All that have begun and not ended: of several instances, and of the life
 * before and after a reload. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct edge_parking *all;

static struct edge_parking *find(const void *ctx, uintptr_t id)
{
	struct edge_parking *p;

	pthread_mutex_lock(&lock);
	for (p = all; p != NULL; p = p->next) {
		if ((ctx != NULL && p->ctx == ctx) || p->id == id) {
			break;
		}
	}
	pthread_mutex_unlock(&lock);
	return p;
}

static void enlist(struct edge_parking *p)
{
	static uintptr_t ids;

	pthread_mutex_lock(&lock);
	p->id = ++ids; /* never 0, which is nobody's */
	p->next = all;
	all = p;
	pthread_mutex_unlock(&lock);
}

static void strike(struct edge_parking *p)
{
	pthread_mutex_lock(&lock);
	for (struct edge_parking **at = &all; *at != NULL; at = &(*at)->next) {
		if (*at == p) {
			*at = p->next;
			break;
		}
	}
	pthread_mutex_unlock(&lock);
}

/* --- lists between threads -------------------------------------------------- */

/* Whether the list was empty, and somebody has to be told of it. */
static int push(struct edge_flush **list, struct edge_flush *f)
{
	struct edge_flush *was = __atomic_load_n(list, __ATOMIC_RELAXED);

	do {
		f->next = was;
	} while (!__atomic_compare_exchange_n(list, &was, f, 1, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED));
	return was == NULL;
}

/* All of the list, the oldest first. */
static struct edge_flush *take(struct edge_flush **list)
{
	struct edge_flush *f = __atomic_exchange_n(list, NULL, __ATOMIC_SEQ_CST);
	struct edge_flush *oldest = NULL;

	while (f != NULL) {
		struct edge_flush *next = f->next;

		f->next = oldest;
		oldest = f;
		f = next;
	}
	return oldest;
}

/* --- the engine's timer ------------------------------------------------------- */

static const struct itimerspec period = {
	.it_interval = {EDGE_PERIOD_MS / 1000, EDGE_PERIOD_MS % 1000 * 1000000L},
	.it_value = {EDGE_PERIOD_MS / 1000, EDGE_PERIOD_MS % 1000 * 1000000L},
};
static const struct itimerspec at_once = { /* as Go sets it too */
	.it_interval = {EDGE_PERIOD_MS / 1000, EDGE_PERIOD_MS % 1000 * 1000000L},
	.it_value = {0, 1},
};
static const struct itimerspec gathered = {.it_value = {0, GATHER_MS * 1000000L}};
static const struct itimerspec never;

static void set_alarm(const struct edge_parking *p, const struct itimerspec *when)
{
	timerfd_settime(p->exchange.alarm, 0, when, NULL);
}

/*
 * A timer of the engine begins with its event, and that with its descriptor: a
 * timerfd, as its interval proves. With that, any thread can make the engine call
 * back at once. A duplicate is ours however early core closes its own.
 */
static int duplicate_alarm(const void *timer)
{
	struct itimerspec found;
	int fd;

	memcpy(&fd, timer, sizeof(fd));
	if (fd < 0 || timerfd_gettime(fd, &found) != 0 ||
	    found.it_interval.tv_sec != period.it_interval.tv_sec ||
	    found.it_interval.tv_nsec != period.it_interval.tv_nsec) {
		return -1;
	}
	return fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

static void unlink_parked(struct edge_parking *p, struct edge_flush *f)
{
	if (f->newer != NULL) {
		f->newer->older = f->older;
	}
	else {
		p->newest = f->older;
	}
	if (f->older != NULL) {
		f->older->newer = f->newer;
	}
}

/* As flb_coro_resume() does it. */
static void resume(struct edge_flush *f)
{
	flb.coro_set(f->coro);
	*f->caller = flb.active();
	flb.switch_to(f->callee); /* f is gone when this returns */
}

/* On the engine thread, outside of any coroutine. */
static void on_alarm(void *config, void *data)
{
	struct edge_parking *p = find(NULL, (uintptr_t) data);

	(void) config;
	if (p == NULL) {
		return; /* it has ended, and its timer not yet */
	}
	*p->ready_end = take(&p->exchange.ended);
	while (*p->ready_end != NULL) {
		p->ready_end = &(*p->ready_end)->next;
	}
	for (int i = 0; i < TURN && p->ready != NULL; i++) {
		struct edge_flush *f = p->ready;

		p->ready = f->next;
		if (p->ready == NULL) {
			p->ready_end = &p->ready;
		}
		resume(f);
	}
	if (p->ready != NULL) {
		set_alarm(p, &at_once);
	}
	else if (p->newest == NULL) {
		set_alarm(p, &never); /* nobody ends what is not there */
	}
}

/* --- a flush -------------------------------------------------------------------- */

static int refuse(struct edge_parking *p, const char *why)
{
	atomic_store(&p->refusal, why);
	return 0;
}

/*
 * Fills in the coroutine that runs here. struct flb_coro is caller, callee, data,
 * behind the id that it has in a build for valgrind: the callee is the one that is
 * active, so that the struct proves itself.
 */
static int find_coroutine(struct edge_flush *f)
{
	void **coro = flb.coro_get();
	void *here = flb.active();

	for (int i = 1; coro != NULL && i <= 2; i++) {
		if (coro[i] == here && coro[i - 1] != NULL && coro[i - 1] != here) {
			f->coro = coro;
			f->caller = &coro[i - 1];
			f->callee = here;
			return 1;
		}
	}
	return 0;
}

static void offer(struct edge_parking *p, struct edge_flush *f)
{
	f->older = p->newest;
	if (f->older != NULL) {
		f->older->newer = f;
	}
	else {
		set_alarm(p, &period); /* before anybody can end it: that sets it anew */
	}
	p->newest = f;
	if (push(&p->exchange.offered, f)) {
		timerfd_settime(p->wake, 0, &gathered, NULL);
	}
}

int edge_park(const void *ctx, void *data, size_t size, char *tag, int *result)
{
	struct edge_parking *p = find(ctx, 0);
	struct edge_flush *f;

	if (p == NULL) {
		return 0;
	}
	if (!pthread_equal(p->thread, pthread_self()) || flb.sched_get() != p->sched) {
		return refuse(p, "flushes run on threads of their own");
	}
	f = calloc(1, sizeof(*f));
	if (f == NULL) {
		*result = FLB_RETRY;
		return 1;
	}
	if (!find_coroutine(f)) {
		free(f);
		return refuse(p, "flushes run on no coroutine of a known kind");
	}
	f->data = data;
	f->size = size;
	f->tag = tag;
	offer(p, f);
	flb.switch_to(*f->caller);
	*result = f->result;
	unlink_parked(p, f);
	free(f);
	return 1;
}

/* --- Go's side -------------------------------------------------------------------- */

struct edge_exchange *edge_parking_exchange(struct edge_parking *p) { return &p->exchange; }

int edge_parking_wake(const struct edge_parking *p) { return fcntl(p->wake, F_DUPFD_CLOEXEC, 3); }

const char *edge_parking_refusal(struct edge_parking *p)
{
	return atomic_load(&p->refusal);
}

/* Fills in what the host has to give; returns what it does not. */
static const char *begin(struct edge_parking *p)
{
	p->sched = flb.sched_get();
	if (p->sched == NULL) {
		return "this thread has no scheduler of Fluent Bit";
	}
	if (flb.timer_create(p->sched, FLB_SCHED_TIMER_CB_PERM, EDGE_PERIOD_MS, on_alarm, (void *) p->id,
			     &p->timer) != 0 || p->timer == NULL) {
		p->timer = NULL;
		return "Fluent Bit made no timer";
	}
	p->exchange.alarm = duplicate_alarm(p->timer);
	if (p->exchange.alarm < 0) {
		return "a timer of this Fluent Bit is not of a known kind";
	}
	set_alarm(p, &never);
	p->wake = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	return p->wake < 0 ? "no descriptor is left for a timerfd" : NULL;
}

struct edge_parking *edge_parking_new(const char **fault)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct edge_parking *p;

	pthread_once(&once, look_up);
	*fault = lookup_fault;
	if (*fault != NULL) {
		return NULL;
	}
	p = calloc(1, sizeof(*p));
	if (p == NULL) {
		*fault = "no memory is left";
		return NULL;
	}
	p->thread = pthread_self();
	p->exchange.alarm = p->wake = -1;
	p->ready_end = &p->ready;
	enlist(p);
	*fault = begin(p);
	if (*fault != NULL) {
		edge_parking_end(p);
		return NULL;
	}
	return p;
}

const struct edge_flush *edge_parking_parked(const struct edge_parking *p) { return p->newest; }

void edge_parking_end(struct edge_parking *p)
{
	strike(p);
	if (p->timer != NULL && pthread_equal(p->thread, pthread_self()) && flb.sched_get() == p->sched) {
		flb.timer_destroy(p->timer); /* else core does, with the scheduler */
	}
	if (p->exchange.alarm >= 0) {
		set_alarm(p, &never);
		close(p->exchange.alarm);
	}
	if (p->wake >= 0) {
		close(p->wake);
	}
	while (p->newest != NULL) {
		struct edge_flush *f = p->newest;

		p->newest = f->older;
		free(f);
	}
	free(p);
}

/* --- the instance ------------------------------------------------------------------- */

/* What Init gets (fluent-bit/src/proxy/go/go.h), as fluent-bit-go has it. */
struct plugin {
	void *name, *api, *instance;
	struct {
		void *remote_context;
	} *context;
};

void edge_parking_open(struct edge_parking *p, const void *plugin)
{
	pthread_mutex_lock(&lock);
	p->ctx = ((const struct plugin *) plugin)->context->remote_context;
	pthread_mutex_unlock(&lock);
}

int edge_drop_workers(const void *plugin)
{
	void *symbol = dlsym(RTLD_DEFAULT, "flb_output_set_property");
	int (*set)(void *instance, const char *key, const char *value);

	if (symbol == NULL) {
		return 0;
	}
	memcpy(&set, &symbol, sizeof(set));
	return set(((const struct plugin *) plugin)->instance, "workers", "0") == 0;
}

const char *edge_output_name(const void *plugin)
{
	void *symbol = dlsym(RTLD_DEFAULT, "flb_output_name");
	const char *(*name)(void *instance);

	if (symbol == NULL) {
		return NULL;
	}
	memcpy(&name, &symbol, sizeof(name));
	return name(((const struct plugin *) plugin)->instance);
}
