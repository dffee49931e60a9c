/* A file followed by lines, each a record {log: line} as in_tail's. */
#define _GNU_SOURCE
#define _FILE_OFFSET_BITS 64
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fluentbit.h"
#include "source.h"
#include "util.h"

enum { POLL_US = 100000, READ_MAX = 256 * 1024 };

struct tail_source {
    struct source s;
    struct tail t;
    long offset;     /* of the first byte not yet read */
    struct buf rest; /* the start of a line whose end is not written yet */
};

static void pack_line(struct tail_source *t, struct buf *b, const char *line, size_t n)
{
    struct event_time when = time_now();
    const char *p = t->t.garble_prefix;

    if (p != NULL && n >= strlen(p) && memcmp(line, p, strlen(p)) == 0) {
        when = garble_time(when, t->t.garble);
    }
    pack_record(b, t->t.headers, when, 1);
    pack_cstr(b, "log");
    pack_str(b, line, n);
}

/* Packs the whole lines of rest and keeps what follows the last of them. */
static void pack_lines(struct tail_source *t, struct buf *b)
{
    char *at = t->rest.data, *end = at + t->rest.len, *nl;

    while (at < end && (nl = memchr(at, '\n', (size_t) (end - at))) != NULL) {
        if (nl > at) {
            pack_line(t, b, at, (size_t) (nl - at));
        }
        at = nl + 1;
    }
    t->rest.len = (size_t) (end - at);
    if (t->rest.len > 0) {
        memmove(t->rest.data, at, t->rest.len);
    }
}

/* A file that became shorter was truncated: it is read from its start. */
static void read_more(struct tail_source *t)
{
    static char part[READ_MAX];
    struct stat st;
    size_t n;
    FILE *f = fopen(t->t.path, "rb");

    if (f == NULL) {
        return;
    }
    if (fstat(fileno(f), &st) == 0 && st.st_size < t->offset) {
        t->offset = 0;
        t->rest.len = 0;
    }
    if (fseek(f, t->offset, SEEK_SET) == 0 && (n = fread(part, 1, sizeof(part), f)) > 0) {
        t->offset += (long) n;
        buf_add(&t->rest, part, n);
    }
    fclose(f);
}

static struct chunk *tail_poll(struct source *s, int64_t now)
{
    struct tail_source *t = (struct tail_source *) s;
    struct chunk *c = NULL;
    struct buf b = {0};

    s->due_us = now + POLL_US;
    read_more(t);
    pack_lines(t, &b);
    if (b.len > 0) {
        c = chunk_new(t->t.tag, b.data, b.len, FLB_OUTPUT_LOGS);
    }
    buf_free(&b);
    return c;
}

static void tail_rewind(struct source *s) { s->due_us = 0; } /* keeps its place */

struct source *source_tail(const struct tail *opts)
{
    struct tail_source *t = xcalloc(1, sizeof(*t));

    t->s.poll = tail_poll;
    t->s.rewind = tail_rewind;
    t->s.endless = 1;
    t->t = *opts;
    return &t->s;
}
