/*
 * The store over time: re-runs and new runs (rule 5), deadlines (rule 9), slots (rule 8), the calendar (rule
 * 7), cancel and replay, each in the shortest story that shows it.
 */
#include "support/check.h"
#include "support/scene.h"

#include <stdio.h>
#include <string.h>

enum { SETTLE_S = 600, UPSTREAM_S = 3600, GROUP_S = 1800 };

/* The scene's pipeline, from here on with another policy. Its memory lasts until the scene's next store. */
static void change_policy(struct scene *scene, void (*change)(struct pipeline *pipeline)) {
    struct pipeline *changed = arena_alloc(scene->harness->arena, sizeof *changed);
    *changed = *scene->pipeline;
    change(changed);
    changed->definition = pipeline_definition(changed, scene->harness->arena);
    assert_non_null(changed->definition);
    scene->pipeline = changed;
}

static void usual(struct pipeline *pipeline) {
    pipeline->rerun = RERUN_AUTO;
    pipeline->rerun_settle = SETTLE_S;
    pipeline->upstream_deadline = UPSTREAM_S;
    pipeline->group_deadline = GROUP_S;
    pipeline->on_stall = STALL_REPORT;
}

static void hold(struct pipeline *pipeline) {
    pipeline->rerun = RERUN_HOLD;
}

static void retrigger_twice(struct pipeline *pipeline) {
    pipeline->on_stall = STALL_RETRIGGER;
    pipeline->retrigger_limit = 2;
}

static int set_up(void **state) {
    struct scene *scene = *state;
    empty_scene(state);
    change_policy(scene, usual);
    return 0;
}

static void check_nothing_ticked(const struct ticked_copy *ticked) {
    assert_int_equal(ticked->ticked.opened_run, 0);
    assert_int_equal(ticked->ticked.stalled_group, 0);
    assert_null(ticked->ticked.outbox_field);
}

static void check_opened(const struct ticked_copy *ticked, int run, int from, const char *field) {
    assert_int_equal(ticked->ticked.opened_run, run);
    assert_int_equal(ticked->ticked.opened_from, from);
    if (field)
        assert_string_equal(ticked->ticked.outbox_field, field);
    else
        assert_null(ticked->ticked.outbox_field);
}

static struct trigger trigger_of(const struct scene *scene, int group, int run) {
    return (struct trigger){.date = scene->date, .group = group, .run = run, .backfill = true};
}

static size_t outbox_size(struct scene *scene) {
    const struct trigger *triggers = NULL;
    return harness_outbox(scene->harness, scene->pipeline, &triggers);
}

static bool is_due(struct scene *scene) {
    const game_date *dates = NULL;
    size_t count = 0;
    check_ok(harness_try_due(scene->harness, scene->pipeline, scene->now_ms, &dates, &count));
    return count == 1 && dates[0] == scene->date;
}

/* --- Rule 5: re-runs ------------------------------------------------------------------------------------ */

/* Phase 3 was re-run after a bug fix and Phase 4 kept the old numbers. */
static void a_rerun_opens_a_new_run_when_it_has_settled(void **state) {
    struct scene *scene = *state;
    run_to(scene, 5);
    struct applied_copy applied = complete(scene, PGS);
    assert_int_equal(applied.stale_from, 1);
    check_not_due(&applied);
    struct ticked_copy ticked = tick_after(scene, SETTLE_S - 1);
    check_nothing_ticked(&ticked);
    assert_false(is_due(scene));
    ticked = tick_after(scene, 1);
    check_opened(&ticked, 2, 1, "2021-11-17/g1/r2");
    const struct date_state *now = state_of(scene);
    assert_int_equal(now->run, 2);
    assert_int_equal(now->stale.group, 0);
    assert_int_equal(now->groups[0].phase, GROUP_READY);
    assert_int_equal(now->groups[1].phase, GROUP_WAITING);
    assert_int_equal(now->records[PCF].mark, RECORD_OLD);
}

