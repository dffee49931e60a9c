#define _GNU_SOURCE
#define _FILE_OFFSET_BITS 64
#include "util.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void *checked(void *p)
{
    if (p == NULL) {
        die(EXIT_PLUGIN, "out of memory");
    }
    return p;
}

void *xcalloc(size_t n, size_t size) { return checked(calloc(n, size)); }

void *xrealloc(void *p, size_t size) { return checked(realloc(p, size)); }

char *xstrdup(const char *s) { return checked(strdup(s)); }

char *xstrndup(const char *s, size_t n) { return checked(strndup(s, n)); }

int64_t mono_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t) ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static void vnote(const char *fmt, va_list ap)
{
    char line[1024];

    vsnprintf(line, sizeof(line), fmt, ap);
    fprintf(stderr, "host: %s\n", line);
}

void note(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vnote(fmt, ap);
    va_end(ap);
}

void die(int code, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vnote(fmt, ap);
    va_end(ap);
    fflush(stdout);
    _Exit(code);
}

void buf_add(struct buf *b, const void *p, size_t n)
{
    if (b->len + n > b->cap) {
        b->cap = 2 * (b->len + n);
        b->data = xrealloc(b->data, b->cap);
    }
    if (n > 0) {
        memcpy(b->data + b->len, p, n);
    }
    b->len += n;
}

void buf_free(struct buf *b)
{
    free(b->data);
    memset(b, 0, sizeof(*b));
}

static char *read_all(FILE *f, size_t *size)
{
    struct buf b = {0};
    char part[16384];
    size_t n;

    while ((n = fread(part, 1, sizeof(part), f)) > 0) {
        buf_add(&b, part, n);
    }
    *size = b.len;
    return b.len > 0 ? xrealloc(b.data, b.len) : xcalloc(1, 1);
}

char *read_file(const char *path, size_t *size)
{
    FILE *f = fopen(path, "rb");
    char *data;

    if (f == NULL) {
        return NULL;
    }
    data = read_all(f, size);
    if (ferror(f)) {
        free(data);
        data = NULL;
        errno = EIO;
    }
    fclose(f);
    return data;
}
