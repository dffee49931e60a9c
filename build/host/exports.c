/*
 * Names that core exports beside those of coroutine.c and sched.c, and the way to
 * leave any of them out, as an older or a stripped core does.
 */
#define _GNU_SOURCE
#include "exports.h"

#include <dlfcn.h>
#include <string.h>

#include "fluentbit.h"
#include "output.h"
#include "util.h"

#ifdef HOST_V5
#include "msgpack.h"

/* Exported by every v5 and by no v4. The parameters are core's. */
int flb_mp_count_log_records(const void *data, size_t bytes);

int flb_mp_count_log_records(const void *data, size_t bytes)
{
    return (int) count_values(data, bytes);
}
#endif

int flb_output_set_property(void *instance, const char *key, const char *value);

int flb_output_set_property(void *instance, const char *key, const char *value)
{
    output_set(instance, key, value);
    return 0;
}

const char *flb_output_name(void *instance);

const char *flb_output_name(void *instance)
{
    return output_name(instance);
}

/* The keys of all outputs, as far as a plugin looks. */
struct flb_config_map output_global_properties[] = {
    {.name = "match", .desc = "a tag pattern"},
    {.name = "match_regex", .desc = "a regular expression"},
    {.name = "alias", .desc = "another name"},
    {0}};

static const char **without;
static size_t nwithout;

void exports_leave_out(const char *name)
{
    without = xrealloc(without, (nwithout + 1) * sizeof(*without));
    without[nwithout++] = name;
}

#ifndef __SANITIZE_ADDRESS__ /* which looks up what it stands before by its own dlsym() */
/* The libraries' dlsym() is this one, as the program comes first. */
void *dlsym(void *restrict handle, const char *restrict name)
{
    static void *(*real)(void *, const char *);

    for (size_t i = 0; i < nwithout; i++) {
        if (strcmp(without[i], name) == 0) {
            return NULL;
        }
    }
    if (real == NULL) {
        void *at = dlvsym(RTLD_NEXT, "dlsym", "GLIBC_2.34");
        memcpy(&real, &at, sizeof(real));
    }
    return real(handle, name);
}
#endif

static const void *block;
static size_t block_size;

void exports_know_size(const void *at, size_t size)
{
    block = at;
    block_size = size;
}

/* Knows the register struct that is no block of malloc. */
size_t malloc_usable_size(void *at)
{
    static size_t (*real)(void *);

    if (at == block) {
        return block_size;
    }
    if (real == NULL) {
        void *next = dlsym(RTLD_NEXT, "malloc_usable_size");
        memcpy(&real, &next, sizeof(real));
    }
    return real(at);
}
