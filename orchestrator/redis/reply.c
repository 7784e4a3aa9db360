#include "redis/internal.h"
#include "redis/link.h"

#include <signal.h>
#include <string.h>

static const struct {
    const char *word;
    enum code code;
    const char *advice; /* "Redis …"; NULL: the error says enough */
} kinds[] = {
    {"LOADING", CODE_UNAVAILABLE, "is still reading its data"},
    {"MASTERDOWN", CODE_UNAVAILABLE, "is a replica without its master"},
    {"CLUSTERDOWN", CODE_UNAVAILABLE, "is a node of a cluster that is not whole: see CLUSTER INFO there"},
    {"OOM", CODE_UNAVAILABLE, "is out of memory: raise its maxmemory, or free some"},
    {"MISCONF", CODE_UNAVAILABLE, "cannot write to its disk: make room there; its own log says more"},
    {"READONLY", CODE_UNAVAILABLE, "is a replica: give the address of the master"},
    {"NOREPLICAS", CODE_UNAVAILABLE,
        "has fewer replicas that keep up than its min-replicas-to-write, or our durability, asks for"},
    {"BUSY", CODE_UNAVAILABLE, "is held up by a script: see FUNCTION KILL and SCRIPT KILL"},
    {"TRYAGAIN", CODE_UNAVAILABLE, NULL},
    {"MOVED", CODE_UNAVAILABLE, NULL},
    {"ASK", CODE_UNAVAILABLE, NULL},
    {"NOAUTH", CODE_REFUSED, NULL},
    {"WRONGPASS", CODE_REFUSED, NULL},
    {"NOPERM", CODE_REFUSED, "does not let this user do it: see its ACL"},
};

static bool begins_with_word(const char *text, const char *word) {
    size_t length = strcspn(text, " ");
    return strlen(word) == length && memcmp(word, text, length) == 0;
}

static enum code kind_of(const char *text, const char **advice) {
    *advice = NULL;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (begins_with_word(text, kinds[i].word)) {
            *advice = kinds[i].advice;
            return kinds[i].code;
        }
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
    const char *advice;
    enum code code = kind_of(reply->str, &advice);
    return advice ? fail(code, "Redis %s; it answers: %s", advice, reply->str)
                  : fail(code, "Redis answers: %s", reply->str);
}

const char *redis_reply_text(const redisReply *array, size_t index) {
    const char *text = array->element[index]->str;
    return text ? text : "";
}

/* Without the arguments of a command that the server does not know, of which AUTH's are a password. */
static int shown_length(const redisReply *error) {
    const char *arguments = strstr(error->str, ", with args beginning with");
    return arguments ? (int)(arguments - error->str) : (int)error->len;
}

struct result redis_login_result(const redisReply *reply) {
    struct result r = redis_reply_result(reply);
    if (r.code == CODE_UNAVAILABLE || is_ok(r))
        return r;
    return fail(CODE_REFUSED, "Redis refuses the user, password or database of the settings: %.*s",
        shown_length(reply), reply->str);
}

void redis_ignore_broken_pipe(void) {
    struct sigaction action;
    if (sigaction(SIGPIPE, NULL, &action) != 0 || action.sa_handler != SIG_DFL)
        return;
    action.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &action, NULL);
}
