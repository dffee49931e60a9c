#define _GNU_SOURCE /* dl_iterate_phdr */
#include "hostversion.h"

#include <ctype.h>
#include <dlfcn.h>
#include <link.h>
#include <stddef.h>
#include <string.h>

/*
 * Fluent Bit exports no version. But its banner's format stands among the first of
 * the program's constant strings, and the version, which is printed with it, right
 * before or behind it. glibc's _IO_stdin_used is the first of all constants; without it
 * they are sought where a segment has nothing else, which is not so on ARM.
 */
static const char banner[] = "Fluent Bit v%s";

enum {
	searched = 64 << 10, /* of a segment's constants */
	longest = 32         /* of a version */
};

/* What lies between the program's strings is read too, which AddressSanitizer, where the
 * program has it, takes for a fault. Its form of memmem would look as well. */
#define READS_ALL __attribute__((no_sanitize_address))

/* The length of a version that stands at the address, between two zero bytes; or 0. */
static READS_ALL size_t version_at(const char *at, const char *end)
{
	size_t n = 0, dots = 0;

	while (at + n < end && n < longest && (isdigit((unsigned char) at[n]) || at[n] == '.')) {
		dots += at[n++] == '.';
	}
	return at + n < end && at[n] == '\0' && dots == 2 && isdigit((unsigned char) at[0]) ? n : 0;
}

struct found {
	char *dst;
	size_t size, length;
};

static int keep(struct found *f, const char *at, size_t n)
{
	if (n == 0 || n >= f->size) {
		return 0;
	}
	memcpy(f->dst, at, n);
	f->length = n;
	return 1;
}

/* Looks at the strings before and behind the one that holds the banner. */
static READS_ALL int near_banner(struct found *f, const char *from, const char *at, const char *end)
{
	const char *next = at, *before = at;

	while (next < end && *next != '\0') {
		next++;
	}
	while (next < end && *next == '\0') { /* on ARM each string begins at a word */
		next++;
	}
	if (keep(f, next, version_at(next, end))) {
		return 1;
	}
	while (before > from && before[-1] != '\0') {
		before--;
	}
	while (before > from && before[-1] == '\0') {
		before--;
	}
	while (before > from && before[-1] != '\0') {
		before--;
	}
	return keep(f, before, version_at(before, end));
}

static READS_ALL int is_banner(const char *at)
{
	for (size_t i = 0; i < sizeof(banner) - 1; i++) {
		if (at[i] != banner[i]) {
			return 0;
		}
	}
	return 1;
}

static READS_ALL int search(struct found *f, const char *from, const char *end)
{
	for (const char *at = from; end - at >= (ptrdiff_t) sizeof(banner); at++) {
		if (is_banner(at) && near_banner(f, from, at, end)) {
			return 1;
		}
	}
	return 0;
}

/* Where constants may begin in a segment, or NULL. */
static const char *constants(const ElfW(Phdr) *h, const char *from, const char *first)
{
	if (h->p_type != PT_LOAD) {
		return NULL;
	}
	if (first >= from && first < from + h->p_filesz) {
		return first;
	}
	return first == NULL && (h->p_flags & (PF_R | PF_W | PF_X)) == PF_R ? from : NULL;
}

/* The first object is the program itself. */
static int in_program(struct dl_phdr_info *info, size_t size, void *arg)
{
	const char *first = dlsym(RTLD_DEFAULT, "_IO_stdin_used");

	(void) size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *h = &info->dlpi_phdr[i];
		const char *from = (const char *) (info->dlpi_addr + h->p_vaddr), *end = from + h->p_filesz;
		const char *at = constants(h, from, first);

		if (at != NULL && search(arg, at, end - at < searched ? end : at + searched)) {
			break;
		}
	}
	return 1; /* no further object */
}

size_t edge_host_version(char *dst, size_t size)
{
	struct found f = {.dst = dst, .size = size};

	dl_iterate_phdr(in_program, &f);
	return f.length;
}
