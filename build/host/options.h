/* The command line. */
#ifndef HOST_OPTIONS_H
#define HOST_OPTIONS_H

#include "output.h"
#include "proxy.h"
#include "source.h"

struct options {
    const char *lib;
    const char **also; /* further libraries, loaded first */
    size_t nalso;
    const char *daemon_stderr; /* file in place of standard error, or NULL */
    enum abi abi;
    int guard;
    size_t stack_bytes;
    int single_pool, free_early;
    int filesystem; /* what is not settled is offered again by the next cycle */

    struct output **outputs;
    size_t noutputs;
    struct source *sources; /* in the order of the command line */

    int64_t retry_base_us, retry_cap_us, grace_us;
    uint64_t seed;
    size_t pending_max;

    int64_t run_us, idle_us; /* -1: not given */
    long cycles;
    int overlap, daemon, keep_going, bare, plain_exit, exits;
    int64_t report_us; /* 0: no reports */
    int trace;
};

/* Exits with EXIT_USAGE_ERROR and a message on a wrong line, with 0 on --help. */
void options_parse(struct options *o, int argc, char **argv);

#endif
