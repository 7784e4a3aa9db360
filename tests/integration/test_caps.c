/*
 * Rule 8: live before backfill. Never more than the cap in flight, which the stage checks with each trigger
 * that comes; within backfill the oldest date first; live dates at once; and slots that come back, whatever
 * became of the one who held them.
 */
#include "support/check.h"
#include "support/daemon.h"
#include "support/dice.h"
#include "support/patience.h"
#include "support/stage.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { CAP = 5, MANY = 300, LIVE_BOUND_MS = 2000 };

static const game_date live_date = STAGE_DATE + 365; /* younger than all backfill */

/* Backfill dates in an order in which nobody would ask for them. */
static game_date shuffled(int index, int count) {
    return STAGE_DATE + index * 7 % count;
}

static void publish_backfill(struct stage *stage, int count) {
    for (int i = 0; i < count; i++)
        stage_phase3(stage, shuffled(i, count), true);
    stage_until_handled(stage);
}

static const struct seen *first_in_flight(const struct stage *stage, int group) {
    for (size_t i = 0; i < stage_seen(stage); i++)
        if (stage_trigger(stage, i)->group == group && stage_trigger(stage, i)->in_flight)
            return stage_trigger(stage, i);
    fail_msg("nothing of group %d is in flight", group);
}

/* The group's triggers from this place on came oldest date first. */
static void check_order(const struct stage *stage, int group, size_t from) {
    game_date last = 0;
    size_t place = 0;
    for (size_t i = 0; i < stage_seen(stage); i++) {
        const struct seen *seen = stage_trigger(stage, i);
        if (seen->group != group || place++ < from)
            continue;
        assert_true(seen->date > last);
        last = seen->date;
    }
}

static struct stage *open_and_start(void **state, int cap) {
    struct stage *stage = *state = stage_open((struct stage_options){.backfill_cap = cap});
    stage_start(stage);
    return stage;
}

/* --- The cap and the order ------------------------------------------------------------------------------ */

/* All dates wait before the first slot comes back; from then on the oldest of all goes first. */
static void never_more_than_the_cap_and_the_oldest_first(void **state) {
    struct stage *stage = open_and_start(state, CAP);
    publish_backfill(stage, MANY);
    stage_until_count(stage, 1, CAP);
    stage_quiet(stage);
    assert_int_equal(stage_in_flight(stage, 1), CAP);
    for (size_t done = 0; done + CAP < MANY; done++) {
        stage_answer(stage, first_in_flight(stage, 1), "success");
        stage_until_count(stage, 1, CAP + done + 1);
    }
    check_order(stage, 1, CAP);
    assert_int_equal(stage_count(stage, 2), CAP);
    stage_answer_always(stage);
    stage_until_count(stage, 4, MANY);
    for (int i = 0; i < MANY; i++)
        stage_until_phase(stage, STAGE_DATE + i, 4, GROUP_DONE);
}

static void live_dates_do_not_wait(void **state) {
    struct stage *stage = open_and_start(state, CAP);
    publish_backfill(stage, MANY);
    stage_until_count(stage, 1, CAP);
    uint64_t start_ms = uv_hrtime() / 1000000;
    stage_phase3(stage, live_date, false);
    const struct seen *live = stage_until_trigger(stage, live_date, 1, 1, 1);
    uint64_t took_ms = live->seen_ms - start_ms;
    print_message("  from publishing five completions to the trigger, while %d backfill dates wait: %" PRIu64
                  " ms\n",
        MANY, took_ms);
    assert_true(took_ms < LIVE_BOUND_MS);
    assert_false(live->backfill);
    stage_answer(stage, live, "success");
    stage_until_trigger(stage, live_date, 2, 1, 1);
    assert_int_equal(stage_in_flight(stage, 1), CAP);
}

/* What waits is in the outbox: a stop does not wait for it, and the next start goes on with it. */
static void a_stop_does_not_wait_for_slots(void **state) {
    struct stage *stage = open_and_start(state, 1);
    publish_backfill(stage, 20);
    stage_until_count(stage, 1, 1);
    uint64_t start_ms = uv_hrtime() / 1000000;
    stage_stop(stage);
    assert_true(uv_hrtime() / 1000000 - start_ms < (uint64_t)patient_ms(5000));
    assert_int_equal(redis_server_ask_number(stage_server(stage), "HLEN pg:{nba:2025-12}:outbox"), 19);
    stage_start(stage);
    stage_answer_always(stage);
    stage_until_count(stage, 4, 20);
    check_order(stage, 1, 1);
}

