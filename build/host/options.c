#define _GNU_SOURCE
#include "options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "coroutine.h"
#include "exports.h"
#include "sched.h"
#include "util.h"

static const char usage[] =
    "host: a small Fluent Bit that loads one Go output plugin and flushes to it\n"
    "\n"
    "usage: host --lib ./out_edge.so [-o NAME [-p KEY=VALUE]...]... SOURCE... [OPTION]...\n"
    "\n"
    "Outputs (as on fluent-bit's own command line; without any: one, no properties)\n"
    "  -o, --output NAME         begin an [OUTPUT] section; NAME is what Register must give\n"
    "  -p, --property KEY=VALUE  a property of the section. workers, match, retry_limit, tls and\n"
    "                            all else that core keeps for itself act as in core and cannot\n"
    "                            be read by the plugin; ${NAME} is expanded\n"
    "      --reload-property KEY=VALUE  what the property is from the second cycle on\n"
    "  -m, --match PATTERN       same as -p match=PATTERN\n"
    "      --threads N           workers of the sections that name none (0: --engine)\n"
    "      --engine              flush on the thread that called Init (default)\n"
    "      --retry-limit N       of the sections that name none: 1 (default), no_limits, no_retries\n"
    "\n"
    "Sources (any number; their options concern all sources, wherever they stand)\n"
    "      --chunk TAG=FILE          a payload file, byte for byte, as log records\n"
    "      --metrics-chunk TAG=FILE  the same as a metrics event: only to a plugin that asked\n"
    "      --traces-chunk TAG=FILE   the same as traces\n"
    "      --null-chunk TAG=LEN      a chunk of LEN bytes at address NULL: a fault inside a plugin\n"
    "      --repeat N                times that each payload file is sent (1)\n"
    "      --generate N              N log records made up here\n"
    "      --ids                     each with a unique `id`, PREFIX-00000001 onwards\n"
    "      --id-prefix PREFIX        (id)\n"
    "      --per-chunk M             records in a chunk (100)\n"
    "      --record-bytes B          size of a record, about (200)\n"
    "      --tag TAG                 their tag (gen)\n"
    "      --pace-ms N               between two chunks of a replayed or generated source (0)\n"
    "      --live cpu,mem,thermal    records of this machine as those inputs write them\n"
    "      --interval-ms N           of the live inputs (1000)\n"
    "      --procfs DIR --sysfs DIR  (/proc, /sys)\n"
    "      --tail TAG=FILE           follow a file by lines, from its start\n"
    "      --garble HOW[:PREFIX]     tailed lines that begin with PREFIX (GARBLE) get a wrong\n"
    "                                time: ms32, us32, ns32 (seconds = the low 32 bits of the\n"
    "                                time in that unit), nsec (nsec 4000000000), zero (0.0)\n"
    "      --headers fixarray|array32  how arrays are headed (as the pretended version does)\n"
    "\n"
    "The Fluent Bit to be\n"
    "      --abi v4.2.2|v4.2.3|v5.1.1  register struct with 5, 6 or 7 fields (v5.1.1 in a build\n"
    "                                  with -DHOST_V5, else v4.2.2)\n"
    "      --guard                   the struct ends at an inaccessible page: a write past it\n"
    "                                crashes (else an exact malloc block, for valgrind)\n"
    "      --stack-kib N             flush on coroutine stacks of that size, as core does\n"
    "                                (24 for v4, 64 for v5; 0: on the thread's own stack)\n"
    "      --without NAME            a name that plugins do not find in it (flb_coro_get; any number)\n"
    "      --coro-ids                coroutines with ids, as in a build for valgrind\n"
    "      --foreign-timers          timers whose struct begins otherwise than it does up to v5.1.1\n"
    "      --single-pool             workers are started once, as up to v2.1; else twice, and one\n"
    "                                pool runs on when the outputs are gone\n"
    "      --free-early              chunks are freed before the workers are joined, as up to v2.1\n"
    "      --filesystem              chunks are files: the next cycle offers again what this one has\n"
    "                                not settled, and sources go on where they were\n"
    "      --retry-base-ms N         (5000) --retry-cap-ms N (2000000) --seed N (1): backoff\n"
    "      --grace-ms N              for pending chunks at shutdown (5000)\n"
    "      --pending N               chunks not settled at which sources wait (256)\n"
    "\n"
    "Run\n"
    "      --seconds N               run so long (fractions allowed); else until all sources have\n"
    "                                ended and all is settled, or until SIGINT or SIGTERM\n"
    "      --idle-after-ms N         stay so long after all is settled\n"
    "      --cycles N                whole life cycles in this one process (1)\n"
    "      --overlap                 Register the next cycle before the last one's Exit, as a hot\n"
    "                                reload does\n"
    "      --also FILE               a further library that the process has loaded (any number)\n"
    "      --daemon                  fork after Register, as `daemon on` does; Init and all else\n"
    "                                are the child's\n"
    "      --daemon-stderr FILE      what the child has in place of standard error\n"
    "      --bare                    only load the library: no output uses it\n"
    "      --keep-going              flush even though an Init failed\n"
    "      --exit ctx|plain          call ExitCtx (default) or FLBPluginExit\n"
    "      --exit-calls N            that often for each instance (1)\n"
    "      --report-every-ms N       a JSON line of type `report` that often\n"
    "      --trace                   a JSON line of type `flush` for each flush\n"
    "\n"
    "The last line on stdout is the JSON of type `result`. Exit status: 0 a clean run, 1 the\n"
    "library, Register or an Init failed, 3 a crash signal (an unrecovered Go panic ends so too),\n"
    "64 a wrong command line.\n";

