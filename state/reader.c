#include "state/reader.h"

#include "redis/link.h"
#include "state/keys.h"
#include "state/reader_ask.h"
#include "state/reader_parse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ANSWER_MS = 5000, SETTINGS_BYTES_MAX = 64 * 1024 };

struct result reader_open(const struct redis_settings *settings, struct reader **reader) {
    struct reader *opened = calloc(1, sizeof *opened);
    if (!opened)
        return fail(CODE_LIMIT, "out of memory");
    opened->arena = arena_new(SETTINGS_BYTES_MAX);
    struct result result = opened->arena ? redis_settings_copy(settings, opened->arena, &opened->settings)
                                         : fail(CODE_LIMIT, "out of memory");
    if (is_ok(result))
        result = redis_client_open(&opened->settings, ANSWER_MS, &opened->client);
    if (!is_ok(result)) {
        reader_close(&opened);
        return result;
    }
    *reader = opened;
    return ok();
}

void reader_close(struct reader **reader) {
    if (!*reader)
        return;
    redis_client_close(&(*reader)->client);
    arena_free(&(*reader)->arena);
    free(*reader);
    *reader = NULL;
}

const char *group_phase_name(enum group_phase phase) {
    static const char *const names[] = {
        [GROUP_WAITING] = "waiting",
        [GROUP_READY] = "ready",
        [GROUP_TRIGGERED] = "triggered",
        [GROUP_DONE] = "done",
        [GROUP_FAILED] = "failed",
        [GROUP_CANCELLED] = "cancelled",
    };
    return names[phase];
}

static MUST_CHECK struct result out_of_memory(void) {
    return fail(CODE_LIMIT, "out of memory");
}

/* --- Dates ---------------------------------------------------------------------------------------------- */

/* Somebody has made it so by hand, or a disk has: it is told where, and what to do. */
static struct result of_key(struct result result, const struct pipeline *pipeline, game_date date) {
    char key[KEY_MAX];
    if (result.code != CODE_INTERNAL)
        return result;
    return fail(CODE_INTERNAL,
        "key %s is broken: %s; mend it, or remove what is wrong and have it sent again",
        key_date(pipeline, date, key), result.text);
}

/* The answer for one date. CODE_INTERNAL: its key is not what it should be. */
static struct result next_date(struct reader *reader, const struct pipeline *pipeline, game_date date,
    struct arena *arena, struct date_state *state) {
    redisReply *reply;
    struct result result = reader_next(reader, &reply);
    if (!is_ok(result))
        return result;
    result = reply->type == REDIS_REPLY_ARRAY ? parse_date(pipeline, date, reply, arena, state)
                                              : fail(CODE_INTERNAL, "Redis answers HGETALL with no hash");
    freeReplyObject(reply);
    return result;
}

struct result reader_dates_apart(struct reader *reader, const struct pipeline *pipeline,
    const game_date *dates, size_t count, struct arena *arena, struct date_state *states) {
    char key[KEY_MAX];
    for (size_t i = 0; i < count; i++) {
        struct result put =
            reader_put(reader, (const char *[]){"HGETALL", key_date(pipeline, dates[i], key)}, 2);
        if (!is_ok(put))
            return put;
    }
    struct result result = ok();
    for (size_t i = 0; i < count; i++) {
        struct result answered = next_date(reader, pipeline, dates[i], arena, &states[i]);
        if (answered.code == CODE_INTERNAL) {
            states[i] = (struct date_state){
                .date = dates[i], .broken = arena_strdup(arena, of_key(answered, pipeline, dates[i]).text)};
            answered = states[i].broken ? ok() : out_of_memory();
        }
        if (is_ok(result))
            result = answered;
        if (answered.code == CODE_UNAVAILABLE)
            break;
    }
    return result;
}