static void the_new_run_goes_through_all_groups_again(void **state) {
    struct scene *scene = *state;
    run_to(scene, 5);
    complete(scene, PGS);
    tick_after(scene, SETTLE_S);
    static const int members[] = {TDZA, PCF, PDC, MLFS};
    confirm(scene, 1);
    complete(scene, PSZA);
    for (int g = 1; g <= 4; g++) {
        char next[16];
        snprintf(next, sizeof next, "g%d/r2", g + 1);
        if (g > 1)
            confirm(scene, g);
        struct applied_copy applied = complete(scene, members[g - 1]);
        assert_string_equal(applied.group_state, "done");
        assert_int_equal(applied.group_run, 2);
        if (g < 4)
            check_due(scene, &applied, next);
        else
            check_not_due(&applied);
    }
}

static void all_five_one_after_the_other_are_one_new_run(void **state) {
    struct scene *scene = *state;
    run_to(scene, 5);
    for (int processor = PGS; processor <= TDGS; processor++) {
        complete(scene, processor);
        struct ticked_copy ticked = tick_after(scene, SETTLE_S - 10);
        check_nothing_ticked(&ticked);
    }
    struct ticked_copy ticked = tick_after(scene, 10);
    check_opened(&ticked, 2, 1, "2021-11-17/g1/r2");
    ticked = tick_after(scene, 10 * SETTLE_S);
    check_nothing_ticked(&ticked);
}

static void a_rerun_while_group_2_is_in_flight_stops_the_chain_until_the_new_run(void **state) {
    struct scene *scene = *state;
    run_to(scene, 2);
    complete(scene, UTGC);
    struct applied_copy applied = complete(scene, PCF);
    assert_string_equal(applied.group_state, "done");
    check_not_due(&applied);
    struct ticked_copy ticked = tick_after(scene, SETTLE_S);
    check_opened(&ticked, 2, 1, "2021-11-17/g1/r2");
}

static void groups_before_the_first_stale_one_carry_over(void **state) {
    struct scene *scene = *state;
    run_to(scene, 5);
    struct applied_copy applied = complete(scene, PCF); /* which groups 3 and 4 rest on */
    assert_int_equal(applied.stale_from, 3);
    struct ticked_copy ticked = tick_after(scene, SETTLE_S);
    check_opened(&ticked, 2, 3, "2021-11-17/g3/r2");
    const struct date_state *now = state_of(scene);
    assert_int_equal(now->groups[1].phase, GROUP_DONE);
    assert_int_equal(now->groups[1].run, 1);
    assert_int_equal(now->records[PCF].mark, RECORD_COUNTS);
    assert_int_equal(now->records[PDC].mark, RECORD_OLD);
}

static void late_answers_of_the_old_run_do_not_count_for_the_new_one(void **state) {
    struct scene *scene = *state;
    run_to(scene, 1);
    complete(scene, PGS);
    tick_after(scene, SETTLE_S);
    struct completion by_id = healthy(scene, PSZA);
    by_id.trigger_id = "nba/2021-11-17/g1/r1";
    assert_int_equal(tell(scene, by_id).verdict, VERDICT_OTHER_RUN);
    struct completion by_message = healthy(scene, TDZA);
    by_message.trigger_message_id = "m1";
    assert_int_equal(tell(scene, by_message).verdict, VERDICT_OTHER_RUN);
    confirm(scene, 1);
    assert_int_equal(tell(scene, by_message).verdict, VERDICT_OTHER_RUN);
    assert_int_equal(phase_of(scene, 1), GROUP_TRIGGERED);
    by_message.trigger_message_id = "m1.2";
    by_id.trigger_id = "nba/2021-11-17/g1/r2";
    assert_int_equal(tell(scene, by_message).verdict, VERDICT_APPLIED);
    struct applied_copy applied = tell(scene, by_id);
    check_due(scene, &applied, "g2/r2");
}

