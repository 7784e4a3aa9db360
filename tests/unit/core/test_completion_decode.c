#include "base/text.h"
#include "core/completion.h"
#include "support/check.h"
#include "support/completion_reference.h"
#include "support/nba.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOW_MS ((int64_t)1764874050512) /* 2025-12-04T18:47:30.512Z */
#define TAKEN_MS (NOW_MS - 90000)       /* when the bus took the message */
#define STAMPED_MS (NOW_MS - 1650512)   /* 2025-12-04T18:20:00Z */

static struct arena *arena;

static int set_up(void **state) {
    (void)state;
    arena = arena_new(1 << 20);
    return arena ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    arena_free(&arena);
    return 0;
}

static struct message message_of(const char *text) {
    return (struct message){.id = "9188", .data = text, .size = strlen(text), .published_ms = TAKEN_MS};
}

/* Decodes from an allocation of exactly its size, so that the sanitizer sees a read past the end. */
static struct result decode(const struct message *message, struct completion *completion) {
    struct message exact = *message;
    void *data = malloc(message->size + !message->size);
    memcpy(data, message->data, message->size);
    exact.data = data;
    struct result r = completion_decode(nba_pipeline(), &exact, NOW_MS, arena, completion);
    memset(data, '#', message->size); /* nothing of the completion may point into the message */
    free(data);
    return r;
}

static struct completion decoded_message(struct message message) {
    struct completion completion = {0};
    check_ok(decode(&message, &completion));
    return completion;
}

static struct completion decoded(const char *text) {
    return decoded_message(message_of(text));
}

static struct completion decoded_with(const char *text, struct attribute attribute) {
    struct message message = message_of(text);
    message.attributes = &attribute;
    message.attribute_count = 1;
    return decoded_message(message);
}

/* A good completion but for the given members, which come last. */
static const char *good_with(const char *members) {
    return arena_printf(arena,
        "{\"processor_name\": \"pgs\", \"game_date\": \"2021-11-17\", \"status\": \"success\", "
        "\"execution_id\": \"x\"%s%s}",
        *members ? ", " : "", members);
}

static void assert_refused_message(struct message message, enum code code, const char *reason) {
    struct completion completion, untouched;
    memset(&completion, 0x5A, sizeof completion);
    memcpy(&untouched, &completion, sizeof completion);
    struct result r = decode(&message, &completion);
    assert_string_equal(r.text, reason);
    assert_int_equal(r.code, code);
    assert_false(r.retryable);
    assert_memory_equal(&completion, &untouched, sizeof completion);
}

static void assert_refused(const char *text, const char *reason) {
    assert_refused_message(message_of(text), CODE_INVALID, reason);
}

static void assert_part_refused(const char *members, const char *reason) {
    assert_refused(good_with(members), reason);
}

