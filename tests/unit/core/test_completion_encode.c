#include "core/completion.h"
#include "support/check.h"
#include "support/nba.h"

#include <jansson.h>
#include <string.h>

#define NOW_MS ((int64_t)1764874050512)

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

/* What completion-backfill.json says. */
static struct completion backfill_sample(void) {
    return (struct completion){
        .processor = &nba_pipeline()->processors[TOGS],
        .date = 18948,
        .status = STATUS_SUCCESS,
        .record_count = 22,
        .timestamp_ms = 1764872400000,
        .backfill = true,
        .execution_id = "bf-20251204-togs-2021-11-17",
        .correlation_id = "bf-20251204",
    };
}

static json_t *object_of(const struct message *message) {
    assert_non_null(message);
    json_t *object = json_loadb(message->data, message->size, 0, NULL);
    assert_non_null(object);
    return object;
}

static void a_backfill_completion_is_the_sample(void **state) {
    (void)state;
    struct completion completion = backfill_sample();
    json_t *made = object_of(completion_encode(nba_pipeline(), &completion, arena));
    json_t *sample = json_load_file(TEST_DATA "/completion-backfill.json", 0, NULL);
    json_object_set_new(sample, "timestamp", json_string("2025-12-04T18:20:00.000Z"));
    assert_true(json_equal(made, sample));
    json_decref(sample);
    json_decref(made);
}

/* A live completion has the keys of the sample but for those that the orchestrator does not read. */
static void a_live_completion_looks_like_the_sample(void **state) {
    (void)state;
    struct completion completion = backfill_sample();
    completion.backfill = false;
    json_t *made = object_of(completion_encode(nba_pipeline(), &completion, arena));
    json_t *sample = json_load_file(TEST_DATA "/completion-live.json", 0, NULL);
    const char *key;
    json_t *value;
    json_object_foreach(made, key, value)
        assert_int_equal(json_typeof(json_object_get(sample, key)), json_typeof(value));
    assert_string_equal(json_string_value(json_object_get(made, "trigger_source")), "publish");
    assert_null(json_object_get(made, "metadata"));
    json_decref(sample);
    json_decref(made);
}

static void the_phase_is_that_of_the_processor(void **state) {
    (void)state;
    struct completion completion = backfill_sample();
    completion.processor = &nba_pipeline()->processors[MLFS];
    json_t *made = object_of(completion_encode(nba_pipeline(), &completion, arena));
    assert_string_equal(json_string_value(json_object_get(made, "phase")), "phase_4_precompute");
    assert_string_equal(json_string_value(json_object_get(made, "output_table")), "ml_feature_store");
    json_decref(made);
}

static void attributes_say_what_it_is_about(void **state) {
    (void)state;
    struct completion completion = backfill_sample();
    const struct message *made = completion_encode(nba_pipeline(), &completion, arena);
    assert_string_equal(message_attribute(made, "pipeline"), "nba");
    assert_string_equal(message_attribute(made, "game_date"), "2021-11-17");
    assert_string_equal(message_attribute(made, "processor"), "team_offense_game_summary");
    assert_string_equal(message_attribute(made, "backfill"), "true");
    assert_null(message_attribute(made, "googclient_schemaencoding"));
    assert_int_equal(made->attribute_count, 4);
    assert_null(made->ordering_key);
    assert_null(made->id);
    completion.backfill = false;
    made = completion_encode(nba_pipeline(), &completion, arena);
    assert_string_equal(message_attribute(made, "backfill"), "false");
}

static void assert_same_text(const char *a, const char *b) {
    if (a && b)
        assert_string_equal(a, b);
    else
        assert_ptr_equal(a, b);
}

static void assert_reads_back(const struct completion *completion) {
    struct message *message = completion_encode(nba_pipeline(), completion, arena);
    struct completion read;
    assert_non_null(message);
    check_ok(completion_decode(nba_pipeline(), message, NOW_MS, arena, &read));
    assert_ptr_equal(read.processor, completion->processor);
    assert_int_equal(read.date, completion->date);
    assert_int_equal(read.status, completion->status);
    assert_int_equal(read.record_count, completion->record_count);
    assert_int_equal(read.records_failed, completion->records_failed);
    assert_int_equal(read.timestamp_ms, completion->timestamp_ms);
    assert_int_equal(read.backfill, completion->backfill);
    assert_same_text(read.execution_id, completion->execution_id);
    assert_same_text(read.correlation_id, completion->correlation_id);
    assert_same_text(read.trigger_id, completion->trigger_id);
    assert_same_text(read.trigger_message_id, completion->trigger_message_id);
    assert_same_text(read.error_message, completion->error_message);
}

static void every_completion_reads_back(void **state) {
    (void)state;
    const int64_t rows[] = {ROWS_UNKNOWN, 0, 1, ROWS_MAX};
    for (int processor = 0; processor < NBA_PROCESSORS; processor++) {
        for (int i = 0; i < STATUS_COUNT * 4 * 2; i++) {
            struct completion completion = {
                .processor = &nba_pipeline()->processors[processor],
                .date = 18948 + i,
                .status = (enum status)(i % STATUS_COUNT),
                .record_count = rows[i % 4],
                .records_failed = i % 3,
                .timestamp_ms = NOW_MS - i,
                .backfill = i % 2 == 0,
                .execution_id = "e\"1\"\n",
                .correlation_id = i % 3 ? "Jokić" : NULL,
                .trigger_id = i % 4 ? "nba/2021-11-17/g1/r1" : NULL,
                .trigger_message_id = i % 5 ? "9188" : NULL,
                .error_message = i % 6 ? "quota" : NULL,
            };
            assert_reads_back(&completion);
            arena_reset(arena);
        }
    }
}

static void what_cannot_be_written_is_null(void **state) {
    (void)state;
    struct completion completion = backfill_sample();
    completion.correlation_id = "\xFF";
    assert_null(completion_encode(nba_pipeline(), &completion, arena));
    completion.correlation_id = NULL;
    for (size_t size = 0; size < 400; size += 16) {
        struct arena *small = arena_new(size);
        assert_null(completion_encode(nba_pipeline(), &completion, small));
        arena_free(&small);
    }
}

#define test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        test(a_backfill_completion_is_the_sample),
        test(a_live_completion_looks_like_the_sample),
        test(the_phase_is_that_of_the_processor),
        test(attributes_say_what_it_is_about),
        test(every_completion_reads_back),
        test(what_cannot_be_written_is_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
