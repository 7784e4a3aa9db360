/*
 * The store and its server: the function library's versions, a flushed library, a crash; the quarantine's and
 * the history's bounds; and what a date costs in memory.
 */
#include "state/library.h"
#include "support/check.h"
#include "support/loop.h"
#include "support/scene.h"
#include "support/season.h"

#include <stdio.h>
#include <string.h>

/* A server that keeps what it has answered. */
static int open_durable_scene(void **state) {
    return open_scene_over(state, (struct redis_server_options){.append_only = true});
}

/* --- The library ---------------------------------------------------------------------------------------- */

/* A library of our name that knows nothing but its version. */
static void load_version(struct scene *scene, int version) {
    char code[256];
    snprintf(code, sizeof code,
        "#!lua name=phasegate\n"
        "redis.register_function{function_name='pg_version', callback=function() return %d end, "
        "flags={'no-writes'}}",
        version);
    redis_server_do(scene->harness->server, "FUNCTION LOAD REPLACE %s", code);
}

static long long version_of(struct scene *scene) {
    return redis_server_ask_number(scene->harness->server, "FCALL pg_version 0");
}

static void a_missing_library_is_loaded(void **state) {
    struct scene *scene = *state;
    harness_connect(scene->harness);
    assert_int_equal(version_of(scene), LIBRARY_VERSION);
    assert_int_equal(complete(scene, PGS).verdict, VERDICT_APPLIED);
}

static void an_older_library_is_replaced(void **state) {
    struct scene *scene = *state;
    load_version(scene, 0);
    harness_connect(scene->harness);
    assert_int_equal(version_of(scene), LIBRARY_VERSION);
    assert_int_equal(complete(scene, PGS).verdict, VERDICT_APPLIED);
}

static void another_text_of_the_same_version_is_replaced(void **state) {
    struct scene *scene = *state;
    load_version(scene, LIBRARY_VERSION);
    harness_connect(scene->harness);
    assert_int_equal(complete(scene, PGS).verdict, VERDICT_APPLIED);
}

static void a_newer_library_refuses_the_store_and_stays(void **state) {
    struct scene *scene = *state;
    load_version(scene, LIBRARY_VERSION + 1);
    harness_connect_refused(scene->harness);
    check_fails(scene->harness->refused, CODE_REFUSED, "run the newer phasegate");
    assert_false(store_is_ready(scene->harness->store));
    assert_int_equal(version_of(scene), LIBRARY_VERSION + 1);
}

static void a_flushed_library_comes_back_by_itself(void **state) {
    struct scene *scene = *state;
    struct applied_copy applied;
    struct completion completion = healthy(scene, UPGC);
    complete(scene, PGS);
    redis_server_do(scene->harness->server, "FUNCTION FLUSH");
    check_fails(harness_try_apply(scene->harness, scene->pipeline, &completion, scene->now_ms, &applied),
        CODE_UNAVAILABLE, "loading it again");
    harness_await_ready(scene->harness);
    assert_int_equal(tell(scene, completion).verdict, VERDICT_APPLIED);
    assert_int_equal(state_of(scene)->records[PGS].mark, RECORD_COUNTS);
}

/* --- Crashes -------------------------------------------------------------------------------------------- */

static bool is_away(void *context) {
    return !store_is_ready(context);
}

static void a_crash_loses_nothing_that_was_answered(void **state) {
    struct scene *scene = *state;
    struct store_harness *harness = scene->harness;
    run_to(scene, 1);
    complete(scene, PSZA);
    struct applied_copy applied = complete(scene, TDZA);
    check_due(scene, &applied, "g2/r1");
    redis_server_kill(harness->server);
    loop_until(&harness->loop, is_away, harness->store, 5000, "the loss");
    redis_server_restart(harness->server);
    harness_await_ready(harness);
    harness_reopen_reader(harness);
    const struct trigger *triggers = NULL;
    assert_int_equal(harness_outbox(harness, scene->pipeline, &triggers), 1);
    assert_int_equal(triggers[0].group, 2);
    assert_int_equal(phase_of(scene, 1), GROUP_DONE);
    applied = complete(scene, PCF);
    check_due(scene, &applied, "g3/r1");
}

static void a_call_while_the_server_is_down_says_so(void **state) {
    struct scene *scene = *state;
    struct applied_copy applied;
    struct completion completion = healthy(scene, PGS);
    redis_server_kill(scene->harness->server);
    check_fails(harness_try_apply(scene->harness, scene->pipeline, &completion, scene->now_ms, &applied),
        CODE_UNAVAILABLE, "");
}

