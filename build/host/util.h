/* Memory that never fails, time, messages, and a growing byte buffer. */
#ifndef HOST_UTIL_H
#define HOST_UTIL_H

#include <stddef.h>
#include <stdint.h>

enum { EXIT_PLUGIN = 1, EXIT_CRASH = 3, EXIT_USAGE_ERROR = 64 };

void *xcalloc(size_t n, size_t size);
void *xrealloc(void *p, size_t size);
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t n);

int64_t mono_us(void);              /* CLOCK_MONOTONIC, microseconds */
void die(int code, const char *fmt, ...) __attribute__((noreturn, format(printf, 2, 3)));
void note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* A whole file in an exactly sized block; NULL with errno set. */
char *read_file(const char *path, size_t *size);

struct buf {
    char *data;
    size_t len, cap;
};

void buf_add(struct buf *b, const void *p, size_t n);
void buf_free(struct buf *b);

#endif
