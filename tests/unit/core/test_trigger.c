#include "core/completion.h"
#include "core/trigger.h"
#include "support/check.h"
#include "support/nba.h"

#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIELD "2021-11-17/g2/r1"
#define FACTS                                                                                                \
    "{\"at\":1764874050512,\"backfill\":true,\"correlation\":\"bf-20251204\","                               \
    "\"upstream\":{\"tdza\":30,\"psza\":280,\"upgc\":382,\"utgc\":22}}"

static struct arena *arena;

static int set_up(void **state) {
    (void)state;
    arena = arena_new(1 << 16);
    return arena ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    arena_free(&arena);
    return 0;
}

static struct trigger read_trigger(const char *field, const char *facts) {
    struct trigger trigger = {0};
    check_ok(trigger_from_outbox(nba_pipeline(), field, facts, arena, &trigger));
    return trigger;
}

static void assert_refused(const char *field, const char *facts, const char *part) {
    struct trigger trigger = {.run = 77};
    check_fails(trigger_from_outbox(nba_pipeline(), field, facts, arena, &trigger), CODE_INVALID, part);
    assert_int_equal(trigger.run, 77);
}

static json_t *object_of(const struct message *message) {
    assert_non_null(message);
    json_t *object = json_loadb(message->data, message->size, 0, NULL);
    assert_non_null(object);
    return object;
}

static void the_outbox_is_read(void **state) {
    (void)state;
    struct trigger t = read_trigger(FIELD, FACTS);
    assert_int_equal(t.date, 18948);
    assert_int_equal(t.group, 2);
    assert_int_equal(t.run, 1);
    assert_true(t.backfill);
    assert_int_equal(t.decided_ms, 1764874050512);
    assert_string_equal(t.correlation_id, "bf-20251204");
    assert_int_equal(t.upstream[TDZA], 30);
    assert_int_equal(t.upstream[PSZA], 280);
    assert_int_equal(t.upstream[PGS], ROWS_UNKNOWN);
}

static void unknown_rows_and_dropped_processors_are_read(void **state) {
    (void)state;
    struct trigger t = read_trigger("2021-11-17/g4/r12",
        "{\"at\":1,\"backfill\":false,\"upstream\":{\"utgc\":null,\"gone\":\"x\",\"pgs\":1e3,\"pcf\":0}}");
    assert_int_equal(t.group, 4);
    assert_int_equal(t.run, 12);
    assert_false(t.backfill);
    assert_null(t.correlation_id);
    assert_null(read_trigger(FIELD, "{\"at\":1,\"backfill\":false,\"correlation\":null,\"upstream\":{}}")
                    .correlation_id);
    assert_int_equal(t.upstream[UTGC], ROWS_UNKNOWN);
    assert_int_equal(t.upstream[PGS], 1000);
    assert_int_equal(t.upstream[PCF], 0);
    assert_int_equal(read_trigger("2021-11-17/g1/r2147483647", FACTS).run, INT_MAX);
}

