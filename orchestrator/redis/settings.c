#include "redis/settings.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char tcp_scheme[] = "redis://", unix_scheme[] = "unix://", sentinel_scheme[] = "sentinel://",
                  cluster_scheme[] = "cluster://";

enum { DEFAULT_PORT = 6379, DEFAULT_SENTINEL_PORT = 26379, PORT_MAX = 65535, DATABASE_MAX = 9999 };

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
        *length = strcspn(rest, ":/,");
        *after = rest + *length;
        return ok();
    }
    const char *end = rest + 1 + strcspn(rest + 1, "[]/,");
    if (*end != ']' || !memchr(rest, ':', (size_t)(end - rest)) || (end[1] != '\0' && !strchr(":/,", end[1])))
        return fail(CODE_INVALID, "%s: an IPv6 address is written [address]:port", url);
    *host = rest + 1;
    *length = (size_t)(end - rest) - 1;
    *after = end + 1;
    return ok();
}

/* host[:port]; *after is what follows it. An empty host is this machine. */
static struct result parse_address(const char *url, const char *text, int default_port, struct arena *arena,
    struct redis_address *address, const char **after) {
    const char *host = NULL, *rest = NULL;
    size_t length = 0;
    int port = default_port;
    struct result r = split_host(url, text, &host, &length, &rest);
    if (is_ok(r) && *rest == ':') {
        size_t digits = strcspn(++rest, "/,");
        r = parse_number(url, rest, digits, "port", PORT_MAX, &port);
        rest += digits;
    }
    if (!is_ok(r))
        return r;
    char *name = length > 0 ? arena_strndup(arena, host, length) : arena_strdup(arena, "127.0.0.1");
    if (!name)
        return no_memory();
    *address = (struct redis_address){.host = name, .port = port};
    *after = rest;
    return ok();
}

static struct result parse_tcp(const char *url, struct arena *arena, struct redis_settings *settings) {
    struct redis_address address;
    const char *rest = NULL;
    int database = 0;
    struct result r = parse_address(url, url + strlen(tcp_scheme), DEFAULT_PORT, arena, &address, &rest);
    if (is_ok(r) && *rest == ',')
        r = fail(CODE_INVALID,
            "%s: a single Redis has one address; several are written sentinel://… or cluster://…", url);
    if (is_ok(r) && rest[0] == '/' && rest[1] != '\0')
        r = parse_number(url, rest + 1, strlen(rest + 1), "database", DATABASE_MAX, &database);
    if (is_ok(r))
        *settings = (struct redis_settings){.host = address.host, .port = address.port, .database = database};
    return r;
}

/* The addresses between commas; *after is what follows them. */
static struct result parse_seeds(const char *url, const char *text, int default_port, struct arena *arena,
    struct redis_settings *settings, const char **after) {
    for (;; text++) {
        if (*text == ',' || *text == '/' || *text == '\0')
            return fail(CODE_INVALID, "%s: there is an address without a host", url);
        if (settings->seed_count == REDIS_SEEDS_MAX)
            return fail(CODE_LIMIT, "%s: more than %d addresses", url, REDIS_SEEDS_MAX);
        struct redis_address *seed = &settings->seeds[settings->seed_count++];
        struct result r = parse_address(url, text, default_port, arena, seed, &text);
        if (!is_ok(r))
            return r;
        if (*text != ',')
            break;
    }
    *after = text;
    return ok();
}

static struct result parse_sentinel(const char *url, struct arena *arena, struct redis_settings *settings) {
    struct redis_settings parsed = {.kind = REDIS_BY_SENTINEL};
    const char *rest = NULL;
    struct result r =
        parse_seeds(url, url + strlen(sentinel_scheme), DEFAULT_SENTINEL_PORT, arena, &parsed, &rest);
    if (!is_ok(r))
        return r;
    size_t length = *rest == '/' ? strcspn(rest + 1, "/") : 0;
    if (length == 0)
        return fail(CODE_INVALID,
            "%s: after the sentinels' addresses comes the name of the master, as in "
            "sentinel://host1,host2/mymaster",
            url);
    const char *database = rest + 1 + length;
    if (database[0] == '/' && database[1] != '\0')
        r = parse_number(url, database + 1, strlen(database + 1), "database", DATABASE_MAX, &parsed.database);
    if (!is_ok(r))
        return r;
    parsed.master = arena_strndup(arena, rest + 1, length);
    if (!parsed.master)
        return no_memory();
    *settings = parsed;
    return ok();
}

