/* Counters, a latency histogram, and what the kernel says of this process. */
#ifndef HOST_STATS_H
#define HOST_STATS_H

#include <stdint.h>

/* 32 steps per power of two: a percentile is at most 3 % too high. */
enum { LATENCY_STEPS = 32, LATENCY_SLOTS = 42 * LATENCY_STEPS };

struct latency {
    uint64_t n, sum_us, max_us;
    uint32_t slots[LATENCY_SLOTS];
};

void latency_add(struct latency *l, uint64_t us);
uint64_t latency_percentile(const struct latency *l, double p);

/* /proc/self/status in kB, open descriptors, and CPU time; under qemu-user it is qemu's own. */
struct usage {
    long rss_kb, rss_anon_kb, peak_rss_kb, threads, descriptors;
    int64_t cpu_ms;
};

struct usage usage_now(void);

#endif