enum { RETRY_UNSET = -1000 };

/* A source as named; it is made when all options are known. */
struct spec {
    int opt;
    const char *arg;
};

/* What the options have said so far. */
struct parse {
    struct options *o;
    struct output *section;
    struct spec *specs;
    size_t nspecs;
    struct source **sources_end;
    int workers, retry_limit;
    long repeat;
    int64_t pace_us;
    struct generate generate;
    const char *id_prefix;
    int ids;
    struct live live;
    struct tail tail;
    int headers_given, stack_given;
};

static void wrong(const char *fmt, const char *what)
{
    note(fmt, what);
    die(EXIT_USAGE_ERROR, "host --help lists the options");
}

static long number(const char *name, const char *s)
{
    char *end;
    long v = strtol(s, &end, 10);

    if (*s == '\0' || *end != '\0' || v < 0) {
        wrong("--%s: a number of 0 or more is wanted", name);
    }
    return v;
}

static int64_t ms(const char *name, const char *s) { return (int64_t) number(name, s) * 1000; }

static int64_t seconds(const char *s)
{
    char *end;
    double v = strtod(s, &end);

    if (*s == '\0' || *end != '\0' || v < 0 || v > 1e9) {
        wrong("--seconds %s: a number of seconds is wanted", s);
    }
    return (int64_t) (v * 1e6);
}

/* Splits KEY=VALUE in a copy; value points behind the '='. */
static char *split(const char *name, const char *arg, const char **value)
{
    const char *eq = strchr(arg, '=');

    if (eq == NULL || eq == arg) {
        wrong("--%s wants KEY=VALUE", name);
    }
    *value = xstrdup(eq + 1);
    return xstrndup(arg, (size_t) (eq - arg));
}

static void begin_output(struct parse *p, const char *name)
{
    struct options *o = p->o;

    o->outputs = xrealloc(o->outputs, (o->noutputs + 1) * sizeof(*o->outputs));
    p->section = output_new(name);
    p->section->workers = -1;
    p->section->retry_limit = RETRY_UNSET;
    o->outputs[o->noutputs++] = p->section;
}

static void set_property(struct parse *p, const char *key, const char *value)
{
    if (p->section == NULL) {
        begin_output(p, "");
    }
    output_set(p->section, key, value);
}

static void add_property(struct parse *p, const char *arg)
{
    const char *value;
    char *key = split("property", arg, &value);

    set_property(p, key, value);
    free(key);
}

static void add_reload_property(struct parse *p, const char *arg)
{
    const char *value;
    char *key = split("reload-property", arg, &value);

    if (p->section == NULL) {
        begin_output(p, "");
    }
    output_set_at_reload(p->section, key, value);
    free(key);
}