static struct result parse_cluster(const char *url, struct arena *arena, struct redis_settings *settings) {
    struct redis_settings parsed = {.kind = REDIS_BY_CLUSTER};
    const char *rest = NULL;
    struct result r = parse_seeds(url, url + strlen(cluster_scheme), DEFAULT_PORT, arena, &parsed, &rest);
    if (is_ok(r) && rest[0] == '/' && rest[1] != '\0')
        r = fail(CODE_INVALID, "%s: a Cluster has no databases, so nothing follows the addresses", url);
    if (is_ok(r))
        *settings = parsed;
    return r;
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
    if (strncmp(url, sentinel_scheme, strlen(sentinel_scheme)) == 0)
        return parse_sentinel(url, arena, settings);
    if (strncmp(url, cluster_scheme, strlen(cluster_scheme)) == 0)
        return parse_cluster(url, arena, settings);
    return fail(CODE_INVALID,
        "\"%s\" is not a Redis address: it is redis://host:port/database, unix:///path/to/socket?db=N, "
        "sentinel://host,host/master or cluster://host,host",
        url);
}

/* --- In plain text -------------------------------------------------------------------------------------- */

static bool is_this_machine(const char *host) {
    struct in_addr ipv4;
    struct in6_addr ipv6;
    if (inet_pton(AF_INET, host, &ipv4) == 1)
        return ntohl(ipv4.s_addr) >> 24 == 127;
    if (inet_pton(AF_INET6, host, &ipv6) == 1)
        return IN6_IS_ADDR_LOOPBACK(&ipv6) || (IN6_IS_ADDR_V4MAPPED(&ipv6) && ipv6.s6_addr[12] == 127);
    return strcasecmp(host, "localhost") == 0;
}

const char *redis_settings_exposed(const struct redis_settings *settings) {
    if (!settings->password && !(settings->kind == REDIS_BY_SENTINEL && settings->sentinel_password))
        return NULL;
    if (settings->kind == REDIS_SINGLE)
        return settings->host && !is_this_machine(settings->host) ? settings->host : NULL;
    for (int i = 0; i < settings->seed_count; i++) {
        if (!is_this_machine(settings->seeds[i].host))
            return settings->seeds[i].host;
    }
    return NULL;
}

/* --- Copying and describing ----------------------------------------------------------------------------- */

/* A copy of text, or NULL for NULL; *complete becomes false when out of memory. */
static const char *copy(struct arena *arena, const char *text, bool *complete) {
    const char *made = text ? arena_strdup(arena, text) : NULL;
    *complete = *complete && (made || !text);
    return made;
}

struct result redis_settings_copy(
    const struct redis_settings *from, struct arena *arena, struct redis_settings *to) {
    struct redis_settings made = *from;
    bool complete = true;
    made.host = copy(arena, from->host, &complete);
    made.path = copy(arena, from->path, &complete);
    made.username = copy(arena, from->username, &complete);
    made.password = copy(arena, from->password, &complete);
    made.master = copy(arena, from->master, &complete);
    made.sentinel_password = copy(arena, from->sentinel_password, &complete);
    for (int i = 0; i < from->seed_count; i++)
        made.seeds[i].host = copy(arena, from->seeds[i].host, &complete);
    if (!complete)
        return fail(CODE_LIMIT, "out of memory for the settings of Redis");
    *to = made;
    return ok();
}

/* Each adds to the text of so many bytes, as far as there is room. */
static void add(char *text, size_t size, const char *part) {
    size_t length = strlen(text);
    snprintf(text + length, size - length, "%s", part);
}

static void add_address(char *text, size_t size, const char *host, int port) {
    bool ipv6 = strchr(host, ':');
    size_t length = strlen(text);
    snprintf(text + length, size - length, "%s%s%s:%d", ipv6 ? "[" : "", host, ipv6 ? "]" : "", port);
}

static void add_seeds(char *text, size_t size, const struct redis_settings *settings) {
    for (int i = 0; i < settings->seed_count; i++) {
        add(text, size, i > 0 ? "," : "");
        add_address(text, size, settings->seeds[i].host, settings->seeds[i].port);
    }
}

char *redis_settings_describe(const struct redis_settings *settings, char *text, size_t size) {
    char database[24] = "";
    text[0] = '\0';
    if (settings->database != 0 || (settings->kind == REDIS_SINGLE && !settings->path))
        snprintf(database, sizeof database, "%s%d", settings->path ? "?db=" : "/", settings->database);
    if (settings->kind == REDIS_BY_SENTINEL) {
        add(text, size, sentinel_scheme);
        add_seeds(text, size, settings);
        add(text, size, "/");
        add(text, size, settings->master);
    } else if (settings->kind == REDIS_BY_CLUSTER) {
        add(text, size, cluster_scheme);
        add_seeds(text, size, settings);
    } else if (settings->path) {
        add(text, size, unix_scheme);
        add(text, size, settings->path);
    } else {
        add(text, size, tcp_scheme);
        add_address(text, size, settings->host, settings->port);
    }
    add(text, size, database);
    return text;
}
