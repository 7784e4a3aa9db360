/*
 * What stands in the store. Each line of the input is a field and, after the first blank, its value; all of
 * them are read as a date, as the outbox and as an entry of the quarantine. After a line "--" each line is an
 * entry of the date's history, newest first.
 */
#include "core/date.h"
#include "fuzz/fuzz.h"
#include "state/reader_parse.h"
#include "support/nba.h"

#include <stdlib.h>
#include <string.h>

enum { LINES_MAX = 200, ARENA_BYTES = 8 << 20, DATE = 18948 };

struct reply_list {
    redisReply items[LINES_MAX];
    redisReply *pointers[LINES_MAX];
    redisReply reply;
};

static void add(struct reply_list *list, char *text, size_t length) {
    size_t at = list->reply.elements++;
    list->items[at] = (redisReply){.type = REDIS_REPLY_STRING, .str = text, .len = length};
    list->pointers[at] = &list->items[at];
    list->reply.element = list->pointers;
}

static void add_pair(struct reply_list *hash, char *line, size_t length) {
    char *blank = strchr(line, ' '), *value = blank ? blank + 1 : line + length;
    if (blank)
        *blank = '\0';
    add(hash, line, strlen(line));
    add(hash, value, strlen(value));
}

static void read_lines(char *text, struct reply_list *hash, struct reply_list *list) {
    bool history = false;
    hash->reply = list->reply = (redisReply){.type = REDIS_REPLY_ARRAY};
    for (char *line; (line = strsep(&text, "\n"));) {
        if (hash->reply.elements + 2 > LINES_MAX || list->reply.elements + 1 > LINES_MAX)
            return;
        if (history)
            add(list, line, strlen(line));
        else if (strcmp(line, "--") == 0)
            history = true;
        else
            add_pair(hash, line, strlen(line));
    }
}

static void check_record(const struct record *record) {
    fuzz_check(record->mark >= RECORD_NONE && record->mark <= RECORD_OLD);
    if (record->mark != RECORD_NONE)
        fuzz_check(status_name(record->status)[0] != '\0' && record->record_count >= ROWS_UNKNOWN);
}

static void check_date(const redisReply *hash) {
    const struct pipeline *pipeline = nba_pipeline();
    struct arena *arena = fuzz_arena(ARENA_BYTES);
    struct date_state state;
    struct result result = parse_date(pipeline, DATE, hash, arena, &state);
    if (is_ok(result)) {
        fuzz_check(state.stale.group >= 0 && state.stale.group <= pipeline->group_count);
        fuzz_check(state.stall.group >= 0 && state.stall.group <= pipeline->group_count);
        for (int i = 0; i < pipeline->processor_count; i++)
            check_record(&state.records[i]);
        for (int g = 1; g <= pipeline->group_count; g++) {
            fuzz_check(group_phase_name(state.groups[g - 1].phase));
            fuzz_check((date_state_missing(pipeline, &state, g) & ~pipeline->groups[g - 1].needs) == 0);
        }
    } else {
        fuzz_check_reason(result);
    }
    arena_free(&arena);
}

static void check_history(const redisReply *hash, const redisReply *list) {
    struct arena *arena = fuzz_arena(ARENA_BYTES);
    struct history_entry *entries;
    size_t count;
    int64_t dropped;
    struct result result = parse_history(nba_pipeline(), DATE, hash, list, arena, &entries, &count, &dropped);
    if (!is_ok(result))
        fuzz_check_reason(result);
    for (size_t i = 0; is_ok(result) && i < count; i++) {
        fuzz_check(i == 0 || entries[i - 1].at_ms <= entries[i].at_ms);
        fuzz_check(entries[i].run >= -1000000000 && entries[i].run < 1000000000);
        if (entries[i].kind == HISTORY_COMPLETION)
            fuzz_check(entries[i].processor && entries[i].verdict && entries[i].record.execution_id);
    }
    arena_free(&arena);
}

static void check_quarantined(const redisReply *hash) {
    struct arena *arena = fuzz_arena(ARENA_BYTES);
    struct quarantined entry;
    struct result result = parse_quarantined("9188", hash, arena, &entry);
    if (is_ok(result)) {
        fuzz_check(entry.reason && entry.topic && entry.data && entry.attributes);
        for (size_t i = 0; i < entry.attribute_count; i++)
            fuzz_check(entry.attributes[i].key && entry.attributes[i].value);
    } else {
        fuzz_check_reason(result);
    }
    arena_free(&arena);
}

/* What can be read can be published, under the id that the field says. */
static void check_outbox_entry(const char *field, const char *facts) {
    const struct pipeline *pipeline = nba_pipeline();
    struct arena *arena = fuzz_arena(ARENA_BYTES);
    struct trigger trigger;
    struct result result = trigger_from_outbox(pipeline, field, facts, arena, &trigger);
    if (is_ok(result)) {
        char id[TRIGGER_ID_MAX];
        trigger_id(pipeline, &trigger, id);
        fuzz_check(strncmp(id, "nba/", 4) == 0 && strcmp(id + 4, field) == 0);
        const struct message *message = trigger_encode(pipeline, &trigger, arena);
        fuzz_check(message && fuzz_same(message_attribute(message, "trigger_id"), id));
    } else {
        fuzz_check_reason(result);
    }
    arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct reply_list hash, list;
    char *text = fuzz_text(data, size);
    read_lines(text, &hash, &list);
    check_date(&hash.reply);
    check_history(&hash.reply, &list.reply);
    check_quarantined(&hash.reply);
    for (size_t i = 0; i + 1 < hash.reply.elements; i += 2)
        check_outbox_entry(hash.items[i].str, hash.items[i + 1].str);
    free(text);
    return 0;
}
