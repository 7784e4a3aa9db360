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
        "  - if the tables are filled already, vouch for them:\n"
        "      phasegate backfill --dates 2021-11-18 --processors pgs,togs,tdgs\n"
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
    check_lacks(text, "carried over");
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
        .run = 1,
        .ready_ms = NOVEMBER_NOW_MS - MINUTES(13),
        .triggered_ms = phase == GROUP_READY ? 0 : NOVEMBER_NOW_MS - MINUTES(12),
        .ended_ms = phase == GROUP_FAILED || phase == GROUP_CANCELLED ? NOVEMBER_NOW_MS - MINUTES(5) : 0,
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
    check_contains(text, "have group 2 triggered again:\n      phasegate replay --dates 2021-11-15\n");
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

/* Run 2, opened by a re-run of upcoming_player_game_context: group 1 was carried over. */
static struct date_state second_run(void) {
    struct date_state second = at_group_two(GROUP_TRIGGERED);
    second.records[PCF] = found[0].records[PCF];
    second.records[PCF].mark = RECORD_OLD;
    second.run = second.groups[1].run = 2;
    return second;
}

static void what_another_run_did_is_said(void **state) {
    (void)state;
    struct date_state second = second_run();
    const struct opening opening = {.at_ms = NOVEMBER_NOW_MS - MINUTES(14),
        .first_group = 2,
        .rerun_ms = NOVEMBER_NOW_MS - MINUTES(24),
        .processor = &nba_pipeline()->processors[UPGC]};
    struct explanation explanation = explanation_of(nba_pipeline(), &second, 0, NOVEMBER_NOW_MS);
    explanation.opening = &opening;
    struct printed printed;
    printed_start(&printed);
    explanation_print(&explanation, &utf8, printed.out);
    const char *text = printed_end(&printed);
    check_contains(text,
        "groups 1 done in run 1, 2 triggered, 3 waiting, 4 waiting\n"
        "run 2, opened at 2021-12-04 17:46:00 after a re-run of upcoming_player_game_context at 2021-12-04 "
        "17:36:00; "
        "carried over: group 1 (run 1)\n");
    check_contains(text, "Group 2, trigger nba/2021-11-15/g2/r2");
    check_contains(
        text, "– player_composite_factors  389 rows; of run 1; group 2 has to do it again in run 2\n");
    printed_free(&printed);
    json_t *json = explanation_json(&explanation), *opened = json_object_get(json, "run_opened");
    assert_string_equal(json_string_value(json_object_get(opened, "why")), "rerun");
    assert_string_equal(
        json_string_value(json_object_get(opened, "processor")), "upcoming_player_game_context");
    assert_string_equal(json_string_value(json_object_get(opened, "rerun_at")), "2021-12-04T17:36:00.000Z");
    assert_int_equal(json_integer_value(json_object_get(opened, "first_group")), 2);
    json_decref(json);
}

static void what_was_carried_over_counts(void **state) {
    (void)state;
    struct date_state second = second_run();
    struct printed printed;
    const char *text = explain(&printed, &second, 1);
    check_contains(text, "done: group 1, run 1, at ");
    check_contains(text, "\nrun 2; carried over: group 1 (run 1)\n");
    check_contains(text, "Group 1, trigger nba/2021-11-15/g1/r1, message 9188");
    check_contains(text, "✓ player_shot_zone_analysis   272 rows; carried over from run 1\n");
    printed_free(&printed);
    check_lacks(explain(&printed, &second, 2), "389 rows; carried over");
    printed_free(&printed);
    assert_true(is_fine(&second, 1));
}

static void a_failure_set_aside_is_said(void **state) {
    (void)state;
    struct date_state replayed = at_group_two(GROUP_TRIGGERED);
    replayed.records[PCF] = (struct record){.mark = RECORD_SHORT,
        .set_aside = true,
        .status = STATUS_FAILED,
        .run = 1,
        .execution_id = "x",
        .error_message = "timeout"};
    struct printed printed;
    const char *text = explain(&printed, &replayed, 0);
    check_contains(
        text, "– player_composite_factors  failed: timeout; set aside, group 2 was triggered again since\n");
    check_contains(text, "wait for player_composite_factors");
    printed_free(&printed);
    assert_true(is_fine(&replayed, 0));
}

static struct date_state stale_from(int group, int64_t due_ms) {
    struct date_state state = found[0];
    state.stale =
        (struct stale){group, NOVEMBER_NOW_MS - MINUTES(2), due_ms, &nba_pipeline()->processors[PGS]};
    return state;
}

