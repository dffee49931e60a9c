/* JSON lines on stdout. */
#ifndef HOST_REPORT_H
#define HOST_REPORT_H

#include "options.h"

struct task;

/* What the run as a whole has to tell beside its outputs. */
struct summary {
    const char *plugin_name, *plugin_description;
    int event_types;
    long cycles;
    int64_t wall_us;
    struct usage before_load, after_init;
    struct usage *after_cycle; /* at the end of each */
};

/* type is "report" or "result". */
void report_summary(const char *type, const struct options *o, const struct summary *s);

struct flush_line {
    const char *output, *tag;
    size_t records, bytes;
    int attempt, result;
    int64_t us;
    long thread;
};

void report_flush(const struct flush_line *f);

#endif