static void add_spec(struct parse *p, int opt, const char *arg)
{
    p->specs = xrealloc(p->specs, (p->nspecs + 1) * sizeof(*p->specs));
    p->specs[p->nspecs++] = (struct spec) {opt, arg};
}

static void add_source(struct parse *p, struct source *s)
{
    *p->sources_end = s;
    p->sources_end = &s->next;
}

static void add_replay(struct parse *p, const char *name, const char *arg, int type)
{
    const char *path;
    char *tag = split(name, arg, &path);

    add_source(p, source_replay(tag, path, type, p->repeat, p->pace_us));
}

static void add_null(struct parse *p, const char *arg)
{
    const char *size;
    char *tag = split("null-chunk", arg, &size);

    add_source(p, source_null(tag, (size_t) number("null-chunk", size), p->repeat, p->pace_us));
}

static void add_generate(struct parse *p, const char *arg)
{
    p->generate.records = number("generate", arg);
    p->generate.pace_us = p->pace_us;
    p->generate.id_prefix = p->ids ? p->id_prefix : NULL;
    if (p->generate.records > 0) {
        add_source(p, source_generate(&p->generate));
    }
}

static void add_live(struct parse *p, const char *arg)
{
    char *list = xstrdup(arg), *state = NULL;

    for (char *n = strtok_r(list, ",", &state); n != NULL; n = strtok_r(NULL, ",", &state)) {
        struct source *s = source_live(n, &p->live);
        if (s == NULL) {
            wrong("--live %s: only cpu, mem and thermal are known", n);
        }
        add_source(p, s);
    }
    free(list);
}

static void add_tail(struct parse *p, const char *arg)
{
    p->tail.tag = split("tail", arg, &p->tail.path);
    add_source(p, source_tail(&p->tail));
}

static void set_garble(struct parse *p, const char *arg)
{
    static const char *const names[] = {"ms32", "us32", "ns32", "nsec", "zero"};
    const char *colon = strchr(arg, ':');
    size_t n = colon != NULL ? (size_t) (colon - arg) : strlen(arg);

    for (int i = 0; i < 5; i++) {
        if (strlen(names[i]) == n && strncmp(arg, names[i], n) == 0) {
            p->tail.garble = (enum garble) i;
            p->tail.garble_prefix = colon != NULL ? colon + 1 : "GARBLE";
            return;
        }
    }
    wrong("--garble %s: one of ms32, us32, ns32, nsec, zero is wanted", arg);
}

static void set_all_headers(struct parse *p, enum headers h)
{
    p->generate.headers = h;
    p->live.headers = h;
    p->tail.headers = h;
}

static void set_headers(struct parse *p, const char *arg)
{
    if (strcmp(arg, "fixarray") != 0 && strcmp(arg, "array32") != 0) {
        wrong("--headers %s: fixarray or array32 is wanted", arg);
    }
    p->headers_given = 1;
    set_all_headers(p, arg[0] == 'f' ? HEADERS_FIXARRAY : HEADERS_ARRAY32);
}

static void pretend(struct parse *p, enum abi abi)
{
    p->o->abi = abi;
    if (!p->headers_given) {
        set_all_headers(p, abi == ABI_V5_1_1 ? HEADERS_FIXARRAY : HEADERS_ARRAY32);
    }
    if (!p->stack_given) {
        p->o->stack_bytes = (abi == ABI_V5_1_1 ? 64 : 24) * 1024;
    }
}

static void set_abi(struct parse *p, const char *arg)
{
    static const char *const names[] = {"v4.2.2", "v4.2.3", "v5.1.1"};

    for (int i = 0; i < 3; i++) {
        if (strcmp(arg, names[i]) == 0) {
            pretend(p, (enum abi) i);
            return;
        }
    }
    wrong("--abi %s: v4.2.2, v4.2.3 or v5.1.1 is wanted", arg);
}

static void set_default_retry_limit(struct parse *p, const char *arg)
{
    struct output probe = {0};

    output_set(&probe, "retry_limit", arg);
    p->retry_limit = probe.retry_limit;
}

static void set_exit(struct parse *p, const char *arg)
{
    if (strcmp(arg, "ctx") != 0 && strcmp(arg, "plain") != 0) {
        wrong("--exit %s: ctx or plain is wanted", arg);
    }
    p->o->plain_exit = arg[0] == 'p';
}

