/*
 * The store, rule by rule and failure by failure: what design.md section 1 says must become impossible, and
 * each rule of section 4 in the shortest story that shows it.
 */
#include "support/check.h"
#include "support/scene.h"

#include <string.h>

/* --- Rule 1: ready -------------------------------------------------------------------------------------- */

static void five_completions_start_group_1_once(void **state) {
    struct scene *scene = *state;
    for (int processor = PGS; processor < TDGS; processor++) {
        struct applied_copy applied = complete(scene, processor);
        check_not_due(&applied);
    }
    struct applied_copy last = complete(scene, TDGS);
    check_due(scene, &last, "g1/r1");
    assert_int_equal(phase_of(scene, 1), GROUP_READY);
    struct applied_copy more = complete(scene, TDGS);
    check_not_due(&more);
}

static void the_order_of_completions_does_not_matter(void **state) {
    struct scene *scene = *state;
    static const int orders[][5] = {{TDGS, TOGS, UTGC, UPGC, PGS}, {UTGC, PGS, TDGS, UPGC, TOGS}};
    for (int i = 0; i < 2; i++) {
        empty_scene(state);
        for (int k = 0; k < 4; k++)
            complete(scene, orders[i][k]);
        struct applied_copy last = complete(scene, orders[i][4]);
        check_due(scene, &last, "g1/r1");
    }
}

static void groups_follow_one_another(void **state) {
    struct scene *scene = *state;
    complete_phase3(scene);
    confirm(scene, 1);
    complete(scene, PSZA);
    struct applied_copy applied = complete(scene, TDZA);
    assert_int_equal(applied.group, 1);
    assert_string_equal(applied.group_state, "done");
    check_due(scene, &applied, "g2/r1");
    applied = complete(scene, PCF);
    check_due(scene, &applied, "g3/r1");
    applied = complete(scene, PDC);
    check_due(scene, &applied, "g4/r1");
    applied = complete(scene, MLFS);
    check_not_due(&applied);
    assert_string_equal(applied.group_state, "done");
}

/* ml_feature_store ran while player_composite_factors was missing. */
static void no_group_overtakes_another(void **state) {
    struct scene *scene = *state;
    run_to(scene, 2);
    assert_int_equal(phase_of(scene, 2), GROUP_TRIGGERED);
    struct applied_copy applied = complete(scene, PDC);
    assert_int_equal(applied.verdict, VERDICT_PREMATURE);
    applied = complete(scene, MLFS);
    assert_int_equal(applied.verdict, VERDICT_PREMATURE);
    assert_int_equal(phase_of(scene, 3), GROUP_WAITING);
    assert_int_equal(phase_of(scene, 4), GROUP_WAITING);
}

/* --- What satisfies ------------------------------------------------------------------------------------- */

/* A date was thought complete when one table of five was empty. */
static void zero_rows_hold_the_date(void **state) {
    struct scene *scene = *state;
    struct completion empty = healthy(scene, PGS);
    empty.record_count = 0;
    tell(scene, empty);
    for (int processor = UPGC; processor <= TDGS; processor++) {
        struct applied_copy applied = complete(scene, processor);
        check_not_due(&applied);
    }
    assert_int_equal(state_of(scene)->records[PGS].mark, RECORD_SHORT);
    struct applied_copy applied = complete(scene, PGS);
    check_due(scene, &applied, "g1/r1");
}

static void an_unknown_count_is_not_zero_rows(void **state) {
    struct scene *scene = *state;
    struct completion vouched = healthy(scene, PGS);
    vouched.record_count = ROWS_UNKNOWN;
    tell(scene, vouched);
    for (int processor = UPGC; processor < TDGS; processor++)
        complete(scene, processor);
    struct applied_copy applied = complete(scene, TDGS);
    check_due(scene, &applied, "g1/r1");
    assert_int_equal(applied.trigger.upstream[PGS], ROWS_UNKNOWN);
    assert_int_equal(applied.trigger.upstream[TDGS], 10);
}

static void a_later_failure_takes_back_what_an_earlier_success_gave(void **state) {
    struct scene *scene = *state;
    complete(scene, PGS);
    break_down(scene, PGS);
    for (int processor = UPGC; processor <= TDGS; processor++) {
        struct applied_copy applied = complete(scene, processor);
        check_not_due(&applied);
    }
    struct applied_copy applied = complete(scene, PGS);
    check_due(scene, &applied, "g1/r1");
}