static struct completion decoded_file(const char *name) {
    char path[256], text[4096];
    snprintf(path, sizeof path, "%s/%s", TEST_DATA, name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    return decoded(text);
}

static game_date date_of(const char *text) {
    game_date date = 0;
    check_ok(date_parse(text, strlen(text), &date));
    return date;
}

static void the_live_sample_is_read(void **state) {
    (void)state;
    struct completion c = decoded_file("completion-live.json");
    assert_int_equal(c.processor->index, PGS);
    assert_int_equal(c.date, date_of("2025-11-29"));
    assert_int_equal(c.status, STATUS_SUCCESS);
    assert_int_equal(c.record_count, 241);
    assert_int_equal(c.records_failed, 0);
    assert_int_equal(c.timestamp_ms, 1764502927104);
    assert_false(c.backfill);
    assert_string_equal(c.execution_id, "4f0c7f0e-9a3d-4a53-8f4f-0d5f2f3c9f10");
    assert_string_equal(c.correlation_id, "morning-ops-20251129");
    assert_null(c.trigger_id);
    assert_null(c.trigger_message_id);
    assert_null(c.error_message);
}

static void the_backfill_sample_is_read(void **state) {
    (void)state;
    struct completion c = decoded_file("completion-backfill.json");
    assert_int_equal(c.processor->index, TOGS);
    assert_int_equal(c.date, date_of("2021-11-17"));
    assert_int_equal(c.record_count, 22);
    assert_int_equal(c.timestamp_ms, STAMPED_MS);
    assert_true(c.backfill);
    assert_string_equal(c.execution_id, "bf-20251204-togs-2021-11-17");
}

static void the_phase_4_sample_is_read(void **state) {
    (void)state;
    struct completion c = decoded_file("completion-phase4.json");
    assert_int_equal(c.processor->index, MLFS);
    assert_string_equal(c.trigger_message_id, "9188");
    assert_false(c.backfill);
    assert_int_equal(c.timestamp_ms, TAKEN_MS); /* it says 19:02, which is still to come */
}

static void what_is_absent_is_absent(void **state) {
    (void)state;
    struct completion c =
        decoded("{\"output_table\": \"pgs\", \"analysis_date\": \"2021-11-17\", \"status\": \"partial\"}");
    assert_int_equal(c.processor->index, PGS);
    assert_int_equal(c.date, date_of("2021-11-17"));
    assert_int_equal(c.record_count, ROWS_UNKNOWN);
    assert_int_equal(c.records_failed, 0);
    assert_string_equal(c.execution_id, "9188");
    assert_int_equal(c.timestamp_ms, TAKEN_MS);
    assert_null(c.correlation_id);
}

static void null_and_empty_count_as_absent(void **state) {
    (void)state;
    struct completion c = decoded(
        "{\"pipeline\": \"\", \"processor_name\": null, \"output_table\": \"pgs\","
        " \"game_date\": \"\", \"analysis_date\": \"2021-11-17\", \"status\": \"success\","
        " \"record_count\": null, \"records_failed\": null, \"execution_id\": \"\","
        " \"correlation_id\": \"\", \"timestamp\": null, \"metadata\": null,"
        " \"backfill\": null, \"error_message\": \"\"}");
    assert_int_equal(c.record_count, ROWS_UNKNOWN);
    assert_string_equal(c.execution_id, "9188");
    assert_null(c.correlation_id);
    assert_null(c.error_message);
    assert_int_equal(c.timestamp_ms, TAKEN_MS);
    assert_false(c.backfill);
}

static void game_date_goes_before_analysis_date(void **state) {
    (void)state;
    assert_int_equal(decoded(good_with("\"analysis_date\": \"2020-01-01\"")).date, date_of("2021-11-17"));
    assert_refused(
        "{\"processor_name\": \"pgs\", \"game_date\": \"YESTERDAY\", \"analysis_date\": \"2021-11-17\"}",
        "game_date \"YESTERDAY\" is not a date like 2021-11-17");
}

static void what_is_not_a_json_object_is_refused(void **state) {
    (void)state;
    assert_refused("", "the message is empty");
    assert_refused("nope", "not JSON: line 1 column 1: invalid string in json text");
    assert_refused("[1]", "not a JSON object but an array");
    assert_refused("\"pgs\"", "not a JSON object but the text \"pgs\"");
    assert_refused("null", "not a JSON object but null");
    struct completion c;
    const char *const broken[] = {" ", "{", "{\"a\": 1", "{\"a\": 1}}", "{\"a\": NaN}", "{'a': 1}",
        "{\"a\": \"\xFF\"}", "{\"a\": \"", "{\"a\": \"\\", "\"\\"};
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        struct message message = message_of(broken[i]);
        check_fails(decode(&message, &c), CODE_INVALID, "not JSON: line 1 column");
    }
}

