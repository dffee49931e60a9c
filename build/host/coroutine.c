#define _GNU_SOURCE
#include "coroutine.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "util.h"

/* --- libco's part: what a plugin may call --------------------------------------- */

typedef void *cothread_t;

static _Thread_local ucontext_t thread_context;
static _Thread_local ucontext_t *active;

cothread_t co_active(void);
void co_switch(cothread_t to);

cothread_t co_active(void)
{
    if (active == NULL) {
        active = &thread_context; /* the thread itself */
    }
    return active;
}

void co_switch(cothread_t to)
{
    ucontext_t *from = co_active();

    active = to;
    swapcontext(from, to);
}

/* --- core's part ------------------------------------------------------------------ */

/* struct flb_coro: {[an id,] caller, callee, data}. */
enum { CALLER, CALLEE, DATA, WORDS };

struct coroutine {
    void *flb_coro[WORDS + 1];
    ucontext_t context;
    char *stack;
    size_t size;
    void (*fn)(void *);
    void *arg;
    int ended;
};

static int ids;

static _Thread_local void *current;

void *flb_coro_get(void);
void flb_coro_set(void *coro);

void *flb_coro_get(void) { return current; }

void flb_coro_set(void *coro) { current = coro; }

void coroutines_have_ids(void) { ids = 1; }

static void **word(struct coroutine *c, int i) { return &c->flb_coro[i + ids]; }

/* makecontext passes ints only: the pointer comes in two halves. */
static void trampoline(unsigned hi, unsigned lo)
{
    struct coroutine *c = (struct coroutine *) (uintptr_t) ((uint64_t) hi << 32 | lo);

    c->fn(c->arg);
    c->ended = 1;
    co_switch(*word(c, CALLER));
}

static size_t page_size(void) { return (size_t) sysconf(_SC_PAGESIZE); }

static char *map_stack(size_t size)
{
    char *p = mmap(NULL, size + page_size(), PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);

    if (p == MAP_FAILED || mprotect(p, page_size(), PROT_NONE) != 0) {
        die(EXIT_PLUGIN, "map a flush stack of %zu bytes: no memory", size);
    }
    return p;
}

struct coroutine *coroutine_new(size_t size, void (*fn)(void *), void *arg)
{
    struct coroutine *c = xcalloc(1, sizeof(*c));
    uint64_t bits = (uint64_t) (uintptr_t) c;

    c->fn = fn;
    c->arg = arg;
    if (size == 0) {
        return c;
    }
    c->stack = map_stack(size);
    c->size = size;
    memset(c->flb_coro, 7, ids ? sizeof(unsigned) : 0); /* any */
    *word(c, CALLEE) = &c->context;
    *word(c, DATA) = arg;
    getcontext(&c->context);
    c->context.uc_stack.ss_sp = c->stack + page_size();
    c->context.uc_stack.ss_size = size;
    makecontext(&c->context, (void (*)(void)) trampoline, 2, (unsigned) (bits >> 32),
                (unsigned) bits);
    return c;
}

void coroutine_resume(struct coroutine *c)
{
    if (c->stack == NULL) {
        current = NULL;
        c->fn(c->arg);
        c->ended = 1;
        return;
    }
    current = c->flb_coro;
    *word(c, CALLER) = co_active();
    co_switch(*word(c, CALLEE));
}

int coroutine_ended(const struct coroutine *c) { return c->ended; }

void coroutine_free(struct coroutine *c)
{
    if (c != NULL && c->stack != NULL) {
        munmap(c->stack, c->size + page_size());
    }
    free(c);
}