static void a_failure_after_the_start_holds_the_groups_that_have_not_started(void **state) {
    struct scene *scene = *state;
    complete_phase3(scene);
    confirm(scene, 1);
    break_down(scene, UPGC); /* which group 2 needs */
    assert_int_equal(phase_of(scene, 1), GROUP_TRIGGERED);
    complete(scene, PSZA);
    struct applied_copy applied = complete(scene, TDZA);
    check_not_due(&applied);
    assert_string_equal(applied.group_state, "done");
    assert_int_equal(phase_of(scene, 2), GROUP_WAITING);
}

/* --- Rule 2: triggered ---------------------------------------------------------------------------------- */

static void a_trigger_leaves_the_outbox_when_the_bus_has_confirmed(void **state) {
    struct scene *scene = *state;
    const struct trigger *triggers = NULL;
    complete_phase3(scene);
    assert_int_equal(harness_outbox(scene->harness, scene->pipeline, &triggers), 1);
    confirm(scene, 1);
    assert_int_equal(harness_outbox(scene->harness, scene->pipeline, &triggers), 0);
    const struct group_state *group = &state_of(scene)->groups[0];
    assert_int_equal(group->phase, GROUP_TRIGGERED);
    assert_int_equal(group->triggered_ms, scene->now_ms);
    assert_string_equal(group->bus_message_id, "m1");
}

static void a_second_confirmation_changes_nothing(void **state) {
    struct scene *scene = *state;
    run_to(scene, 1);
    struct trigger trigger = {.date = scene->date, .group = 1, .run = 1};
    harness_confirm(scene->harness, scene->pipeline, &trigger, "published-twice", scene->now_ms + 5000);
    assert_string_equal(state_of(scene)->groups[0].bus_message_id, "m1");
    assert_int_equal(state_of(scene)->groups[0].triggered_ms, scene->now_ms);
}

static void a_group_may_be_done_before_the_confirmation_comes(void **state) {
    struct scene *scene = *state;
    complete_phase3(scene);
    complete(scene, PSZA);
    struct applied_copy applied = complete(scene, TDZA);
    check_due(scene, &applied, "g2/r1");
    confirm(scene, 1);
    assert_int_equal(phase_of(scene, 1), GROUP_DONE);
}

/* --- Rule 3: done --------------------------------------------------------------------------------------- */

static void a_premature_completion_does_not_count_nor_does_its_second_copy(void **state) {
    struct scene *scene = *state;
    struct completion early = healthy(scene, PSZA);
    assert_int_equal(tell(scene, early).verdict, VERDICT_PREMATURE);
    run_to(scene, 1);
    assert_int_equal(tell(scene, early).verdict, VERDICT_DUPLICATE);
    complete(scene, TDZA);
    assert_int_equal(phase_of(scene, 1), GROUP_TRIGGERED);
    assert_int_equal(state_of(scene)->records[PSZA].mark, RECORD_PREMATURE);
    struct applied_copy applied = complete(scene, PSZA);
    check_due(scene, &applied, "g2/r1");
}

static void a_completion_that_names_the_run_counts_even_when_it_looks_premature(void **state) {
    struct scene *scene = *state;
    static const char *const names[][2] = {{"nba/2021-11-17/g1/r1", NULL}, {NULL, "m1"}};
    for (int i = 0; i < 2; i++) {
        empty_scene(state);
        struct completion early = healthy(scene, PSZA);
        tell(scene, early);
        run_to(scene, 1);
        complete(scene, TDZA);
        early.trigger_id = names[i][0];
        early.trigger_message_id = names[i][1];
        struct applied_copy applied = tell(scene, early);
        assert_int_equal(applied.verdict, VERDICT_APPLIED);
        check_due(scene, &applied, "g2/r1");
    }
}

static void an_answer_to_another_trigger_changes_nothing(void **state) {
    struct scene *scene = *state;
    static const char *const others[] = {
        "nba/2021-11-17/g1/r2", "nba/2021-11-17/g2/r1", "nba/2021-11-18/g1/r1", "mlb/2021-11-17/g1/r1"};
    run_to(scene, 1);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        struct completion answer = healthy(scene, PSZA);
        answer.trigger_id = others[i];
        assert_int_equal(tell(scene, answer).verdict, VERDICT_OTHER_RUN);
        assert_int_equal(state_of(scene)->records[PSZA].mark, RECORD_NONE);
    }
}

static void an_unknown_trigger_message_decides_nothing(void **state) {
    struct scene *scene = *state;
    run_to(scene, 1);
    struct completion answer = healthy(scene, PSZA);
    answer.trigger_message_id = "of-the-second-publish";
    assert_int_equal(tell(scene, answer).verdict, VERDICT_APPLIED);
    assert_int_equal(state_of(scene)->records[PSZA].mark, RECORD_COUNTS);
}

/* --- Rule 4: failed ------------------------------------------------------------------------------------- */