static void a_stale_date_opens_its_run_by_itself(void **state) {
    (void)state;
    struct date_state stale = stale_from(3, NOVEMBER_NOW_MS + MINUTES(8));
    struct printed printed;
    const char *text = explain(&printed, &stale, 0);
    check_contains(text,
        "nba 2021-11-15  stale for 2 min: after a re-run of player_game_summary, group 3 has to start again; "
        "run 2 opens in 8 min\n"
        "groups 1 done, 2 done, 3 done (stale), 4 done (stale)\n"
        "\n"
        "Group 3, player_daily_cache, needs:\n"
        "  ✓ player_game_summary ");
    check_contains(text,
        "  - wait: run 2 opens by itself; or open it now:\n"
        "      phasegate replay --rerun --dates 2021-11-15\n");
    printed_free(&printed);
    assert_true(is_fine(&stale, 0));
    assert_true(is_fine(&stale, 2));
    check_contains(explain(&printed, &stale, 2), "done: group 2, run 1");
    printed_free(&printed);
    check_contains(explain(&printed, &stale, 4), "stale for 2 min");
    printed_free(&printed);
    stale.stale.due_ms = NOVEMBER_NOW_MS;
    text = explain(&printed, &stale, 0);
    check_contains(text, "run 2 is about to open");
    check_contains(text, "run 2 opens when `phasegate serve` runs");
    printed_free(&printed);
}

static void a_stale_date_on_hold_waits_for_an_operator(void **state) {
    (void)state;
    struct date_state stale = stale_from(1, 0);
    struct printed printed;
    const char *text = explain(&printed, &stale, 0);
    check_contains(text, "run 2 is on hold until an operator opens it\n");
    check_contains(text, "  - open run 2:\n      phasegate replay --rerun --dates 2021-11-15\n");
    printed_free(&printed);
    struct date_state running = at_group_two(GROUP_TRIGGERED);
    running.stale = stale.stale;
    check_contains(
        explain(&printed, &running, 0), "      phasegate replay --rerun --running --dates 2021-11-15\n");
    printed_free(&printed);
    assert_false(is_fine(&stale, 0));
    stale.stale.processor = NULL;
    check_contains(explain(&printed, &stale, 0), "after a re-run of a processor, group 1");
    printed_free(&printed);
}

static void a_rerun_that_went_badly_is_to_be_repaired(void **state) {
    (void)state;
    struct date_state stale = stale_from(3, NOVEMBER_NOW_MS + MINUTES(8));
    stale.records[PGS].mark = RECORD_SHORT;
    stale.records[PGS].record_count = 0;
    struct printed printed;
    const char *text = explain(&printed, &stale, 0);
    check_contains(text, "✗ player_game_summary           0 rows; needs 1\n");
    check_contains(text, "run player_game_summary again for 2021-11-15; nothing more is triggered before");
    printed_free(&printed);
    assert_false(is_fine(&stale, 0));
}

static void a_stalled_date_says_for_whom_and_since_when(void **state) {
    (void)state;
    struct date_state held = found[2];
    held.since_ms = NOVEMBER_NOW_MS - MINUTES(7 * 60);
    held.stall = (struct stall){1, 1, NOVEMBER_NOW_MS - MINUTES(60)};
    struct printed printed;
    const char *text = explain(&printed, &held, 0);
    check_contains(text,
        "stalled: group 1 waits for 2 of its 5 needs for 7 h 0 min; its deadline passed 1 h 0 min ago\n"
        "groups 1 waiting (stalled), 2 waiting, 3 waiting, 4 waiting\n");
    check_contains(text, "run team_offense_game_summary, team_defense_game_summary again for 2021-11-17");
    check_contains(text, "phasegate backfill --dates 2021-11-17 --processors togs,tdgs\n");
    printed_free(&printed);
    assert_false(is_fine(&held, 0));
    check_contains(explain(&printed, &held, 2), "held: group 2 comes after group 1, which is not done");
    printed_free(&printed);
}

static void a_stalled_group_can_be_triggered_again(void **state) {
    (void)state;
    struct date_state stalled = at_group_two(GROUP_TRIGGERED);
    stalled.stall = (struct stall){2, 2, NOVEMBER_NOW_MS - MINUTES(1)};
    struct printed printed;
    const char *text = explain(&printed, &stalled, 2);
    check_contains(
        text, "stalled: group 2 waits for 1 of its 1 processors for 12 min; its deadline passed 1 min ago\n");
    check_contains(text, "look into the log of player_composite_factors for trigger nba/2021-11-15/g2/r1\n");
    check_contains(text, "phasegate replay --dates 2021-11-15\n");
    check_contains(text, "phasegate backfill --dates 2021-11-15 --processors pcf\n");
    check_lacks(text, "the limit allows");
    printed_free(&printed);
    assert_false(is_fine(&stalled, 0));
    stalled.run = 2; /* carried over, and judged again: the trigger is the old one */
    check_contains(explain(&printed, &stalled, 0), "for trigger nba/2021-11-15/g2/r1\n");
    printed_free(&printed);
}