/* --- Slots come back ------------------------------------------------------------------------------------ */

/* What is forgotten comes back as well, with a sweep; but it was not forgotten. */
static void check_nothing_reclaimed(struct stage *stage) {
    assert_int_equal(stage_said(stage, "were not given back"), 0);
}

static void slots_come_back_with_done_and_failed(void **state) {
    struct stage *stage = open_and_start(state, 1);
    for (int i = 0; i < 3; i++)
        stage_phase3(stage, STAGE_DATE + i, true);
    const struct seen *trigger = stage_until_trigger(stage, STAGE_DATE, 1, 1, 1);
    stage_answer(stage, trigger, "failed");
    trigger = stage_until_trigger(stage, STAGE_DATE + 1, 1, 1, 1);
    stage_answer(stage, trigger, "no_data"); /* neither: it stays in flight, as the store sees it */
    stage_until_handled(stage);
    stage_quiet(stage);
    stage_answer(stage, trigger, "success");
    stage_until_trigger(stage, STAGE_DATE + 2, 1, 1, 1);
    check_nothing_reclaimed(stage);
    assert_int_equal(redis_server_ask_number(stage_server(stage), "ZCARD pg:{nba}:slots:1"), 1);
}

static void slots_come_back_with_the_deadline(void **state) {
    static const struct stage_setting settings[] = {{"group_deadline", "60"}, {0}};
    struct stage *stage = *state =
        stage_open((struct stage_options){.backfill_cap = 1, .settings = settings});
    stage_start(stage);
    stage_phase3(stage, STAGE_DATE, true);
    stage_phase3(stage, STAGE_DATE + 1, true);
    const struct seen *trigger = stage_until_trigger(stage, STAGE_DATE, 1, 1, 1);
    stage_until_phase(stage, STAGE_DATE, 1, GROUP_TRIGGERED);
    stage_advance(stage, 59000);
    stage_quiet(stage);
    stage_give_up(stage, trigger);
    stage_advance(stage, 2000);
    stage_until_trigger(stage, STAGE_DATE + 1, 1, 1, 1);
}

/* A new run is opened over a trigger in flight; the new run's may leave, though the cap is 1. */
static void slots_come_back_with_a_new_run(void **state) {
    static const struct stage_setting settings[] = {{"rerun_settle", "30"}, {0}};
    struct stage *stage = *state =
        stage_open((struct stage_options){.backfill_cap = 1, .settings = settings});
    stage_start(stage);
    stage_phase3(stage, STAGE_DATE, true);
    const struct seen *trigger = stage_until_trigger(stage, STAGE_DATE, 1, 1, 1);
    stage_advance(stage, 1000);
    stage_complete(stage, PGS, STAGE_DATE, true);
    stage_until_handled(stage);
    stage_give_up(stage, trigger);
    stage_advance(stage, 31000);
    stage_until_trigger(stage, STAGE_DATE, 1, 2, 1);
}

struct answer {
    bool here;
    struct result result;
    enum claim claim;
};

static bool is_here(void *context) {
    const struct answer *answer = context;
    return answer->here;
}

static void on_applied(void *context, struct result result, const struct applied *applied) {
    struct answer *answer = context;
    (void)applied;
    *answer = (struct answer){.here = true, .result = result};
}

/* The group's processors are recorded as done by somebody who gives no slot back: killed in between. */
static void finish_and_die(struct stage *stage, game_date date, int group) {
    for (int i = 0; i < NBA_PROCESSORS; i++) {
        if (!(stage_pipeline(stage)->groups[group - 1].members & SET(i)))
            continue;
        struct answer answer = {0};
        const struct completion completion = {.processor = &stage_pipeline(stage)->processors[i],
            .date = date,
            .status = STATUS_SUCCESS,
            .record_count = 10,
            .timestamp_ms = stage_now_ms(stage),
            .backfill = true,
            .execution_id = "the-last",
            .correlation_id = "the-last"};
        store_apply(
            stage_store(stage), stage_pipeline(stage), &completion, stage_now_ms(stage), on_applied, &answer);
        stage_until(stage, is_here, &answer, "an answer to apply");
        check_ok(answer.result);
    }
}

