#define _GNU_SOURCE
#include "register.h"

#include <dlfcn.h>
#include <link.h>
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/*
 * The register struct (fluent-bit/flb_plugin_proxy.h): up to 4.2.2 it ends after
 * description, up to 5.1.0 after event_type. Core allocates it, so that the
 * allocator knows how far it may be written, whichever version this is.
 */
struct proxy_def {
	int type;
	int proxy;
	int flags;
	char *name;
	char *description;
	int event_type;
	struct edge_option *config_map;
};

enum { FLB_IO_OPT_TLS = 4 }; /* fluent-bit/flb_io.h, from 1.9 to 5.1 */

/* struct flb_config_map of 5.1.1 (fluent-bit/flb_config_map.h). */
struct edge_option {
	int type; /* 0: a string */
	char *name, *default_value;
	int flags;
	int set_property;
	uintptr_t offset;
	char *description;
	struct {
		union {
			double number;
			void *pointer;
		} value;
		void *raw, *mult, *previous, *next;
	} value;
	void *previous, *next;
};

static int reaches(const void *def, size_t end) { return malloc_usable_size((void *) def) >= end; }

void edge_accept_tls(void *def) { ((struct proxy_def *) def)->flags |= FLB_IO_OPT_TLS; }

int edge_has_event_type(const void *def)
{
	return reaches(def, offsetof(struct proxy_def, event_type) + sizeof(int));
}

void edge_set_event_type(void *def, int types) { ((struct proxy_def *) def)->event_type = types; }

struct segment {
	uintptr_t at, from, to;
};

static int find_segment(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct segment *s = arg;

	(void) size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		uintptr_t from = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;

		if (info->dlpi_phdr[i].p_type == PT_LOAD && s->at - from < info->dlpi_phdr[i].p_memsz) {
			s->from = from;
			s->to = from + info->dlpi_phdr[i].p_memsz;
			return 1;
		}
	}
	return 0;
}

/* Whether text stands at the address, which may be none at all. */
static int says(const char *at, const char *text)
{
	struct segment s = {.at = (uintptr_t) at};

	return dl_iterate_phdr(find_segment, &s) && strlen(text) < s.to - s.at && strcmp(at, text) == 0;
}

/*
 * Core's own map of the keys that all outputs have begins with `match` and
 * `match_regex`. If the second stands where an option ends here, the two have the
 * same size, and their names the same place.
 */
static int maps_agree(void)
{
	struct {
		char *name;
	} first, second;
	const char *map = dlsym(RTLD_DEFAULT, "output_global_properties");
	const size_t name = offsetof(struct edge_option, name);

	if (map == NULL) {
		return 0;
	}
	memcpy(&first, map + name, sizeof(first));
	memcpy(&second, map + sizeof(struct edge_option) + name, sizeof(second));
	return says(first.name, "match") && says(second.name, "match_regex");
}

int edge_takes_config_map(const void *def)
{
	return reaches(def, sizeof(struct proxy_def)) && maps_agree();
}

struct edge_option *edge_new_map(int n)
{
	return calloc((size_t) n + 1, sizeof(struct edge_option)); /* one without a name ends it */
}

void edge_set_option(struct edge_option *map, int i, char *name, char *default_value, char *description)
{
	map[i].name = name;
	map[i].default_value = default_value;
	map[i].description = description;
}

void edge_set_config_map(void *def, struct edge_option *map) { ((struct proxy_def *) def)->config_map = map; }
