/*
 * Core calls a flush on a coroutine with a small stack, which may switch back to
 * whoever resumed it and be resumed later. Plugins find it by the names that core
 * exports: flb_coro_get, flb_coro_set, co_active and co_switch.
 */
#ifndef HOST_COROUTINE_H
#define HOST_COROUTINE_H

#include <stddef.h>

struct coroutine;

/* With an id, struct flb_coro is as in a core that is built for valgrind. */
void coroutines_have_ids(void);

/* One that will call fn(arg), on a stack of size bytes with a guard page under
 * it, or on the caller's own stack, in no coroutine at all, when size is 0. */
struct coroutine *coroutine_new(size_t size, void (*fn)(void *), void *arg);

/* Returns when fn has switched back, or has returned. */
void coroutine_resume(struct coroutine *c);
int coroutine_ended(const struct coroutine *c);

/* Also of one that has not ended, and then never will; NULL is none. */
void coroutine_free(struct coroutine *c);

#endif