/* --- The quarantine ------------------------------------------------------------------------------------- */

static struct message message_of(const char *id, const char *text) {
    return (struct message){.id = id, .data = text, .size = strlen(text)};
}

static size_t quarantined(struct scene *scene, size_t most, struct quarantined **entries, int64_t *total) {
    size_t count = 0;
    check_ok(reader_quarantine(
        scene->harness->reader, scene->pipeline, most, scene->harness->arena, entries, &count, total));
    return count;
}

/* The literal string "YESTERDAY" arrived as a date. */
static void a_message_is_quarantined_once_and_whole(void **state) {
    struct scene *scene = *state;
    static const struct attribute attributes[] = {{"origin", "caf\u00e9 \"quoted\""}};
    struct message message = message_of("4711", "{\"game_date\": \"YESTERDAY\"}");
    struct quarantined *entries = NULL;
    int64_t total = 0;
    message.attributes = attributes;
    message.attribute_count = 1;
    for (int i = 0; i < 3; i++)
        harness_quarantine(scene->harness, scene->pipeline, &message, "topic-a", "no date", SCENE_MS + i);
    assert_int_equal(quarantined(scene, 10, &entries, &total), 1);
    assert_int_equal(total, 1);
    assert_string_equal(entries[0].id, "4711");
    assert_string_equal(entries[0].reason, "no date");
    assert_string_equal(entries[0].topic, "topic-a");
    assert_int_equal(entries[0].at_ms, SCENE_MS);
    assert_int_equal(entries[0].size, message.size);
    assert_int_equal(entries[0].full_size, message.size);
    assert_memory_equal(entries[0].data, message.data, message.size);
    assert_int_equal(entries[0].attribute_count, 1);
    assert_string_equal(entries[0].attributes[0].key, "origin");
    assert_string_equal(entries[0].attributes[0].value, attributes[0].value);
}

static void a_dropped_message_is_gone_and_may_come_again(void **state) {
    struct scene *scene = *state;
    struct message message = message_of("4711", "?");
    struct quarantined *entries = NULL, entry;
    int64_t total = 0;
    harness_quarantine(scene->harness, scene->pipeline, &message, "topic-a", "bad", SCENE_MS);
    for (int i = 0; i < 2; i++)
        harness_quarantine_drop(scene->harness, scene->pipeline, "4711");
    assert_int_equal(quarantined(scene, 10, &entries, &total), 0);
    check_fails(
        reader_quarantined(scene->harness->reader, scene->pipeline, "4711", scene->harness->arena, &entry),
        CODE_NOT_FOUND, "4711");
    harness_quarantine(scene->harness, scene->pipeline, &message, "topic-a", "still bad", SCENE_MS + 1);
    assert_int_equal(quarantined(scene, 10, &entries, &total), 1);
    assert_string_equal(entries[0].reason, "still bad");
}

static void a_huge_message_is_cut(void **state) {
    struct scene *scene = *state;
    static char data[QUARANTINE_BYTES_MAX + 1];
    struct message message = {.id = "big", .data = data, .size = sizeof data};
    struct quarantined *entries = NULL;
    int64_t total = 0;
    memset(data, 0, sizeof data); /* any byte will do */
    harness_quarantine(scene->harness, scene->pipeline, &message, "topic-a", "too large", SCENE_MS);
    assert_int_equal(quarantined(scene, 10, &entries, &total), 1);
    assert_int_equal(entries[0].size, QUARANTINE_BYTES_MAX);
    assert_int_equal(entries[0].full_size, sizeof data);
}

static void the_quarantine_is_bounded_and_the_oldest_go(void **state) {
    struct scene *scene = *state;
    enum { MORE = 50 };
    char id[32], oldest[32];
    for (int i = 0; i < QUARANTINE_ENTRIES_MAX + MORE; i++) {
        snprintf(id, sizeof id, "id-%d", i);
        struct message message = message_of(id, "?");
        harness_quarantine(scene->harness, scene->pipeline, &message, "topic-a", "bad", SCENE_MS + i);
    }
    struct quarantined *entries = NULL, entry;
    int64_t total = 0;
    assert_int_equal(quarantined(scene, 1, &entries, &total), 1);
    assert_int_equal(total, QUARANTINE_ENTRIES_MAX);
    assert_string_equal(entries[0].id, id);
    for (int i = MORE - 1; i <= MORE; i++) {
        snprintf(oldest, sizeof oldest, "id-%d", i);
        struct result found = reader_quarantined(
            scene->harness->reader, scene->pipeline, oldest, scene->harness->arena, &entry);
        assert_int_equal(found.code, i < MORE ? CODE_NOT_FOUND : CODE_OK);
    }
    /* Every key there is: the entries, their index and the counters. */
    assert_int_equal(redis_server_ask_number(scene->harness->server, "DBSIZE"), QUARANTINE_ENTRIES_MAX + 2);
}

