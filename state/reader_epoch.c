/* Reading the epoch, for people. */
#include "state/epoch.h"
#include "state/epoch_text.h"
#include "state/keys.h"
#include "state/reader_ask.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static int64_t number_of(const redisReply *element) {
    return element->str ? strtoll(element->str, NULL, 10) : 0;
}

struct result reader_epoch(
    struct reader *reader, const struct pipeline *pipeline, struct epoch_state *state) {
    enum { VALUE, MADE, SEEN, LOST, REBUILD };
    char key[KEY_MAX];
    const char *words[] = {"HMGET", key_epoch(pipeline, key), "value", "made", "seen", "lost", "rebuild"};
    redisReply *reply;
    struct result result =
        reader_ask(reader, &reply, REDIS_REPLY_ARRAY, words, sizeof words / sizeof words[0]);
    if (!is_ok(result))
        return result;
    redisReply *const *values = reply->element;
    *state = (struct epoch_state){.value = number_of(values[VALUE]),
        .made_ms = number_of(values[MADE]),
        .seen_ms = number_of(values[SEEN]),
        .lost = lost_epoch_parse(values[LOST]->str)};
    if (values[REBUILD]->str)
        sscanf(values[REBUILD]->str, "%" SCNd64 " %" SCNd64, &state->rebuild_ms, &state->rebuild_seek_ms);
    freeReplyObject(reply);
    return ok();
}
