#include "stats.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static unsigned slot_of(uint64_t us)
{
    unsigned shift = 0, slot;

    while (us >= 2 * LATENCY_STEPS) {
        us >>= 1;
        shift++;
    }
    slot = shift * LATENCY_STEPS + (unsigned) us;
    return slot < LATENCY_SLOTS ? slot : LATENCY_SLOTS - 1;
}

/* The highest value that falls into a slot. */
static uint64_t slot_top(unsigned slot)
{
    unsigned shift = slot < 2 * LATENCY_STEPS ? 0 : slot / LATENCY_STEPS - 1;

    return ((uint64_t) (slot - shift * LATENCY_STEPS) + 1) * (1ULL << shift) - 1;
}

void latency_add(struct latency *l, uint64_t us)
{
    l->n++;
    l->sum_us += us;
    l->slots[slot_of(us)]++;
    if (us > l->max_us) {
        l->max_us = us;
    }
}

uint64_t latency_percentile(const struct latency *l, double p)
{
    uint64_t want = (uint64_t) (p * (double) l->n + 0.5), seen = 0;

    for (unsigned i = 0; i < LATENCY_SLOTS; i++) {
        seen += l->slots[i];
        if (seen > 0 && seen >= want) {
            uint64_t top = slot_top(i);
            return top < l->max_us ? top : l->max_us;
        }
    }
    return l->max_us;
}

static void read_line(struct usage *u, const char *line)
{
    const struct {
        const char *key;
        long *to;
    } fields[] = {{"VmHWM:", &u->peak_rss_kb},
                  {"VmRSS:", &u->rss_kb},
                  {"RssAnon:", &u->rss_anon_kb},
                  {"Threads:", &u->threads}};

    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        size_t n = strlen(fields[i].key);
        if (strncmp(line, fields[i].key, n) == 0) {
            *fields[i].to = strtol(line + n, NULL, 10);
        }
    }
}

static int64_t cpu_ms(void)
{
    struct rusage r;

    getrusage(RUSAGE_SELF, &r);
    return ((int64_t) r.ru_utime.tv_sec + r.ru_stime.tv_sec) * 1000 +
           (r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1000;
}

static long descriptors(void)
{
    DIR *d = opendir("/proc/self/fd");
    long n = -3; /* . and .. and d itself */

    while (d != NULL && readdir(d) != NULL) {
        n++;
    }
    if (d != NULL) {
        closedir(d);
    }
    return n;
}

struct usage usage_now(void)
{
    struct usage u = {0};
    FILE *f = fopen("/proc/self/status", "r");
    char line[256];

    while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
        read_line(&u, line);
    }
    if (f != NULL) {
        fclose(f);
    }
    u.descriptors = descriptors();
    u.cpu_ms = cpu_ms();
    return u;
}
