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
    {"NOAUTH", CODE_REFUSED},
    {"WRONGPASS", CODE_REFUSED},
    {"NOPERM", CODE_REFUSED},
};

/* Errors begin with a word in capitals: "BUSYGROUP …" is not "BUSY …". */
static enum code kind_of(const char *text) {
    size_t length = strcspn(text, " ");
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strlen(kinds[i].word) == length && memcmp(kinds[i].word, text, length) == 0)
            return kinds[i].code;
    }
    return CODE_INTERNAL;
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
