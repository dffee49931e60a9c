/* What plugins find when they look up a name of core's. */
#ifndef HOST_EXPORTS_H
#define HOST_EXPORTS_H

#include <stddef.h>

/* Plugins do not find this name. */
void exports_leave_out(const char *name);

/* malloc_usable_size() knows this block. */
void exports_know_size(const void *at, size_t size);

#endif