struct result reader_dates(struct reader *reader, const struct pipeline *pipeline, const game_date *dates,
    size_t count, struct arena *arena, struct date_state *states) {
    struct result result = reader_dates_apart(reader, pipeline, dates, count, arena, states);
    for (size_t i = 0; i < count && is_ok(result); i++) {
        if (states[i].broken)
            result = fail(CODE_INTERNAL, "%s", states[i].broken);
    }
    return result;
}

processor_set date_state_missing(const struct pipeline *pipeline, const struct date_state *state, int group) {
    processor_set missing = 0;
    for (int i = 0; i < pipeline->processor_count; i++) {
        processor_set bit = (processor_set)1 << i;
        if (pipeline->groups[group - 1].needs & bit && state->records[i].mark != RECORD_COUNTS)
            missing |= bit;
    }
    return missing;
}

/* Adds the month's known dates, newest first, until there are most of them. */
static MUST_CHECK struct result month_dates(struct reader *reader, const struct pipeline *pipeline,
    game_date first, size_t most, game_date *dates, size_t *count) {
    game_date next = date_next_month(first);
    char key[KEY_MAX];
    for (game_date date = first; date < next; date++) {
        struct result put = reader_put(reader, (const char *[]){"EXISTS", key_date(pipeline, date, key)}, 2);
        if (!is_ok(put))
            return put;
    }
    bool known[31] = {false};
    for (int i = 0; i < next - first; i++) {
        redisReply *reply;
        struct result result = reader_next(reader, &reply);
        if (!is_ok(result))
            return result;
        known[i] = reply->integer == 1;
        freeReplyObject(reply);
    }
    for (game_date date = next - 1; date >= first && *count < most; date--) {
        if (known[date - first])
            dates[(*count)++] = date;
    }
    return ok();
}

static void reverse(game_date *dates, size_t count) {
    for (size_t i = 0; i < count / 2; i++) {
        game_date swap = dates[i];
        dates[i] = dates[count - 1 - i];
        dates[count - 1 - i] = swap;
    }
}

struct result reader_newest(struct reader *reader, const struct pipeline *pipeline, size_t most,
    struct arena *arena, game_date **dates, size_t *count) {
    char key[KEY_MAX];
    const char *words[] = {"ZREVRANGE", key_months(pipeline, key), "0", "-1"};
    redisReply *months;
    struct result result = reader_ask(reader, &months, REDIS_REPLY_ARRAY, words, 4);
    if (!is_ok(result))
        return result;
    game_date *found = arena_alloc(arena, (most + 1) * sizeof *found);
    size_t used = 0;
    if (!found)
        result = out_of_memory();
    for (size_t i = 0; i < months->elements && is_ok(result) && used < most; i++) {
        game_date first;
        result = month_parse(redis_reply_text(months, i), &first);
        if (is_ok(result))
            result = month_dates(reader, pipeline, first, most, found, &used);
    }
    freeReplyObject(months);
    if (!is_ok(result))
        return result;
    reverse(found, used);
    *dates = found;
    *count = used;
    return ok();
}

/* --- History -------------------------------------------------------------------------------------------- */

struct result reader_history(struct reader *reader, const struct pipeline *pipeline, game_date date,
    struct arena *arena, struct history_entry **entries, size_t *count, int64_t *dropped) {
    char key[KEY_MAX];
    const char *hash_words[] = {"HGETALL", key_date(pipeline, date, key)};
    redisReply *hash, *list;
    struct result result = reader_ask(reader, &hash, REDIS_REPLY_ARRAY, hash_words, 2);
    if (!is_ok(result))
        return of_key(result, pipeline, date);
    const char *list_words[] = {"LRANGE", key_history(pipeline, date, key), "0", "-1"};
    result = reader_ask(reader, &list, REDIS_REPLY_ARRAY, list_words, 4);
    if (is_ok(result)) {
        result = parse_history(pipeline, date, hash, list, arena, entries, count, dropped);
        freeReplyObject(list);
    }
    freeReplyObject(hash);
    return of_key(result, pipeline, date);
}