static void what_is_read_may_not_come_twice(void **state) {
    (void)state;
    assert_part_refused("\"status\": \"failed\"", "status comes twice; expected once");
    assert_part_refused(
        "\"trigger_id\": null, \"trigger_id\": \"x\"", "trigger_id comes twice; expected once");
    assert_part_refused("\"metadata\": {}, \"metadata\": {}", "metadata comes twice; expected once");
    assert_part_refused("\"metadata\": {\"backfill\": true, \"backfill\": false}",
        "metadata.backfill comes twice; expected once");
    decoded(good_with("\"backfill\": true, \"metadata\": {\"backfill\": true, \"status\": \"failed\"}"));
    decoded(good_with("\"note\": 1, \"note\": 2, \"rows\": {\"a\": 1, \"a\": 2}"));
}

static void too_large_is_refused(void **state) {
    (void)state;
    char *text = malloc(COMPLETION_BYTES_MAX + 2);
    memset(text, ' ', COMPLETION_BYTES_MAX + 1);
    const char *good = good_with("");
    memcpy(text, good, strlen(good));
    text[COMPLETION_BYTES_MAX + 1] = '\0';
    struct message message = message_of(text);
    assert_refused_message(
        message, CODE_LIMIT, "the message is 1048577 bytes long; at most 1048576 are taken");
    message.size--;
    decoded_message(message);
    free(text);
}

static const char *nested(int depth, const char *bracket) {
    char *text = arena_alloc(arena, (size_t)depth + 1);
    for (int i = 0; i < depth; i++)
        text[i] = *bracket;
    return text;
}

static void too_deep_is_refused(void **state) {
    (void)state;
    const char *most = arena_printf(
        arena, "\"x\": %s%s", nested(COMPLETION_DEPTH_MAX - 1, "["), nested(COMPLETION_DEPTH_MAX - 1, "]"));
    decoded(good_with(most));
    const char *more = arena_printf(
        arena, "\"x\": %s%s", nested(COMPLETION_DEPTH_MAX, "["), nested(COMPLETION_DEPTH_MAX, "]"));
    assert_refused_message(message_of(good_with(more)), CODE_LIMIT, "JSON nested deeper than 32 levels");
    assert_refused_message(message_of(nested(100000, "[")), CODE_LIMIT, "JSON nested deeper than 32 levels");
    const char *in_text = arena_printf(arena, "\"x\": \"\\\"%s\\\\\", \"y\": {}", nested(1000, "["));
    decoded(good_with(in_text)); /* brackets in a text nest nothing */
}

static void wrong_types_are_refused_by_name(void **state) {
    (void)state;
    assert_refused("{\"processor_name\": 7}", "processor_name is the number 7; expected a text");
    assert_refused("{\"output_table\": [\"pgs\"]}", "output_table is an array; expected a text");
    assert_refused("{\"game_date\": 20211117}", "game_date is the number 20211117; expected a text");
    assert_refused("{\"status\": true}", "status is true; expected a text");
    assert_part_refused(
        "\"timestamp\": 1764872400.5", "timestamp is the number 1764872400.5; expected a text");
    assert_part_refused("\"error_message\": {}", "error_message is an object; expected a text");
    assert_part_refused("\"trigger_source\": 1", "trigger_source is the number 1; expected a text");
    assert_part_refused("\"metadata\": \"x\"", "metadata is the text \"x\"; expected an object");
    assert_part_refused(
        "\"trigger_id\": 1.5", "trigger_id is the number 1.5; expected a text or a whole number");
}

static void unknown_fields_are_passed_over(void **state) {
    (void)state;
    decoded(good_with(
        "\"success\": false, \"phase\": 3, \"rows\": [1], \"note\": \"a\\u0000b\", \"when\": {\"x\": null}"));
}

