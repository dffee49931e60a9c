/* Which version of Fluent Bit this process is. */
#ifndef EDGE_HOSTVERSION_H
#define EDGE_HOSTVERSION_H

#include <stddef.h>

#pragma GCC visibility push(hidden)

/* Copies the version, such as 5.1.1, into dst, and returns its length; 0 where it
 * is not found. */
size_t edge_host_version(char *dst, size_t size);

#pragma GCC visibility pop

#endif
