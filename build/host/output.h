/* One [OUTPUT] section: its properties as core sorts them, and its counters. */
#ifndef HOST_OUTPUT_H
#define HOST_OUTPUT_H

#include <pthread.h>
#include <stdint.h>

#include "fluentbit.h"
#include "stats.h"

enum { RETRY_UNLIMITED = -1, RETRY_NONE = -2, RETRY_DEFAULT = 1 };

struct task;

struct property {
    char *key, *value; /* value NULL: given empty, which core keeps as unset */
};

struct counters {
    uint64_t chunks, flushes, ok, retry, error, gave_up, unsettled, unrouted;
    uint64_t records, records_ok, bytes;
};

struct output {
    char *name, *match, *alias;
    char numbered[64]; /* its name with its number among all outputs */
    struct property *props, *reloaded; /* the latter from the second cycle on */
    size_t nprops, nreloaded;
    int workers, workers_given; /* what Init has left, what the section says */
    int retry_limit, tls;

    /* this life cycle */
    struct flb_plugin_proxy_context *ctx; /* exactly sized, as core's */
    int init_result, exit_result;
    pthread_t *threads;
    _Atomic int *instance; /* 1 once core has freed it; of the last cycle, too */
    struct task *queue, **queue_end; /* under the engine's lock */

    /* over all cycles */
    struct chunk **kept; /* not settled by the last cycle, the newest first */
    size_t nkept;
    struct counters n;
    struct latency flush_us; /* how long flushes held their thread */
    struct latency answer_us; /* how long they took from call to result */
};

struct output *output_new(const char *name);

/*
 * Sets one property as flb_output_set_property does: what core consumes is
 * acted on or lost, and the plugin never reads it.
 */
void output_set(struct output *o, const char *key, const char *value);

/* Has the property another value from the second cycle on, as an edited file's reload gives. */
void output_set_at_reload(struct output *o, const char *key, const char *value);

/* The first cycle is over. */
void output_reload(struct output *o);

/* The alias, or the name with its number, as flb_output_name gives it. */
const char *output_name(const struct output *o);

/* The API's output_get_property: the first value of key, any case, or NULL. */
const char *output_get_property(const char *key, void *instance);

/* Fluent Bit's Match: `*` stands for any run of characters. */
int tag_matches(const char *match, const char *tag);

#endif