static void row_counts_are_whole_numbers(void **state) {
    (void)state;
    assert_int_equal(decoded(good_with("\"record_count\": 0")).record_count, 0);
    assert_int_equal(decoded(good_with("\"record_count\": 241.0")).record_count, 241);
    assert_int_equal(decoded(good_with("\"record_count\": -0.0")).record_count, 0);
    assert_int_equal(decoded(good_with("\"record_count\": 1e3")).record_count, 1000);
    assert_int_equal(decoded(good_with("\"record_count\": 1000000000000")).record_count, ROWS_MAX);
    assert_int_equal(decoded(good_with("\"records_failed\": 12")).records_failed, 12);
    assert_part_refused(
        "\"record_count\": -1", "record_count is the number -1; expected a whole number, 0 or more");
    assert_part_refused(
        "\"record_count\": 241.5", "record_count is the number 241.5; expected a whole number, 0 or more");
    assert_part_refused("\"record_count\": true", "record_count is true; expected a whole number, 0 or more");
    assert_part_refused(
        "\"record_count\": \"241\"", "record_count is the text \"241\"; expected a whole number, 0 or more");
    assert_part_refused(
        "\"records_failed\": []", "records_failed is an array; expected a whole number, 0 or more");
    assert_part_refused("\"record_count\": 1000000000001",
        "record_count is the number 1000000000001; expected no more than 1000000000000");
    assert_part_refused("\"record_count\": 9223372036854775808.0",
        "record_count is the number 9.22337203685478e+18; expected a whole number, 0 or more");
}

static void another_pipelines_message_is_refused(void **state) {
    (void)state;
    assert_part_refused(
        "\"pipeline\": \"nbaa\"", "says pipeline \"nbaa\", but came on a subscription of pipeline nba");
    decoded(good_with("\"pipeline\": \"nba\""));
    struct message message = message_of(good_with(""));
    struct attribute attribute = {"pipeline", "mlb"};
    message.attributes = &attribute;
    message.attribute_count = 1;
    assert_refused_message(
        message, CODE_INVALID, "says pipeline \"mlb\", but came on a subscription of pipeline nba");
    attribute.value = "nba";
    decoded_message(message);
}

static void an_unknown_processor_is_refused_with_the_closest(void **state) {
    (void)state;
    assert_refused("{\"processor_name\": \"PlayerGamSummaryProcessor\", \"output_table\": \"x\"}",
        "processor_name \"PlayerGamSummaryProcessor\" (output_table \"x\") is not known to pipeline nba;"
        " the closest is player_game_summary");
    assert_refused("{\"processor_name\": \"Thing\", \"output_table\": \"player_daily_cash\"}",
        "processor_name \"Thing\" (output_table \"player_daily_cash\") is not known to pipeline nba;"
        " the closest is player_daily_cache");
    assert_refused(
        "{\"output_table\": \"referees\\n\"}", "output_table \"referees\\x0a\" is not known to pipeline nba");
    assert_refused(
        "{\"processor_name\": \"referees\"}", "processor_name \"referees\" is not known to pipeline nba");
    assert_refused("{\"game_date\": \"2021-11-17\"}", "no processor_name or output_table");
}

static void endless_names_are_shown_in_short(void **state) {
    (void)state;
    struct message message =
        message_of(arena_printf(arena, "{\"processor_name\": \"%s\"}", nested(100000, "\xC3")));
    struct completion c;
    check_fails(decode(&message, &c), CODE_INVALID, "not JSON"); /* not UTF-8 */
    message = message_of(arena_printf(arena, "{\"processor_name\": \"%s\"}", nested(100000, "x")));
    check_fails(decode(&message, &c), CODE_INVALID, "xxx...\" is not known to pipeline nba");
}

static void a_bad_date_is_refused(void **state) {
    (void)state;
    assert_refused("{\"processor_name\": \"pgs\"}", "no game_date or analysis_date");
    assert_refused("{\"processor_name\": \"pgs\", \"analysis_date\": \"2021-02-30\"}",
        "analysis_date 2021-02-30 does not exist: February 2021 has 28 days");
    assert_refused("{\"processor_name\": \"pgs\", \"game_date\": \"2099-01-01\"}",
        "game_date 2099-01-01 is too far away; expected a date from 1946-01-01 to 2027-01-08");
    assert_refused("{\"processor_name\": \"pgs\", \"game_date\": \"2021-11-17\\u0000x\"}",
        "game_date \"2021-11-17\\x00x\" holds a NUL character");
}

