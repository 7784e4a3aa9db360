#include "cli/replay_seek.h"
#include "printed.h"
#include "support/nba.h"

/* 2025-12-04 18:20:00.500 UTC. */
#define NOW_MS ((int64_t)1764872400500)
#define HOURS(n) ((int64_t)(n)*3600000)

static void check_time(const char *text, int64_t expected_ms) {
    int64_t time_ms = -1;
    check_ok(seek_time_parse(text, NOW_MS, &time_ms));
    if (time_ms != expected_ms)
        fail_msg("%s: %lld, expected %lld", text, (long long)time_ms, (long long)expected_ms);
}

static void check_refused(const char *text, const char *why) {
    int64_t time_ms = -1;
    check_fails(seek_time_parse(text, NOW_MS, &time_ms), CODE_INVALID, why);
    assert_int_equal(time_ms, -1);
}

static void a_moment_in_its_three_forms(void **state) {
    (void)state;
    check_time("2025-12-04T18:00:00Z", NOW_MS - 500 - HOURS(1) / 3);
    check_time("2025-12-04T20:00:00.25+02:00", NOW_MS - 250 - HOURS(1) / 3);
    check_time("2025-12-04 18:00:00", NOW_MS - 500 - HOURS(1) / 3);
    check_time("2025-12-04", NOW_MS - 500 - HOURS(18) - HOURS(1) / 3);
    check_time("1970-01-01", 0);
    check_time("6h", NOW_MS - HOURS(6));
    check_time("3d", NOW_MS - HOURS(72));
    check_time("2w", NOW_MS - HOURS(14 * 24));
    check_time("45min", NOW_MS - HOURS(3) / 4);
    check_time("45m", NOW_MS - HOURS(3) / 4);
    check_time("90s", NOW_MS - 90000);
    check_time("0s", NOW_MS);
    check_time("2025-12-04T18:20:00.500Z", NOW_MS);
}

static void what_is_no_moment_is_refused(void **state) {
    (void)state;
    static const char *const wrong[] = {"", "yesterday", "6", "6 h", "-6h", "+6h", "6hours", "h", "1.5h",
        "2025-12-04T18", "2025-02-30", "2025-12-4", " 6h", "6h ", "9223372036854775807d",
        "99999999999999999999s", "6M", "6y"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        check_refused(wrong[i], "expected a time like");
    check_refused("\033[2J", "\\x1b");
}

static void the_future_is_refused(void **state) {
    (void)state;
    check_refused("2025-12-04T18:20:00.501Z", "in the future");
    check_refused("2025-12-05", "in the future");
    check_refused("1969-12-31", "before 1970");
    check_refused("9999w", "before 1970");
}

/* --- What is said of it --------------------------------------------------------------------------------- */

static void check_printed(const struct seek *seek, const char *expected) {
    struct printed printed;
    printed_start(&printed);
    seek_print(seek, printed.out);
    assert_string_equal(printed_end(&printed), expected);
    printed_free(&printed);
}

static void what_will_come_again_is_said(void **state) {
    (void)state;
    const struct pipeline *nba = nba_pipeline();
    struct seek_move moves[2] = {
        {.source = &nba->completions[0], .moved = true}, {.source = &nba->completions[1], .moved = true}};
    struct seek seek = {.pipeline = nba, .now_ms = NOW_MS, .time_ms = NOW_MS - HOURS(6), .moves = moves};
    check_printed(&seek,
        "phasegate-nba-phase3 of nba-phase3-complete: moved back to 2025-12-04 12:20:00 UTC\n"
        "phasegate-nba-phase4 of nba-phase4-complete: moved back to 2025-12-04 12:20:00 UTC\n"
        "\n"
        "everything published since is received again; what is already recorded does not change\n");
    moves[0].moved = false;
    moves[0].result = fail(CODE_NOT_FOUND, "there is no such subscription");
    check_printed(&seek,
        "phasegate-nba-phase3 of nba-phase3-complete: not moved: there is no such subscription\n"
        "phasegate-nba-phase4 of nba-phase4-complete: moved back to 2025-12-04 12:20:00 UTC\n"
        "\n"
        "everything published since is received again; what is already recorded does not change\n");
    moves[1].moved = false;
    moves[1].result = moves[0].result;
    check_printed(&seek,
        "phasegate-nba-phase3 of nba-phase3-complete: not moved: there is no such subscription\n"
        "phasegate-nba-phase4 of nba-phase4-complete: not moved: there is no such subscription\n");
}

static void pubsub_has_its_limits(void **state) {
    (void)state;
    const struct pipeline *nba = nba_pipeline();
    struct seek_move moves[2] = {{.source = &nba->completions[0]}, {.source = &nba->completions[1]}};
    struct seek seek = {.pipeline = nba,
        .now_ms = NOW_MS,
        .time_ms = NOW_MS - HOURS(8 * 24),
        .dry_run = true,
        .pubsub = true,
        .moves = moves};
    struct printed printed;
    printed_start(&printed);
    seek_print(&seek, printed.out);
    const char *text = printed_end(&printed);
    check_contains(text, "nba-phase4-complete: would be moved back to 2025-11-26 18:20:00 UTC\n");
    check_contains(text, "Pub/Sub keeps messages for 7 days");
    check_contains(text, "choose an earlier moment");
    check_contains(text, "dry run: nothing was moved\n");
    printed_free(&printed);
    seek.time_ms = NOW_MS - HOURS(7 * 24);
    printed_start(&printed);
    seek_print(&seek, printed.out);
    check_lacks(printed_end(&printed), "7 days");
    printed_free(&printed);
}

static void as_json(void **state) {
    (void)state;
    const struct pipeline *nba = nba_pipeline();
    struct seek_move moves[2] = {{.source = &nba->completions[0], .moved = true},
        {.source = &nba->completions[1], .result = fail(CODE_UNAVAILABLE, "away")}};
    const struct seek seek = {.pipeline = nba, .now_ms = NOW_MS, .time_ms = NOW_MS - 500, .moves = moves};
    json_t *json = seek_json(&seek), *subscriptions = json_object_get(json, "subscriptions");
    assert_string_equal(json_string_value(json_object_get(json, "seek_to")), "2025-12-04T18:20:00.000Z");
    assert_int_equal(json_array_size(subscriptions), 2);
    json_t *first = json_array_get(subscriptions, 0), *second = json_array_get(subscriptions, 1);
    assert_true(json_is_true(json_object_get(first, "moved")));
    assert_true(json_is_null(json_object_get(first, "reason")));
    assert_string_equal(json_string_value(json_object_get(second, "reason")), "away");
    json_decref(json);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_moment_in_its_three_forms),
        cmocka_unit_test(what_is_no_moment_is_refused),
        cmocka_unit_test(the_future_is_refused),
        cmocka_unit_test(what_will_come_again_is_said),
        cmocka_unit_test(pubsub_has_its_limits),
        cmocka_unit_test(as_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