static void an_answer_of_the_old_run_is_known_by_a_message_that_was_confirmed_late(void **state) {
    struct scene *scene = *state;
    complete_phase3(scene);
    struct trigger old = trigger_of(scene, 1, 1);
    complete(scene, PGS);
    tick_after(scene, SETTLE_S);
    assert_int_equal(outbox_size(scene), 1); /* g1/r1 left it with its run */
    harness_confirm(scene->harness, scene->pipeline, &old, "m-late", scene->now_ms);
    assert_int_equal(phase_of(scene, 1), GROUP_READY);
    struct completion answer = healthy(scene, PSZA);
    answer.trigger_message_id = "m-late";
    assert_int_equal(tell(scene, answer).verdict, VERDICT_OTHER_RUN);
}

static void a_rerun_that_went_badly_holds_everything_until_it_is_repaired(void **state) {
    struct scene *scene = *state;
    run_to(scene, 5);
    struct applied_copy applied = break_down(scene, TOGS);
    assert_int_equal(applied.stale_from, 1);
    struct ticked_copy ticked = tick_after(scene, SETTLE_S);
    check_opened(&ticked, 2, 1, NULL);
    applied = complete(scene, PGS);
    check_not_due(&applied);
    applied = complete(scene, TOGS);
    check_due(scene, &applied, "g1/r2");
}

static void a_repair_before_the_run_opens_starts_the_settle_time_anew(void **state) {
    struct scene *scene = *state;
    run_to(scene, 5);
    break_down(scene, TOGS);
    tick_after(scene, SETTLE_S - 5);
    complete(scene, TOGS);
    struct ticked_copy ticked = tick_after(scene, SETTLE_S - 5);
    check_nothing_ticked(&ticked);
    ticked = tick_after(scene, 5);
    check_opened(&ticked, 2, 1, "2021-11-17/g1/r2");
}

static void hold_only_marks(void **state) {
    struct scene *scene = *state;
    change_policy(scene, hold);
    run_to(scene, 5);
    complete(scene, PGS);
    struct ticked_copy ticked = tick_after(scene, 100 * SETTLE_S);
    check_nothing_ticked(&ticked);
    assert_int_equal(state_of(scene)->stale.group, 1);
    assert_int_equal(state_of(scene)->stale.due_ms, 0);
    struct replayed_copy replayed = replay(scene, REPLAY_RERUN, 0);
    assert_int_equal(replayed.replayed.what, REPLAYED_RUN);
    assert_string_equal(replayed.replayed.outbox_field, "2021-11-17/g1/r2");
}

static void the_same_execution_and_an_older_one_are_no_reruns(void **state) {
    struct scene *scene = *state;
    struct completion older = healthy(scene, PGS);
    older.timestamp_ms -= 1000;
    run_to(scene, 1);
    struct completion again = healthy(scene, UPGC);
    tell(scene, again); /* a re-run, of which a second copy is none */
    int64_t due_ms = state_of(scene)->stale.due_ms;
    assert_int_equal(tell(scene, again).verdict, VERDICT_DUPLICATE);
    assert_int_equal(tell(scene, older).verdict, VERDICT_LATE);
    assert_int_equal(state_of(scene)->stale.due_ms, due_ms);
}

static void the_correlation_of_a_new_run_is_that_of_the_last_rerun(void **state) {
    struct scene *scene = *state;
    run_to(scene, 5);
    struct completion fix = healthy(scene, TDGS);
    fix.correlation_id = "bug-fix-7";
    tell(scene, fix);
    tick_after(scene, SETTLE_S);
    assert_string_equal(state_of(scene)->groups[0].correlation_id, "bug-fix-7");
}

/* --- Rule 9: deadlines ---------------------------------------------------------------------------------- */

