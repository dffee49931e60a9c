/* What Register tells Fluent Bit beyond the five fields that fluent-bit-go knows. */
#ifndef EDGE_REGISTER_H
#define EDGE_REGISTER_H

#include <stddef.h>

#pragma GCC visibility push(hidden)

/* Says that the output may be given `tls on`: the flag is in every version's
 * struct. */
void edge_accept_tls(void *def);

/* Whether the host's struct has room for the event types, and the bits in it. */
int edge_has_event_type(const void *def);
void edge_set_event_type(void *def, int types);

/* Whether the host's struct has room for a config map, and the host's own maps
 * have the form of ours. */
int edge_takes_config_map(const void *def);

/* A map with room for n options. It is for good: core keeps pointers into it. */
struct edge_option *edge_new_map(int n);

/* Fills in an option; the strings are kept. default_value is NULL for none. */
void edge_set_option(struct edge_option *map, int i, char *name, char *default_value, char *description);

void edge_set_config_map(void *def, struct edge_option *map);

#pragma GCC visibility pop

#endif
