/*
 * Records of this machine, in the format and with the arithmetic of Fluent
 * Bit's in_cpu, in_mem and in_thermal (v4.2 and v5.1 write the same keys).
 */
#define _GNU_SOURCE
#define _FILE_OFFSET_BITS 64
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "fluentbit.h"
#include "source.h"
#include "util.h"

struct ticks {
    unsigned long user, nice, system;
};

struct live_source {
    struct source s;
    const char *tag;
    struct live l;
    void (*collect)(struct live_source *, struct buf *);
    /* cpu only: the counts at the last poll, total first */
    long cpus, hz;
    struct ticks *before;
};

static int read_ticks(struct live_source *l, struct ticks *t)
{
    char path[512], line[512];
    FILE *f;
    long n = 0;

    snprintf(path, sizeof(path), "%s/stat", l->l.procfs);
    f = fopen(path, "r");
    if (f == NULL) {
        return 0;
    }
    while (n <= l->cpus && fgets(line, sizeof(line), f) != NULL &&
           sscanf(line, "cpu%*s %lu %lu %lu", &t[n].user, &t[n].nice, &t[n].system) == 3) {
        n++;
    }
    fclose(f);
    return n == l->cpus + 1;
}

/* in_cpu's CPU_METRIC_USAGE: it divides by the ticks of the nominal interval,
 * so a late poll can pass 100 %. */
static double percent(const struct live_source *l, unsigned long before, unsigned long now)
{
    double interval_s = (double) l->l.interval_us / 1e6;

    return now > before ? (double) (now - before) * 100.0 / ((double) l->hz * interval_s) : 0.0;
}

static void pack_cpu(struct live_source *l, struct buf *b, long i, const struct ticks *now)
{
    const struct ticks *was = &l->before[i];
    double share = i == 0 ? (double) l->cpus : 1.0;
    double user = percent(l, was->user + was->nice, now->user + now->nice) / share;
    double system = percent(l, was->system, now->system) / share;
    double all = percent(l, was->user + was->nice + was->system,
                         now->user + now->nice + now->system) / share;
    static const char *const total[] = {"cpu_p", "user_p", "system_p"};
    static const char *const each[] = {"p_cpu", "p_user", "p_system"};
    const double values[] = {all, user, system};
    char key[32];

    for (int k = 0; k < 3; k++) {
        snprintf(key, sizeof(key), "cpu%ld.%s", i - 1, each[k]);
        pack_cstr(b, i == 0 ? total[k] : key);
        pack_double(b, values[k]);
    }
}

static void collect_cpu(struct live_source *l, struct buf *b)
{
    struct ticks *now = xcalloc((size_t) l->cpus + 1, sizeof(*now));

    if (!read_ticks(l, now)) {
        free(now);
        return;
    }
    if (l->before != NULL) {
        pack_record(b, l->l.headers, time_now(), 3 * ((uint32_t) l->cpus + 1));
        for (long i = 0; i <= l->cpus; i++) {
            pack_cpu(l, b, i, &now[i]);
        }
    }
    free(l->before);
    l->before = now;
}

static void pack_kib(struct buf *b, const char *key, uint64_t units, uint64_t unit)
{
    pack_cstr(b, key);
    pack_uint(b, units * unit / 1024);
}

static void collect_mem(struct live_source *l, struct buf *b)
{
    struct sysinfo s;

    if (sysinfo(&s) != 0) {
        return;
    }
    pack_record(b, l->l.headers, time_now(), 6);
    pack_kib(b, "Mem.total", s.totalram, s.mem_unit);
    pack_kib(b, "Mem.used", s.totalram - s.freeram, s.mem_unit);
    pack_kib(b, "Mem.free", s.freeram, s.mem_unit);
    pack_kib(b, "Swap.total", s.totalswap, s.mem_unit);
    pack_kib(b, "Swap.used", s.totalswap - s.freeswap, s.mem_unit);
    pack_kib(b, "Swap.free", s.freeswap, s.mem_unit);
}