static void strange_fields_are_refused(void **state) {
    (void)state;
    const char *const wrong[] = {"", "2021-11-17", "2021-11-17/g2", "2021-11-17/g2/", "2021-11-17/g2/r",
        "2021-11-17/g0/r1", "2021-11-17/g5/r1", "2021-11-17/g02/r1", "2021-11-17/g2/r0", "2021-11-17/g2/r01",
        "2021-11-17/g2/r1x", "2021-11-17/g2/r2147483648", "2021-11-17/g2/r99999999999999999999",
        "2021-11-17/r1/g2", "2021-11-31/g2/r1", "2021-11-17/g-2/r1", "2021-11-17/g+2/r1", "2021-11-17 /g2/r1",
        "/g2/r1"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_refused(wrong[i], FACTS, "is not like 2021-11-17/g2/r1, with a group up to 4");
}

static void strange_facts_are_refused(void **state) {
    (void)state;
    assert_refused(FIELD, "",
        "outbox entry \"2021-11-17/g2/r1\" of pipeline nba: its facts: not JSON: line 1 column 0: premature "
        "EOF");
    assert_refused(FIELD, NULL, "its facts: not JSON: line 1 column 0: premature");
    assert_refused(FIELD, "nope", "its facts: not JSON: line 1 column 1");
    assert_refused(FIELD, FACTS "x", "its facts: not JSON");
    assert_refused(FIELD, "[]", "its facts: not a JSON object but an array");
    assert_refused(FIELD, "{\"backfill\":true,\"upstream\":{}}", "no time \"at\"");
    assert_refused(FIELD, "{\"at\":\"1\",\"backfill\":true,\"upstream\":{}}", "no time \"at\"");
    assert_refused(FIELD, "{\"at\":-1,\"backfill\":true,\"upstream\":{}}", "no time \"at\"");
    assert_refused(FIELD, "{\"at\":1,\"upstream\":{}}", "\"backfill\" is true or false");
    assert_refused(FIELD, "{\"at\":1,\"backfill\":1,\"upstream\":{}}", "\"backfill\" is true or false");
    assert_refused(
        FIELD, "{\"at\":1,\"backfill\":true,\"correlation\":1,\"upstream\":{}}", "\"correlation\"");
    assert_refused(FIELD, "{\"at\":1,\"backfill\":true,\"correlation\":\"a\\u0000b\",\"upstream\":{}}",
        "\"correlation\" is not a text, or has a NUL");
    assert_refused(
        FIELD, "{\"at\":1,\"backfill\":true,\"correlation\":\"\xFF\",\"upstream\":{}}", "not UTF-8");
    assert_refused(FIELD, "{\"at\":1,\"at\":2,\"backfill\":true,\"upstream\":{}}", "at comes twice");
    assert_refused(FIELD, "{\"at\":1,\"backfill\":true}", "no object \"upstream\"");
    assert_refused(FIELD, "{\"at\":1,\"backfill\":true,\"upstream\":[]}", "no object \"upstream\"");
    assert_refused(FIELD, "{\"at\":1,\"backfill\":true,\"upstream\":null}", "no object \"upstream\"");
    assert_refused(
        FIELD, "{\"at\":1,\"backfill\":true,\"upstream\":{\"pgs\":1.5}}", "no object \"upstream\"");
    assert_refused(FIELD, "{\"at\":1,\"backfill\":true,\"upstream\":{\"mlfs\":1000000000001}}",
        "no object \"upstream\"");
    assert_refused(FIELD, "{\"at\":1,\"backfill\":true,\"upstream\":{\"pgs\":-1}}", "no object \"upstream\"");
    assert_refused(
        FIELD, "{\"at\":1,\"backfill\":true,\"upstream\":{\"pgs\":\"1\"}}", "no object \"upstream\"");
}

static void facts_nested_too_deep_are_refused(void **state) {
    (void)state;
    struct trigger t;
    check_fails(trigger_from_outbox(nba_pipeline(), FIELD,
                    "{\"more\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}", arena, &t),
        CODE_LIMIT, "its facts: JSON nested deeper than 32 levels");
}

static void the_id_names_pipeline_date_group_and_run(void **state) {
    (void)state;
    char text[TRIGGER_ID_MAX];
    struct trigger t = {.date = 18948, .group = 2, .run = 1};
    assert_string_equal(trigger_id(nba_pipeline(), &t, text), "nba/2021-11-17/g2/r1");
}

static void the_longest_id_fits(void **state) {
    (void)state;
    char name[PIPELINE_NAME_MAX + 1], text[TRIGGER_ID_MAX];
    memset(name, 'n', PIPELINE_NAME_MAX);
    name[PIPELINE_NAME_MAX] = '\0';
    struct pipeline pipeline = {.name = name};
    struct trigger t = {.date = 18948, .group = PIPELINE_GROUPS_MAX, .run = INT_MAX};
    trigger_id(&pipeline, &t, text);
    assert_string_equal(text + PIPELINE_NAME_MAX, "/2021-11-17/g16/r2147483647");
}

static void the_message_is_the_sample(void **state) {
    (void)state;
    struct trigger t = read_trigger(FIELD, FACTS);
    json_t *made = object_of(trigger_encode(nba_pipeline(), &t, arena));
    json_t *sample = json_load_file(TEST_DATA "/trigger.json", 0, NULL);
    assert_true(json_equal(made, sample));
    void *wanted = json_object_iter(sample); /* and in the same order */
    for (void *at = json_object_iter(made); at; at = json_object_iter_next(made, at)) {
        assert_string_equal(json_object_iter_key(at), json_object_iter_key(wanted));
        wanted = json_object_iter_next(sample, wanted);
    }
    json_decref(sample);
    json_decref(made);
}

static void attributes_and_ordering_key_are_those_of_the_contract(void **state) {
    (void)state;
    struct trigger t = read_trigger("2021-11-17/g2/r3", FACTS);
    const struct message *made = trigger_encode(nba_pipeline(), &t, arena);
    assert_string_equal(message_attribute(made, "trigger_id"), "nba/2021-11-17/g2/r3");
    assert_string_equal(message_attribute(made, "pipeline"), "nba");
    assert_string_equal(message_attribute(made, "game_date"), "2021-11-17");
    assert_string_equal(message_attribute(made, "group"), "2");
    assert_string_equal(message_attribute(made, "run"), "3");
    assert_string_equal(message_attribute(made, "backfill"), "true");
    assert_int_equal(made->attribute_count, 6);
    assert_string_equal(made->ordering_key, "nba/2021-11-17");
}

static void group_1_waits_for_no_group(void **state) {
    (void)state;
    struct trigger t = read_trigger("2021-11-17/g1/r1",
        "{\"at\":1764874050512,\"backfill\":false,\"upstream\":{\"pgs\":232,\"upgc\":382,\"utgc\":null,"
        "\"togs\":22}}");
    const struct message *message = trigger_encode(nba_pipeline(), &t, arena);
    assert_string_equal(message_attribute(message, "backfill"), "false");
    json_t *made = object_of(message);
    assert_string_equal(json_string_value(json_object_get(made, "trigger_reason")), "all needs satisfied");
    assert_true(json_is_null(json_object_get(made, "correlation_id")));
    assert_true(json_is_false(json_object_get(made, "backfill_mode")));
    json_t *expected = json_pack("[s,s]", "player_shot_zone_analysis", "team_defense_zone_analysis");
    assert_true(json_equal(json_object_get(made, "processors"), expected));
    json_decref(expected);
    expected = json_pack("{s:i,s:i,s:n,s:i,s:n}", "player_game_summary", 232, "upcoming_player_game_context",
        382, "upcoming_team_game_context", "team_offense_game_summary", 22, "team_defense_game_summary");
    assert_true(json_equal(json_object_get(made, "upstream"), expected));
    json_decref(expected);
    json_decref(made);
}

/* --- The message, field by field ------------------------------------------------------------------------ */

static const char *const nasty[] = {NULL, "", "bf-20251204", "\"", "\\", "\\\"", "a\"b\\c/d", "\\u0041",
    "\n\r\t\b\f", "\x01\x02\x0E\x1F ", "\x7F", "{[:,", "}]", "\",\"run\":7,\"", "Jokić", "\xC2\x80",
    "\xE2\x80\xA8", "\xEF\xBF\xBD", "\xF0\x9F\x8F\x80", "\xF4\x8F\xBF\xBF", "</script>", "%s%n"};

static void check_text(json_t *object, const char *key, const char *expected) {
    const char *text = json_string_value(json_object_get(object, key));
    if (!text || strcmp(text, expected) != 0)
        fail_msg("%s is \"%s\", expected \"%s\"", key, text ? text : "no text", expected);
}

static void check_number(json_t *object, const char *key, int64_t expected) {
    assert_true(json_is_integer(json_object_get(object, key)));
    assert_int_equal(json_integer_value(json_object_get(object, key)), expected);
}

static void check_flag(json_t *object, const char *key, bool expected) {
    assert_true(json_is_boolean(json_object_get(object, key)));
    assert_int_equal(json_is_true(json_object_get(object, key)), expected);
}

static void check_names(const json_t *names, processor_set expected) {
    size_t count = 0;
    assert_true(json_is_array(names));
    for (int i = 0; i < NBA_PROCESSORS; i++)
        if (expected & SET(i))
            assert_string_equal(
                json_string_value(json_array_get(names, count++)), nba_pipeline()->processors[i].name);
    assert_int_equal(json_array_size(names), count);
}

static void check_rows(json_t *rows, const struct trigger *t) {
    size_t count = 0;
    processor_set needs = nba_pipeline()->groups[t->group - 1].needs;
    assert_true(json_is_object(rows));
    for (int i = 0; i < NBA_PROCESSORS; i++) {
        if (!(needs & SET(i)))
            continue;
        const char *name = nba_pipeline()->processors[i].name;
        if (!t->upstream || t->upstream[i] == ROWS_UNKNOWN)
            assert_true(json_is_null(json_object_get(rows, name)));
        else
            check_number(rows, name, t->upstream[i]);
        count++;
    }
    assert_int_equal(json_object_size(rows), count);
}

static void check_message(const struct trigger *t, const char *date, const char *time) {
    char text[TRIGGER_ID_MAX];
    json_t *made = object_of(trigger_encode(nba_pipeline(), t, arena));
    check_text(made, "trigger_id", trigger_id(nba_pipeline(), t, text));
    check_text(made, "pipeline", "nba");
    check_text(made, "phase", "phase_4_precompute");
    check_text(made, "game_date", date);
    check_text(made, "analysis_date", date);
    check_number(made, "group", t->group);
    check_names(json_object_get(made, "processors"), nba_pipeline()->groups[t->group - 1].members);
    check_number(made, "run", t->run);
    check_flag(made, "backfill_mode", t->backfill);
    check_flag(made, "success", true);
    check_text(made, "trigger_source", "orchestrator");
    check_text(made, "triggered_by", "phasegate");
    snprintf(text, sizeof text, "group %d done; all needs satisfied", t->group - 1);
    check_text(made, "trigger_reason", t->group > 1 ? text : "all needs satisfied");
    if (t->correlation_id)
        check_text(made, "correlation_id", t->correlation_id);
    else
        assert_true(json_is_null(json_object_get(made, "correlation_id")));
    check_rows(json_object_get(made, "upstream"), t);
    check_text(made, "timestamp", time);
    assert_int_equal(json_object_size(made), 16);
    json_decref(made);
}

static void each_field_is_what_the_trigger_says(void **state) {
    (void)state;
    const int64_t counts[] = {ROWS_UNKNOWN, 0, 1, 241, ROWS_MAX};
    int64_t rows[NBA_PROCESSORS];
    for (size_t i = 0; i < sizeof nasty / sizeof *nasty; i++) {
        for (int p = 0; p < NBA_PROCESSORS; p++)
            rows[p] = counts[(i + (size_t)p) % 5];
        for (int group = 1; group <= 4; group++) {
            arena_reset(arena);
            check_message(&(struct trigger){.date = 18948,
                              .group = group,
                              .run = i % 2 ? 1 : INT_MAX,
                              .backfill = i % 2,
                              .decided_ms = 1764874050512,
                              .correlation_id = nasty[i],
                              .upstream = i == 0 ? NULL : rows},
                "2021-11-17", "2025-12-04T18:47:30.512Z");
        }
    }
}

static void what_the_outbox_says_is_published(void **state) {
    (void)state;
    for (size_t i = 1; i < sizeof nasty / sizeof *nasty; i++) {
        arena_reset(arena);
        json_t *facts = json_pack("{s:I, s:b, s:s, s:{s:i}}", "at", (json_int_t)1, "backfill", 1,
            "correlation", nasty[i], "upstream", "pgs", 3);
        char *text = json_dumps(facts, i % 2 ? JSON_ENSURE_ASCII : JSON_ESCAPE_SLASH);
        struct trigger t = read_trigger("2021-11-17/g1/r1", text);
        assert_string_equal(t.correlation_id, nasty[i]);
        check_message(&t, "2021-11-17", "1970-01-01T00:00:00.001Z");
        free(text);
        json_decref(facts);
    }
}

/* Longer than what is reserved at first, at each byte around it. */
static void a_message_of_any_length_is_whole(void **state) {
    (void)state;
    static char id[5000];
    for (size_t length = 0; length < sizeof id - 1; length += length < 1200 ? 1 : 1111) {
        arena_reset(arena);
        memset(id, length % 2 ? '"' : 'x', length);
        id[length] = '\0';
        check_message(&(struct trigger){.date = 18948, .group = 2, .run = 1, .correlation_id = id},
            "2021-11-17", "1970-01-01T00:00:00.000Z");
    }
}

static void the_same_trigger_gives_the_same_bytes(void **state) {
    (void)state;
    struct trigger t = read_trigger("2021-11-17/g4/r1", FACTS);
    const struct message *first = trigger_encode(nba_pipeline(), &t, arena);
    for (int i = 0; i < 10; i++) {
        struct trigger again_read = read_trigger("2021-11-17/g4/r1", FACTS);
        const struct message *again = trigger_encode(nba_pipeline(), &again_read, arena);
        assert_int_equal(again->size, first->size);
        assert_memory_equal(again->data, first->data, first->size);
    }
}

static void a_full_arena_gives_null(void **state) {
    (void)state;
    struct trigger t = read_trigger(FIELD, FACTS);
    for (size_t size = 0; size < 640; size += 16) {
        struct arena *small = arena_new(size);
        assert_null(trigger_encode(nba_pipeline(), &t, small));
        arena_free(&small);
    }
    struct arena *none = arena_new(0);
    check_fails(trigger_from_outbox(nba_pipeline(), FIELD, FACTS, none, &t), CODE_LIMIT, "do not fit");
    check_fails(
        trigger_from_outbox(nba_pipeline(), FIELD, "{\"at\":1,\"backfill\":true,\"upstream\":{}}", none, &t),
        CODE_LIMIT, "do not fit");
    arena_free(&none);
    struct arena *rows_only = arena_new(NBA_PROCESSORS * sizeof(int64_t));
    check_fails(trigger_from_outbox(nba_pipeline(), FIELD, FACTS, rows_only, &t), CODE_LIMIT, "do not fit");
    arena_free(&rows_only);
}

#define test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        test(the_outbox_is_read),
        test(unknown_rows_and_dropped_processors_are_read),
        test(strange_fields_are_refused),
        test(strange_facts_are_refused),
        test(facts_nested_too_deep_are_refused),
        test(the_id_names_pipeline_date_group_and_run),
        test(the_longest_id_fits),
        test(the_message_is_the_sample),
        test(attributes_and_ordering_key_are_those_of_the_contract),
        test(group_1_waits_for_no_group),
        test(each_field_is_what_the_trigger_says),
        test(what_the_outbox_says_is_published),
        test(a_message_of_any_length_is_whole),
        test(the_same_trigger_gives_the_same_bytes),
        test(a_full_arena_gives_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
