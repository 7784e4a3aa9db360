#include "core/completion.h"
#include "core/trigger.h"
#include "support/check.h"
#include "support/nba.h"

#include <jansson.h>
#include <limits.h>
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
    assert_refused(FIELD, "", "outbox entry \"2021-11-17/g2/r1\" of pipeline nba: its facts are not JSON");
    assert_refused(FIELD, "nope", "not JSON: column 4");
    assert_refused(FIELD, "[]", "no time \"at\"");
    assert_refused(FIELD, "{\"at\":-1,\"backfill\":true,\"upstream\":{}}", "no time \"at\"");
    assert_refused(FIELD, "{\"at\":1,\"upstream\":{}}", "\"backfill\" is true or false");
    assert_refused(FIELD, "{\"at\":1,\"backfill\":1,\"upstream\":{}}", "\"backfill\" is true or false");
    assert_refused(
        FIELD, "{\"at\":1,\"backfill\":true,\"correlation\":1,\"upstream\":{}}", "\"correlation\"");
    assert_refused(FIELD, "{\"at\":1,\"backfill\":true}", "no object \"upstream\"");
    assert_refused(FIELD, "{\"at\":1,\"backfill\":true,\"upstream\":[]}", "no object \"upstream\"");
    assert_refused(FIELD, "{\"at\":1,\"backfill\":true,\"upstream\":{\"pgs\":-1}}", "no object \"upstream\"");
    assert_refused(
        FIELD, "{\"at\":1,\"backfill\":true,\"upstream\":{\"pgs\":\"1\"}}", "no object \"upstream\"");
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
    check_fails(trigger_from_outbox(nba_pipeline(), FIELD, FACTS, none, &t), CODE_LIMIT, "does not fit");
    arena_free(&none);
}

#define test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        test(the_outbox_is_read),
        test(unknown_rows_and_dropped_processors_are_read),
        test(strange_fields_are_refused),
        test(strange_facts_are_refused),
        test(the_id_names_pipeline_date_group_and_run),
        test(the_longest_id_fits),
        test(the_message_is_the_sample),
        test(attributes_and_ordering_key_are_those_of_the_contract),
        test(group_1_waits_for_no_group),
        test(the_same_trigger_gives_the_same_bytes),
        test(a_full_arena_gives_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
