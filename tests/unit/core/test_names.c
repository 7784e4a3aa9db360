#include "core/names.h"
#include "support/check.h"

#include <stdlib.h>
#include <string.h>

static void assert_class(const char *class_name, const char *expected) {
    char out[64];
    assert_string_equal(name_from_class(class_name, out, sizeof out), expected);
}

static void class_names_become_table_names(void **state) {
    (void)state;
    assert_class("PlayerGameSummaryProcessor", "player_game_summary");
    assert_class("AsyncUpcomingPlayerGameContextProcessor", "upcoming_player_game_context");
    assert_class("MLFeatureStoreProcessor", "ml_feature_store");
    assert_class("TeamDefenseZoneAnalysisProcessor", "team_defense_zone_analysis");
    assert_class("PlayerDailyCache", "player_daily_cache");
}

static void runs_of_capitals_and_digits_stay_together(void **state) {
    (void)state;
    assert_class("ML", "ml");
    assert_class("FeatureStoreML", "feature_store_ml");
    assert_class("NBAGameABC", "nba_game_abc");
    assert_class("FeatureStoreV2Processor", "feature_store_v2");
    assert_class("V2Store", "v2_store");
    assert_class("Player_GameSummary", "player_game_summary");
}

static void other_names_stay_as_they_are(void **state) {
    (void)state;
    assert_class("", "");
    assert_class("player_game_summary", "player_game_summary");
    assert_class("Async", "async");
    assert_class("Asynchronous", "asynchronous");
    assert_class("Processor", "processor");
    assert_class("AsyncProcessor", "processor");
    assert_class("ProcessorOfAsync", "processor_of_async");
}

static void nothing_is_written_past_the_end(void **state) {
    (void)state;
    for (size_t size = 1; size < 32; size++) {
        char out[32];
        memset(out, '#', sizeof out);
        name_from_class("PlayerGameSummaryProcessor", out, size);
        size_t expected = size - 1 < strlen("player_game_summary") ? size - 1 : strlen("player_game_summary");
        assert_int_equal(strlen(out), expected);
        assert_memory_equal(out, "player_game_summary", expected);
        assert_int_equal(out[size], '#');
    }
}

static const char *nearest(const char *name) {
    static const char *const known[] = {
        "player_game_summary", "player_composite_factors", "team_defense_game_summary", "pgs", "pcf"};
    return name_nearest(name, known, sizeof known / sizeof *known);
}

static void the_nearest_is_found_over_typing_mistakes(void **state) {
    (void)state;
    assert_string_equal(nearest("player_gam_summary"), "player_game_summary");
    assert_string_equal(nearest("palyer_game_sumary"), "player_game_summary");
    assert_string_equal(nearest("PLAYER_GAME_SUMMARY"), "player_game_summary");
    assert_string_equal(nearest("player_compsite_factor"), "player_composite_factors");
    assert_string_equal(nearest("pcs"), "pgs");
    assert_string_equal(nearest("pc"), "pcf");
}

static void what_is_too_far_has_no_nearest(void **state) {
    (void)state;
    assert_null(nearest("referee_assignments"));
    assert_null(nearest("xyz"));
    assert_null(nearest(""));
    assert_null(name_nearest("pgs", NULL, 0));
    const char *one[] = {"a"};
    assert_string_equal(name_nearest("", one, 1), "a"); /* one edit is always allowed */
    assert_null(name_nearest("bc", one, 1));
}

static void the_limit_is_a_third_of_the_name(void **state) {
    (void)state;
    const char *nine[] = {"abcdefghi"};
    assert_non_null(name_nearest("abcdefxyz", nine, 1)); /* 3 of 9 */
    assert_null(name_nearest("abcdewxyz", nine, 1));     /* 4 of 9 */
}

static void of_equals_the_first_wins(void **state) {
    (void)state;
    const char *known[] = {"abd", "abe", "abc"};
    assert_string_equal(name_nearest("abx", known, 3), "abd");
    assert_string_equal(name_nearest("abc", known, 3), "abc");
}

static void endless_names_are_near_to_nothing(void **state) {
    (void)state;
    enum { SIZE = 1 << 20 };
    char *endless = malloc(SIZE);
    memset(endless, 'a', SIZE - 1);
    endless[SIZE - 1] = '\0';
    assert_null(nearest(endless));
    const char *known[] = {endless, "pgs"};
    assert_string_equal(name_nearest("pgx", known, 2), "pgs");
    free(endless);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(class_names_become_table_names),
        cmocka_unit_test(runs_of_capitals_and_digits_stay_together),
        cmocka_unit_test(other_names_stay_as_they_are),
        cmocka_unit_test(nothing_is_written_past_the_end),
        cmocka_unit_test(the_nearest_is_found_over_typing_mistakes),
        cmocka_unit_test(what_is_too_far_has_no_nearest),
        cmocka_unit_test(the_limit_is_a_third_of_the_name),
        cmocka_unit_test(of_equals_the_first_wins),
        cmocka_unit_test(endless_names_are_near_to_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
