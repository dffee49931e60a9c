/* A chunk: what one flush hands over. Shared by the tasks of all outputs. */
#ifndef HOST_CHUNK_H
#define HOST_CHUNK_H

#include <stddef.h>

struct chunk {
    char *tag;
    char *data;     /* in memory exactly size bytes, so that a checker sees an over-read */
    size_t size;
    size_t records; /* root values; group markers count too */
    int type;       /* FLB_OUTPUT_LOGS, _METRICS or _TRACES */
    int refs;       /* the engine thread's only */
};

/* Chunks lie in mapped files from now on, as core's with filesystem storage. */
void chunks_are_files(void);

/* Copies data. The caller holds the first reference. */
struct chunk *chunk_new(const char *tag, const void *data, size_t size, int type);
/* A chunk that lies: its data is NULL whatever its size. Core makes none; a
 * plugin that believes it fails inside. */
struct chunk *chunk_null(const char *tag, size_t size, int type);
struct chunk *chunk_ref(struct chunk *c);
void chunk_unref(struct chunk *c);
/* Fills the data with junk, as the last chunk_unref does before it frees. */
void chunk_spoil(struct chunk *c);

/* Bytes that live chunks hold now, and the most they ever held. */
size_t chunk_bytes(void);
size_t chunk_bytes_peak(void);

#endif
