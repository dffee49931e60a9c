#define _GNU_SOURCE
#include "proxy.h"

#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <unistd.h>

#include "exports.h"
#include "util.h"

static size_t def_size(enum abi abi)
{
    switch (abi) {
    case ABI_V4_2_2:
        return sizeof(struct proxy_def_v4_2_2);
    case ABI_V4_2_3:
        return sizeof(struct proxy_def_v4_2_3);
    case ABI_V5_1_1:
        break;
    }
    return sizeof(struct flb_plugin_proxy_def);
}

static void *guarded(size_t size)
{
    size_t page = (size_t) sysconf(_SC_PAGESIZE);
    char *p = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (p == MAP_FAILED || mprotect(p + page, page, PROT_NONE) != 0) {
        die(EXIT_PLUGIN, "map a guarded register struct: no memory");
    }
    exports_know_size(p + page - size, size);
    return p + page - size;
}

static void free_def(struct proxy *p)
{
    size_t page = (size_t) sysconf(_SC_PAGESIZE);

    if (p->guard) {
        exports_know_size(NULL, 0);
        munmap((char *) p->def + def_size(p->abi) - page, 2 * page);
    }
    else {
        free(p->def);
    }
}

/* dlsym to a function pointer without the cast that ISO C forbids. */
static void symbol(struct proxy *p, const char *name, void *fn)
{
    void *s = dlsym(p->dso, name);

    memcpy(fn, &s, sizeof(s));
}

static const char *no_property(const char *key, void *ins)
{
    (void) key;
    (void) ins;
    return NULL;
}

static void *no_cmetrics(void *ins)
{
    (void) ins;
    return NULL;
}

static int log_at_info(void *ins, int level)
{
    (void) ins;
    return level <= 3;
}

static void log_print(int type, const char *file, int line, const char *fmt, ...)
{
    char text[1024];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    note("log %d %s:%d %s", type, file != NULL ? file : "", line, text);
}

static struct flb_api *api_new(void)
{
    struct flb_api *api = xcalloc(1, sizeof(*api));

    api->output_get_property = output_get_property;
    api->input_get_property = no_property;
    api->custom_get_property = no_property;
    api->output_get_cmt_instance = no_cmetrics;
    api->input_get_cmt_instance = no_cmetrics;
    api->log_print = log_print;
    api->input_log_check = log_at_info;
    api->output_log_check = log_at_info;
    api->custom_log_check = log_at_info;
    return api;
}

/* What core does after a good Register of a Go output. */
static int resolve(struct proxy *p)
{
    struct flbgo_output_plugin *g = xcalloc(1, sizeof(*g));

    p->plugin = g;
    symbol(p, "FLBPluginInit", &g->cb_init);
    symbol(p, "FLBPluginFlush", &g->cb_flush);
    symbol(p, "FLBPluginFlushCtx", &g->cb_flush_ctx);
    symbol(p, "FLBPluginExit", &g->cb_exit);
    symbol(p, "FLBPluginExitCtx", &g->cb_exit_ctx);
    g->name = xstrdup(p->def->name);
    return g->cb_init != NULL && (g->cb_flush_ctx != NULL || g->cb_flush != NULL);
}

static const char *register_fault(struct proxy *p)
{
    int (*cb_register)(struct flb_plugin_proxy_def *);

    symbol(p, "FLBPluginRegister", &cb_register);
    if (cb_register == NULL) {
        return "FLBPluginRegister is not exported";
    }
    if (cb_register(p->def) == -1) {
        return "FLBPluginRegister gave -1, after which core uses freed memory";
    }
    if (p->def->type != FLB_PROXY_OUTPUT_PLUGIN || p->def->proxy != FLB_PROXY_GOLANG) {
        return "FLBPluginRegister did not register a Go output";
    }
    if (p->def->name == NULL || p->def->description == NULL) {
        return "FLBPluginRegister left the name or the description out";
    }
    return resolve(p) ? NULL : "FLBPluginInit or FLBPluginFlushCtx is not exported";
}

struct proxy *proxy_load(const char *path, enum abi abi, int guard)
{
    struct proxy *p = xcalloc(1, sizeof(*p));
    const char *fault;

    p->abi = abi;
    p->guard = guard;
    p->dso = dlopen(path, RTLD_LAZY);
    if (p->dso == NULL) {
        note("open %s: %s", path, dlerror());
        free(p);
        return NULL;
    }
    p->api = api_new();
    p->def = guard ? guarded(def_size(abi)) : xcalloc(1, def_size(abi));
    p->def->type = FLB_PROXY_OUTPUT_PLUGIN;
    fault = register_fault(p);
    if (fault != NULL) {
        note("register %s: %s", path, fault);
        return NULL;
    }
    return p;
}

int proxy_event_types(const struct proxy *p)
{
    if (p->abi == ABI_V4_2_2 || p->def->event_type == 0) {
        return FLB_OUTPUT_LOGS;
    }
    return p->def->event_type;
}

int proxy_init(struct proxy *p, struct output *o)
{
    o->ctx = xcalloc(1, sizeof(*o->ctx));
    o->ctx->proxy = p;
    p->plugin->api = p->api;
    p->plugin->o_ins = o;
    p->plugin->context = o->ctx;
    return p->plugin->cb_init(p->plugin);
}

int proxy_flush(struct proxy *p, struct output *o, const struct chunk *c, char *tag)
{
    if (p->plugin->cb_flush_ctx != NULL) {
        return p->plugin->cb_flush_ctx(o->ctx->remote_context, c->data, c->size, tag);
    }
    return p->plugin->cb_flush(c->data, c->size, tag);
}

static int known_key(const struct flb_config_map *map, const char *key)
{
    for (; map->name != NULL; map++) {
        if (strcasecmp(map->name, key) == 0) {
            return 1;
        }
    }
    return 0;
}

/* Core's flb_config_map_properties_check, and what it says of `tls on`. */
int proxy_properties_fault(const struct proxy *p, const struct output *o)
{
    const struct flb_config_map *map = p->abi == ABI_V5_1_1 ? p->def->config_map : NULL;

    if (o->tls && (p->def->flags & FLB_IO_OPT_TLS) == 0) {
        note("output %s does not support TLS", o->name);
        return 1;
    }
    for (size_t i = 0; map != NULL && i < o->nprops; i++) {
        if (!known_key(map, o->props[i].key)) {
            note("%s: unknown configuration property '%s'", o->name, o->props[i].key);
            return 1;
        }
    }
    return 0;
}

int proxy_exit(struct proxy *p, struct output *o, int plain)
{
    if (p->plugin->cb_exit_ctx != NULL && !plain) {
        return p->plugin->cb_exit_ctx(o->ctx->remote_context);
    }
    if (p->plugin->cb_exit != NULL) {
        return p->plugin->cb_exit();
    }
    return 0;
}

void proxy_unload(struct proxy *p)
{
    void (*cb_unregister)(struct flb_plugin_proxy_def *);

    symbol(p, "FLBPluginUnregister", &cb_unregister);
    if (cb_unregister != NULL) {
        cb_unregister(p->def);
    }
    free(p->plugin->name);
    free(p->plugin);
    free_def(p);
    free(p->api);
    dlclose(p->dso);
    free(p);
}
