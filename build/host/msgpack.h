/*
 * Just enough msgpack: records as Fluent Bit's own encoder writes them, and a
 * count of the values in a payload.
 */
#ifndef HOST_MSGPACK_H
#define HOST_MSGPACK_H

#include <stddef.h>
#include <stdint.h>

#include "util.h"

/*
 * How arrays are headed: v5 writes fixarray (92), v4.2 array32 (dd 00000002).
 * Both write maps as map32.
 */
enum headers { HEADERS_FIXARRAY, HEADERS_ARRAY32 };

/* Seconds and nanoseconds exactly as they go into the EventTime. */
struct event_time {
    uint32_t sec, nsec;
};

/* Opens [[time, {}], {fields members}]; the members follow. */
void pack_record(struct buf *b, enum headers h, struct event_time t, uint32_t fields);
void pack_str(struct buf *b, const char *s, size_t n);
void pack_cstr(struct buf *b, const char *s);
void pack_uint(struct buf *b, uint64_t v);
void pack_double(struct buf *b, double v);

/* The root values in data, up to the first that is cut or not msgpack. */
size_t count_values(const void *data, size_t size);

#endif
