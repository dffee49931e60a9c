#define _GNU_SOURCE
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "park.h"

/* What Fluent Bit calls. Hidden is all else: other libraries look up the FLBPlugin
 * names alone. */
#pragma GCC visibility push(hidden)
extern int edgeInit(void *plugin);
extern int edgeFlushCtx(void *ctx, void *data, size_t length, char *tag);
extern int edgeExitCtx(void *ctx);
extern int edgeExit(void);
extern void edgeUnregister(void *def);
#pragma GCC visibility pop

static pid_t edge_loaded_by;
static char edge_stderr[256]; /* what standard error is, as /proc names it */

static void edge_name_stderr(char *name, size_t room)
{
	ssize_t n = readlink("/proc/self/fd/2", name, room - 1);

	name[n > 0 ? n : 0] = '\0';
}

__attribute__((constructor)) static void edge_loaded(void)
{
	edge_loaded_by = getpid();
	edge_name_stderr(edge_stderr, sizeof(edge_stderr));
}

/* A fork leaves Go's other threads behind, and with them whatever they held: who
 * enters Go in the child may wait for ever. So it is C that looks. */
static int edge_forked(void) { return getpid() != edge_loaded_by; }

static void edge_refuse_fork(void)
{
	static const char words[] =
		"[error] [output:edge] the agent has forked since it loaded this library, and a Go library does not survive that: "
		"remove `daemon on` and let systemd or the container keep the agent running\n";
	char line[sizeof(words) + 32];
	time_t now = time(NULL);
	struct tm tm;
	size_t n = strftime(line, 32, "[%Y/%m/%d %H:%M:%S] ", localtime_r(&now, &tm));
	char now_stderr[sizeof(edge_stderr)];

	/* A daemon closes its standard error, and the number may be another file's. */
	edge_name_stderr(now_stderr, sizeof(now_stderr));
	if (strcmp(now_stderr, edge_stderr) != 0) {
		syslog(LOG_DAEMON | LOG_ERR, "%.*s", (int) (sizeof(words) - 2), words);
		return;
	}
	memcpy(line + n, words, sizeof(words));
	(void) !write(STDERR_FILENO, line, strlen(line));
}

/* The results are FLB_ERROR and FLB_OK. */

int FLBPluginInit(void *plugin)
{
	if (edge_forked()) {
		edge_refuse_fork();
		return 0;
	}
	return edgeInit(plugin);
}

int FLBPluginFlushCtx(void *ctx, void *data, size_t length, char *tag)
{
	int result;

	if (edge_forked()) {
		return 0;
	}
	return edge_park(ctx, data, length, tag, &result) ? result : edgeFlushCtx(ctx, data, length, tag);
}

int FLBPluginExitCtx(void *ctx) { return edge_forked() ? 1 : edgeExitCtx(ctx); }

int FLBPluginExit(void) { return edge_forked() ? 1 : edgeExit(); }

void FLBPluginUnregister(void *def)
{
	if (!edge_forked()) {
		edgeUnregister(def);
	}
}
