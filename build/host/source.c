/* The sources that end: replayed files and generated records. */
#define _GNU_SOURCE
#include "source.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fluentbit.h"
#include "util.h"

struct event_time time_now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_REALTIME, &ts);
    return (struct event_time) {(uint32_t) ts.tv_sec, (uint32_t) ts.tv_nsec};
}

struct event_time garble_time(struct event_time t, enum garble how)
{
    uint64_t ns = (uint64_t) t.sec * 1000000000 + t.nsec;

    switch (how) {
    case GARBLE_MS32:
        return (struct event_time) {(uint32_t) (ns / 1000000), 0};
    case GARBLE_US32:
        return (struct event_time) {(uint32_t) (ns / 1000), 0};
    case GARBLE_NS32:
        return (struct event_time) {(uint32_t) ns, 0};
    case GARBLE_NSEC:
        return (struct event_time) {t.sec, 4000000000u};
    case GARBLE_ZERO:
        break;
    }
    return (struct event_time) {0, 0};
}

struct replay {
    struct source s;
    const char *tag;
    char *data; /* NULL: chunks without data */
    size_t size;
    int type;
    long repeat, done;
    int64_t pace_us;
};

static void advance(struct source *s, int more, int64_t now, int64_t pace)
{
    s->due_us = more ? now + pace : INT64_MAX;
}

static struct chunk *replay_poll(struct source *s, int64_t now)
{
    struct replay *r = (struct replay *) s;

    r->done++;
    advance(s, r->done < r->repeat, now, r->pace_us);
    return r->data != NULL ? chunk_new(r->tag, r->data, r->size, r->type)
                           : chunk_null(r->tag, r->size, r->type);
}

static void replay_rewind(struct source *s)
{
    ((struct replay *) s)->done = 0;
    s->due_us = 0;
}

static struct replay *replay_new(const char *tag, int type, long repeat, int64_t pace_us)
{
    struct replay *r = xcalloc(1, sizeof(*r));

    r->s.poll = replay_poll;
    r->s.rewind = replay_rewind;
    r->tag = tag;
    r->type = type;
    r->repeat = repeat;
    r->pace_us = pace_us;
    return r;
}

struct source *source_null(const char *tag, size_t size, long repeat, int64_t pace_us)
{
    struct replay *r = replay_new(tag, FLB_OUTPUT_LOGS, repeat, pace_us);

    r->size = size;
    return &r->s;
}

struct source *source_replay(const char *tag, const char *path, int type, long repeat,
                             int64_t pace_us)
{
    struct replay *r = replay_new(tag, type, repeat, pace_us);

    r->data = read_file(path, &r->size);
    if (r->data == NULL) {
        die(EXIT_USAGE_ERROR, "read chunk %s: %s", path, strerror(errno));
    }
    return &r->s;
}

struct generator {
    struct source s;
    struct generate g;
    char *filler;
    long made;
};

static void generate_record(struct generator *g, struct buf *b)
{
    char id[96];

    pack_record(b, g->g.headers, time_now(), g->g.id_prefix != NULL ? 4 : 3);
    pack_cstr(b, "log");
    pack_cstr(b, g->filler);
    pack_cstr(b, "level");
    pack_cstr(b, g->made % 10 == 0 ? "warn" : "info");
    pack_cstr(b, "n");
    pack_uint(b, (uint64_t) g->made);
    if (g->g.id_prefix != NULL) {
        snprintf(id, sizeof(id), "%s-%08ld", g->g.id_prefix, g->made);
        pack_cstr(b, "id");
        pack_cstr(b, id);
    }
}

static struct chunk *generate_poll(struct source *s, int64_t now)
{
    struct generator *g = (struct generator *) s;
    struct buf b = {0};
    struct chunk *c;

    for (long i = 0; i < g->g.per_chunk && g->made < g->g.records; i++) {
        g->made++;
        generate_record(g, &b);
    }
    advance(s, g->made < g->g.records, now, g->g.pace_us);
    c = chunk_new(g->g.tag, b.data, b.len, FLB_OUTPUT_LOGS);
    buf_free(&b);
    return c;
}

static void generate_rewind(struct source *s)
{
    ((struct generator *) s)->made = 0;
    s->due_us = 0;
}

/* Text that compresses about as well as a real log does. */
static char *filler(size_t n)
{
    static const char *const words[] = {"request", "handled", "in", "12ms", "cache", "miss",
                                        "sensor", "poll", "ok", "user", "session", "opened",
                                        "retry", "path=/api/v1/items", "status=200", "worker"};
    struct buf b = {0};
    uint32_t x = 1;

    while (b.len < n) {
        const char *w = words[(x = x * 1664525 + 1013904223) >> 28];
        buf_add(&b, w, strlen(w));
        buf_add(&b, " ", 1);
    }
    buf_add(&b, "", 1);
    b.data[n] = '\0';
    return b.data;
}

struct source *source_generate(const struct generate *opts)
{
    struct generator *g = xcalloc(1, sizeof(*g));
    size_t frame = 80; /* about what time, keys and numbers take */

    g->s.poll = generate_poll;
    g->s.rewind = generate_rewind;
    g->g = *opts;
    g->filler = filler(opts->record_bytes > frame ? opts->record_bytes - frame : 8);
    return &g->s;
}
