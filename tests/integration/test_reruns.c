/*
 * Rule 5, from a completion to the new run's triggers, on a simulated clock: re-runs turn groups stale, and
 * when they have settled a new run starts those groups again, once.
 */
#include "support/check.h"
#include "support/stage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SECOND = 1000, MINUTE = 60 * SECOND, SETTLE = 600 * SECOND, HOUR = 60 * MINUTE };

static struct stage *open_and_start(void **state, const struct stage_setting *settings) {
    struct stage *stage = *state = stage_open((struct stage_options){.settings = settings});
    stage_start(stage);
    return stage;
}

static void answer(struct stage *stage, int group, int run) {
    stage_answer(stage, stage_until_trigger(stage, STAGE_DATE, group, run, 1), "success");
}

/* All four groups done in this run, from the first one that starts in it. */
static void play_through(struct stage *stage, int first, int run) {
    for (int group = first; group <= 4; group++)
        answer(stage, group, run);
    stage_until_phase(stage, STAGE_DATE, 4, GROUP_DONE);
}

static void run_again(struct stage *stage, int processor) {
    stage_complete(stage, processor, STAGE_DATE, false);
    stage_until_handled(stage);
}

/* Just before the settle time is over nothing starts; then it does. */
static const struct seen *settle(struct stage *stage, int group, int run) {
    stage_advance(stage, SETTLE - SECOND);
    stage_quiet(stage);
    stage_advance(stage, SECOND);
    return stage_until_trigger(stage, STAGE_DATE, group, run, 1);
}

/* --- One new run ---------------------------------------------------------------------------------------- */

static void a_fix_of_one_processor(void **state) {
    struct stage *stage = open_and_start(state, NULL);
    stage_phase3(stage, STAGE_DATE, false);
    play_through(stage, 1, 1);
    stage_advance(stage, HOUR);
    run_again(stage, PGS);
    stage_until_said(stage,
        "player_game_summary ran again: group 1 and those after it are out of date; a new run "
        "opens after 600 s");
    settle(stage, 1, 2);
    stage_until_said(stage, "run 2 opened from group 1");
    play_through(stage, 1, 2);
    assert_int_equal(stage_seen(stage), 8);
}

/* One after the other, each just before the settle time would be over. */
static void all_five_make_one_new_run(void **state) {
    struct stage *stage = open_and_start(state, NULL);
    stage_phase3(stage, STAGE_DATE, false);
    play_through(stage, 1, 1);
    for (int processor = PGS; processor <= TDGS; processor++) {
        stage_advance(stage, SETTLE - SECOND);
        stage_quiet(stage);
        run_again(stage, processor);
    }
    settle(stage, 1, 2);
    play_through(stage, 1, 2);
    stage_advance(stage, 24 * HOUR);
    stage_quiet(stage);
    assert_int_equal(stage_seen(stage), 8);
    assert_int_equal(stage_said(stage, "opened from group"), 1);
}

/* Group 3 rests on it, groups 1 and 2 do not: they carry over. */
static void groups_before_the_first_stale_one_carry_over(void **state) {
    struct stage *stage = open_and_start(state, NULL);
    stage_phase3(stage, STAGE_DATE, false);
    play_through(stage, 1, 1);
    stage_advance(stage, HOUR);
    run_again(stage, PCF);
    settle(stage, 3, 2);
    play_through(stage, 3, 2);
    assert_null(stage_find(stage, STAGE_DATE, 1, 2));
    assert_null(stage_find(stage, STAGE_DATE, 2, 2));
}

/* --- In flight ------------------------------------------------------------------------------------------ */

/* Group 2's first trigger is answered while the re-run settles: nothing follows from it. */
static void a_rerun_while_group_2_is_in_flight(void **state) {
    struct stage *stage = open_and_start(state, NULL);
    stage_phase3(stage, STAGE_DATE, false);
    answer(stage, 1, 1);
    stage_until_trigger(stage, STAGE_DATE, 2, 1, 1);
    stage_advance(stage, MINUTE);
    run_again(stage, TOGS);
    answer(stage, 2, 1);
    stage_until_phase(stage, STAGE_DATE, 2, GROUP_DONE);
    stage_quiet(stage);
    stage_advance(stage, SETTLE);
    play_through(stage, 1, 2);
    assert_null(stage_find(stage, STAGE_DATE, 3, 1));
    assert_int_equal(stage_seen(stage), 6);
}

/* The answers of run 1 come when run 2 has started: they do not count for it. */
static void late_answers_of_the_old_run(void **state) {
    struct stage *stage = open_and_start(state, NULL);
    stage_phase3(stage, STAGE_DATE, false);
    const struct seen *old = stage_until_trigger(stage, STAGE_DATE, 1, 1, 1);
    stage_advance(stage, MINUTE);
    run_again(stage, UTGC);
    stage_advance(stage, SETTLE);
    stage_until_trigger(stage, STAGE_DATE, 1, 2, 1);
    stage_advance(stage, SECOND);
    stage_answer(stage, old, "success");
    stage_until_handled(stage);
    stage_quiet(stage);
    assert_int_equal(stage_state(stage, STAGE_DATE)->groups[0].phase, GROUP_TRIGGERED);
    play_through(stage, 1, 2);
}

