#include "bench/runner/progress.h"

#include "bench/runner/usage.h"
#include "redis/sync.h"
#include "state/keys.h"
#include "support/check.h"
#include "support/nba.h"

#include <poll.h>
#include <string.h>

enum { ASK_MS = 30000, CHUNK = 10, LOOK_MS = 20 };

void progress_open(struct progress *progress, const struct redis_settings *redis, game_date first) {
    *progress = (struct progress){.first = first};
    check_ok(redis_connect(redis, ASK_MS, &progress->connection));
}

void progress_close(struct progress *progress) {
    if (progress->connection)
        redisFree(progress->connection);
    progress->connection = NULL;
}

void progress_expect(struct progress *progress, int count, int group, const char *phase) {
    progress->left = count;
    progress->group = group;
    progress->phase = phase;
}

static redisReply *next_reply(struct progress *progress) {
    void *reply = NULL;
    if (redisGetReply(progress->connection, &reply) != REDIS_OK)
        fail_msg("Redis has gone: %s", progress->connection->errstr);
    return reply;
}

/* Takes those off the end that have come; false when one of them has not. */
static bool look_at_some(struct progress *progress) {
    int count = progress->left < CHUNK ? progress->left : CHUNK, come = 0;
    char key[KEY_MAX];
    for (int i = 1; i <= count; i++)
        redisAppendCommand(progress->connection, "HGET %s .g%d",
            key_date(nba_pipeline(), progress->first + progress->left - i, key), progress->group);
    for (int i = 1; i <= count; i++) {
        redisReply *reply = next_reply(progress);
        bool has = reply->str && strncmp(reply->str, progress->phase, strlen(progress->phase)) == 0;
        come += come == i - 1 && has ? 1 : 0;
        freeReplyObject(reply);
    }
    progress->left -= come;
    return come == count;
}

static bool look(struct progress *progress) {
    while (progress->left > 0 && look_at_some(progress)) {
    }
    return progress->left == 0;
}

bool progress_is_over(void *context) {
    struct progress *progress = context;
    double now = seconds_now();
    if (now < progress->next)
        return false;
    progress->next = now + LOOK_MS / 1000.0;
    return look(progress);
}

void progress_await(struct progress *progress, int timeout_ms) {
    double deadline = seconds_now() + timeout_ms / 1000.0;
    while (!look(progress)) {
        if (seconds_now() > deadline)
            fail_msg("%d dates have not brought group %d to \"%s\" in time", progress->left, progress->group,
                progress->phase);
        poll(NULL, 0, LOOK_MS);
    }
}

static bool has_key(struct progress *progress, const char *key) {
    redisAppendCommand(progress->connection, "EXISTS %s", key);
    redisReply *reply = next_reply(progress);
    bool has = reply->integer == 1;
    freeReplyObject(reply);
    return has;
}

void progress_await_key(struct progress *progress, const char *key, int timeout_ms) {
    double deadline = seconds_now() + timeout_ms / 1000.0;
    while (!has_key(progress, key)) {
        if (seconds_now() > deadline)
            fail_msg("the store has no %s in time", key);
        poll(NULL, 0, 1);
    }
}