/* Puts one in with these limits; what went for it. */
static struct quarantine_drops put(
    struct scene *scene, const char *id, size_t size, struct quarantine_limits limits, int64_t at_ms) {
    static const char data[QUARANTINE_BYTES_MAX];
    const struct message message = {.id = id, .data = data, .size = size};
    struct quarantine_drops drops;
    check_ok(harness_try_quarantine(
        scene->harness, scene->pipeline, &message, "topic-a", "bad", limits, at_ms, &drops));
    return drops;
}

static struct quarantine_totals totals_of(struct scene *scene) {
    struct quarantine_totals totals;
    check_ok(reader_quarantine_totals(scene->harness->reader, scene->pipeline, &totals));
    return totals;
}

static void what_is_too_old_goes_by_itself(void **state) {
    struct scene *scene = *state;
    const struct quarantine_limits limits = {.age_ms = 1000, .bytes = 1 << 20};
    struct quarantine_drops drops;
    put(scene, "old", 10, limits, SCENE_MS);
    put(scene, "younger", 10, limits, SCENE_MS + 500);
    check_ok(harness_try_tidy_quarantine(scene->harness, scene->pipeline, limits, SCENE_MS + 1000, &drops));
    assert_int_equal(drops.by_age, 0);
    check_ok(harness_try_tidy_quarantine(scene->harness, scene->pipeline, limits, SCENE_MS + 1001, &drops));
    assert_int_equal(drops.by_age, 1);
    drops = put(scene, "new", 10, limits, SCENE_MS + 1501); /* and with the next one that comes */
    assert_int_equal(drops.by_age, 1);
    struct quarantined *entries = NULL;
    int64_t total = 0;
    assert_int_equal(quarantined(scene, 10, &entries, &total), 1);
    assert_string_equal(entries[0].id, "new");
    const struct quarantine_totals totals = totals_of(scene);
    assert_int_equal(totals.received, 3);
    assert_int_equal(totals.dropped, 2);
    assert_int_equal(totals.dropped_for_age, 2);
}

/* Large ones push small ones out, and the sum stays what the entries take. */
static void the_bytes_of_all_are_bounded(void **state) {
    struct scene *scene = *state;
    enum { SMALL = 200, LARGE = 20, LARGE_BYTES = 60000, BYTES = 300 * 1024 };
    const struct quarantine_limits limits = {.age_ms = 1000, .bytes = BYTES};
    char id[32];
    int64_t dropped = 0;
    for (int i = 0; i < SMALL + LARGE; i++) {
        snprintf(id, sizeof id, "id-%d", i);
        dropped += put(scene, id, i < SMALL ? 1 : LARGE_BYTES, limits, SCENE_MS + i).by_bytes;
    }
    const struct quarantine_totals totals = totals_of(scene);
    assert_int_equal(totals.entries, BYTES / LARGE_BYTES);
    assert_in_range(totals.bytes, BYTES / LARGE_BYTES * LARGE_BYTES, BYTES);
    assert_int_equal(dropped, SMALL + LARGE - totals.entries);
    assert_int_equal(totals.dropped, dropped);
    for (int i = SMALL; i < SMALL + LARGE; i++) {
        snprintf(id, sizeof id, "id-%d", i);
        harness_quarantine_drop(scene->harness, scene->pipeline, id);
    }
    assert_int_equal(totals_of(scene).bytes, 0);
    assert_int_equal(redis_server_ask_number(scene->harness->server, "DBSIZE"), 1); /* the counters */
}

/* However much is too old: a step lets go of a few, the next one of more. */
static void a_step_is_short(void **state) {
    struct scene *scene = *state;
    enum { MANY = 1000, STEPS = 16 };
    const struct quarantine_limits limits = {.age_ms = 1000, .bytes = 1 << 30};
    struct quarantine_drops drops;
    int64_t gone = 0;
    char id[32];
    for (int i = 0; i < MANY; i++) {
        snprintf(id, sizeof id, "id-%d", i);
        put(scene, id, 1, limits, SCENE_MS);
    }
    for (int i = 0; i < STEPS; i++) {
        check_ok(
            harness_try_tidy_quarantine(scene->harness, scene->pipeline, limits, SCENE_MS + 2000, &drops));
        assert_in_range(drops.by_age, 0, 64);
        gone += drops.by_age;
    }
    assert_int_equal(gone, MANY);
}

