/*
 * host: a small Fluent Bit.
 *
 * It loads a Go output plugin as Fluent Bit's core does and takes it through
 * its whole life: dlopen and Register on the main thread; then, on the engine
 * thread, Init of each [OUTPUT] section, flushes (there, or on worker threads),
 * retries, a grace period and ExitCtx; then Unregister and dlclose. It is C
 * because a process can hold only one Go runtime, and it stands outside the
 * plugin's folder because cgo would compile it into the library.
 *
 *     cc -std=c11 -O2 -rdynamic -o host *.c -pthread -ldl            # a v4
 *     cc -std=c11 -O2 -DHOST_V5 -rdynamic -o host *.c -pthread -ldl  # a v5
 *     ./host --lib ./out_edge.so -o edge -p listen=off --live cpu,mem --seconds 5
 *
 * The two builds differ as v4 and v5 do for a plugin that looks: only v5
 * exports flb_mp_count_log_records. `host --help` (options.c) tells all.
 *
 * The parts: fluentbit.h the shared structs; proxy.c the library; output.c a
 * section; engine.c the loop; sched.c its timers; coroutine.c core's small stacks,
 * which flushes may switch away from; exports.c what else plugins look up;
 * source*.c where chunks come from; msgpack.c and chunk.c the data; report.c and
 * stats.c the results.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine.h"
#include "options.h"
#include "proxy.h"
#include "report.h"
#include "util.h"

/* Core's banner, beside the version that is printed with it: how a plugin finds out
 * where it is. */
#ifdef HOST_V5
#define HOST_VERSION "5.1.1"
#else
#define HOST_VERSION "4.2.2"
#endif
__attribute__((used)) static const char banner[] = "\0" HOST_VERSION "\0%sFluent Bit v%s%s\n";

/* Async-signal-safe only. A second interrupt ends the process at once. */
static void on_interrupt(int sig)
{
    if (engine_interrupted()) {
        _exit(128 + sig);
    }
    engine_interrupt();
}

static void on_crash(int sig)
{
    static const char head[] = "host: crashed by signal ";
    const char digits[] = {(char) ('0' + sig / 10), (char) ('0' + sig % 10), '\n'};
    int skip = sig < 10;

    (void) !write(STDERR_FILENO, head, sizeof(head) - 1);
    (void) !write(STDERR_FILENO, digits + skip, sizeof(digits) - (size_t) skip);
    _exit(EXIT_CRASH);
}

static void handle(int sig, void (*fn)(int))
{
    struct sigaction sa = {.sa_handler = fn, .sa_flags = SA_ONSTACK | SA_RESTART};

    sigemptyset(&sa.sa_mask);
    sigaction(sig, &sa, NULL);
}

/* Before dlopen: Go's runtime chains to the handlers that it finds. */
static void install_handlers(void)
{
    static const int crashes[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP};

    for (size_t i = 0; i < sizeof(crashes) / sizeof(crashes[0]); i++) {
        handle(crashes[i], on_crash);
    }
    handle(SIGINT, on_interrupt);
    handle(SIGTERM, on_interrupt);
    signal(SIGPIPE, SIG_IGN);
}

/* As core does with `-e`: before any Init, and for good. */
static void load_also(const struct options *o)
{
    for (size_t i = 0; i < o->nalso; i++) {
        if (dlopen(o->also[i], RTLD_LAZY) == NULL) {
            die(EXIT_PLUGIN, "open %s: %s", o->also[i], dlerror());
        }
    }
}

/* Core's parent ends at once; this one stays to hand on the child's status. */
static void become_daemon(const struct options *o)
{
    int status = 0;
    pid_t child = fork();

    if (child == 0) {
        if (o->daemon_stderr != NULL && freopen(o->daemon_stderr, "w", stderr) == NULL) {
            _exit(EXIT_USAGE_ERROR);
        }
        return;
    }
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    _exit(child > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_CRASH);
}

static struct proxy *load(const struct options *o)
{
    struct proxy *p = proxy_load(o->lib, o->abi, o->guard);

    if (p == NULL) {
        exit(EXIT_PLUGIN);
    }
    return p;
}

/* Core finds an output by the name that Register gave. */
static void check_names(const struct options *o, const struct proxy *p)
{
    for (size_t i = 0; i < o->noutputs; i++) {
        char **name = &o->outputs[i]->name;
        if (**name == '\0') {
            free(*name);
            *name = xstrdup(p->plugin->name);
        }
        if (strcmp(*name, p->plugin->name) != 0) {
            die(EXIT_PLUGIN, "output %s: the library registered as %s", *name, p->plugin->name);
        }
    }
}

static void describe(struct summary *s, const struct proxy *p)
{
    free((char *) s->plugin_name);
    free((char *) s->plugin_description);
    s->plugin_name = xstrdup(p->def->name);
    s->plugin_description = xstrdup(p->def->description);
    s->event_types = proxy_event_types(p);
}

/* One life cycle; returns the proxy of the next, if that was registered. */
static struct proxy *cycle(const struct options *o, struct summary *s, struct proxy *p,
                           int64_t started_us, int *failed)
{
    struct engine e = {.opt = o, .proxy = p, .summary = s, .started_us = started_us};
    struct proxy *next = NULL;

    check_names(o, p);
    describe(s, p);
    if (o->daemon && s->cycles == 0) {
        become_daemon(o);
    }
    engine_start(&e);
    if (o->overlap && s->cycles + 1 < o->cycles) {
        engine_wait_draining(&e);
        next = load(o);
    }
    engine_join(&e);
    proxy_unload(p);
    s->after_cycle[s->cycles++] = usage_now();
    for (size_t i = 0; i < o->noutputs && s->cycles == 1; i++) {
        output_reload(o->outputs[i]);
    }
    *failed = e.failed;
    return next;
}

int main(int argc, char **argv)
{
    struct options o;
    struct summary s = {0};
    struct proxy *p = NULL;
    int64_t started_us;
    int failed = 0;

    options_parse(&o, argc, argv);
    install_handlers();
    s.after_cycle = xcalloc((size_t) o.cycles, sizeof(*s.after_cycle));
    load_also(&o);
    s.before_load = usage_now();
    started_us = mono_us();
    while (s.cycles < o.cycles && !failed && !(s.cycles > 0 && engine_interrupted())) {
        p = cycle(&o, &s, p != NULL ? p : load(&o), started_us, &failed);
    }
    s.wall_us = mono_us() - started_us;
    report_summary("result", &o, &s);
    return failed && !o.keep_going ? EXIT_PLUGIN : 0;
}
