#include "report.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "chunk.h"

static void put_string(const char *s)
{
    putchar('"');
    for (; s != NULL && *s != '\0'; s++) {
        unsigned char c = (unsigned char) *s;
        if (c == '"' || c == '\\') {
            printf("\\%c", c);
        }
        else if (c < 0x20) {
            printf("\\u%04x", c);
        }
        else {
            putchar(c);
        }
    }
    putchar('"');
}

static void put_counters(const struct counters *n)
{
    const struct {
        const char *name;
        uint64_t value;
    } fields[] = {{"chunks", n->chunks},       {"flushes", n->flushes}, {"ok", n->ok},
                  {"retry", n->retry},         {"error", n->error},     {"gave_up", n->gave_up},
                  {"unsettled", n->unsettled}, {"unrouted", n->unrouted}, {"records", n->records},
                  {"records_ok", n->records_ok}, {"bytes", n->bytes}};

    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        printf(",\"%s\":%llu", fields[i].name, (unsigned long long) fields[i].value);
    }
}

static void put_latency(const char *name, const struct latency *l)
{
    printf(",\"%s\":{\"max\":%llu,\"p50\":%llu,\"p99\":%llu,\"mean\":%llu}",
           name, (unsigned long long) l->max_us, (unsigned long long) latency_percentile(l, 0.5),
           (unsigned long long) latency_percentile(l, 0.99),
           (unsigned long long) (l->n > 0 ? l->sum_us / l->n : 0));
}

static void put_output(const struct output *o)
{
    printf("{\"name\":");
    put_string(o->name);
    printf(",\"workers\":%d,\"init\":%d,\"exit\":%d", o->workers, o->init_result, o->exit_result);
    put_counters(&o->n);
    put_latency("flush_us", &o->flush_us);
    put_latency("answer_us", &o->answer_us);
    putchar('}');
}

static void put_usage(const char *name, const struct usage *u)
{
    printf(",\"%s\":{\"rss_kb\":%ld,\"rss_anon_kb\":%ld,\"peak_rss_kb\":%ld,\"threads\":%ld,"
           "\"descriptors\":%ld,\"cpu_ms\":%lld}",
           name, u->rss_kb, u->rss_anon_kb, u->peak_rss_kb, u->threads, u->descriptors,
           (long long) u->cpu_ms);
}

static void put_cycles(const struct summary *s)
{
    const struct {
        const char *name;
        size_t at;
    } fields[] = {{"cycle_rss_anon_kb", offsetof(struct usage, rss_anon_kb)},
                  {"cycle_threads", offsetof(struct usage, threads)},
                  {"cycle_descriptors", offsetof(struct usage, descriptors)}};

    printf(",\"cycles\":%ld", s->cycles);
    for (size_t f = 0; f < sizeof(fields) / sizeof(fields[0]); f++) {
        printf(",\"%s\":[", fields[f].name);
        for (long i = 0; i < s->cycles; i++) {
            printf("%s%ld", i > 0 ? "," : "", *(const long *) ((const char *) &s->after_cycle[i] + fields[f].at));
        }
        putchar(']');
    }
}

void report_summary(const char *type, const struct options *o, const struct summary *s)
{
    struct usage now = usage_now();

    printf("{\"type\":\"%s\",\"seconds\":%.3f,\"bits\":%d,\"plugin\":", type,
           (double) s->wall_us / 1e6, (int) (8 * sizeof(void *)));
    put_string(s->plugin_name);
    printf(",\"description\":");
    put_string(s->plugin_description);
    printf(",\"event_types\":%d", s->event_types);
    put_cycles(s);
    put_usage("before_load", &s->before_load);
    put_usage("after_init", &s->after_init);
    put_usage("now", &now);
    printf(",\"held_bytes\":%zu,\"held_bytes_peak\":%zu,\"outputs\":[", chunk_bytes(),
           chunk_bytes_peak());
    for (size_t i = 0; i < o->noutputs; i++) {
        if (i > 0) {
            putchar(',');
        }
        put_output(o->outputs[i]);
    }
    puts("]}");
    fflush(stdout);
}

static const char *result_name(int result)
{
    static const char *const names[] = {"error", "ok", "retry"};

    return result >= 0 && result <= 2 ? names[result] : "invalid";
}

void report_flush(const struct flush_line *f)
{
    printf("{\"type\":\"flush\",\"output\":");
    put_string(f->output);
    printf(",\"tag\":");
    put_string(f->tag);
    printf(",\"records\":%zu,\"bytes\":%zu,\"attempt\":%d,\"result\":\"%s\",\"us\":%lld,"
           "\"thread\":%ld}\n",
           f->records, f->bytes, f->attempt, result_name(f->result), (long long) f->us, f->thread);
    fflush(stdout);
}
