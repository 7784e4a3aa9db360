#include "cli/explanation.h"
#include "printed.h"
#include "support/nba.h"
#include "support/november.h"

#define MINUTES(n) ((int64_t)(n)*60000)

static const struct term utf8 = {.utf8 = true};

static struct date_state found[NOVEMBER_DATES];

static int read_november(void **state) {
    (void)state;
    november_states(SOURCE_DIR "/deploy/demo/nov2021_row_counts.csv", found);
    return 0;
}

/* The explanation as printed; the caller frees printed. */
static const char *explain(struct printed *printed, const struct date_state *state, int group) {
    struct explanation explanation = explanation_of(nba_pipeline(), state, group, NOVEMBER_NOW_MS);
    printed_start(printed);
    explanation_print(&explanation, &utf8, printed->out);
    return printed_end(printed);
}

static bool is_fine(const struct date_state *state, int group) {
    struct explanation explanation = explanation_of(nba_pipeline(), state, group, NOVEMBER_NOW_MS);
    return explanation_is_fine(&explanation);
}

/* 2021-11-18 of the table: pgs, togs and tdgs without rows, Phase 4 run all the same. */
static void a_held_date_in_full(void **state) {
    (void)state;
    struct date_state held = found[3];
    held.records[TOGS].status = STATUS_FAILED;
    held.records[TOGS].error_message = "quota\033[31m exceeded";
    held.records[TDGS] = (struct record){0};
    held.records[UTGC].backfill = false;
    for (int i = PDC; i <= MLFS; i++)
        held.records[i] = (struct record){0};
    struct printed printed;
    assert_string_equal(explain(&printed, &held, 0),
        "nba 2021-11-18  held: group 1 waits for 3 of its 5 needs\n"
        "groups 1 waiting, 2 waiting, 3 waiting, 4 waiting\n"
        "\n"
        "Group 1, player_shot_zone_analysis, team_defense_zone_analysis, needs:\n"
        "  ✗ player_game_summary           0 rows; needs 1\n"
        "      2021-12-04 17:00:00 · success · backfill · bf-20211204\n"
        "  ✓ upcoming_player_game_context  212 rows\n"
        "      2021-12-04 17:00:00 · success · backfill · bf-20211204\n"
        "  ✓ upcoming_team_game_context    12 rows\n"
        "      2021-12-04 17:00:00 · success · bf-20211204\n"
        "  ✗ team_offense_game_summary     failed: quota\\x1b[31m exceeded\n"
        "      2021-12-04 17:00:00 · failed · backfill · bf-20211204\n"
        "  · team_defense_game_summary     nothing received\n"
        "\n"
        "Premature, and not counted; the trigger of their group will have them run again:\n"
        "  – player_shot_zone_analysis   280 rows; came before group 1 was ready\n"
        "      2021-12-04 17:00:00 · success · backfill · bf-20211204\n"
        "  – team_defense_zone_analysis  30 rows; came before group 1 was ready\n"
        "      2021-12-04 17:00:00 · success · backfill · bf-20211204\n"
        "  – player_composite_factors    212 rows; came before group 2 was ready\n"
        "      2021-12-04 17:00:00 · success · backfill · bf-20211204\n"
        "\n"
        "What you can do\n"
        "  - run player_game_summary, team_offense_game_summary, team_defense_game_summary again for "
        "2021-11-18; the "
        "chain goes on by itself when the completions arrive\n"
        "  - if a table is filled already, vouch for it:\n"
        "      phasegate publish --processor player_game_summary --date 2021-11-18 --rows N --backfill\n"
        "  - see everything that happened:\n"
        "      phasegate history 2021-11-18\n");
    printed_free(&printed);
    assert_false(is_fine(&held, 0));
}