/* --- Bad re-runs ---------------------------------------------------------------------------------------- */

static void a_rerun_that_goes_badly_and_is_repaired(void **state) {
    struct stage *stage = open_and_start(state, NULL);
    stage_phase3(stage, STAGE_DATE, false);
    answer(stage, 1, 1);
    stage_until_trigger(stage, STAGE_DATE, 2, 1, 1);
    stage_advance(stage, MINUTE);
    stage_tell(stage, TDGS, STAGE_DATE, false, "failed", NULL);
    stage_until_handled(stage);
    answer(stage, 2, 1);
    stage_until_handled(stage);
    stage_advance(stage, 2 * SETTLE);
    stage_until_said(stage, "run 2 opened from group 1");
    stage_quiet(stage);
    assert_int_equal(stage_seen(stage), 2);
    run_again(stage, TDGS);
    play_through(stage, 1, 2);
    assert_int_equal(stage_seen(stage), 6);
}

/* --- Held ----------------------------------------------------------------------------------------------- */

struct answer {
    bool here;
    struct result result;
};

static void on_replayed(void *context, struct result result, const struct replayed *replayed) {
    struct answer *answer = context;
    (void)replayed;
    *answer = (struct answer){.here = true, .result = result};
}

static bool is_here(void *context) {
    const struct answer *answer = context;
    return answer->here;
}

/* As `phasegate replay --rerun` does it: the engine finds the trigger in the outbox. */
static void open_run_by_hand(struct stage *stage) {
    struct answer replayed = {0};
    store_replay(stage_store(stage), stage_pipeline(stage), STAGE_DATE, REPLAY_RERUN, 0, stage_now_ms(stage),
        on_replayed, &replayed);
    stage_until(stage, is_here, &replayed, "an answer to replay");
    check_ok(replayed.result);
}

static void hold_leaves_it_to_an_operator(void **state) {
    static const struct stage_setting settings[] = {{"rerun", "hold"}, {0}};
    struct stage *stage = open_and_start(state, settings);
    stage_phase3(stage, STAGE_DATE, false);
    play_through(stage, 1, 1);
    stage_advance(stage, HOUR);
    run_again(stage, PGS);
    stage_until_said(stage, "by: phasegate replay --rerun --dates 2025-12-04");
    stage_advance(stage, 48 * HOUR);
    stage_quiet(stage);
    open_run_by_hand(stage);
    stage_advance(stage, MINUTE);
    play_through(stage, 1, 2);
    assert_int_equal(stage_seen(stage), 8);
}

/* --- The calendar --------------------------------------------------------------------------------------- */

static struct game_calendar *calendar_of(const char *games) {
    struct game_calendar *calendar;
    check_ok(game_calendar_parse((struct calendar_text){"games.csv", games},
        (struct calendar_text){"seasons.csv", NULL}, 14, &calendar));
    return calendar;
}

/* Set at runtime, replaced, and taken away. */
static void the_calendar_speaks_from_the_next_completion_on(void **state) {
    struct stage *stage = open_and_start(state, NULL);
    struct game_calendar *calendar =
        calendar_of("game_date,num_games\n2025-12-04,0\n2025-12-06,0\n2025-12-07,3\n");
    run_again(stage, PGS);
    assert_int_equal(stage_state(stage, STAGE_DATE)->no_games_ms, 0);
    stage_set_calendar(stage, calendar);
    stage_complete(stage, UPGC, STAGE_DATE, false);
    stage_until_said(stage, "closed as no_games: the calendar has no games");
    stage_set_calendar(stage, NULL);
    game_calendar_free(&calendar);
    run_again(stage, UTGC);
    assert_int_equal(stage_state(stage, STAGE_DATE)->no_games_ms, 0);
}

/* --- Program -------------------------------------------------------------------------------------------- */

static int close_stage(void **state) {
    struct stage *stage = *state;
    stage_close(&stage);
    return 0;
}

#define TEST(function)                                                                                       \
    { #function, function, NULL, close_stage, NULL }

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_fix_of_one_processor),
        TEST(all_five_make_one_new_run),
        TEST(groups_before_the_first_stale_one_carry_over),
        TEST(a_rerun_while_group_2_is_in_flight),
        TEST(late_answers_of_the_old_run),
        TEST(a_rerun_that_goes_badly_and_is_repaired),
        TEST(hold_leaves_it_to_an_operator),
        TEST(the_calendar_speaks_from_the_next_completion_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