static void a_failed_group_waits_for_a_good_completion(void **state) {
    struct scene *scene = *state;
    run_to(scene, 2);
    struct applied_copy applied = break_down(scene, PCF);
    assert_int_equal(applied.group, 2);
    assert_string_equal(applied.group_state, "failed");
    check_not_due(&applied);
    assert_string_equal(state_of(scene)->records[PCF].error_message, "quota exceeded");
    applied = complete(scene, PCF);
    assert_string_equal(applied.group_state, "done");
    check_due(scene, &applied, "g3/r1");
}

static void one_failed_processor_fails_its_group(void **state) {
    struct scene *scene = *state;
    run_to(scene, 1);
    break_down(scene, PSZA);
    complete(scene, TDZA);
    assert_int_equal(phase_of(scene, 1), GROUP_FAILED);
}

/* --- Rule 6: duplicates and late events ----------------------------------------------------------------- */

static void a_duplicate_changes_nothing_and_a_better_outcome_replaces(void **state) {
    struct scene *scene = *state;
    struct completion partial = healthy(scene, PGS), good = partial;
    partial.status = STATUS_PARTIAL;
    partial.records_failed = 10;
    assert_int_equal(tell(scene, partial).verdict, VERDICT_APPLIED);
    assert_int_equal(tell(scene, partial).verdict, VERDICT_DUPLICATE);
    assert_int_equal(tell(scene, good).verdict, VERDICT_APPLIED);
    assert_int_equal(tell(scene, partial).verdict, VERDICT_DUPLICATE);
    assert_int_equal(state_of(scene)->records[PGS].mark, RECORD_COUNTS);
}

static void a_late_event_changes_nothing(void **state) {
    struct scene *scene = *state;
    struct completion late = healthy(scene, PGS);
    late.status = STATUS_FAILED;
    late.timestamp_ms -= 1;
    complete(scene, PGS);
    assert_int_equal(tell(scene, late).verdict, VERDICT_LATE);
    assert_int_equal(state_of(scene)->records[PGS].mark, RECORD_COUNTS);
    late.timestamp_ms += 1; /* at the same time the later arrival speaks */
    assert_int_equal(tell(scene, late).verdict, VERDICT_APPLIED);
}

/* --- Rule 7: no games ----------------------------------------------------------------------------------- */

/* Off days counted as failures. */
static void a_date_without_games_closes_and_opens_again(void **state) {
    struct scene *scene = *state;
    struct applied_copy applied = {0};
    for (int processor = PGS; processor <= TDGS; processor++) {
        assert_false(applied.closed_no_games);
        struct completion none = healthy(scene, processor);
        none.status = STATUS_NO_DATA;
        none.record_count = 0;
        applied = tell(scene, none);
        check_not_due(&applied);
    }
    assert_true(applied.closed_no_games);
    assert_int_equal(state_of(scene)->no_games_ms, scene->now_ms);
    complete(scene, PGS);
    assert_int_equal(state_of(scene)->no_games_ms, 0);
    for (int processor = UPGC; processor <= TDGS; processor++)
        applied = complete(scene, processor);
    check_due(scene, &applied, "g1/r1");
}

/* --- Backfill ------------------------------------------------------------------------------------------- */

/* Backfill filled Phase 3 for months, and Phase 4 never started. */
static void a_backfill_completion_counts_and_tags_all_that_rests_on_it(void **state) {
    struct scene *scene = *state;
    struct completion backfill = healthy(scene, TOGS); /* which group 2 does not need */
    backfill.backfill = true;
    backfill.correlation_id = "bf-20251204";
    complete(scene, PGS);
    complete(scene, UPGC);
    complete(scene, UTGC);
    complete(scene, TDGS);
    struct applied_copy applied = tell(scene, backfill);
    check_due(scene, &applied, "g1/r1");
    assert_true(applied.trigger.backfill);
    assert_string_equal(applied.trigger.correlation_id, "bf-20251204");
    complete(scene, PSZA);
    applied = complete(scene, TDZA);
    check_due(scene, &applied, "g2/r1");
    assert_true(applied.trigger.backfill);
    assert_null(applied.trigger.correlation_id);
    assert_true(state_of(scene)->groups[1].backfill);
}

/* --- Correlation ids ------------------------------------------------------------------------------------ */

static void check_correlation(const char *read, const char *said) {
    assert_int_equal(read == NULL, said == NULL);
    if (said)
        assert_string_equal(read, said);
}

/* All of upstream, with these correlation ids; then with them in turn, which is a re-run of each. */
static void check_correlations(struct scene *scene, game_date date, const char *const said[5]) {
    scene->date = date;
    for (int shift = 0; shift < 2; shift++) {
        for (int i = 0; i < 5; i++) {
            struct completion completion = healthy(scene, PGS + i);
            completion.correlation_id = said[(i + shift) % 5];
            tell(scene, completion);
        }
        const struct date_state *state = state_of(scene);
        for (int i = 0; i < 5; i++)
            check_correlation(state->records[PGS + i].correlation_id, said[(i + shift) % 5]);
        check_correlation(state->groups[0].correlation_id, said[4]);
    }
}

