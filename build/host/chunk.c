#define _GNU_SOURCE
#include "chunk.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "msgpack.h"
#include "util.h"

static size_t held, held_peak;
static int files;

void chunks_are_files(void) { files = 1; }

/* A file that goes with its mapping. */
static char *map_file(size_t size)
{
    int fd = memfd_create("chunk.flb", MFD_CLOEXEC);
    char *at = MAP_FAILED;

    if (fd >= 0 && ftruncate(fd, (off_t) size) == 0) {
        at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    }
    if (at == MAP_FAILED) {
        die(EXIT_PLUGIN, "map a file for a chunk: no resources");
    }
    close(fd);
    return at;
}

static char *data_new(size_t size) { return files ? map_file(size) : xcalloc(size, 1); }

static void data_free(char *data, size_t size)
{
    if (files && data != NULL) {
        munmap(data, size);
        return;
    }
    free(data);
}

struct chunk *chunk_new(const char *tag, const void *data, size_t size, int type)
{
    struct chunk *c = xcalloc(1, sizeof(*c));

    c->tag = xstrdup(tag);
    c->data = data_new(size > 0 ? size : 1);
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
    data_free(c->data, c->size > 0 ? c->size : 1);
    free(c);
}

size_t chunk_bytes(void) { return held; }

size_t chunk_bytes_peak(void) { return held_peak; }
