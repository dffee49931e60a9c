package main

/*
#define _GNU_SOURCE
#include <link.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct edge_search {
	const void *own; // an address in this library
	char *found;
	size_t room;
};

static int edge_contains(const struct dl_phdr_info *info, const void *at)
{
	for (int i = 0; i < info->dlpi_phnum; i++) {
		uintptr_t from = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;

		if (info->dlpi_phdr[i].p_type == PT_LOAD && (uintptr_t) at - from < info->dlpi_phdr[i].p_memsz) {
			return 1;
		}
	}
	return 0;
}

// Go's linker puts its build information into the data of everything that it links,
// after this mark, at a multiple of 16 (debug/buildinfo). A library may lack symbols
// and build IDs; this one does.
static int edge_is_marked(const char *from, size_t size)
{
	static const char tail[] = " Go buildinf:";
	size_t skip = -(uintptr_t) from % 16;

	for (size_t at = skip; at + sizeof(tail) <= size; at += 16) {
		if (from[at] == '\xff' && memcmp(from + at + 1, tail, sizeof(tail) - 1) == 0) {
			return 1;
		}
	}
	return 0;
}

static int edge_is_go(const struct dl_phdr_info *info)
{
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];

		if (p->p_type == PT_LOAD && (p->p_flags & (PF_R | PF_W)) == (PF_R | PF_W) &&
		    edge_is_marked((const char *) (info->dlpi_addr + p->p_vaddr), p->p_filesz)) {
			return 1;
		}
	}
	return 0;
}

// The loader's lock is held here: only read memory.
static int edge_look(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct edge_search *s = arg;

	(void) size;
	if (info->dlpi_name == NULL || *info->dlpi_name == '\0' || // the program
	    edge_contains(info, s->own) || !edge_is_go(info)) {
		return 0;
	}
	snprintf(s->found, s->room, "%s", info->dlpi_name);
	return 1;
}

static int edge_find_other_go(char *found, size_t room)
{
	struct edge_search s = {(const void *) edge_find_other_go, found, room};

	return dl_iterate_phdr(edge_look, &s);
}
*/
import "C"

import (
	"bytes"
	"errors"
	"os"
	"unsafe"
)

// otherGoVariable, if `1`, permits this library to run with another Go library in the
// process.
const otherGoVariable = "OUT_EDGE_ALLOW_OTHER_GO"

var errOtherGo = errors.New("another Go library is in the process")

// otherGoLibrary returns the file of another library with a Go runtime that the process has
// loaded, or "". All plugins are loaded before the first Init.
func otherGoLibrary() string {
	path := make([]byte, 4096) // PATH_MAX
	if C.edge_find_other_go((*C.char)(unsafe.Pointer(&path[0])), C.size_t(len(path))) == 0 {
		return ""
	}
	name, _, _ := bytes.Cut(path, []byte{0})
	return string(name)
}

// refuseOtherGoLibrary returns an error with what to do about a second Go runtime, which
// sooner or later crashes or hangs the agent.
func (h *process) refuseOtherGoLibrary() error {
	path := otherGoLibrary()
	switch {
	case path == "":
		return nil
	case os.Getenv(otherGoVariable) == "1":
		h.logOtherGo.Do(func() {
			h.log.Warn(path + " is written in Go too: two Go libraries in one agent may crash or hang it at any time, and " + otherGoVariable + "=1 takes that risk")
		})
		return nil
	}
	h.log.Error(path + " is written in Go too, and two Go libraries in one agent crash or hang it: move that plugin to an agent of its own and join the two by `forward`; " +
		otherGoVariable + "=1 in the environment runs both at your own risk")
	return errOtherGo
}