static void a_bad_status_is_refused_with_the_list(void **state) {
    (void)state;
    assert_refused("{\"processor_name\": \"pgs\", \"game_date\": \"2021-11-17\", \"success\": true}",
        "no status; expected success, partial, no_data, failed or skipped");
    assert_refused("{\"processor_name\": \"pgs\", \"game_date\": \"2021-11-17\", \"status\": \"done\"}",
        "status \"done\" is not known; expected success, partial, no_data, failed or skipped");
    assert_int_equal(
        decoded("{\"processor_name\": \"pgs\", \"game_date\": \"2021-11-17\", \"status\": \"NO_DATA\"}")
            .status,
        STATUS_NO_DATA);
}

static void ids_are_kept_whole_or_refused(void **state) {
    (void)state;
    const char *longest = nested(COMPLETION_ID_MAX, "i");
    struct completion c = decoded(good_with(arena_printf(arena,
        "\"correlation_id\": \"%s\", \"trigger_id\": \"nba/2021-11-17/g1/r1\", \"trigger_message_id\": 9188",
        longest)));
    assert_string_equal(c.correlation_id, longest);
    assert_string_equal(c.trigger_id, "nba/2021-11-17/g1/r1");
    assert_string_equal(c.trigger_message_id, "9188");
    c = decoded(
        good_with("\"trigger_id\": \"\\ud83c\\udfc0\\t\\/\", \"trigger_message_id\": -9223372036854775808"));
    assert_string_equal(c.trigger_id, "\xF0\x9F\x8F\x80\t/");
    assert_string_equal(c.trigger_message_id, "-9223372036854775808");
    struct message message =
        message_of(good_with(arena_printf(arena, "\"correlation_id\": \"%s!\"", longest)));
    struct completion none;
    check_fails(decode(&message, &none), CODE_LIMIT, "is 129 bytes long; at most 128 are taken");
    assert_part_refused("\"trigger_id\": \"a\\u0000b\"", "trigger_id \"a\\x00b\" holds a NUL character");
}

static void the_message_id_stands_in_for_the_execution(void **state) {
    (void)state;
    struct message message =
        message_of("{\"processor_name\": \"pgs\", \"game_date\": \"2021-11-17\", \"status\": \"success\"}");
    assert_string_equal(decoded_message(message).execution_id, "9188");
    message.id = NULL;
    assert_refused_message(message, CODE_INVALID, "no execution_id, and the message has no id to stand in");
    message.id = nested(COMPLETION_ID_MAX + 1, "9");
    struct completion c;
    check_fails(decode(&message, &c), CODE_LIMIT, "message id \"9999");
    assert_string_equal(
        decoded("{\"processor_name\": \"pgs\", \"game_date\": \"2021-11-17\", \"status\": \"success\","
                " \"execution_id\": 4711}")
            .execution_id,
        "4711");
}

static void error_messages_are_cut_between_characters(void **state) {
    (void)state;
    const char *error = decoded(good_with("\"error_message\": \"quota\"")).error_message;
    assert_string_equal(error, "quota");
    const char *euros = "";
    for (int i = 0; i < 100; i++)
        euros = arena_printf(arena, "%s\xE2\x82\xAC", euros);
    error = decoded(good_with(arena_printf(arena, "\"error_message\": \"%s\"", euros))).error_message;
    assert_int_equal(strlen(error), COMPLETION_ERROR_MAX - COMPLETION_ERROR_MAX % 3);
    assert_true(text_is_utf8(error, strlen(error)));
    assert_string_equal(decoded(good_with("\"error_message\": \"a\\u0000b\"")).error_message, "a");
}

