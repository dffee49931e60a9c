#define _GNU_SOURCE
#include "sched.h"

#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "util.h"

enum { TIMER_ONESHOT = 3, TIMER_PERM = 4 };

typedef void timer_cb(void *config, void *data);

/* As in core it begins with the event, and that with the descriptor. */
struct flb_sched_timer {
    int head; /* the descriptor, unless the timers are foreign */
    int fd;
    int type;
    void *data;
    timer_cb *cb;
    struct flb_sched *sched;
    struct flb_sched_timer *next;
};

struct flb_sched {
    int epoll, wake;
    struct flb_sched_timer *timers;
};

static int foreign;
static _Thread_local struct flb_sched *current;

void sched_foreign_timers(void) { foreign = 1; }

struct flb_sched *flb_sched_ctx_get(void);
int flb_sched_timer_cb_create(struct flb_sched *s, int type, int ms, timer_cb *cb, void *data,
                              struct flb_sched_timer **out);
int flb_sched_timer_cb_destroy(struct flb_sched_timer *t);

struct flb_sched *flb_sched_ctx_get(void) { return current; }

static void watch(struct flb_sched *s, int fd, void *what)
{
    struct epoll_event ev = {.events = EPOLLIN, .data = {.ptr = what}};

    if (fd < 0 || epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &ev) != 0) {
        die(EXIT_PLUGIN, "watch a descriptor: no resources");
    }
}

/*
 * Core's timers leave the milliseconds out of their first expiration: a one-shot
 * timer of less than a second expires at once.
 */
static int timer_fd(int ms)
{
    struct itimerspec when = {.it_interval = {ms / 1000, ms % 1000 * 1000000L}};
    struct timespec now;
    int fd = timerfd_create(CLOCK_MONOTONIC, 0);

    clock_gettime(CLOCK_MONOTONIC, &now);
    when.it_value.tv_sec = now.tv_sec + ms / 1000;
    timerfd_settime(fd, TFD_TIMER_ABSTIME, &when, NULL);
    return fd;
}

int flb_sched_timer_cb_create(struct flb_sched *s, int type, int ms, timer_cb *cb, void *data,
                              struct flb_sched_timer **out)
{
    struct flb_sched_timer *t = xcalloc(1, sizeof(*t));

    t->fd = timer_fd(ms);
    t->head = foreign ? -7 : t->fd;
    t->type = type;
    t->cb = cb;
    t->data = data;
    t->sched = s;
    t->next = s->timers;
    s->timers = t;
    watch(s, t->fd, t);
    if (out != NULL) {
        *out = t;
    }
    return 0;
}

int flb_sched_timer_cb_destroy(struct flb_sched_timer *t)
{
    struct flb_sched_timer **at = &t->sched->timers;

    while (*at != t) {
        at = &(*at)->next;
    }
    *at = t->next;
    epoll_ctl(t->sched->epoll, EPOLL_CTL_DEL, t->fd, NULL);
    close(t->fd);
    free(t);
    return 0;
}

struct flb_sched *sched_new(void)
{
    struct flb_sched *s = xcalloc(1, sizeof(*s));

    s->epoll = epoll_create1(EPOLL_CLOEXEC);
    s->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    watch(s, s->wake, NULL);
    current = s;
    return s;
}

void sched_free(struct flb_sched *s)
{
    while (s->timers != NULL) {
        flb_sched_timer_cb_destroy(s->timers);
    }
    close(s->wake);
    close(s->epoll);
    free(s);
    current = NULL;
}

static void call_back(struct flb_sched_timer *t)
{
    uint64_t expirations;
    int oneshot = t->type == TIMER_ONESHOT;

    if (read(t->fd, &expirations, sizeof(expirations)) < 0) {
        return;
    }
    t->cb(NULL, t->data); /* may destroy a permanent one */
    if (oneshot) {
        flb_sched_timer_cb_destroy(t);
    }
}

void sched_wait(struct flb_sched *s, int64_t until_us)
{
    int64_t left_us = until_us - mono_us();
    int ms = left_us > 0 ? (int) ((left_us + 999) / 1000) : 0;
    struct epoll_event ev;

    /* One event at a time: a callback may destroy another's timer. */
    while (epoll_wait(s->epoll, &ev, 1, ms) == 1) {
        eventfd_t count;

        ms = 0;
        if (ev.data.ptr == NULL) {
            eventfd_read(s->wake, &count);
            continue;
        }
        call_back(ev.data.ptr);
    }
}

void sched_wake(struct flb_sched *s) { eventfd_write(s->wake, 1); }