static void a_stalled_group_says_whether_it_was_triggered_again(void **state) {
    (void)state;
    struct date_state stalled = at_group_two(GROUP_TRIGGERED);
    stalled.stall = (struct stall){2, 4, NOVEMBER_NOW_MS - MINUTES(1)};
    struct pipeline again = *nba_pipeline();
    again.on_stall = STALL_RETRIGGER;
    struct explanation explanation = explanation_of(&again, &stalled, 0, NOVEMBER_NOW_MS);
    char headline[EXPLANATION_TEXT_MAX];
    check_contains(explanation_headline(&explanation, headline),
        "; it was triggered again 3 times, as often as the limit allows");
    stalled.stall.times = 3;
    check_lacks(explanation_headline(&explanation, headline), "the limit allows");
    stalled.groups[1].triggered_ms = NOVEMBER_NOW_MS;
    stalled.stall.times = 1;
    explanation = explanation_of(&again, &stalled, 0, NOVEMBER_NOW_MS);
    assert_string_equal(explanation_headline(&explanation, headline),
        "running: group 2 was triggered 0 s ago; its deadline has passed before, 1 time");
    assert_true(explanation_is_fine(&explanation));
    stalled.groups[1].phase = GROUP_READY;
    explanation = explanation_of(&again, &stalled, 0, NOVEMBER_NOW_MS);
    check_contains(
        explanation_headline(&explanation, headline), "running: group 2 is ready for 1 min; its trigger");
}

static void a_cancelled_group_can_be_put_back(void **state) {
    (void)state;
    struct date_state cancelled = at_group_two(GROUP_CANCELLED);
    struct printed printed;
    const char *text = explain(&printed, &cancelled, 0);
    check_contains(text, "cancelled: an operator took the trigger of group 2 out of the outbox 5 min ago\n");
    check_contains(text, "groups 1 done, 2 cancelled, 3 waiting");
    check_contains(text, "  - put the trigger back:\n      phasegate replay --dates 2021-11-15\n");
    printed_free(&printed);
    assert_false(is_fine(&cancelled, 0));
    assert_false(is_fine(&cancelled, 2));
}

static void a_slot_is_waited_for_in_turn(void **state) {
    (void)state;
    struct date_state ready = at_group_two(GROUP_READY);
    const struct trigger waiting[] = {
        {.date = ready.date - 2, .group = 2, .run = 1},
        {.date = ready.date - 1, .group = 1, .run = 1},
        {.date = ready.date - 1, .group = 2, .run = 1},
        {.date = ready.date, .group = 2, .run = 1},
        {.date = ready.date + 1, .group = 2, .run = 1},
    };
    const struct trigger of_another_run = {.date = ready.date, .group = 2, .run = 2};
    struct backfill_state backfill = {.in_flight = {3, 15}, .waiting = waiting, .waiting_count = 5};
    struct explanation explanation = explanation_of(nba_pipeline(), &ready, 0, NOVEMBER_NOW_MS);
    explanation.backfill = &backfill;
    char text[EXPLANATION_TEXT_MAX];
    assert_string_equal(explanation_headline(&explanation, text),
        "running: group 2 is ready for 13 min and waits for a slot: 15 of 15 are taken, 2 older dates go "
        "first");
    assert_true(explanation_is_fine(&explanation));
    assert_true(explanation_advice(&explanation, 0, text));
    check_contains(text, "a slot comes free whenever a date's group 2 is done");

    backfill.paused_ms = NOVEMBER_NOW_MS - MINUTES(60);
    assert_string_equal(explanation_headline(&explanation, text),
        "paused: group 2 is ready for 13 min; backfill is paused since 2021-12-04 17:00:00");
    assert_false(explanation_is_fine(&explanation));
    assert_true(explanation_advice(&explanation, 0, text));
    assert_string_equal(text, "let backfill go on: phasegate backfill resume");
    assert_false(explanation_advice(&explanation, 1, text));

    backfill.waiting = &of_another_run;
    backfill.waiting_count = 1;
    assert_false(explanation_waits_for_slot(&explanation));
    backfill.waiting = waiting;
    backfill.waiting_count = 3; /* it has its slot: a pause does not hold it */
    check_contains(
        explanation_headline(&explanation, text), "its trigger is in the outbox, not yet published");
    assert_true(explanation_is_fine(&explanation));
}