static void add_also(struct options *o, const char *arg)
{
    o->also = xrealloc(o->also, (o->nalso + 1) * sizeof(*o->also));
    o->also[o->nalso++] = arg;
}

enum opt {
    O_LIB = 256, O_RELOAD_PROPERTY, O_THREADS, O_ENGINE, O_RETRY_LIMIT, O_CHUNK, O_METRICS_CHUNK, O_TRACES_CHUNK,
    O_NULL_CHUNK, O_REPEAT, O_GENERATE, O_IDS, O_ID_PREFIX, O_PER_CHUNK, O_RECORD_BYTES, O_TAG, O_PACE, O_LIVE,
    O_INTERVAL, O_PROCFS, O_SYSFS, O_TAIL, O_GARBLE, O_HEADERS, O_ABI, O_GUARD, O_STACK, O_WITHOUT,
    O_CORO_IDS, O_FOREIGN_TIMERS, O_SINGLE_POOL, O_FREE_EARLY, O_FILESYSTEM,
    O_RETRY_BASE, O_RETRY_CAP, O_SEED, O_GRACE, O_PENDING, O_SECONDS, O_IDLE, O_CYCLES, O_OVERLAP,
    O_ALSO, O_DAEMON, O_DAEMON_STDERR, O_KEEP_GOING, O_BARE, O_EXIT, O_EXIT_CALLS, O_REPORT, O_TRACE, O_HELP
};

static const struct option long_options[] = {
    {"lib", 1, NULL, O_LIB},
    {"output", 1, NULL, 'o'},
    {"property", 1, NULL, 'p'},
    {"match", 1, NULL, 'm'},
    {"reload-property", 1, NULL, O_RELOAD_PROPERTY},
    {"threads", 1, NULL, O_THREADS},
    {"engine", 0, NULL, O_ENGINE},
    {"retry-limit", 1, NULL, O_RETRY_LIMIT},
    {"chunk", 1, NULL, O_CHUNK},
    {"metrics-chunk", 1, NULL, O_METRICS_CHUNK},
    {"traces-chunk", 1, NULL, O_TRACES_CHUNK},
    {"null-chunk", 1, NULL, O_NULL_CHUNK},
    {"repeat", 1, NULL, O_REPEAT},
    {"generate", 1, NULL, O_GENERATE},
    {"ids", 0, NULL, O_IDS},
    {"id-prefix", 1, NULL, O_ID_PREFIX},
    {"per-chunk", 1, NULL, O_PER_CHUNK},
    {"record-bytes", 1, NULL, O_RECORD_BYTES},
    {"tag", 1, NULL, O_TAG},
    {"pace-ms", 1, NULL, O_PACE},
    {"live", 1, NULL, O_LIVE},
    {"interval-ms", 1, NULL, O_INTERVAL},
    {"procfs", 1, NULL, O_PROCFS},
    {"sysfs", 1, NULL, O_SYSFS},
    {"tail", 1, NULL, O_TAIL},
    {"garble", 1, NULL, O_GARBLE},
    {"headers", 1, NULL, O_HEADERS},
    {"abi", 1, NULL, O_ABI},
    {"guard", 0, NULL, O_GUARD},
    {"stack-kib", 1, NULL, O_STACK},
    {"without", 1, NULL, O_WITHOUT},
    {"coro-ids", 0, NULL, O_CORO_IDS},
    {"foreign-timers", 0, NULL, O_FOREIGN_TIMERS},
    {"single-pool", 0, NULL, O_SINGLE_POOL},
    {"free-early", 0, NULL, O_FREE_EARLY},
    {"filesystem", 0, NULL, O_FILESYSTEM},
    {"retry-base-ms", 1, NULL, O_RETRY_BASE},
    {"retry-cap-ms", 1, NULL, O_RETRY_CAP},
    {"seed", 1, NULL, O_SEED},
    {"grace-ms", 1, NULL, O_GRACE},
    {"pending", 1, NULL, O_PENDING},
    {"seconds", 1, NULL, O_SECONDS},
    {"idle-after-ms", 1, NULL, O_IDLE},
    {"cycles", 1, NULL, O_CYCLES},
    {"overlap", 0, NULL, O_OVERLAP},
    {"also", 1, NULL, O_ALSO},
    {"daemon", 0, NULL, O_DAEMON},
    {"daemon-stderr", 1, NULL, O_DAEMON_STDERR},
    {"bare", 0, NULL, O_BARE},
    {"keep-going", 0, NULL, O_KEEP_GOING},
    {"exit", 1, NULL, O_EXIT},
    {"exit-calls", 1, NULL, O_EXIT_CALLS},
    {"report-every-ms", 1, NULL, O_REPORT},
    {"trace", 0, NULL, O_TRACE},
    {"help", 0, NULL, O_HELP},
    {NULL, 0, NULL, 0}};