/* A backfill hung for hours unseen. */
static void a_date_with_some_of_phase_3_stalls_once(void **state) {
    struct scene *scene = *state;
    for (int processor = PGS; processor <= UTGC; processor++)
        complete(scene, processor);
    struct ticked_copy ticked = tick_after(scene, UPSTREAM_S - 3);
    check_nothing_ticked(&ticked);
    ticked = tick_after(scene, 1);
    assert_int_equal(ticked.ticked.stalled_group, 1);
    assert_int_equal(ticked.ticked.stalls, 1);
    assert_string_equal(ticked.ticked.waits_for, "togs,tdgs");
    assert_int_equal(state_of(scene)->stall.group, 1);
    ticked = tick_after(scene, 10 * UPSTREAM_S);
    check_nothing_ticked(&ticked);
    complete(scene, TOGS);
    assert_int_equal(state_of(scene)->stall.group, 1);
    complete(scene, TDGS);
    assert_int_equal(state_of(scene)->stall.group, 0);
}

static void a_group_that_is_not_done_in_time_stalls(void **state) {
    struct scene *scene = *state;
    run_to(scene, 1);
    complete(scene, PSZA);
    struct ticked_copy ticked = tick_after(scene, GROUP_S - 1);
    assert_int_equal(ticked.ticked.stalled_group, 1);
    assert_int_equal(ticked.ticked.stalled_run, 1);
    assert_string_equal(ticked.ticked.waits_for, "tdza");
    assert_null(ticked.ticked.outbox_field);
    struct applied_copy applied = complete(scene, TDZA);
    check_due(scene, &applied, "g2/r1");
    assert_int_equal(state_of(scene)->stall.group, 0);
}

static void retrigger_publishes_the_same_trigger_up_to_its_limit(void **state) {
    struct scene *scene = *state;
    change_policy(scene, retrigger_twice);
    run_to(scene, 1);
    for (int times = 1; times <= 2; times++) {
        struct ticked_copy ticked = tick_after(scene, GROUP_S);
        assert_int_equal(ticked.ticked.stalls, times);
        assert_string_equal(ticked.ticked.outbox_field, "2021-11-17/g1/r1");
        assert_int_equal(outbox_size(scene), 1);
        confirm(scene, 1);
        assert_int_equal(outbox_size(scene), 0);
    }
    struct ticked_copy ticked = tick_after(scene, GROUP_S);
    assert_int_equal(ticked.ticked.stalls, 3);
    assert_null(ticked.ticked.outbox_field);
    ticked = tick_after(scene, 10 * GROUP_S);
    check_nothing_ticked(&ticked);
}

static void a_date_that_is_done_or_closed_is_never_due(void **state) {
    struct scene *scene = *state;
    run_to(scene, 5);
    scene->now_ms += (int64_t)100 * UPSTREAM_S * 1000;
    assert_false(is_due(scene));
    scene->date++;
    for (int processor = PGS; processor <= TDGS; processor++) {
        struct completion none = healthy(scene, processor);
        none.status = STATUS_NO_DATA;
        none.record_count = 0;
        tell(scene, none);
    }
    struct ticked_copy ticked = tick_after(scene, 100 * UPSTREAM_S);
    check_nothing_ticked(&ticked);
}

/* --- Rule 7: the calendar ------------------------------------------------------------------------------- */

static void the_calendar_closes_a_date_unless_every_table_has_rows(void **state) {
    struct scene *scene = *state;
    for (int processor = PGS; processor <= TDGS; processor++) {
        struct completion completion = healthy(scene, processor);
        completion.day.games = GAMES_NONE;
        struct applied_copy applied = tell(scene, completion);
        assert_int_equal(applied.closed_no_games, processor == PGS);
        if (processor == TDGS)
            check_due(scene, &applied, "g1/r1");
        else
            assert_true(state_of(scene)->no_games_ms != 0);
    }
    assert_true(state_of(scene)->no_games_ms == 0);
}

