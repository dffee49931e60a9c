/*
 * Core calls a flush on a small coroutine stack, not on the thread's own: a
 * plugin that takes the thread's bounds for granted fails there.
 */
#ifndef HOST_COROUTINE_H
#define HOST_COROUTINE_H

#include <stddef.h>

/* Calls fn(arg) on a fresh stack of size bytes with a guard page under it, or
 * on the caller's own stack when size is 0. */
void on_stack(size_t size, void (*fn)(void *), void *arg);

#endif
