/*
 * Where chunks come from. The engine thread polls each source in turn; a
 * source never blocks.
 */
#ifndef HOST_SOURCE_H
#define HOST_SOURCE_H

#include <stdint.h>

#include "chunk.h"
#include "msgpack.h"

struct source {
    /* The next chunk, or NULL: nothing now. */
    struct chunk *(*poll)(struct source *s, int64_t now_us);
    /* Back to the start, for the next life cycle. */
    void (*rewind)(struct source *s);
    int64_t due_us; /* not worth a poll before; INT64_MAX: it has ended */
    int endless;    /* live and tail: it never ends by itself */
    struct source *next;
};

/* A wrong time on purpose: what becomes of a record's true time. */
enum garble { GARBLE_MS32, GARBLE_US32, GARBLE_NS32, GARBLE_NSEC, GARBLE_ZERO };

struct event_time time_now(void);
struct event_time garble_time(struct event_time t, enum garble how);

/* A file's bytes as one chunk, repeat times over, pace_us apart. */
struct source *source_replay(const char *tag, const char *path, int type, long repeat,
                             int64_t pace_us);

/* Chunks that say they are size bytes long, and whose data is NULL. */
struct source *source_null(const char *tag, size_t size, long repeat, int64_t pace_us);

struct generate {
    const char *tag;
    long records, per_chunk;
    size_t record_bytes;   /* the `log` value is filled up to about this */
    const char *id_prefix; /* NULL: no `id` key */
    enum headers headers;
    int64_t pace_us;
};

/* Records {log, level, n[, id]} with present times; ids are prefix-00000001
 * and so on, the same in each cycle. */
struct source *source_generate(const struct generate *g);

struct live {
    const char *procfs, *sysfs; /* "/proc" and "/sys" */
    enum headers headers;
    int64_t interval_us;
};

/* What Fluent Bit's input of that name (cpu, mem, thermal) would write, the
 * name being the tag; NULL for another name. */
struct source *source_live(const char *name, const struct live *l);

struct tail {
    const char *tag, *path;
    enum headers headers;
    enum garble garble;
    const char *garble_prefix; /* lines that begin so; NULL: none */
};

/* Follows a file by lines, from its start, whether it exists yet or not. */
struct source *source_tail(const struct tail *t);

#endif
