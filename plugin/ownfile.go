package main

/*
#define _GNU_SOURCE
#include <link.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

static int edge_covers(const struct dl_phdr_info *info, const ElfW(Phdr) *p, uintptr_t at)
{
	uintptr_t from = info->dlpi_addr + p->p_vaddr;

	return p->p_type == PT_LOAD && from <= at && at < from + p->p_memsz;
}

// Text relocations turn pages of read-only segments into private ones.
static int edge_has_textrel(const struct dl_phdr_info *info)
{
	for (int i = 0; i < info->dlpi_phnum; i++) {
		if (info->dlpi_phdr[i].p_type != PT_DYNAMIC) {
			continue;
		}
		const ElfW(Dyn) *d = (const ElfW(Dyn) *) (info->dlpi_addr + info->dlpi_phdr[i].p_vaddr);
		for (; d->d_tag != DT_NULL; d++) {
			if (d->d_tag == DT_TEXTREL || (d->d_tag == DT_FLAGS && (d->d_un.d_val & DF_TEXTREL) != 0)) {
				return 1;
			}
		}
	}
	return 0;
}

static int edge_release(struct dl_phdr_info *info, size_t size, void *at)
{
	uintptr_t page = (uintptr_t) sysconf(_SC_PAGESIZE);
	int ours = 0;

	(void) size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		ours = ours || edge_covers(info, &info->dlpi_phdr[i], (uintptr_t) at);
	}
	if (ours && edge_has_textrel(info)) {
		return 1;
	}
	for (int i = 0; ours && i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		uintptr_t from = (info->dlpi_addr + p->p_vaddr) & ~(page - 1);
		uintptr_t to = (info->dlpi_addr + p->p_vaddr + p->p_filesz + page - 1) & ~(page - 1);

		if (p->p_type == PT_LOAD && (p->p_flags & PF_W) == 0 && p->p_memsz == p->p_filesz) {
			madvise((void *) from, to - from, MADV_DONTNEED);
		}
	}
	return ours;
}

static void edge_release_own_file(void)
{
	dl_iterate_phdr(edge_release, (void *) edge_release_own_file);
}
*/
import "C"

// releaseOwnFile removes the pages of this library's file from the process's resident
// memory, for segments that nobody writes to: they are unchanged from the file (only a
// debugger's breakpoints are lost). Loading touches nearly all of them; running needs
// half of that, and finds them in the page cache.
func releaseOwnFile() { C.edge_release_own_file() }