static void a_slot_whose_holder_died_after_the_last_completion(void **state) {
    struct stage *stage = open_and_start(state, 1);
    stage_phase3(stage, STAGE_DATE, true);
    stage_phase3(stage, STAGE_DATE + 1, true);
    const struct seen *trigger = stage_until_trigger(stage, STAGE_DATE, 1, 1, 1);
    stage_until_phase(stage, STAGE_DATE, 1, GROUP_TRIGGERED);
    stage_stop(stage);
    finish_and_die(stage, STAGE_DATE, 1);
    stage_give_up(stage, trigger);
    assert_int_equal(redis_server_ask_number(stage_server(stage), "ZCARD pg:{nba}:slots:1"), 1);
    stage_start(stage);
    stage_until_trigger(stage, STAGE_DATE + 1, 1, 1, 1);
}

static void on_claimed(void *context, struct result result, enum claim claim, struct lease lease) {
    struct answer *answer = context;
    (void)lease;
    *answer = (struct answer){.here = true, .result = result, .claim = claim};
}

static void claim_and_die(struct stage *stage, game_date date, int group) {
    struct answer answer = {0};
    struct trigger trigger = {.date = date, .group = group, .run = 1, .backfill = true};
    store_claim(
        stage_store(stage), stage_pipeline(stage), &trigger, stage_now_ms(stage), on_claimed, &answer);
    stage_until(stage, is_here, &answer, "an answer to a claim");
    check_ok(answer.result);
    assert_int_equal(answer.claim, CLAIM_GRANTED);
}

static void on_paused(void *context, struct result result) {
    struct answer *answer = context;
    *answer = (struct answer){.here = true, .result = result};
}

static void pause_backfill(struct stage *stage, bool paused) {
    struct answer answer = {0};
    store_pause_backfill(
        stage_store(stage), stage_pipeline(stage), paused, stage_now_ms(stage), on_paused, &answer);
    stage_until(stage, is_here, &answer, "an answer to pause");
    check_ok(answer.result);
}

/* Another replica had it waiting as well, and asks after this one has published it. */
static void a_claim_for_what_has_left_takes_no_slot(void **state) {
    struct stage *stage = open_and_start(state, 1);
    struct answer answer = {0};
    struct trigger trigger = {.date = STAGE_DATE, .group = 1, .run = 1, .backfill = true};
    stage_phase3(stage, STAGE_DATE, true);
    stage_phase3(stage, STAGE_DATE + 1, true);
    stage_until_trigger(stage, STAGE_DATE, 1, 1, 1);
    stage_until_phase(stage, STAGE_DATE, 1, GROUP_TRIGGERED);
    store_claim(
        stage_store(stage), stage_pipeline(stage), &trigger, stage_now_ms(stage), on_claimed, &answer);
    stage_until(stage, is_here, &answer, "an answer to a claim");
    check_ok(answer.result);
    assert_int_equal(answer.claim, CLAIM_GONE);
    stage_quiet(stage);
    assert_int_equal(redis_server_ask_number(stage_server(stage), "ZCARD pg:{nba}:slots:1"), 1);
}

/* All slots are held by triggers that were never published, and older dates stand before them. */
static void slots_whose_holder_died_before_publishing(void **state) {
    struct stage *stage = open_and_start(state, CAP);
    pause_backfill(stage, true);
    publish_backfill(stage, 30);
    stage_quiet(stage);
    stage_stop(stage);
    pause_backfill(stage, false);
    for (int i = 0; i < CAP; i++)
        claim_and_die(stage, STAGE_DATE + 25 + i, 1);
    stage_start(stage);
    stage_until_count(stage, 1, CAP);
    for (int i = 0; i < CAP; i++)
        assert_non_null(stage_find(stage, STAGE_DATE + 25 + i, 1, 1));
    stage_answer_always(stage);
    stage_until_count(stage, 4, 30);
}

/* --- The operator --------------------------------------------------------------------------------------- */