/* Each returns whether the option was one of its own. */
static int output_option(struct parse *p, int opt, const char *arg)
{
    switch (opt) {
    case 'o': begin_output(p, arg); return 1;
    case 'p': add_property(p, arg); return 1;
    case 'm': set_property(p, "match", arg); return 1;
    case O_RELOAD_PROPERTY: add_reload_property(p, arg); return 1;
    case O_THREADS: p->workers = (int) number("threads", arg); return 1;
    case O_ENGINE: p->workers = 0; return 1;
    case O_RETRY_LIMIT: set_default_retry_limit(p, arg); return 1;
    default: return 0;
    }
}

static int source_option(struct parse *p, int opt, const char *arg)
{
    switch (opt) {
    case O_CHUNK:
    case O_METRICS_CHUNK:
    case O_TRACES_CHUNK:
    case O_NULL_CHUNK:
    case O_GENERATE:
    case O_LIVE:
    case O_TAIL: add_spec(p, opt, arg); return 1;
    case O_REPEAT: p->repeat = number("repeat", arg); return 1;
    case O_IDS: p->ids = 1; return 1;
    case O_ID_PREFIX: p->id_prefix = arg; return 1;
    case O_PER_CHUNK: p->generate.per_chunk = number("per-chunk", arg); return 1;
    case O_RECORD_BYTES: p->generate.record_bytes = (size_t) number("record-bytes", arg); return 1;
    case O_TAG: p->generate.tag = arg; return 1;
    case O_PACE: p->pace_us = ms("pace-ms", arg); return 1;
    case O_INTERVAL: p->live.interval_us = ms("interval-ms", arg); return 1;
    case O_PROCFS: p->live.procfs = arg; return 1;
    case O_SYSFS: p->live.sysfs = arg; return 1;
    case O_GARBLE: set_garble(p, arg); return 1;
    case O_HEADERS: set_headers(p, arg); return 1;
    default: return 0;
    }
}

static int core_option(struct parse *p, int opt, const char *arg)
{
    struct options *o = p->o;

    switch (opt) {
    case O_LIB: o->lib = arg; return 1;
    case O_ABI: set_abi(p, arg); return 1;
    case O_GUARD: o->guard = 1; return 1;
    case O_STACK:
        o->stack_bytes = (size_t) number("stack-kib", arg) * 1024;
        p->stack_given = 1;
        return 1;
    case O_WITHOUT: exports_leave_out(arg); return 1;
    case O_CORO_IDS: coroutines_have_ids(); return 1;
    case O_FOREIGN_TIMERS: sched_foreign_timers(); return 1;
    case O_SINGLE_POOL: o->single_pool = 1; return 1;
    case O_FREE_EARLY: o->free_early = 1; return 1;
    case O_FILESYSTEM:
        o->filesystem = 1;
        chunks_are_files();
        return 1;
    case O_RETRY_BASE: o->retry_base_us = ms("retry-base-ms", arg); return 1;
    case O_RETRY_CAP: o->retry_cap_us = ms("retry-cap-ms", arg); return 1;
    case O_SEED: o->seed = (uint64_t) number("seed", arg); return 1;
    case O_GRACE: o->grace_us = ms("grace-ms", arg); return 1;
    case O_PENDING: o->pending_max = (size_t) number("pending", arg); return 1;
    default: return 0;
    }
}

