#include "core/pipeline.h"
#include "support/check.h"
#include "support/nba.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void assert_resolves(const char *processor_name, const char *output_table, int index) {
    const struct processor *found = pipeline_resolve(nba_pipeline(), processor_name, output_table);
    if (!found || found->index != index)
        fail_msg("\"%s\", \"%s\" gives %s", processor_name, output_table, found ? found->name : "nothing");
}

static void assert_unknown(const char *processor_name, const char *output_table) {
    assert_null(pipeline_resolve(nba_pipeline(), processor_name, output_table));
}

static void names_abbreviations_and_aliases_are_known(void **state) {
    (void)state;
    const struct pipeline *nba = nba_pipeline();
    for (int i = 0; i < nba->processor_count; i++) {
        assert_ptr_equal(pipeline_processor(nba, nba->processors[i].name), &nba->processors[i]);
        assert_ptr_equal(pipeline_processor(nba, nba->processors[i].abbr), &nba->processors[i]);
    }
    assert_ptr_equal(pipeline_processor(nba, "ml_feature_store_v2"), &nba->processors[MLFS]);
    assert_null(pipeline_processor(nba, "Player_Game_Summary"));
    assert_null(pipeline_processor(nba, "player_game_summary "));
    assert_null(pipeline_processor(nba, ""));
}

static void what_publishers_send_is_resolved(void **state) {
    (void)state;
    assert_resolves("player_game_summary", NULL, PGS);
    assert_resolves("pgs", NULL, PGS);
    assert_resolves("PlayerGameSummaryProcessor", NULL, PGS);
    assert_resolves("AsyncUpcomingPlayerGameContextProcessor", NULL, UPGC);
    assert_resolves("MLFeatureStoreProcessor", NULL, MLFS);
    assert_resolves("MLFeatureStoreV2Processor", NULL, MLFS); /* its snake case is an alias */
    assert_resolves("Processor", "team_offense_game_summary", TOGS);
    assert_resolves(NULL, "team_offense_game_summary", TOGS);
    assert_resolves(NULL, "ml_feature_store_v2", MLFS);
}

/* Exact processor_name before output_table before the class name. */
static void the_order_of_resolution_holds(void **state) {
    (void)state;
    assert_resolves("player_game_summary", "player_daily_cache", PGS);
    assert_resolves("PlayerGameSummaryProcessor", "player_daily_cache", PDC);
    assert_resolves("PlayerGameSummaryProcessor", "unknown_table", PGS);
}

static void unknown_processors_stay_unknown(void **state) {
    (void)state;
    assert_unknown(NULL, NULL);
    assert_unknown("", "");
    assert_unknown("PlayerGamSummaryProcessor", "x");
    assert_unknown(NULL, "PlayerGameSummaryProcessor"); /* a table has no class name */
    assert_unknown("playergamesummary", NULL);
}

static void endless_names_are_unknown(void **state) {
    (void)state;
    enum { SIZE = 1 << 20 };
    char *endless = malloc(SIZE);
    memset(endless, 'A', SIZE - 1);
    endless[SIZE - 1] = '\0';
    assert_unknown(endless, endless);
    assert_null(pipeline_nearest(nba_pipeline(), endless));
    free(endless);
}

static void the_nearest_sees_through_class_names(void **state) {
    (void)state;
    const struct pipeline *nba = nba_pipeline();
    assert_string_equal(pipeline_nearest(nba, "PlayerGamSummaryProcessor"), "player_game_summary");
    assert_string_equal(pipeline_nearest(nba, "player_daily_cash"), "player_daily_cache");
    assert_string_equal(pipeline_nearest(nba, "ml_feature_store_v3"), "ml_feature_store_v2");
    assert_string_equal(pipeline_nearest(nba, "PGX"), "pgs");
    assert_null(pipeline_nearest(nba, "RefereeAssignmentProcessor"));
}