static void pause_and_resume(void **state) {
    struct stage *stage = open_and_start(state, CAP);
    pause_backfill(stage, true);
    publish_backfill(stage, 20);
    stage_quiet(stage);
    assert_int_equal(stage_count(stage, 1), 0);
    stage_until_said(stage, "backfill is paused: ");
    stage_phase3(stage, live_date, false);
    stage_until_trigger(stage, live_date, 1, 1, 1);
    pause_backfill(stage, false);
    stage_until_count(stage, 1, CAP + 1);
    check_order(stage, 1, 1);
    stage_until_said(stage, "backfill goes on");
}

static void on_cancelled(void *context, struct result result, bool cancelled) {
    struct answer *answer = context;
    *answer = (struct answer){.here = true, .result = result};
    assert_true(cancelled);
}

static void cancelled_triggers_never_leave(void **state) {
    struct stage *stage = open_and_start(state, 1);
    for (int i = 0; i < 4; i++)
        stage_phase3(stage, STAGE_DATE + i, true);
    const struct seen *trigger = stage_until_trigger(stage, STAGE_DATE, 1, 1, 1);
    stage_until_handled(stage);
    for (int i = 1; i < 3; i++) {
        struct answer answer = {0};
        const struct trigger waiting = {.date = STAGE_DATE + i, .group = 1, .run = 1};
        store_cancel(
            stage_store(stage), stage_pipeline(stage), &waiting, stage_now_ms(stage), on_cancelled, &answer);
        stage_until(stage, is_here, &answer, "an answer to cancel");
    }
    stage_answer(stage, trigger, "success");
    stage_until_trigger(stage, STAGE_DATE + 3, 1, 1, 1);
    assert_null(stage_find(stage, STAGE_DATE + 1, 1, 1));
    assert_null(stage_find(stage, STAGE_DATE + 2, 1, 1));
    assert_int_equal(redis_server_ask_number(stage_server(stage), "ZCARD pg:{nba}:slots:1"), 1);
}

/* --- Killed --------------------------------------------------------------------------------------------- */

enum { KILLED_DATES = 60, KILLS = 8 };

struct progress {
    struct stage *stage;
    size_t wanted;
};

static bool has_come_far(void *context) {
    const struct progress *progress = context;
    return stage_seen(progress->stage) >= progress->wanted;
}

/* At any moment; and every slot comes back. */
static void the_daemon_is_killed(void **state) {
    struct dice dice = {.state = dice_seed()};
    print_message("  PHASEGATE_SEED=%" PRIu64 "\n", dice.state);
    struct stage *stage = *state =
        stage_open((struct stage_options){.daemon = PHASEGATE_BINARY, .backfill_cap = 3});
    stage_start(stage);
    for (int i = 0; i < KILLED_DATES; i++)
        stage_phase3(stage, shuffled(i, KILLED_DATES), true);
    stage_answer_always(stage);
    for (int i = 0; i < KILLS; i++) {
        struct progress progress = {stage, stage_seen(stage) + 1 + (size_t)dice_below(&dice, 25)};
        stage_until(stage, has_come_far, &progress, "triggers between two kills");
        stage_kill(stage);
        stage_start(stage);
    }
    stage_until_count(stage, 4, KILLED_DATES);
    for (int i = 0; i < KILLED_DATES; i++)
        stage_until_phase(stage, STAGE_DATE + i, 4, GROUP_DONE);
}

/* --- Program -------------------------------------------------------------------------------------------- */

static int close_world(void **state) {
    struct stage *stage = *state;
    stage_close(&stage);
    return 0;
}

#define TEST(function)                                                                                       \
    { #function, function, NULL, close_world, NULL }

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(never_more_than_the_cap_and_the_oldest_first),
        TEST(live_dates_do_not_wait),
        TEST(a_stop_does_not_wait_for_slots),
        TEST(slots_come_back_with_done_and_failed),
        TEST(slots_come_back_with_the_deadline),
        TEST(slots_come_back_with_a_new_run),
        TEST(a_slot_whose_holder_died_after_the_last_completion),
        TEST(a_claim_for_what_has_left_takes_no_slot),
        TEST(slots_whose_holder_died_before_publishing),
        TEST(pause_and_resume),
        TEST(cancelled_triggers_never_leave),
        TEST(the_daemon_is_killed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
