#include "redis/sentinel.h"

#include "redis/link.h"
#include "redis/sync.h"

#include <stdlib.h>
#include <string.h>

enum { PORT_DIGITS_MAX = 5, PORT_MAX = 65535 };

static bool read_port(const redisReply *text, int *port) {
    size_t digits = text->str ? strspn(text->str, "0123456789") : 0;
    if (digits == 0 || digits > PORT_DIGITS_MAX || digits != text->len)
        return false;
    *port = atoi(text->str);
    return *port > 0 && *port <= PORT_MAX;
}

static bool read_host(const redisReply *text, char host[SENTINEL_HOST_MAX]) {
    if (!text->str || text->len == 0 || text->len >= SENTINEL_HOST_MAX)
        return false;
    for (size_t i = 0; i < text->len; i++) {
        if (text->str[i] <= ' ' || text->str[i] >= 0x7f)
            return false;
    }
    memcpy(host, text->str, text->len + 1);
    return true;
}

struct result sentinel_read_master(
    const redisReply *reply, const char *name, struct sentinel_master *master) {
    struct sentinel_master read;
    if (reply->type == REDIS_REPLY_NIL)
        return fail(CODE_UNAVAILABLE, "it knows no master named %s", name);
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 || !read_host(reply->element[0], read.host)
        || !read_port(reply->element[1], &read.port))
        return fail(CODE_UNAVAILABLE, "it answers what is no address");
    *master = read;
    return ok();
}

static struct result ask(const struct redis_settings *settings, const struct redis_address *sentinel,
    struct sentinel_master *master) {
    const struct redis_settings itself = {
        .host = sentinel->host, .port = sentinel->port, .password = settings->sentinel_password};
    redisContext *connection = NULL;
    const char *argv[] = {"SENTINEL", "GET-MASTER-ADDR-BY-NAME", settings->master};
    redisReply *reply = NULL;
    struct result r = redis_connect(&itself, SENTINEL_ANSWER_MS, &connection);
    if (is_ok(r))
        r = redis_ask(connection, &reply, 3, argv, NULL);
    if (is_ok(r))
        r = sentinel_read_master(reply, settings->master, master);
    freeReplyObject(reply);
    redisFree(connection);
    return fail_within(r, "sentinel %s:%d", sentinel->host, sentinel->port);
}

struct result sentinel_find(
    const struct redis_settings *settings, unsigned first, struct sentinel_master *master) {
    struct result r = fail(CODE_INVALID, "no sentinels to ask");
    for (int i = 0; i < settings->seed_count && !is_ok(r); i++) {
        unsigned next = (first + (unsigned)i) % (unsigned)settings->seed_count;
        r = ask(settings, &settings->seeds[next], master);
    }
    return r;
}

struct result sentinel_check_role(const redisReply *reply) {
    struct result r = redis_reply_result(reply);
    if (!is_ok(r))
        return r;
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements == 0 || !reply->element[0]->str)
        return fail(CODE_INTERNAL, "Redis answers ROLE with what is no role");
    if (strcmp(reply->element[0]->str, "master") != 0)
        return fail(CODE_UNAVAILABLE, "the server that the sentinels named as the master is a %s",
            strcmp(reply->element[0]->str, "slave") == 0 ? "replica" : reply->element[0]->str);
    return ok();
}