static void the_definition_is_what_the_store_reads(void **state) {
    (void)state;
    struct arena *arena = arena_new(4096);
    assert_string_equal(pipeline_definition(nba_pipeline(), arena),
        "pgs,upgc,utgc,togs,tdgs"
        ";psza,tdza<pgs,upgc,utgc,togs,tdgs"
        ";pcf<upgc,utgc,psza,tdza"
        ";pdc<pgs,upgc,togs,psza,pcf"
        ";mlfs<pgs,upgc,utgc,togs,tdgs,psza,tdza,pcf,pdc"
        ";@600000,21600000,7200000,0");
    assert_string_equal(nba_pipeline()->definition, pipeline_definition(nba_pipeline(), arena));
    arena_free(&arena);
}

static void the_definition_is_null_when_the_arena_is_full(void **state) {
    (void)state;
    for (size_t size = 16; size <= 160; size += 16) {
        struct arena *arena = arena_new(size);
        assert_null(pipeline_definition(nba_pipeline(), arena));
        arena_free(&arena);
    }
}

static void check_timing(const struct pipeline *pipeline, const char *expected) {
    struct arena *arena = arena_new(4096);
    const char *definition = pipeline_definition(pipeline, arena);
    assert_non_null(definition);
    assert_string_equal(strchr(definition, '@'), expected);
    arena_free(&arena);
}

static void the_definition_has_the_times_of_reruns_and_stalls(void **state) {
    (void)state;
    struct pipeline pipeline = *nba_pipeline();
    pipeline.on_stall = STALL_RETRIGGER;
    check_timing(&pipeline, "@600000,21600000,7200000,3");
    pipeline.rerun = RERUN_HOLD;
    check_timing(&pipeline, "@hold,21600000,7200000,3");
    pipeline.rerun = RERUN_AUTO;
    pipeline.on_stall = STALL_REPORT;
    pipeline.rerun_settle = 0;
    pipeline.upstream_deadline = INT32_MAX;
    pipeline.group_deadline = 0;
    check_timing(&pipeline, "@0,2147483647000,0,0");
}

/* The largest pipeline there can be: every processor is in the last set, and needed by it. */
static void the_largest_pipeline_has_a_definition(void **state) {
    (void)state;
    struct processor processors[PIPELINE_PROCESSORS_MAX];
    static char abbrs[PIPELINE_PROCESSORS_MAX][16];
    struct group groups[PIPELINE_GROUPS_MAX];
    for (int i = 0; i < PIPELINE_PROCESSORS_MAX; i++) {
        snprintf(abbrs[i], sizeof abbrs[i], "abbr%03d", i);
        processors[i] = (struct processor){.index = i, .name = abbrs[i], .abbr = abbrs[i]};
    }
    for (int g = 0; g < PIPELINE_GROUPS_MAX; g++)
        groups[g] = (struct group){.number = g + 1, .members = UINT64_MAX, .needs = UINT64_MAX};
    struct pipeline largest = {.name = "largest",
        .processors = processors,
        .groups = groups,
        .upstream = UINT64_MAX,
        .processor_count = PIPELINE_PROCESSORS_MAX,
        .group_count = PIPELINE_GROUPS_MAX};
    struct arena *arena = arena_new(1 << 20);
    size_t one_set = PIPELINE_PROCESSORS_MAX * PIPELINE_ABBR_MAX - 1;
    assert_int_equal(strlen(pipeline_definition(&largest, arena)),
        one_set + PIPELINE_GROUPS_MAX * 2 * (one_set + 1) + strlen(";@0,0,0,0"));
    assert_ptr_equal(pipeline_processor(&largest, "abbr063"), &processors[63]);
    arena_free(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_abbreviations_and_aliases_are_known),
        cmocka_unit_test(what_publishers_send_is_resolved),
        cmocka_unit_test(the_order_of_resolution_holds),
        cmocka_unit_test(unknown_processors_stay_unknown),
        cmocka_unit_test(endless_names_are_unknown),
        cmocka_unit_test(the_nearest_sees_through_class_names),
        cmocka_unit_test(the_definition_is_what_the_store_reads),
        cmocka_unit_test(the_definition_has_the_times_of_reruns_and_stalls),
        cmocka_unit_test(the_definition_is_null_when_the_arena_is_full),
        cmocka_unit_test(the_largest_pipeline_has_a_definition),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