static void timestamps_are_bounded_by_now(void **state) {
    (void)state;
    assert_int_equal(decoded(good_with("\"timestamp\": \"2025-12-04T18:20:00Z\"")).timestamp_ms, STAMPED_MS);
    assert_int_equal(decoded(good_with("\"timestamp\": \"2025-12-04T18:47:30.512Z\"")).timestamp_ms, NOW_MS);
    assert_int_equal(
        decoded(good_with("\"timestamp\": \"2025-12-04T18:47:30.513Z\"")).timestamp_ms, TAKEN_MS);
    assert_part_refused(
        "\"timestamp\": \"soon\"", "timestamp \"soon\" is not a timestamp like 2025-12-04T18:20:00Z");
    struct message message = message_of(good_with(""));
    message.published_ms = 0;
    assert_int_equal(decoded_message(message).timestamp_ms, NOW_MS);
    message.published_ms = NOW_MS + 5000;
    assert_int_equal(decoded_message(message).timestamp_ms, NOW_MS);
}

static void backfill_is_told_by_any_field(void **state) {
    (void)state;
    const char *const tagged[] = {"\"backfill\": true", "\"backfill_mode\": true", "\"is_backfill\": true",
        "\"skip_downstream_trigger\": true", "\"trigger_source\": \"backfill\"",
        "\"trigger_source\": \"BACKFILL\"", "\"backfill\": \"true\"", "\"backfill\": \"True\"",
        "\"backfill\": \"1\"", "\"backfill\": 1", "\"backfill\": false, \"is_backfill\": true",
        "\"metadata\": {\"backfill\": true}", "\"metadata\": {\"backfill_mode\": \"true\"}",
        "\"metadata\": {\"is_backfill\": 1}", "\"metadata\": {\"skip_downstream_trigger\": true}",
        "\"metadata\": {\"trigger_source\": \"backfill\"}"};
    for (size_t i = 0; i < sizeof tagged / sizeof *tagged; i++)
        if (!decoded(good_with(tagged[i])).backfill)
            fail_msg("%s does not tag it", tagged[i]);
    const char *const plain[] = {"", "\"backfill\": false", "\"backfill\": \"false\"", "\"backfill\": \"0\"",
        "\"backfill\": 0", "\"backfill\": \"\"", "\"trigger_source\": \"pubsub\"", "\"metadata\": {}",
        "\"metadata\": {\"backfill_mode\": false}", "\"other\": {\"backfill\": true}"};
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        if (decoded(good_with(plain[i])).backfill)
            fail_msg("%s tags it", plain[i]);
}

static void unclear_tags_are_refused(void **state) {
    (void)state;
    assert_part_refused(
        "\"backfill\": \"perhaps\"", "backfill is the text \"perhaps\"; expected true or false");
    assert_part_refused("\"is_backfill\": 2", "is_backfill is the number 2; expected true or false");
    assert_part_refused("\"metadata\": {\"backfill_mode\": []}",
        "metadata.backfill_mode is an array; expected true or false");
    struct message message = message_of(good_with(""));
    struct attribute attribute = {"backfill", "perhaps"};
    message.attributes = &attribute;
    message.attribute_count = 1;
    assert_refused_message(
        message, CODE_INVALID, "attribute backfill is \"perhaps\"; expected true or false");
}

static void backfill_is_told_by_any_attribute(void **state) {
    (void)state;
    const char *good = good_with("");
    assert_true(decoded_with(good, (struct attribute){"backfill", "true"}).backfill);
    assert_true(decoded_with(good, (struct attribute){"backfill_mode", "True"}).backfill);
    assert_true(decoded_with(good, (struct attribute){"is_backfill", "1"}).backfill);
    assert_true(decoded_with(good, (struct attribute){"skip_downstream_trigger", "true"}).backfill);
    assert_true(decoded_with(good, (struct attribute){"trigger_source", "backfill"}).backfill);
    assert_false(decoded_with(good, (struct attribute){"backfill", "false"}).backfill);
    assert_false(decoded_with(good, (struct attribute){"trigger_source", "scheduler"}).backfill);
    assert_false(decoded_with(good, (struct attribute){"note", "backfill"}).backfill);
}

