#include "redis/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char tcp_scheme[] = "redis://", unix_scheme[] = "unix://";

enum { DEFAULT_PORT = 6379, PORT_MAX = 65535, DATABASE_MAX = 9999 };

static struct result no_memory(void) {
    return fail(CODE_INTERNAL, "out of memory while reading the Redis address");
}

static struct result parse_number(
    const char *url, const char *text, size_t length, const char *what, int max, int *number) {
    int value = 0;
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9' || value > max)
            length = 0;
        else
            value = value * 10 + (text[i] - '0');
    }
    if (length == 0 || value > max)
        return fail(CODE_INVALID, "%s: the %s is not a number from 0 to %d", url, what, max);
    *number = value;
    return ok();
}

/* The host, which may be an IPv6 address in brackets, and what follows it. */
static struct result split_host(
    const char *url, const char *rest, const char **host, size_t *length, const char **after) {
    if (*rest != '[') {
        *host = rest;
        *length = strcspn(rest, ":/");
        *after = rest + *length;
        return ok();
    }
    const char *end = strchr(rest, ']');
    if (!end || (end[1] != '\0' && end[1] != ':' && end[1] != '/'))
        return fail(CODE_INVALID, "%s: an IPv6 address is written [address]:port", url);
    *host = rest + 1;
    *length = (size_t)(end - rest) - 1;
    *after = end + 1;
    return ok();
}

static struct result parse_tcp(const char *url, struct arena *arena, struct redis_settings *settings) {
    const char *host = NULL, *rest = NULL;
    size_t length = 0;
    int port = DEFAULT_PORT, database = 0;
    struct result r = split_host(url, url + strlen(tcp_scheme), &host, &length, &rest);
    if (is_ok(r) && *rest == ':') {
        size_t digits = strcspn(++rest, "/");
        r = parse_number(url, rest, digits, "port", PORT_MAX, &port);
        rest += digits;
    }
    if (is_ok(r) && rest[0] == '/' && rest[1] != '\0')
        r = parse_number(url, rest + 1, strlen(rest + 1), "database", DATABASE_MAX, &database);
    if (!is_ok(r))
        return r;
    char *name = length > 0 ? arena_strndup(arena, host, length) : arena_strdup(arena, "127.0.0.1");
    if (!name)
        return no_memory();
    *settings = (struct redis_settings){.host = name, .port = port, .database = database};
    return ok();
}

static struct result parse_unix(const char *url, struct arena *arena, struct redis_settings *settings) {
    const char *path = url + strlen(unix_scheme), *query = strchr(path, '?');
    size_t length = query ? (size_t)(query - path) : strlen(path);
    int database = 0;
    if (path[0] != '/' || length < 2)
        return fail(CODE_INVALID,
            "%s: the path of the socket has to begin with /, as in unix:///run/redis.sock", url);
    if (query && strncmp(query, "?db=", 4) != 0)
        return fail(CODE_INVALID, "%s: after the socket's path only ?db=N is understood", url);
    if (query) {
        struct result r =
            parse_number(url, query + 4, strlen(query + 4), "database", DATABASE_MAX, &database);
        if (!is_ok(r))
            return r;
    }
    char *copy = arena_strndup(arena, path, length);
    if (!copy)
        return no_memory();
    *settings = (struct redis_settings){.path = copy, .database = database};
    return ok();
}

struct result redis_settings_parse(const char *url, struct arena *arena, struct redis_settings *settings) {
    if (strncmp(url, unix_scheme, strlen(unix_scheme)) == 0)
        return parse_unix(url, arena, settings);
    if (strncmp(url, "rediss://", strlen("rediss://")) == 0)
        return fail(
            CODE_INVALID, "a Redis address with TLS (rediss://) is not supported: use redis:// or unix://");
    if (strchr(url, '@')) /* the text must not repeat what may be a password */
        return fail(CODE_INVALID,
            "the Redis address holds a user or a password (before its @): give them by their own "
            "settings, since an address is seen in process lists and logs");
    if (strncmp(url, tcp_scheme, strlen(tcp_scheme)) == 0)
        return parse_tcp(url, arena, settings);
    return fail(CODE_INVALID,
        "\"%s\" is not a Redis address: it is redis://host:port/database or unix:///path/to/socket?db=N",
        url);
}

char *redis_settings_describe(const struct redis_settings *settings, char *text, size_t size) {
    bool ipv6 = settings->host && strchr(settings->host, ':');
    if (settings->path && settings->database != 0)
        snprintf(text, size, "unix://%s?db=%d", settings->path, settings->database);
    else if (settings->path)
        snprintf(text, size, "unix://%s", settings->path);
    else
        snprintf(text, size, "redis://%s%s%s:%d/%d", ipv6 ? "[" : "", settings->host, ipv6 ? "]" : "",
            settings->port, settings->database);
    return text;
}
