#include "chunk.h"

#include <stdlib.h>
#include <string.h>

#include "msgpack.h"
#include "util.h"

static size_t held, held_peak;

struct chunk *chunk_new(const char *tag, const void *data, size_t size, int type)
{
    struct chunk *c = xcalloc(1, sizeof(*c));

    c->tag = xstrdup(tag);
    c->data = xcalloc(size > 0 ? size : 1, 1);
    if (size > 0) {
        memcpy(c->data, data, size);
    }
    c->size = size;
    c->records = count_values(data, size);
    c->type = type;
    c->refs = 1;
    held += size;
    if (held > held_peak) {
        held_peak = held;
    }
    return c;
}

struct chunk *chunk_null(const char *tag, size_t size, int type)
{
    struct chunk *c = xcalloc(1, sizeof(*c));

    c->tag = xstrdup(tag);
    c->size = size;
    c->type = type;
    c->refs = 1;
    return c;
}

struct chunk *chunk_ref(struct chunk *c)
{
    c->refs++;
    return c;
}

/* Who reads on finds a byte that no msgpack holds. */
void chunk_spoil(struct chunk *c)
{
    if (c->data != NULL) {
        memset(c->data, 0xc1, c->size);
    }
}

void chunk_unref(struct chunk *c)
{
    if (--c->refs > 0) {
        return;
    }
    if (c->data != NULL) {
        held -= c->size;
    }
    chunk_spoil(c);
    free(c->tag);
    free(c->data);
    free(c);
}

size_t chunk_bytes(void) { return held; }

size_t chunk_bytes_peak(void) { return held_peak; }