static void a_done_date_needs_nothing(void **state) {
    (void)state;
    struct printed printed;
    const char *text = explain(&printed, &found[0], 0);
    check_contains(text, "nba 2021-11-15  done: all 4 groups, run 1, at 2021-12-04 17:59:00\n");
    check_contains(text, "groups 1 done, 2 done, 3 done, 4 done\n");
    check_contains(text, "ml_feature_store");
    check_lacks(text, "publish");
    check_lacks(text, "Premature");
    printed_free(&printed);
    assert_true(is_fine(&found[0], 0));
}

static void no_games_is_fine(void **state) {
    (void)state;
    struct printed printed;
    const char *text = explain(&printed, &found[10], 0);
    check_contains(text, "no games: the date was closed at 2021-12-04 18:00:00");
    check_contains(text, "if there were games after all");
    printed_free(&printed);
    assert_true(is_fine(&found[10], 0));
    assert_true(is_fine(&found[10], 2));
}

static void nothing_received_says_where_to_look(void **state) {
    (void)state;
    const struct date_state unknown = {.date = found[3].date};
    struct printed printed;
    const char *text = explain(&printed, &unknown, 0);
    check_contains(text, "nba 2021-11-18  nothing was ever received for this date\n");
    check_contains(text, "whether they publish to nba-phase3-complete");
    check_contains(text, "phasegate quarantine list");
    printed_free(&printed);
    assert_false(is_fine(&unknown, 0));
    assert_false(is_fine(&unknown, 3));
}

static struct date_state at_group_two(enum group_phase phase) {
    struct date_state state = found[0];
    state.groups[1] = (struct group_state){
        .phase = phase,
        .ready_ms = NOVEMBER_NOW_MS - MINUTES(13),
        .triggered_ms = phase == GROUP_READY ? 0 : NOVEMBER_NOW_MS - MINUTES(12),
        .ended_ms = phase == GROUP_FAILED ? NOVEMBER_NOW_MS - MINUTES(5) : 0,
        .backfill = true,
        .bus_message_id = phase == GROUP_READY ? NULL : "9188",
    };
    state.groups[2] = state.groups[3] = (struct group_state){0};
    state.records[PCF] = state.records[PDC] = state.records[MLFS] = (struct record){0};
    return state;
}

static void a_triggered_group_says_since_when_and_for_whom(void **state) {
    (void)state;
    struct date_state triggered = at_group_two(GROUP_TRIGGERED);
    struct printed printed;
    const char *text = explain(&printed, &triggered, 0);
    check_contains(text, "running: group 2 was triggered 12 min ago");
    check_contains(text, "Group 2, trigger nba/2021-11-15/g2/r1, message 9188, backfill:");
    check_contains(
        text, "wait for player_composite_factors, or look into its log for trigger nba/2021-11-15/g2/r1");
    printed_free(&printed);
    assert_true(is_fine(&triggered, 0));
}

static void a_ready_group_is_still_in_the_outbox(void **state) {
    (void)state;
    struct date_state ready = at_group_two(GROUP_READY);
    struct printed printed;
    const char *text = explain(&printed, &ready, 0);
    check_contains(
        text, "running: group 2 is ready for 13 min; its trigger is in the outbox, not yet published");
    check_contains(text, "when `phasegate serve` runs and reaches the bus");
    printed_free(&printed);
    assert_true(is_fine(&ready, 0));
}

static void a_failed_group_says_what_to_repair(void **state) {
    (void)state;
    struct date_state failed = at_group_two(GROUP_FAILED);
    failed.records[PCF] = (struct record){.mark = RECORD_SHORT,
        .status = STATUS_FAILED,
        .run = 1,
        .execution_id = "x",
        .error_message = "timeout"};
    struct printed printed;
    const char *text = explain(&printed, &failed, 0);
    check_contains(text, "failed: group 2, 5 min ago; the chain waits there");
    check_contains(text, "timeout");
    check_contains(text, "repair player_composite_factors and run it again for 2021-11-15");
    printed_free(&printed);
    assert_false(is_fine(&failed, 0));
}