static void in_the_bootstrap_period_phase_4_may_be_empty(void **state) {
    struct scene *scene = *state;
    run_to(scene, 1);
    complete(scene, PSZA);
    struct completion empty = healthy(scene, TDZA);
    empty.status = STATUS_NO_DATA;
    empty.record_count = 0;
    struct applied_copy applied = tell(scene, empty);
    check_not_due(&applied);
    empty.day.bootstrap = true;
    empty.execution_id = "in-bootstrap";
    applied = tell(scene, empty);
    check_due(scene, &applied, "g2/r1");
}

/* --- Replay and cancel ---------------------------------------------------------------------------------- */

static void a_failed_group_is_triggered_again_under_the_same_id(void **state) {
    struct scene *scene = *state;
    run_to(scene, 1);
    complete(scene, PSZA);
    struct completion failure = healthy(scene, TDZA);
    failure.status = STATUS_FAILED;
    tell(scene, failure);
    assert_int_equal(phase_of(scene, 1), GROUP_FAILED);
    struct replayed_copy replayed = replay(scene, REPLAY_AGAIN, 0);
    assert_int_equal(replayed.replayed.what, REPLAYED_TRIGGER);
    assert_string_equal(replayed.replayed.outbox_field, "2021-11-17/g1/r1");
    assert_int_equal(phase_of(scene, 1), GROUP_READY);
    assert_true(state_of(scene)->records[TDZA].set_aside);
    assert_int_equal(tell(scene, failure).verdict, VERDICT_DUPLICATE);
    confirm(scene, 1);
    assert_int_equal(phase_of(scene, 1), GROUP_TRIGGERED);
    struct applied_copy applied = complete(scene, TDZA);
    check_due(scene, &applied, "g2/r1");
}

static void what_is_in_the_outbox_or_done_is_not_replayed(void **state) {
    struct scene *scene = *state;
    assert_int_equal(replay(scene, REPLAY_AGAIN, 0).replayed.what, REPLAYED_NOTHING);
    complete_phase3(scene);
    assert_int_equal(replay(scene, REPLAY_AGAIN, 0).replayed.what, REPLAYED_NOTHING);
    confirm(scene, 1);
    assert_int_equal(replay(scene, REPLAY_MISSED, 0).replayed.what, REPLAYED_NOTHING);
    assert_int_equal(replay(scene, REPLAY_AGAIN, 2).replayed.what, REPLAYED_NOTHING);
    assert_int_equal(replay(scene, REPLAY_AGAIN, 1).replayed.what, REPLAYED_TRIGGER);
}

static void an_operators_run_begins_where_it_is_told_but_carries_nothing_stale(void **state) {
    struct scene *scene = *state;
    assert_int_equal(replay(scene, REPLAY_RERUN, 0).replayed.what, REPLAYED_NOTHING);
    run_to(scene, 5);
    struct replayed_copy replayed = replay(scene, REPLAY_RERUN, 3);
    assert_int_equal(replayed.replayed.group, 3);
    assert_int_equal(replayed.replayed.run, 2);
    assert_string_equal(replayed.replayed.outbox_field, "2021-11-17/g3/r2");
    complete(scene, UTGC); /* from group 1 on */
    replayed = replay(scene, REPLAY_RERUN, 3);
    assert_int_equal(replayed.replayed.group, 1);
    assert_int_equal(replayed.replayed.run, 3);
}

static void a_trigger_that_left_no_trace_is_missed(void **state) {
    struct scene *scene = *state;
    complete_phase3(scene);
    redis_server_do(scene->harness->server, "DEL pg:{nba:2021-11}:outbox");
    struct replayed_copy replayed = replay(scene, REPLAY_MISSED, 0);
    assert_int_equal(replayed.replayed.what, REPLAYED_TRIGGER);
    assert_string_equal(replayed.replayed.outbox_field, "2021-11-17/g1/r1");
}

