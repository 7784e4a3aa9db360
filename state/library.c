#include "state/library.h"

#include <stdlib.h>
#include <string.h>

/* The look at one server. */
struct library {
    struct redis_link *link;
    const struct log *log;
    library_ready_fn *ready;
    void *context;
    long long found; /* version on the server; 0: none */
};

static void finish(struct library *library, struct result result) {
    library->ready(library->context, library->link, result);
    free(library);
}

static void on_loaded(void *context, const redisReply *reply) {
    struct library *library = context;
    struct result result = redis_reply_result(reply);
    if (is_ok(result))
        log_info(library->log, "loaded version %d of the function library into Redis", LIBRARY_VERSION);
    finish(library, fail_within(result, "loading the function library into Redis"));
}

/* The library_code of a FUNCTION LIST reply with at most one library: a flat list of names and values. */
static const redisReply *listed_code(const redisReply *reply) {
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements == 0)
        return NULL;
    const redisReply *entry = reply->element[0];
    for (size_t i = 0; i + 1 < entry->elements; i += 2) {
        if (entry->element[i]->str && strcmp(entry->element[i]->str, "library_code") == 0)
            return entry->element[i + 1];
    }
    return NULL;
}

static void on_listed(void *context, const redisReply *reply) {
    struct library *library = context;
    struct result result = redis_reply_result(reply);
    if (result.code == CODE_INTERNAL)
        result = fail(CODE_REFUSED, "this Redis has no functions (%s); phasegate needs Redis 7.0 or newer",
            result.text);
    if (!is_ok(result)) {
        finish(library, result);
        return;
    }
    if (library->found > LIBRARY_VERSION) {
        finish(library,
            fail(CODE_REFUSED,
                "the store has version %lld of the function library, this phasegate knows %d; run the newer "
                "phasegate",
                library->found, LIBRARY_VERSION));
        return;
    }
    const redisReply *code = listed_code(reply);
    if (code && code->len == strlen(phasegate_lua) && memcmp(code->str, phasegate_lua, code->len) == 0) {
        finish(library, ok());
        return;
    }
    result = redis_link_sendv(
        library->link, on_loaded, library, "FUNCTION", "LOAD", "REPLACE", phasegate_lua, NULL);
    if (!is_ok(result))
        finish(library, result);
}

static void on_version(void *context, const redisReply *reply) {
    struct library *library = context;
    library->found = reply && reply->type == REDIS_REPLY_INTEGER ? reply->integer : 0;
    struct result result = redis_link_sendv(
        library->link, on_listed, library, "FUNCTION", "LIST", "LIBRARYNAME", "phasegate", "WITHCODE", NULL);
    if (!is_ok(result))
        finish(library, result);
}

void library_ensure(struct redis_link *link, const struct log *log, library_ready_fn *ready, void *context) {
    struct library *library = malloc(sizeof *library);
    if (!library) {
        ready(context, link, fail(CODE_UNAVAILABLE, "out of memory"));
        return;
    }
    *library = (struct library){.link = link, .log = log, .ready = ready, .context = context};
    struct result result = redis_link_sendv(link, on_version, library, "FCALL", "pg_version", "0", NULL);
    if (!is_ok(result))
        finish(library, result);
}
