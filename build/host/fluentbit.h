/*
 * The structs that Fluent Bit and a Go output plugin share, as core declares
 * them (include/fluent-bit/flb_plugin_proxy.h, flb_api.h, src/proxy/go/go.h).
 * Their layout is an ABI: fluent-bit-go's headers mirror the first fields.
 */
#ifndef HOST_FLUENTBIT_H
#define HOST_FLUENTBIT_H

#include <stddef.h>
#include <stdint.h>

enum { FLB_ERROR = 0, FLB_OK = 1, FLB_RETRY = 2 };
enum { FLB_PROXY_OUTPUT_PLUGIN = 2, FLB_PROXY_GOLANG = 11 };
enum { FLB_IO_OPT_TLS = 4 };
enum { FLB_OUTPUT_LOGS = 1, FLB_OUTPUT_METRICS = 2, FLB_OUTPUT_TRACES = 4 };

/* The register struct up to v4.2.2: a plugin that writes on is out of bounds. */
struct proxy_def_v4_2_2 {
    int type;
    int proxy;
    int flags;
    char *name;
    char *description;
};

/* From v4.2.3 and v5.0.0. */
struct proxy_def_v4_2_3 {
    int type;
    int proxy;
    int flags;
    char *name;
    char *description;
    int event_type;
};

/* The keys that an output takes (fluent-bit/flb_config_map.h), as v5.1.1 has it. */
struct flb_config_map {
    int type;
    char *name;
    char *def_value;
    int flags;
    int set_property;
    uintptr_t offset;
    char *desc;
    struct {
        union {
            double d_num;
            void *list;
        } val;
        void *raw, *mult, *prev, *next;
    } value;
    void *prev, *next;
};

/* From v5.1.1. The host reads only the fields that its pretended version has. */
struct flb_plugin_proxy_def {
    int type;
    int proxy;
    int flags;
    char *name;
    char *description;
    int event_type;
    struct flb_config_map *config_map;
};

/* Their sizes, as each version's own struct has them: 32 bytes in 1.9.10, 2.2.3, 3.2.10
 * and 4.0.14, 40 in 4.2.8 and 5.0.9, 48 in 5.1.1; 20, 24 and 28 where words have 32 bits. */
#define SIZE_OF(words, ints) ((words) * sizeof(char *) + ((ints) * sizeof(int) + sizeof(char *) - 1) / sizeof(char *) * sizeof(char *))
_Static_assert(sizeof(struct proxy_def_v4_2_2) == SIZE_OF(2, 3), "the struct up to 4.2.2");
_Static_assert(sizeof(struct proxy_def_v4_2_3) == SIZE_OF(2, 3) + SIZE_OF(0, 1), "the struct from 4.2.3");
_Static_assert(sizeof(struct flb_plugin_proxy_def) == SIZE_OF(3, 3) + SIZE_OF(0, 1), "the struct from 5.1.1");

/* What a plugin may call. The instance pointers are opaque to it. */
struct flb_api {
    const char *(*output_get_property)(const char *, void *);
    const char *(*input_get_property)(const char *, void *);
    void *(*output_get_cmt_instance)(void *);
    void *(*input_get_cmt_instance)(void *);
    void (*log_print)(int, const char *, int, const char *, ...);
    int (*input_log_check)(void *, int);
    int (*output_log_check)(void *, int);
    const char *(*custom_get_property)(const char *, void *);
    int (*custom_log_check)(void *, int);
};

/* One per instance; Init leaves the plugin's handle in remote_context. */
struct flb_plugin_proxy_context {
    void *remote_context;
    void *proxy;
};

/* One per library; o_ins and context are set anew before each Init. */
struct flbgo_output_plugin {
    char *name;
    struct flb_api *api;
    void *o_ins;
    struct flb_plugin_proxy_context *context;
    int (*cb_init)(struct flbgo_output_plugin *);
    int (*cb_flush)(const void *, size_t, const char *);
    int (*cb_flush_ctx)(void *, const void *, size_t, char *);
    int (*cb_exit)(void);
    int (*cb_exit_ctx)(void *);
};

#endif