/* A date keeps the first one once, and what differs from it. */
static void each_completion_and_trigger_has_its_correlation_id(void **state) {
    game_date date = ((struct scene *)*state)->date;
    check_correlations(*state, date, (const char *const[]){"a", "a", "a", "a", "a"});
    check_correlations(*state, date + 1, (const char *const[]){"a", "b", NULL, "a", "b"});
    check_correlations(*state, date + 2, (const char *const[]){"a", "b", "b", "a", NULL});
    check_correlations(*state, date + 3, (const char *const[]){NULL, "b", "b", NULL, "c"});
    check_correlations(*state, date + 4, (const char *const[]){NULL, NULL, NULL, NULL, NULL});
}

/* --- Dates and pipelines -------------------------------------------------------------------------------- */

static void dates_months_and_pipelines_do_not_mix(void **state) {
    struct scene *scene = *state;
    struct pipeline mlb = *nba_pipeline();
    mlb.name = "mlb";
    const struct pipeline *pipelines[] = {nba_pipeline(), &mlb};
    for (int i = 0; i < 2; i++) {
        static const game_date dates[] = {SCENE_DATE, SCENE_DATE + 1, SCENE_DATE + 30};
        for (int d = 0; d < 3; d++) {
            scene->pipeline = pipelines[i];
            scene->date = dates[d];
            for (int processor = PGS; processor < TDGS; processor++)
                complete(scene, processor);
        }
    }
    struct applied_copy applied = complete(scene, TDGS);
    check_due(scene, &applied, "g1/r1");
    const struct trigger *triggers = NULL;
    assert_int_equal(harness_outbox(scene->harness, &mlb, &triggers), 1);
    assert_int_equal(triggers[0].date, SCENE_DATE + 30);
    assert_int_equal(harness_outbox(scene->harness, nba_pipeline(), &triggers), 0);
}

static void the_outbox_is_told_oldest_date_first(void **state) {
    struct scene *scene = *state;
    static const game_date dates[] = {SCENE_DATE + 60, SCENE_DATE, SCENE_DATE + 1, SCENE_DATE - 31};
    static const game_date expected[] = {SCENE_DATE - 31, SCENE_DATE, SCENE_DATE + 1, SCENE_DATE + 60};
    for (int d = 0; d < 4; d++) {
        scene->date = dates[d];
        complete_phase3(scene);
    }
    const struct trigger *triggers = NULL;
    assert_int_equal(harness_outbox(scene->harness, scene->pipeline, &triggers), 4);
    for (int d = 0; d < 4; d++)
        assert_int_equal(triggers[d].date, expected[d]);
}

#define scenario(name) cmocka_unit_test_setup(name, empty_scene)

int main(void) {
    const struct CMUnitTest tests[] = {
        scenario(five_completions_start_group_1_once),
        scenario(the_order_of_completions_does_not_matter),
        scenario(groups_follow_one_another),
        scenario(no_group_overtakes_another),
        scenario(zero_rows_hold_the_date),
        scenario(an_unknown_count_is_not_zero_rows),
        scenario(a_later_failure_takes_back_what_an_earlier_success_gave),
        scenario(a_failure_after_the_start_holds_the_groups_that_have_not_started),
        scenario(a_trigger_leaves_the_outbox_when_the_bus_has_confirmed),
        scenario(a_second_confirmation_changes_nothing),
        scenario(a_group_may_be_done_before_the_confirmation_comes),
        scenario(a_premature_completion_does_not_count_nor_does_its_second_copy),
        scenario(a_completion_that_names_the_run_counts_even_when_it_looks_premature),
        scenario(an_answer_to_another_trigger_changes_nothing),
        scenario(an_unknown_trigger_message_decides_nothing),
        scenario(a_failed_group_waits_for_a_good_completion),
        scenario(one_failed_processor_fails_its_group),
        scenario(a_duplicate_changes_nothing_and_a_better_outcome_replaces),
        scenario(a_late_event_changes_nothing),
        scenario(a_date_without_games_closes_and_opens_again),
        scenario(a_backfill_completion_counts_and_tags_all_that_rests_on_it),
        scenario(each_completion_and_trigger_has_its_correlation_id),
        scenario(dates_months_and_pipelines_do_not_mix),
        scenario(the_outbox_is_told_oldest_date_first),
    };
    return cmocka_run_group_tests(tests, open_scene, close_scene);
}