static void rows_are_asked_for_where_they_are_required(void **state) {
    (void)state;
    struct processor processors[NBA_PROCESSORS];
    memcpy(processors, nba_pipeline()->processors, sizeof processors);
    processors[TOGS].require_rows = true;
    struct pipeline strict = *nba_pipeline();
    strict.processors = processors;
    struct explanation explanation = explanation_of(&strict, &found[3], 0, NOVEMBER_NOW_MS);
    char text[EXPLANATION_TEXT_MAX];
    assert_true(explanation_advice(&explanation, 1, text));
    assert_string_equal(text,
        "if the table of team_offense_game_summary is filled already, vouch for it: phasegate publish "
        "--processor team_offense_game_summary --date 2021-11-18 --rows N --backfill");
}

static void a_group_that_does_not_start_is_missed(void **state) {
    (void)state;
    struct date_state lost = at_group_two(GROUP_WAITING);
    lost.groups[1] = (struct group_state){0};
    struct printed printed;
    const char *text = explain(&printed, &lost, 0);
    check_contains(text, "held: group 2 has all it needs and is about to start");
    check_contains(text, "phasegate replay --missed --dates 2021-11-15\n");
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
    assert_true(json_is_null(json_object_get(date, "stale")));
    assert_true(json_is_null(json_object_get(date, "stall")));
    json_decref(json);
}

static void json_tells_of_runs_and_stalls(void **state) {
    (void)state;
    struct date_state stale = stale_from(3, NOVEMBER_NOW_MS + MINUTES(8));
    stale.stall = (struct stall){4, 2, NOVEMBER_NOW_MS};
    stale.run = 2;
    stale.records[PCF].mark = RECORD_OLD;
    stale.records[PDC].set_aside = true;
    struct explanation explanation = explanation_of(nba_pipeline(), &stale, 0, NOVEMBER_NOW_MS);
    json_t *json = explanation_json(&explanation), *date = json_object_get(json, "date");
    assert_true(json_is_null(json_object_get(json, "run_opened")));
    assert_int_equal(json_integer_value(json_object_get(json, "group")), 3);
    assert_string_equal(json_string_value(json_object_get(date, "standing")), "stale");
    json_t *expected = json_pack("{s:i, s:s, s:s, s:s}", "group", 3, "since", "2021-12-04T17:58:00.000Z",
        "due", "2021-12-04T18:08:00.000Z", "processor", "player_game_summary");
    assert_true(json_equal(json_object_get(date, "stale"), expected));
    json_decref(expected);
    expected = json_pack("{s:i, s:i, s:s}", "group", 4, "times", 2, "at", "2021-12-04T18:00:00.000Z");
    assert_true(json_equal(json_object_get(date, "stall"), expected));
    json_decref(expected);
    json_t *group = json_array_get(json_object_get(date, "groups"), 0),
           *processors = json_object_get(date, "processors");
    assert_int_equal(json_integer_value(json_object_get(group, "run")), 1);
    assert_string_equal(json_string_value(json_object_get(group, "trigger_id")), "nba/2021-11-15/g1/r1");
    json_t *old = json_object_get(processors, "player_composite_factors");
    assert_string_equal(json_string_value(json_object_get(old, "mark")), "old_run");
    assert_true(json_is_false(json_object_get(old, "set_aside")));
    assert_true(
        json_is_true(json_object_get(json_object_get(processors, "player_daily_cache"), "set_aside")));
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
        cmocka_unit_test(what_was_carried_over_counts),
        cmocka_unit_test(a_failure_set_aside_is_said),
        cmocka_unit_test(a_stale_date_opens_its_run_by_itself),
        cmocka_unit_test(a_stale_date_on_hold_waits_for_an_operator),
        cmocka_unit_test(a_rerun_that_went_badly_is_to_be_repaired),
        cmocka_unit_test(a_stalled_date_says_for_whom_and_since_when),
        cmocka_unit_test(a_stalled_group_can_be_triggered_again),
        cmocka_unit_test(a_stalled_group_says_whether_it_was_triggered_again),
        cmocka_unit_test(a_cancelled_group_can_be_put_back),
        cmocka_unit_test(a_slot_is_waited_for_in_turn),
        cmocka_unit_test(rows_are_asked_for_where_they_are_required),
        cmocka_unit_test(a_group_that_does_not_start_is_missed),
        cmocka_unit_test(every_reason_has_its_error),
        cmocka_unit_test(json_says_the_same),
        cmocka_unit_test(json_tells_of_runs_and_stalls),
    };
    return cmocka_run_group_tests(tests, read_november, NULL);
}