/* The first line of a sysfs file; whether there was one. */
static int sysfs_line(const char *dir, const char *name, const char *file, char *line, int size)
{
    char path[1024];
    FILE *f;
    int ok;

    snprintf(path, sizeof(path), "%s/%s/%s", dir, name, file);
    f = fopen(path, "r");
    if (f == NULL) {
        return 0;
    }
    ok = fgets(line, size, f) != NULL;
    fclose(f);
    line[ok ? strcspn(line, "\n") : 0] = '\0';
    return ok;
}

static void pack_zone(struct live_source *l, struct buf *b, const char *name, const char *type,
                      const char *milli)
{
    pack_record(b, l->l.headers, time_now(), 3);
    pack_cstr(b, "name");
    pack_cstr(b, name);
    pack_cstr(b, "type");
    pack_cstr(b, type);
    pack_cstr(b, "temp");
    pack_double(b, (double) strtol(milli, NULL, 10) / 1000.0);
}

static void thermal_zone(struct live_source *l, struct buf *b, const char *dir, const char *name)
{
    char type[64], milli[32];

    if (sysfs_line(dir, name, "type", type, sizeof(type)) && type[0] != '\0' &&
        sysfs_line(dir, name, "temp", milli, sizeof(milli))) {
        pack_zone(l, b, name, type, milli);
    }
}

static void hwmon_chip(struct live_source *l, struct buf *b, const char *dir, const char *name)
{
    char type[64], milli[32], file[32], label[320];

    if (!sysfs_line(dir, name, "name", type, sizeof(type))) {
        return;
    }
    for (int i = 0; i < 10; i++) {
        snprintf(file, sizeof(file), "temp%d_input", i);
        if (sysfs_line(dir, name, file, milli, sizeof(milli))) {
            snprintf(label, sizeof(label), "%s_%s", name, file);
            pack_zone(l, b, label, type, milli);
        }
    }
}

typedef void (*visit)(struct live_source *, struct buf *, const char *dir, const char *name);

static void each_entry(struct live_source *l, struct buf *b, const char *class, const char *prefix,
                       visit fn)
{
    char dir[512];
    struct dirent **names;
    int n;

    snprintf(dir, sizeof(dir), "%s/class/%s", l->l.sysfs, class);
    n = scandir(dir, &names, NULL, versionsort);
    for (int i = 0; i < n; i++) {
        if (strncmp(names[i]->d_name, prefix, strlen(prefix)) == 0) {
            fn(l, b, dir, names[i]->d_name);
        }
        free(names[i]);
    }
    if (n >= 0) {
        free(names);
    }
}

static void collect_thermal(struct live_source *l, struct buf *b)
{
    each_entry(l, b, "thermal", "thermal_zone", thermal_zone);
    if (b->len == 0) {
        each_entry(l, b, "hwmon", "hwmon", hwmon_chip);
    }
}

static struct chunk *live_poll(struct source *s, int64_t now)
{
    struct live_source *l = (struct live_source *) s;
    struct chunk *c = NULL;
    struct buf b = {0};

    s->due_us = now + l->l.interval_us;
    l->collect(l, &b);
    if (b.len > 0) {
        c = chunk_new(l->tag, b.data, b.len, FLB_OUTPUT_LOGS);
    }
    buf_free(&b);
    return c;
}

static void live_rewind(struct source *s) { s->due_us = 0; }

struct source *source_live(const char *name, const struct live *opts)
{
    static const struct {
        const char *name;
        void (*collect)(struct live_source *, struct buf *);
    } inputs[] = {{"cpu", collect_cpu}, {"mem", collect_mem}, {"thermal", collect_thermal}};
    struct live_source *l;

    for (size_t i = 0; i < sizeof(inputs) / sizeof(inputs[0]); i++) {
        if (strcmp(name, inputs[i].name) == 0) {
            l = xcalloc(1, sizeof(*l));
            l->s.poll = live_poll;
            l->s.rewind = live_rewind;
            l->s.endless = 1;
            l->tag = inputs[i].name;
            l->l = *opts;
            l->collect = inputs[i].collect;
            l->cpus = sysconf(_SC_NPROCESSORS_ONLN);
            l->hz = sysconf(_SC_CLK_TCK);
            return &l->s;
        }
    }
    return NULL;
}
