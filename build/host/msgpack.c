#include "msgpack.h"

#include <string.h>

static void put_be(struct buf *b, uint8_t code, uint64_t v, int bytes)
{
    uint8_t out[9] = {code};

    for (int i = 0; i < bytes; i++) {
        out[1 + i] = (uint8_t) (v >> (8 * (bytes - 1 - i)));
    }
    buf_add(b, out, (size_t) bytes + 1);
}

static void put_pair_header(struct buf *b, enum headers h)
{
    if (h == HEADERS_ARRAY32) {
        put_be(b, 0xdd, 2, 4);
    }
    else {
        buf_add(b, "\x92", 1);
    }
}

void pack_record(struct buf *b, enum headers h, struct event_time t, uint32_t fields)
{
    put_pair_header(b, h);
    put_pair_header(b, h);
    buf_add(b, "\xd7\x00", 2);
    for (int i = 0; i < 4; i++) {
        buf_add(b, &(uint8_t) {(uint8_t) (t.sec >> (24 - 8 * i))}, 1);
    }
    for (int i = 0; i < 4; i++) {
        buf_add(b, &(uint8_t) {(uint8_t) (t.nsec >> (24 - 8 * i))}, 1);
    }
    put_be(b, 0xdf, 0, 4);
    put_be(b, 0xdf, fields, 4);
}

void pack_str(struct buf *b, const char *s, size_t n)
{
    if (n < 32) {
        put_be(b, (uint8_t) (0xa0 | n), 0, 0);
    }
    else if (n <= UINT8_MAX) {
        put_be(b, 0xd9, n, 1);
    }
    else if (n <= UINT16_MAX) {
        put_be(b, 0xda, n, 2);
    }
    else {
        put_be(b, 0xdb, n, 4);
    }
    buf_add(b, s, n);
}

void pack_cstr(struct buf *b, const char *s) { pack_str(b, s, strlen(s)); }

void pack_uint(struct buf *b, uint64_t v)
{
    if (v < 0x80) {
        put_be(b, (uint8_t) v, 0, 0);
    }
    else if (v <= UINT8_MAX) {
        put_be(b, 0xcc, v, 1);
    }
    else if (v <= UINT16_MAX) {
        put_be(b, 0xcd, v, 2);
    }
    else if (v <= UINT32_MAX) {
        put_be(b, 0xce, v, 4);
    }
    else {
        put_be(b, 0xcf, v, 8);
    }
}

void pack_double(struct buf *b, double v)
{
    uint64_t bits;

    memcpy(&bits, &v, sizeof(bits));
    put_be(b, 0xcb, bits, 8);
}

/* A cursor over untrusted bytes; ok turns 0 at the first fault and stays so. */
struct cursor {
    const uint8_t *p;
    size_t left;
    int ok;
};

static void skip(struct cursor *c, uint64_t n)
{
    if (n > c->left) {
        c->ok = 0;
        n = c->left;
    }
    c->p += n;
    c->left -= (size_t) n;
}

static uint64_t take_be(struct cursor *c, int bytes)
{
    uint64_t v = 0;

    if (c->left < (size_t) bytes) {
        c->ok = 0;
        return 0;
    }
    for (int i = 0; i < bytes; i++) {
        v = v << 8 | c->p[i];
    }
    skip(c, (uint64_t) bytes);
    return v;
}

/* Skips one header and its bytes; returns how many values it announces. */
static uint64_t skip_coded(struct cursor *c, uint8_t code)
{
    static const uint8_t scalar[] = {4, 8, 1, 2, 4, 8, 1, 2, 4, 8}; /* ca..d3 */

    if (code <= 0xc3) {
        c->ok = c->ok && code != 0xc1;
    }
    else if (code <= 0xc6) {
        skip(c, take_be(c, 1 << (code - 0xc4)));
    }
    else if (code <= 0xc9) {
        skip(c, take_be(c, 1 << (code - 0xc7)) + 1);
    }
    else if (code <= 0xd3) {
        skip(c, scalar[code - 0xca]);
    }
    else if (code <= 0xd8) {
        skip(c, 1 + (1ULL << (code - 0xd4)));
    }
    else if (code <= 0xdb) {
        skip(c, take_be(c, 1 << (code - 0xd9)));
    }
    else if (code <= 0xdd) {
        return take_be(c, code == 0xdc ? 2 : 4);
    }
    else {
        return 2 * take_be(c, code == 0xde ? 2 : 4);
    }
    return 0;
}

static uint64_t skip_value(struct cursor *c)
{
    uint8_t code = (uint8_t) take_be(c, 1);

    if (code < 0x80 || code >= 0xe0) {
        return 0;
    }
    if (code < 0x90) {
        return 2 * (uint64_t) (code & 0x0f);
    }
    if (code < 0xa0) {
        return code & 0x0f;
    }
    if (code < 0xc0) {
        skip(c, code & 0x1f);
        return 0;
    }
    return skip_coded(c, code);
}

/* Every value takes a byte, so a longer announcement cannot be kept. */
static int skip_root(struct cursor *c)
{
    uint64_t open = 1;

    while (open > 0 && c->ok) {
        open += skip_value(c) - 1;
        c->ok = c->ok && open <= c->left;
    }
    return c->ok;
}

size_t count_values(const void *data, size_t size)
{
    struct cursor c = {data, size, 1};
    size_t n = 0;

    while (c.left > 0 && skip_root(&c)) {
        n++;
    }
    return n;
}
