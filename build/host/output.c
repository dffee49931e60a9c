#include "output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "util.h"

struct output *output_new(const char *name)
{
    static int number; /* all outputs are of one plugin */
    struct output *o = xcalloc(1, sizeof(*o));

    snprintf(o->numbered, sizeof(o->numbered), "%s.%d", name, number++);
    o->name = xstrdup(name);
    o->match = xstrdup("*");
    o->retry_limit = RETRY_DEFAULT;
    o->queue_end = &o->queue;
    return o;
}

const char *output_name(const struct output *o) { return o->alias != NULL ? o->alias : o->numbered; }

/* Replaces each ${NAME} by the environment's value, or by nothing. */
static char *expand(const char *value)
{
    struct buf b = {0};
    const char *open, *close;

    while ((open = strstr(value, "${")) != NULL && (close = strchr(open, '}')) != NULL) {
        char *name = xstrndup(open + 2, (size_t) (close - open - 2));
        const char *env = getenv(name);

        buf_add(&b, value, (size_t) (open - value));
        buf_add(&b, env != NULL ? env : "", env != NULL ? strlen(env) : 0);
        free(name);
        value = close + 1;
    }
    buf_add(&b, value, strlen(value) + 1);
    return b.data;
}

static int retry_limit(const char *v)
{
    if (strcasecmp(v, "no_limits") == 0 || strcasecmp(v, "false") == 0 ||
        strcasecmp(v, "off") == 0) {
        return RETRY_UNLIMITED;
    }
    if (strcasecmp(v, "no_retries") == 0) {
        return RETRY_NONE;
    }
    return atoi(v) > 0 ? atoi(v) : RETRY_DEFAULT;
}

/* Keys that core takes for itself; whether the key was one of them. */
static int consumed(const char *key)
{
    static const char *const exact[] = {
        "name", "match_regex", "log_level", "log_suppress_interval", "host", "port",
        "ipv6", "tls", "storage.total_limit_size", "processors", "routes"};
    static const char *const prefix[] = {"tls.", "net.", "oauth2"};

    for (size_t i = 0; i < sizeof(exact) / sizeof(exact[0]); i++) {
        if (strcasecmp(key, exact[i]) == 0) {
            return 1;
        }
    }
    for (size_t i = 0; i < sizeof(prefix) / sizeof(prefix[0]); i++) {
        if (strncasecmp(key, prefix[i], strlen(prefix[i])) == 0) {
            return 1;
        }
    }
    return 0;
}

static void keep(struct output *o, const char *key, char *value)
{
    o->props = xrealloc(o->props, (o->nprops + 1) * sizeof(*o->props));
    if (value != NULL && *value == '\0') {
        free(value);
        value = NULL;
    }
    o->props[o->nprops++] = (struct property) {xstrdup(key), value};
}

static int is_on(const char *v)
{
    return strcasecmp(v, "on") == 0 || strcasecmp(v, "true") == 0 || strcasecmp(v, "yes") == 0;
}

void output_set(struct output *o, const char *key, const char *raw)
{
    char *value = expand(raw);

    if (strcasecmp(key, "match") == 0) {
        free(o->match);
        o->match = value;
        return;
    }
    if (strcasecmp(key, "alias") == 0) {
        free(o->alias);
        o->alias = value;
        return;
    }
    if (strcasecmp(key, "workers") == 0) {
        o->workers = atoi(value);
    }
    else if (strcasecmp(key, "retry_limit") == 0) {
        o->retry_limit = retry_limit(value);
    }
    else if (strcasecmp(key, "tls") == 0) {
        o->tls = is_on(value);
    }
    else if (!consumed(key)) {
        keep(o, key, value);
        return;
    }
    free(value);
}

void output_set_at_reload(struct output *o, const char *key, const char *value)
{
    o->reloaded = xrealloc(o->reloaded, (o->nreloaded + 1) * sizeof(*o->reloaded));
    o->reloaded[o->nreloaded++] = (struct property) {xstrdup(key), expand(value)};
}

/* A property that is not given yet is added. */
void output_reload(struct output *o)
{
    for (size_t i = 0; i < o->nreloaded; i++) {
        size_t at = 0;

        while (at < o->nprops && strcasecmp(o->reloaded[i].key, o->props[at].key) != 0) {
            at++;
        }
        if (at == o->nprops) {
            keep(o, o->reloaded[i].key, NULL);
        }
        free(o->props[at].value);
        o->props[at].value = *o->reloaded[i].value != '\0' ? xstrdup(o->reloaded[i].value) : NULL;
    }
}

const char *output_get_property(const char *key, void *instance)
{
    struct output *o = instance;

    for (size_t i = 0; i < o->nprops; i++) {
        if (strcasecmp(key, o->props[i].key) == 0) {
            return o->props[i].value;
        }
    }
    return NULL;
}

int tag_matches(const char *match, const char *tag)
{
    for (; *match != '\0'; match++, tag++) {
        if (*match == '*') {
            while (*match == '*') {
                match++;
            }
            for (; *match != '\0' && *tag != '\0'; tag++) {
                if (tag_matches(match, tag)) {
                    return 1;
                }
            }
            return *match == '\0';
        }
        if (*match != *tag) {
            return 0;
        }
    }
    return *tag == '\0';
}