static void a_cancelled_trigger_stays_away_until_it_is_replayed(void **state) {
    struct scene *scene = *state;
    complete_phase3(scene);
    struct trigger trigger = trigger_of(scene, 1, 1);
    assert_true(harness_cancel(scene->harness, scene->pipeline, &trigger, scene->now_ms));
    assert_false(harness_cancel(scene->harness, scene->pipeline, &trigger, scene->now_ms));
    assert_int_equal(outbox_size(scene), 0);
    assert_int_equal(phase_of(scene, 1), GROUP_CANCELLED);
    struct replayed_copy replayed = replay(scene, REPLAY_MISSED, 0);
    assert_string_equal(replayed.replayed.outbox_field, "2021-11-17/g1/r1");
    assert_int_equal(phase_of(scene, 1), GROUP_READY);
}

static void a_cancelled_trigger_that_went_out_all_the_same_is_triggered(void **state) {
    struct scene *scene = *state;
    complete_phase3(scene);
    struct trigger trigger = trigger_of(scene, 1, 1);
    harness_cancel(scene->harness, scene->pipeline, &trigger, scene->now_ms);
    confirm(scene, 1);
    assert_int_equal(phase_of(scene, 1), GROUP_TRIGGERED);
}

/* --- Rule 8: slots -------------------------------------------------------------------------------------- */

static void one_slot(struct pipeline *pipeline) {
    static struct group groups[PIPELINE_GROUPS_MAX];
    memcpy(groups, pipeline->groups, (size_t)pipeline->group_count * sizeof *groups);
    for (int g = 0; g < pipeline->group_count; g++)
        groups[g].backfill_cap = 1;
    pipeline->groups = groups;
}

static enum claim claim(struct scene *scene, const struct trigger *trigger) {
    return harness_claim(scene->harness, scene->pipeline, trigger, scene->now_ms);
}

static int reclaim(struct scene *scene) {
    int freed = 0;
    check_ok(harness_try_reclaim(scene->harness, scene->pipeline, 1, scene->now_ms, &freed));
    return freed;
}

/* Two dates of which group 1 is ready, and one slot. */
static void two_dates(struct scene *scene, struct trigger triggers[2]) {
    change_policy(scene, one_slot);
    for (int i = 0; i < 2; i++) {
        complete_phase3(scene);
        triggers[i] = trigger_of(scene, 1, 1);
        scene->date++;
    }
    scene->date = triggers[0].date;
}

static void no_more_slots_than_the_cap(void **state) {
    struct scene *scene = *state;
    struct trigger triggers[2];
    two_dates(scene, triggers);
    assert_int_equal(claim(scene, &triggers[0]), CLAIM_GRANTED);
    assert_int_equal(claim(scene, &triggers[0]), CLAIM_GRANTED);
    assert_int_equal(claim(scene, &triggers[1]), CLAIM_FULL);
    check_ok(harness_try_release(scene->harness, scene->pipeline, &triggers[0]));
    assert_int_equal(claim(scene, &triggers[1]), CLAIM_GRANTED);
}

static void a_slot_comes_back_when_its_time_is_over_or_its_group_is(void **state) {
    struct scene *scene = *state;
    struct trigger triggers[2];
    two_dates(scene, triggers);
    claim(scene, &triggers[0]);
    assert_int_equal(reclaim(scene), 0);
    confirm(scene, 1);
    assert_int_equal(reclaim(scene), 0);
    complete(scene, PSZA);
    complete(scene, TDZA);
    assert_int_equal(reclaim(scene), 1); /* whoever should have given it back had died */
    assert_int_equal(claim(scene, &triggers[1]), CLAIM_GRANTED);
    scene->now_ms += (int64_t)GROUP_S * 1000;
    struct trigger third = triggers[1];
    third.date++;
    scene->date = third.date;
    complete_phase3(scene);
    assert_int_equal(claim(scene, &third), CLAIM_GRANTED);
}

/* It has its slot until it stalls for good; also when the replica that publishes it again has a clock that is
 * behind that of the one which saw the stall. */
