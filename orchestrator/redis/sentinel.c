#include "redis/sentinel.h"

#include "redis/link.h"
#include "redis/sync.h"

#include <stdlib.h>
#include <string.h>

static struct result read_answer(const redisReply *reply, const char *name, struct sentinel_master *master) {
    if (reply->type == REDIS_REPLY_NIL)
        return fail(CODE_UNAVAILABLE, "it knows no master named %s", name);
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 || !reply->element[0]->str
        || !reply->element[1]->str || reply->element[0]->len >= SENTINEL_HOST_MAX)
        return fail(CODE_UNAVAILABLE, "it answers what is no address");
    strcpy(master->host, reply->element[0]->str);
    master->port = atoi(reply->element[1]->str);
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
        r = read_answer(reply, settings->master, master);
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