/* Too many attributes are not kept; the message is. */
static void attributes_are_bounded(void **state) {
    struct scene *scene = *state;
    static char value[QUARANTINE_ATTRIBUTES_MAX + 1];
    memset(value, 'v', sizeof value - 1);
    const struct attribute attributes[] = {{"large", value}};
    struct message message = message_of("many", "?");
    message.attributes = attributes;
    message.attribute_count = 1;
    harness_quarantine(scene->harness, scene->pipeline, &message, "topic-a", "bad", SCENE_MS);
    struct quarantined *entries = NULL;
    int64_t total = 0;
    assert_int_equal(quarantined(scene, 10, &entries, &total), 1);
    assert_int_equal(entries[0].attribute_count, 0);
}

/* --- Bounds of a date ----------------------------------------------------------------------------------- */

static void a_flood_of_one_event_is_one_line_of_history(void **state) {
    struct scene *scene = *state;
    enum { FLOOD = 100000 };
    struct completion completion = healthy(scene, PGS);
    struct history_entry *entries = NULL;
    int64_t dropped = 0;
    tell(scene, completion);
    harness_apply_times(scene->harness, scene->pipeline, &completion, scene->now_ms, 10);
    long long before = season_date_bytes(scene->harness, scene->pipeline, scene->date);
    harness_apply_times(scene->harness, scene->pipeline, &completion, scene->now_ms, FLOOD - 10);
    assert_in_range(season_date_bytes(scene->harness, scene->pipeline, scene->date), 1, before + 16);
    assert_int_equal(harness_history(scene->harness, scene->pipeline, scene->date, &entries, &dropped), 2);
    assert_int_equal(entries[0].times + entries[1].times, 1 + FLOOD);
    assert_int_equal(dropped, 0);
}

static void a_date_that_never_rests_stays_bounded(void **state) {
    struct scene *scene = *state;
    enum { EVENTS = 2000 };
    struct history_entry *entries = NULL;
    int64_t dropped = 0, times = 0;
    for (int i = 0; i < EVENTS; i++) {
        if (i % 2)
            break_down(scene, PGS);
        else
            complete(scene, PGS);
    }
    size_t count = harness_history(scene->harness, scene->pipeline, scene->date, &entries, &dropped);
    assert_int_equal(count, 256 + 1);
    for (size_t i = 0; i < count; i++)
        times += entries[i].times;
    assert_int_equal(times + dropped, EVENTS);
    assert_in_range(season_date_bytes(scene->harness, scene->pipeline, scene->date), 1, 48 * 1024);
}

static void check_date_bytes(struct scene *scene, enum season_kind kind, long long most) {
    season_date(scene->harness, scene->pipeline, SCENE_DATE, 0, kind);
    assert_in_range(season_date_bytes(scene->harness, scene->pipeline, SCENE_DATE), 1, most);
}

static void a_finished_date_takes_two_kilobytes_at_most(void **state) {
    check_date_bytes(*state, SEASON_CALM, 2048);
}

static void an_eventful_date_takes_five_kilobytes_at_most(void **state) {
    check_date_bytes(*state, SEASON_EVENTFUL, 5 * 1024);
}

#define with(start, name) cmocka_unit_test_setup_teardown(name, start, close_scene)

int main(void) {
    const struct CMUnitTest tests[] = {
        with(start_scene, a_missing_library_is_loaded),
        with(start_scene, an_older_library_is_replaced),
        with(start_scene, another_text_of_the_same_version_is_replaced),
        with(start_scene, a_newer_library_refuses_the_store_and_stays),
        with(open_scene, a_flushed_library_comes_back_by_itself),
        with(open_durable_scene, a_crash_loses_nothing_that_was_answered),
        with(open_scene, a_call_while_the_server_is_down_says_so),
        with(open_scene, a_message_is_quarantined_once_and_whole),
        with(open_scene, a_dropped_message_is_gone_and_may_come_again),
        with(open_scene, a_huge_message_is_cut),
        with(open_scene, the_quarantine_is_bounded_and_the_oldest_go),
        with(open_scene, what_is_too_old_goes_by_itself),
        with(open_scene, the_bytes_of_all_are_bounded),
        with(open_scene, a_step_is_short),
        with(open_scene, attributes_are_bounded),
        with(open_scene, a_flood_of_one_event_is_one_line_of_history),
        with(open_scene, a_date_that_never_rests_stays_bounded),
        with(open_scene, a_finished_date_takes_two_kilobytes_at_most),
        with(open_scene, an_eventful_date_takes_five_kilobytes_at_most),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