static void a_full_arena_is_a_limit(void **state) {
    (void)state;
    struct message message = message_of(good_with(""));
    struct completion c;
    for (size_t size = 0; size < 96; size += 16) {
        struct arena *small = arena_new(size);
        struct result r = completion_decode(nba_pipeline(), &message, NOW_MS, small, &c);
        if (!is_ok(r))
            check_fails(r, CODE_LIMIT, "does not fit into the memory for one message");
        else
            assert_true(size >= 4 * 16); /* each of the four texts takes a place */
        arena_free(&small);
    }
}

/*
 * Damages the sample in random places; whatever comes of it, it is read or refused as jansson would read it,
 * and reasons can be shown.
 */
static void damaged_messages_never_hurt(void **state) {
    (void)state;
    const char *sample = good_with(
        "\"timestamp\": \"2025-12-04T18:20:00Z\", \"record_count\": 22, \"metadata\":"
        " {\"backfill_mode\": true}, \"trigger_message_id\": 9188, \"correlation_id\": \"bf\"");
    static const char bits[] = "\"{}[]:,\\0123456789.-eEtrufalsn\xC3\xFF \x00\x1F";
    size_t length = strlen(sample), taken = 0;
    struct arena *own = arena_new(1 << 16);
    srand(20211117);
    for (int round = 0; round < 100000; round++) {
        char text[512];
        memcpy(text, sample, length);
        for (int edits = 1 + rand() % 4; edits > 0; edits--)
            text[(size_t)rand() % length] = bits[(size_t)rand() % (sizeof bits - 1)];
        struct message message = {
            .id = "m", .data = text, .size = round % 8 ? length : (size_t)rand() % length};
        struct completion c;
        const char *why = NULL;
        if (!completion_reference_agrees(&message, own, &why))
            fail_msg("%.*s: %s", (int)message.size, text, why);
        arena_reset(own);
        struct result r = completion_decode(nba_pipeline(), &message, NOW_MS, own, &c);
        if (is_ok(r)) {
            taken++;
            assert_true(c.record_count >= ROWS_UNKNOWN && c.timestamp_ms <= NOW_MS && c.execution_id);
        } else {
            assert_true(*r.text && text_is_utf8(r.text, strlen(r.text)) && !strchr(r.text, '\n'));
        }
        arena_reset(own);
    }
    assert_true(taken > 1000); /* otherwise it tests the JSON parser only */
    arena_free(&own);
}

#define test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        test(the_live_sample_is_read),
        test(the_backfill_sample_is_read),
        test(the_phase_4_sample_is_read),
        test(what_is_absent_is_absent),
        test(null_and_empty_count_as_absent),
        test(game_date_goes_before_analysis_date),
        test(what_is_not_a_json_object_is_refused),
        test(what_is_read_may_not_come_twice),
        test(too_large_is_refused),
        test(too_deep_is_refused),
        test(wrong_types_are_refused_by_name),
        test(unknown_fields_are_passed_over),
        test(row_counts_are_whole_numbers),
        test(another_pipelines_message_is_refused),
        test(an_unknown_processor_is_refused_with_the_closest),
        test(endless_names_are_shown_in_short),
        test(a_bad_date_is_refused),
        test(a_bad_status_is_refused_with_the_list),
        test(ids_are_kept_whole_or_refused),
        test(the_message_id_stands_in_for_the_execution),
        test(error_messages_are_cut_between_characters),
        test(timestamps_are_bounded_by_now),
        test(backfill_is_told_by_any_field),
        test(unclear_tags_are_refused),
        test(backfill_is_told_by_any_attribute),
        test(a_full_arena_is_a_limit),
        test(damaged_messages_never_hurt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
