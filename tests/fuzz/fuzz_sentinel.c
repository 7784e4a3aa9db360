/* What a sentinel answers, and what the server that it named says of its role: two replies from the wire. */
#include "fuzz/fuzz.h"
#include "redis/bounds.h"
#include "redis/sentinel.h"

#include <string.h>

static void check_master(const redisReply *reply) {
    struct sentinel_master master;
    struct result result = sentinel_read_master(reply, "main", &master);
    if (is_ok(result)) {
        fuzz_check(strlen(master.host) == reply->element[0]->len && *master.host);
        fuzz_check(master.port > 0 && master.port < 65536);
    } else {
        fuzz_check_reason(result);
    }
}

static void check_role(const redisReply *reply) {
    struct result result = sentinel_check_role(reply);
    if (is_ok(result))
        fuzz_check(strcmp(reply->element[0]->str, "master") == 0);
    else
        fuzz_check_reason(result);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    redisReader *wire = redisReaderCreate();
    void *reply = NULL;
    fuzz_check(wire);
    redis_bound(wire);
    bool fine = redisReaderFeed(wire, (const char *)data, size) == REDIS_OK;
    while (fine && redisReaderGetReply(wire, &reply) == REDIS_OK && reply) {
        check_master(reply);
        check_role(reply);
        freeReplyObject(reply);
        reply = NULL;
    }
    redisReaderFree(wire);
    return 0;
}
