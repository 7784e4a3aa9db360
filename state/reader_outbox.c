/* Reading the outbox and the slots, for people. */
#include "redis/link.h"
#include "state/keys.h"
#include "state/reader_ask.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OUTBOX_TRIGGERS_MAX = 200000 };

struct list {
    struct trigger *triggers;
    size_t count;
    size_t room;
};

static MUST_CHECK struct result out_of_memory(void) {
    return fail(CODE_LIMIT, "out of memory");
}

static MUST_CHECK struct result make_room(struct list *list, size_t more, struct arena *arena) {
    if (list->count + more <= list->room)
        return ok();
    size_t room = 2 * list->room + more;
    if (room > 2 * (size_t)OUTBOX_TRIGGERS_MAX)
        return fail(CODE_LIMIT, "the outbox holds more than %d triggers", OUTBOX_TRIGGERS_MAX);
    struct trigger *triggers = arena_alloc(arena, room * sizeof *triggers);
    if (!triggers)
        return out_of_memory();
    if (list->count > 0)
        memcpy(triggers, list->triggers, list->count * sizeof *triggers);
    list->triggers = triggers;
    list->room = room;
    return ok();
}

static MUST_CHECK struct result add_month(
    const struct pipeline *pipeline, const redisReply *outbox, struct arena *arena, struct list *list) {
    struct result result = make_room(list, outbox->elements / 2, arena);
    for (size_t i = 0; i + 1 < outbox->elements && is_ok(result); i += 2) {
        result = trigger_from_outbox(pipeline, redis_reply_text(outbox, i), redis_reply_text(outbox, i + 1),
            arena, &list->triggers[list->count]);
        list->count += is_ok(result);
    }
    return result;
}

static int by_date(const void *left, const void *right) {
    const struct trigger *a = left, *b = right;
    if (a->date != b->date)
        return a->date < b->date ? -1 : 1;
    return a->run != b->run ? a->run - b->run : a->group - b->group;
}

struct result reader_outbox(struct reader *reader, const struct pipeline *pipeline, struct arena *arena,
    struct trigger **triggers, size_t *count) {
    char key[KEY_MAX];
    const char *words[] = {"ZRANGE", key_months(pipeline, key), "0", "-1"};
    redisReply *months;
    struct result result = reader_ask(reader, &months, REDIS_REPLY_ARRAY, words, 4);
    if (!is_ok(result))
        return result;
    struct list list = {0};
    for (size_t i = 0; i < months->elements && is_ok(result); i++) {
        game_date first;
        redisReply *outbox = NULL;
        result = month_parse(redis_reply_text(months, i), &first);
        const char *ask[] = {"HGETALL", is_ok(result) ? key_outbox(pipeline, first, key) : ""};
        if (is_ok(result))
            result = reader_ask(reader, &outbox, REDIS_REPLY_ARRAY, ask, 2);
        if (is_ok(result))
            result = add_month(pipeline, outbox, arena, &list);
        freeReplyObject(outbox);
    }
    freeReplyObject(months);
    if (!is_ok(result))
        return result;
    if (list.count > 1)
        qsort(list.triggers, list.count, sizeof *list.triggers, by_date);
    *triggers = list.triggers;
    *count = list.count;
    return ok();
}

/* --- Backfill ------------------------------------------------------------------------------------------- */

static MUST_CHECK struct result read_paused(
    struct reader *reader, const struct pipeline *pipeline, int64_t *paused_ms) {
    char key[KEY_MAX];
    const char *words[] = {"HGETALL", key_backfill(pipeline, key)};
    redisReply *reply;
    struct result result = reader_ask(reader, &reply, REDIS_REPLY_ARRAY, words, 2);
    if (!is_ok(result))
        return result;
    *paused_ms = 0;
    for (size_t i = 0; i + 1 < reply->elements; i += 2)
        if (strcmp(redis_reply_text(reply, i), "paused") == 0)
            *paused_ms = strtoll(redis_reply_text(reply, i + 1), NULL, 10);
    freeReplyObject(reply);
    return ok();
}

/* The slots of every group, one reply each; all are the caller's to free, also after a failure. */
static MUST_CHECK struct result read_slots(
    struct reader *reader, const struct pipeline *pipeline, redisReply *slots[PIPELINE_GROUPS_MAX]) {
    char key[KEY_MAX];
    struct result result = ok();
    for (int g = 1; g <= pipeline->group_count && is_ok(result); g++) {
        const char *words[] = {"ZRANGE", key_slots(pipeline, g, key), "0", "-1"};
        result = reader_ask(reader, &slots[g - 1], REDIS_REPLY_ARRAY, words, 4);
    }
    return result;
}

static bool has_slot(redisReply *const *slots, const struct trigger *trigger) {
    const redisReply *taken = slots[trigger->group - 1];
    char date[DATE_TEXT_MAX], field[DATE_TEXT_MAX + 24];
    snprintf(
        field, sizeof field, "%s/g%d/r%d", date_format(trigger->date, date), trigger->group, trigger->run);
    for (size_t i = 0; i < taken->elements; i++)
        if (strcmp(redis_reply_text(taken, i), field) == 0)
            return true;
    return false;
}

struct result reader_backfill(struct reader *reader, const struct pipeline *pipeline, struct arena *arena,
    struct backfill_state *state) {
    redisReply *slots[PIPELINE_GROUPS_MAX] = {NULL};
    struct trigger *triggers = NULL;
    struct backfill_state read = {0};
    size_t count = 0;
    struct result result = read_paused(reader, pipeline, &read.paused_ms);
    if (is_ok(result))
        result = reader_outbox(reader, pipeline, arena, &triggers, &count);
    if (is_ok(result))
        result = read_slots(reader, pipeline, slots);
    if (is_ok(result)) {
        for (int g = 1; g <= pipeline->group_count; g++)
            read.in_flight[g - 1] = (int)slots[g - 1]->elements;
        for (size_t i = 0; i < count; i++)
            if (triggers[i].backfill && triggers[i].group <= pipeline->group_count
                && !has_slot(slots, &triggers[i]))
                triggers[read.waiting_count++] = triggers[i];
        read.waiting = triggers;
        *state = read;
    }
    for (int g = 0; g < PIPELINE_GROUPS_MAX; g++)
        freeReplyObject(slots[g]);
    return result;
}