static void a_stalled_trigger_that_goes_again_has_its_slot(void **state) {
    enum { APART_MS = 2000 }; /* confirming takes one of these seconds */
    struct scene *scene = *state;
    struct trigger triggers[2];
    two_dates(scene, triggers);
    change_policy(scene, retrigger_twice);
    claim(scene, &triggers[0]);
    confirm(scene, 1);
    for (int times = 1; times <= 2; times++) {
        tick_after(scene, GROUP_S);
        claim(scene, &triggers[0]);
        scene->now_ms -= APART_MS;
        confirm(scene, 1);
        scene->now_ms += APART_MS;
        assert_int_equal(reclaim(scene), 0);
        assert_int_equal(claim(scene, &triggers[1]), CLAIM_FULL);
    }
    scene->now_ms -= APART_MS; /* the slot's own time is not over */
    struct ticked_copy ticked = tick_after(scene, GROUP_S);
    assert_int_equal(ticked.ticked.stalls, 3);
    assert_int_equal(reclaim(scene), 1);
    assert_int_equal(claim(scene, &triggers[1]), CLAIM_GRANTED);
}

static void paused_and_gone_are_told(void **state) {
    struct scene *scene = *state;
    struct trigger triggers[2];
    two_dates(scene, triggers);
    check_ok(harness_try_pause(scene->harness, scene->pipeline, true, scene->now_ms));
    assert_int_equal(claim(scene, &triggers[0]), CLAIM_PAUSED);
    check_ok(harness_try_pause(scene->harness, scene->pipeline, false, scene->now_ms));
    harness_cancel(scene->harness, scene->pipeline, &triggers[0], scene->now_ms);
    assert_int_equal(claim(scene, &triggers[0]), CLAIM_GONE);
    assert_int_equal(claim(scene, &triggers[1]), CLAIM_GRANTED); /* which the gone one did not keep */
}

#define scenario(test) cmocka_unit_test_setup(test, set_up)

int main(void) {
    const struct CMUnitTest tests[] = {
        scenario(a_rerun_opens_a_new_run_when_it_has_settled),
        scenario(the_new_run_goes_through_all_groups_again),
        scenario(all_five_one_after_the_other_are_one_new_run),
        scenario(a_rerun_while_group_2_is_in_flight_stops_the_chain_until_the_new_run),
        scenario(groups_before_the_first_stale_one_carry_over),
        scenario(late_answers_of_the_old_run_do_not_count_for_the_new_one),
        scenario(an_answer_of_the_old_run_is_known_by_a_message_that_was_confirmed_late),
        scenario(a_rerun_that_went_badly_holds_everything_until_it_is_repaired),
        scenario(a_repair_before_the_run_opens_starts_the_settle_time_anew),
        scenario(hold_only_marks),
        scenario(the_same_execution_and_an_older_one_are_no_reruns),
        scenario(the_correlation_of_a_new_run_is_that_of_the_last_rerun),
        scenario(a_date_with_some_of_phase_3_stalls_once),
        scenario(a_group_that_is_not_done_in_time_stalls),
        scenario(retrigger_publishes_the_same_trigger_up_to_its_limit),
        scenario(a_date_that_is_done_or_closed_is_never_due),
        scenario(the_calendar_closes_a_date_unless_every_table_has_rows),
        scenario(in_the_bootstrap_period_phase_4_may_be_empty),
        scenario(a_failed_group_is_triggered_again_under_the_same_id),
        scenario(what_is_in_the_outbox_or_done_is_not_replayed),
        scenario(an_operators_run_begins_where_it_is_told_but_carries_nothing_stale),
        scenario(a_trigger_that_left_no_trace_is_missed),
        scenario(a_cancelled_trigger_stays_away_until_it_is_replayed),
        scenario(a_cancelled_trigger_that_went_out_all_the_same_is_triggered),
        scenario(no_more_slots_than_the_cap),
        scenario(a_slot_comes_back_when_its_time_is_over_or_its_group_is),
        scenario(a_stalled_trigger_that_goes_again_has_its_slot),
        scenario(paused_and_gone_are_told),
    };
    return cmocka_run_group_tests(tests, open_scene, close_scene);
}