static void a_group_asked_for_is_judged_by_itself(void **state) {
    (void)state;
    struct date_state triggered = at_group_two(GROUP_TRIGGERED);
    struct printed printed;
    const char *text = explain(&printed, &triggered, 3);
    check_contains(text, "held: group 3 comes after group 2, which is not done");
    check_contains(text, "  - see what holds group 2:\n      phasegate explain 2021-11-15 --group 2\n");
    printed_free(&printed);
    check_contains(explain(&printed, &triggered, 1), "done: group 1, run 1, at ");
    printed_free(&printed);
    assert_true(is_fine(&triggered, 1));
    assert_true(is_fine(&triggered, 2));
    assert_false(is_fine(&triggered, 3));
}

static void what_another_run_did_is_said(void **state) {
    (void)state;
    struct date_state second = at_group_two(GROUP_TRIGGERED);
    second.records[PCF] = found[0].records[PCF];
    second.run = 2;
    struct printed printed;
    check_contains(explain(&printed, &second, 0), "of run 1; this is run 2");
    printed_free(&printed);
}

static void every_reason_has_its_error(void **state) {
    (void)state;
    struct date_state held = found[3];
    held.records[PGS] = (struct record){.mark = RECORD_SHORT,
        .status = STATUS_PARTIAL,
        .record_count = 90,
        .records_failed = 10,
        .error_message = "ten games were late"};
    held.records[UPGC].mark = RECORD_SHORT;
    struct explanation explanation = explanation_of(nba_pipeline(), &held, 0, NOVEMBER_NOW_MS);
    char text[EXPLANATION_TEXT_MAX];
    assert_string_equal(explanation_reason(&explanation, PGS, text),
        "partial 90.0 % of rows; needs 95 %: ten games were late");
    assert_string_equal(explanation_reason(&explanation, UPGC, text), "did not satisfy when it came");
    assert_string_equal(explanation_reason(&explanation, UTGC, text), "");
}

static void json_says_the_same(void **state) {
    (void)state;
    struct explanation explanation = explanation_of(nba_pipeline(), &found[3], 0, NOVEMBER_NOW_MS);
    json_t *json = explanation_json(&explanation);
    assert_non_null(json);
    assert_true(json_is_false(json_object_get(json, "fine")));
    assert_int_equal(json_integer_value(json_object_get(json, "group")), 1);
    json_t *needs = json_object_get(json, "needs");
    assert_int_equal(json_array_size(needs), 5);
    assert_string_equal(
        json_string_value(json_object_get(json_array_get(needs, 0), "reason")), "0 rows; needs 1");
    assert_true(json_is_null(json_object_get(json_array_get(needs, 1), "reason")));
    assert_int_equal(json_array_size(json_object_get(json, "premature")), 5);
    assert_int_equal(json_array_size(json_object_get(json, "advice")), 2);
    json_t *date = json_object_get(json, "date");
    assert_string_equal(json_string_value(json_object_get(date, "standing")), "held");
    assert_int_equal(json_array_size(json_object_get(date, "waits_for")), 3);
    json_decref(json);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_held_date_in_full),
        cmocka_unit_test(a_done_date_needs_nothing),
        cmocka_unit_test(no_games_is_fine),
        cmocka_unit_test(nothing_received_says_where_to_look),
        cmocka_unit_test(a_triggered_group_says_since_when_and_for_whom),
        cmocka_unit_test(a_ready_group_is_still_in_the_outbox),
        cmocka_unit_test(a_failed_group_says_what_to_repair),
        cmocka_unit_test(a_group_asked_for_is_judged_by_itself),
        cmocka_unit_test(what_another_run_did_is_said),
        cmocka_unit_test(every_reason_has_its_error),
        cmocka_unit_test(json_says_the_same),
    };
    return cmocka_run_group_tests(tests, read_november, NULL);
}
