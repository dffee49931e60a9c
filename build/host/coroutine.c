#define _GNU_SOURCE
#include "coroutine.h"

#include <stdint.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "util.h"

struct call {
    void (*fn)(void *);
    void *arg;
};

/* makecontext passes ints only: the pointer comes in two halves. */
static void trampoline(unsigned hi, unsigned lo)
{
    struct call *c = (struct call *) (uintptr_t) ((uint64_t) hi << 32 | lo);

    c->fn(c->arg);
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

void on_stack(size_t size, void (*fn)(void *), void *arg)
{
    struct call call = {fn, arg};
    uint64_t bits = (uint64_t) (uintptr_t) &call;
    ucontext_t caller, callee;
    char *stack;

    if (size == 0) {
        fn(arg);
        return;
    }
    stack = map_stack(size);
    getcontext(&callee);
    callee.uc_stack.ss_sp = stack + page_size();
    callee.uc_stack.ss_size = size;
    callee.uc_link = &caller;
    makecontext(&callee, (void (*)(void)) trampoline, 2,
                (unsigned) (bits >> 32), (unsigned) bits);
    swapcontext(&caller, &callee);
    munmap(stack, size + page_size());
}
