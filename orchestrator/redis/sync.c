#include "redis/sync.h"

#include "base/backoff.h"
#include "redis/auth.h"
#include "redis/bounds.h"
#include "redis/internal.h"
#include "redis/link.h"
#include "redis/sentinel.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/time.h>
#include <time.h>

static struct result broken(const redisContext *connection, int reason) {
    if (connection->err == REDIS_ERR_IO && (reason == EAGAIN || reason == EWOULDBLOCK))
        return fail(CODE_UNAVAILABLE, "Redis did not answer in time");
    return fail(CODE_UNAVAILABLE, "the connection to Redis broke: %s", connection->errstr);
}

static struct result ask(
    redisContext *connection, redisReply **reply, int argc, const char **argv, const size_t *lengths) {
    errno = 0;
    redisReply *answer = NULL;
    if (redisAppendCommandArgv(connection, argc, argv, lengths) != REDIS_OK
        || redis_next_reply(connection, &answer) != REDIS_OK)
        return broken(connection, errno);
    *reply = answer;
    return ok();
}

struct result redis_ask(
    redisContext *connection, redisReply **reply, int argc, const char **argv, const size_t *lengths) {
    redisReply *answer = NULL;
    struct result r = ask(connection, &answer, argc, argv, lengths);
    if (!is_ok(r))
        return r;
    r = redis_reply_result(answer);
    if (is_ok(r))
        *reply = answer;
    else
        freeReplyObject(answer);
    return r;
}

static struct result login_step(redisContext *connection, int argc, const char **argv) {
    redisReply *reply = NULL;
    struct result r = ask(connection, &reply, argc, argv, NULL);
    if (!is_ok(r))
        return r;
    r = redis_login_result(reply);
    freeReplyObject(reply);
    return r;
}

static struct result sign_in(redisContext *connection, const struct redis_settings *settings) {
    enum { AUTH_BYTES_MAX = 16 * 1024 };
    struct arena *arena = arena_new_private(AUTH_BYTES_MAX);
    size_t length = 0;
    const char *auth = arena ? redis_auth_format(settings, arena, &length) : NULL;
    redisReply *reply = NULL;
    struct result r =
        auth ? redis_auth_send(connection->fd, auth, length) : fail(CODE_UNAVAILABLE, "out of memory");
    errno = 0;
    if (is_ok(r))
        r = redis_next_reply(connection, &reply) == REDIS_OK ? redis_login_result(reply)
                                                             : broken(connection, errno);
    freeReplyObject(reply);
    arena_free(&arena);
    return r;
}

/* PING comes last: without a password the server refuses it, and while it loads its data it answers LOADING.
 */
static struct result login(redisContext *connection, const struct redis_settings *settings) {
    struct result r = ok();
    if (settings->password)
        r = sign_in(connection, settings);
    if (is_ok(r) && settings->database != 0) {
        char database[16];
        snprintf(database, sizeof database, "%d", settings->database);
        const char *argv[] = {"SELECT", database};
        r = login_step(connection, 2, argv);
    }
    if (is_ok(r)) {
        const char *argv[] = {"PING"};
        r = login_step(connection, 1, argv);
    }
    return r;
}

static struct result connect_once(
    const struct redis_settings *settings, int timeout_ms, redisContext **connection) {
    struct timeval timeout = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000};
    redisContext *fresh = settings->path ? redisConnectUnixWithTimeout(settings->path, timeout)
                                         : redisConnectWithTimeout(settings->host, settings->port, timeout);
    if (!fresh)
        return fail(CODE_INTERNAL, "out of memory for a connection to Redis");
    redis_bound(fresh->reader);
    struct result r = ok();
    if (fresh->err)
        r = fail(CODE_UNAVAILABLE, "%s", fresh->errstr);
    else if (redisSetTimeout(fresh, timeout) != REDIS_OK)
        r = fail(CODE_INTERNAL, "cannot set the time limit: %s", fresh->errstr);
    else
        r = login(fresh, settings);
    if (!is_ok(r)) {
        redisFree(fresh);
        return r;
    }
    *connection = fresh;
    return ok();
}

static struct result check_master(redisContext *connection) {
    redisReply *reply = NULL;
    struct result r = redis_ask(connection, &reply, 1, (const char *[]){"ROLE"}, NULL);
    if (is_ok(r))
        r = sentinel_check_role(reply);
    freeReplyObject(reply);
    return r;
}

static struct result connect_by_sentinel(
    const struct redis_settings *settings, unsigned attempt, int timeout_ms, redisContext **connection) {
    struct sentinel_master master;
    redisContext *fresh = NULL;
    struct redis_settings itself = *settings;
    struct result r = sentinel_find(settings, attempt, &master);
    if (!is_ok(r))
        return r;
    itself.kind = REDIS_SINGLE;
    itself.host = master.host;
    itself.port = master.port;
    r = connect_once(&itself, timeout_ms, &fresh);
    if (is_ok(r))
        r = check_master(fresh);
    if (!is_ok(r)) {
        redisFree(fresh);
        return fail_within(r, "the master at %s:%d", master.host, master.port);
    }
    *connection = fresh;
    return ok();
}

int64_t redis_monotonic_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* While a failover is under way nobody is the master: asks again until there is one, or the time is over. */
static struct result connect_to_master(
    const struct redis_settings *settings, int timeout_ms, redisContext **connection) {
    struct backoff backoff = {.first_ms = 50, .max_ms = 500};
    int64_t deadline = redis_monotonic_ms() + timeout_ms;
    for (;;) {
        struct result r = connect_by_sentinel(settings, backoff.failures, timeout_ms, connection);
        if (is_ok(r) || !r.retryable || redis_monotonic_ms() >= deadline)
            return r;
        poll(NULL, 0, (int)backoff_next_ms(&backoff));
    }
}

struct result redis_connect(
    const struct redis_settings *settings, int timeout_ms, redisContext **connection) {
    char address[REDIS_ADDRESS_TEXT_MAX];
    redis_settings_describe(settings, address, sizeof address);
    redis_ignore_broken_pipe();
    struct result r = fail(CODE_INVALID, "a Cluster is not reached by one connection");
    if (settings->kind == REDIS_SINGLE)
        r = connect_once(settings, timeout_ms, connection);
    else if (settings->kind == REDIS_BY_SENTINEL)
        r = connect_to_master(settings, timeout_ms, connection);
    return fail_within(r, "Redis at %s", address);
}
