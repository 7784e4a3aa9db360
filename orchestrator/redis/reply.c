#include "redis/internal.h"
#include "redis/link.h"

#include <signal.h>
#include <string.h>

static const struct {
    const char *word;
    enum code code;
} kinds[] = {
    {"LOADING", CODE_UNAVAILABLE},
    {"MASTERDOWN", CODE_UNAVAILABLE},
    {"CLUSTERDOWN", CODE_UNAVAILABLE},
    {"OOM", CODE_UNAVAILABLE},
    {"MISCONF", CODE_UNAVAILABLE},
    {"READONLY", CODE_UNAVAILABLE},
    {"BUSY", CODE_UNAVAILABLE},
    {"TRYAGAIN", CODE_UNAVAILABLE},
    {"MOVED", CODE_UNAVAILABLE},
    {"ASK", CODE_UNAVAILABLE},
    {"NOREPLICAS", CODE_UNAVAILABLE},
    {"NOAUTH", CODE_REFUSED},
    {"WRONGPASS", CODE_REFUSED},
    {"NOPERM", CODE_REFUSED},
};

static bool begins_with_word(const char *text, const char *word) {
    size_t length = strcspn(text, " ");
    return strlen(word) == length && memcmp(word, text, length) == 0;
}

static enum code kind_of(const char *text) {
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (begins_with_word(text, kinds[i].word))
            return kinds[i].code;
    }
    return CODE_INTERNAL;
}

bool redis_reply_is_error(const redisReply *reply, const char *word) {
    return reply && reply->type == REDIS_REPLY_ERROR && begins_with_word(reply->str, word);
}

struct result redis_reply_result(const redisReply *reply) {
    if (!reply)
        return fail(CODE_UNAVAILABLE, "the connection to Redis broke before the answer came");
    if (reply->type != REDIS_REPLY_ERROR)
        return ok();
    return fail(kind_of(reply->str), "Redis answers: %s", reply->str);
}

struct result redis_login_result(const redisReply *reply) {
    struct result r = redis_reply_result(reply);
    if (r.code == CODE_UNAVAILABLE || is_ok(r))
        return r;
    return fail(CODE_REFUSED, "Redis refuses the user, password or database of the settings: %s", reply->str);
}

void redis_ignore_broken_pipe(void) {
    struct sigaction action;
    if (sigaction(SIGPIPE, NULL, &action) != 0 || action.sa_handler != SIG_DFL)
        return;
    action.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &action, NULL);
}
