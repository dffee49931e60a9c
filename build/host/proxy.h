/* A loaded library, from dlopen and Register to Unregister and dlclose. */
#ifndef HOST_PROXY_H
#define HOST_PROXY_H

#include "chunk.h"
#include "fluentbit.h"
#include "output.h"

/* Which Fluent Bit's register struct the host hands over. */
enum abi { ABI_V4_2_2, ABI_V4_2_3, ABI_V5_1_1 };

struct proxy {
    void *dso;
    enum abi abi;
    int guard;
    struct flb_plugin_proxy_def *def; /* as long as abi's struct, no longer */
    struct flb_api *api;
    struct flbgo_output_plugin *plugin;
};

/*
 * Loads and registers as core does. The register struct is an exactly sized
 * malloc block; with guard it ends at an inaccessible page instead, so that a
 * write past it crashes without any checker. Returns NULL after a message.
 */
struct proxy *proxy_load(const char *path, enum abi abi, int guard);

/* The event types that the plugin asked for; logs where the ABI has no say. */
int proxy_event_types(const struct proxy *p);

/* Init of one instance: the plugin's result, which core takes as failed <= 0. */
int proxy_init(struct proxy *p, struct output *o);
/* tag is core's copy, which it frees after the flush. */
int proxy_flush(struct proxy *p, struct output *o, const struct chunk *c, char *tag);

/* Whether core would not start with the output's properties, after a message. */
int proxy_properties_fault(const struct proxy *p, const struct output *o);

/* ExitCtx, or Exit where the library has no ExitCtx or plain is set. */
int proxy_exit(struct proxy *p, struct output *o, int plain);

/* Unregister, free, dlclose. */
void proxy_unload(struct proxy *p);

#endif