static int run_option(struct parse *p, int opt, const char *arg)
{
    struct options *o = p->o;

    switch (opt) {
    case O_SECONDS: o->run_us = seconds(arg); return 1;
    case O_IDLE: o->idle_us = ms("idle-after-ms", arg); return 1;
    case O_CYCLES: o->cycles = number("cycles", arg); return 1;
    case O_OVERLAP: o->overlap = 1; return 1;
    case O_ALSO: add_also(o, arg); return 1;
    case O_DAEMON: o->daemon = 1; return 1;
    case O_DAEMON_STDERR: o->daemon_stderr = arg; return 1;
    case O_BARE: o->bare = 1; return 1;
    case O_KEEP_GOING: o->keep_going = 1; return 1;
    case O_EXIT: set_exit(p, arg); return 1;
    case O_EXIT_CALLS: o->exits = (int) number("exit-calls", arg); return 1;
    case O_REPORT: o->report_us = ms("report-every-ms", arg); return 1;
    case O_TRACE: o->trace = 1; return 1;
    case O_HELP: fputs(usage, stdout); exit(0);
    default: return 0;
    }
}

static void defaults(struct parse *p)
{
    struct options *o = p->o;

    memset(o, 0, sizeof(*o));
    o->retry_base_us = 5000000;
    o->retry_cap_us = 2000000000;
    o->grace_us = 5000000;
    o->seed = 1;
    o->pending_max = 256;
    o->run_us = o->idle_us = -1;
    o->cycles = 1;
    o->exits = 1;
    p->sources_end = &o->sources;
    p->retry_limit = RETRY_DEFAULT;
    p->repeat = 1;
    p->id_prefix = "id";
    p->generate = (struct generate) {.tag = "gen", .per_chunk = 100, .record_bytes = 200};
    p->live = (struct live) {.procfs = "/proc", .sysfs = "/sys", .interval_us = 1000000};
#ifdef HOST_V5
    pretend(p, ABI_V5_1_1);
#else
    pretend(p, ABI_V4_2_2);
#endif
}

static void make_source(struct parse *p, const struct spec *s)
{
    switch (s->opt) {
    case O_CHUNK: add_replay(p, "chunk", s->arg, FLB_OUTPUT_LOGS); break;
    case O_METRICS_CHUNK: add_replay(p, "metrics-chunk", s->arg, FLB_OUTPUT_METRICS); break;
    case O_TRACES_CHUNK: add_replay(p, "traces-chunk", s->arg, FLB_OUTPUT_TRACES); break;
    case O_NULL_CHUNK: add_null(p, s->arg); break;
    case O_GENERATE: add_generate(p, s->arg); break;
    case O_LIVE: add_live(p, s->arg); break;
    case O_TAIL: add_tail(p, s->arg); break;
    }
}

static void make_sources(struct parse *p)
{
    for (size_t i = 0; i < p->nspecs; i++) {
        make_source(p, &p->specs[i]);
    }
    free(p->specs);
}

static void finish(struct parse *p)
{
    struct options *o = p->o;

    if (o->lib == NULL) {
        wrong("%s is missing", "--lib");
    }
    if (o->cycles < 1 || o->pending_max < 1 || p->generate.per_chunk < 1) {
        wrong("%s must be at least 1", "--cycles, --pending and --per-chunk");
    }
    if (o->noutputs == 0) {
        begin_output(p, "");
    }
    make_sources(p);
    for (size_t i = 0; i < o->noutputs; i++) {
        if (o->outputs[i]->workers < 0) {
            o->outputs[i]->workers = p->workers;
        }
        o->outputs[i]->workers_given = o->outputs[i]->workers;
        if (o->outputs[i]->retry_limit == RETRY_UNSET) {
            o->outputs[i]->retry_limit = p->retry_limit;
        }
    }
}

void options_parse(struct options *o, int argc, char **argv)
{
    struct parse p = {.o = o};
    int opt;

    defaults(&p);
    while ((opt = getopt_long(argc, argv, "o:p:m:", long_options, NULL)) != -1) {
        if (!output_option(&p, opt, optarg) && !source_option(&p, opt, optarg) &&
            !core_option(&p, opt, optarg) && !run_option(&p, opt, optarg)) {
            wrong("%s", "an option is unknown or lacks its value");
        }
    }
    if (optind < argc) {
        wrong("%s: not an option", argv[optind]);
    }
    finish(&p);
}
