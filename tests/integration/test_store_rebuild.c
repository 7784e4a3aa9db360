/*
 * What the store makes of messages that come again, with the times at which they were published: runs that
 * had opened open again, triggers that are known to be sent leave the outbox, and nothing else does.
 */
#include "state/rebuild.h"

#include "support/check.h"
#include "support/nba.h"
#include "support/store_harness.h"
#include "support/store_harness_call.h"

#include <stdio.h>
#include <string.h>

#define DAY ((game_date)18919) /* 2021-10-19 */
#define START_MS ((int64_t)1764871200000)

enum { MINUTE = 60000, SETTLE = 600000 };

static struct store_harness *h;
static bool has_place;
static enum kept kept;
static int executions;

/* --- Calls ---------------------------------------------------------------------------------------------- */

static void on_applied(void *context, struct result result, const struct applied *applied) {
    (void)applied;
    harness_call_done(context, result);
}

static void take(int processor, int64_t at_ms, const char *trigger_id, enum status status) {
    char execution[24];
    snprintf(execution, sizeof execution, "e-%d", ++executions);
    const struct completion completion = {.processor = &nba_pipeline()->processors[processor],
        .date = DAY,
        .status = status,
        .record_count = status == STATUS_SUCCESS ? 10 : 0,
        .timestamp_ms = at_ms,
        .execution_id = execution,
        .trigger_id = trigger_id};
    harness_call_begin(h, nba_pipeline(), 1);
    store_rebuild_apply(h->store, nba_pipeline(), &completion, at_ms, on_applied, h);
    check_ok(harness_call_finish(h, "a completion to be taken"));
}

static void take_phase3(int64_t at_ms) {
    for (int processor = PGS; processor <= TDGS; processor++)
        take(processor, at_ms, NULL, STATUS_SUCCESS);
}

static void on_sent(void *context, struct result result, bool place) {
    has_place = place;
    harness_call_done(context, result);
}

static bool sent(int group, int run, int64_t at_ms, const char *message_id) {
    const struct trigger trigger = {.date = DAY, .group = group, .run = run};
    harness_call_begin(h, nba_pipeline(), 1);
    store_rebuild_sent(h->store, nba_pipeline(), &trigger, at_ms, message_id, on_sent, h);
    check_ok(harness_call_finish(h, "a sent trigger to be told"));
    return has_place;
}

static const struct date_state *look(void) {
    struct date_state *state = arena_alloc(h->arena, sizeof *state);
    game_date day = DAY;
    check_ok(reader_dates(h->reader, nba_pipeline(), &day, 1, h->arena, state));
    return state;
}

static size_t waiting(void) {
    const struct trigger *triggers;
    return harness_outbox(h, nba_pipeline(), &triggers);
}

static void check_group(int group, int run, enum group_phase phase) {
    const struct group_state *is = &look()->groups[group - 1];
    assert_string_equal(group_phase_name(is->phase), group_phase_name(phase));
    assert_int_equal(is->run, run);
}

/* --- What is known to be sent --------------------------------------------------------------------------- */

static void a_trigger_that_nobody_knows_of_waits(void **state) {
    (void)state;
    take_phase3(START_MS);
    check_group(1, 1, GROUP_READY);
    assert_int_equal(waiting(), 1);
    assert_int_equal(look()->groups[0].ready_ms, START_MS);
}

static void a_known_trigger_is_confirmed_at_its_time(void **state) {
    (void)state;
    assert_false(sent(1, 1, START_MS + 5, "m1")); /* too early: nothing is known of the date */
    take_phase3(START_MS);
    assert_true(sent(1, 1, START_MS + 5, "m1"));
    check_group(1, 1, GROUP_TRIGGERED);
    assert_int_equal(look()->groups[0].triggered_ms, START_MS + 5);
    assert_string_equal(look()->groups[0].bus_message_id, "m1");
    assert_int_equal(waiting(), 0);
    assert_true(sent(1, 1, START_MS + 5, "m1")); /* and again */
    check_group(1, 1, GROUP_TRIGGERED);
}

static void an_answer_shows_that_it_was_sent(void **state) {
    (void)state;
    take_phase3(START_MS);
    take(TDZA, START_MS + MINUTE, NULL, STATUS_SUCCESS);
    check_group(1, 1, GROUP_TRIGGERED);
    assert_int_equal(waiting(), 0);
    take(PSZA, START_MS + MINUTE, NULL, STATUS_SUCCESS);
    check_group(1, 1, GROUP_DONE);
    check_group(2, 1, GROUP_READY);
    assert_int_equal(waiting(), 1);
    take(PCF, START_MS + 2 * MINUTE, NULL, STATUS_FAILED);
    check_group(2, 1, GROUP_FAILED);
    assert_int_equal(waiting(), 0);
}

/* An answer before its group is ready stays premature, and shows nothing. */
static void what_came_too_early_shows_nothing(void **state) {
    (void)state;
    take(TDZA, START_MS - MINUTE, NULL, STATUS_SUCCESS);
    take_phase3(START_MS);
    check_group(1, 1, GROUP_READY);
    assert_int_equal(waiting(), 1);
    assert_int_equal(look()->records[TDZA].mark, RECORD_PREMATURE);
}

/* A trigger that was published once more after a failure: the group is at work again. */
static void a_replay_is_known_by_its_trigger(void **state) {
    (void)state;
    take_phase3(START_MS);
    sent(1, 1, START_MS + 5, "m1");
    take(TDZA, START_MS + MINUTE, NULL, STATUS_FAILED);
    check_group(1, 1, GROUP_FAILED);
    assert_true(sent(1, 1, START_MS + 2 * MINUTE, "m2"));
    check_group(1, 1, GROUP_TRIGGERED);
    assert_true(look()->records[TDZA].set_aside);
    assert_int_equal(waiting(), 0);
}

/* --- Runs ----------------------------------------------------------------------------------------------- */

static void group_one_is_done(void) {
    take_phase3(START_MS);
    take(TDZA, START_MS + MINUTE, NULL, STATUS_SUCCESS);
    take(PSZA, START_MS + MINUTE, NULL, STATUS_SUCCESS);
}

/* The settle time was over when the next message was published: the run opens when it did. */
static void a_settled_run_opens_again(void **state) {
    (void)state;
    group_one_is_done();
    take(PGS, START_MS + 2 * MINUTE, NULL, STATUS_SUCCESS);
    assert_int_equal(look()->stale.group, 1);
    take(TOGS, START_MS + 2 * MINUTE + SETTLE - 1, NULL, STATUS_SUCCESS); /* the settle time begins anew */
    assert_int_equal(look()->run, 1);
    take(TDZA, START_MS + 3 * MINUTE + 2 * SETTLE, NULL, STATUS_SUCCESS);
    assert_int_equal(look()->run, 2);
    check_group(1, 2, GROUP_TRIGGERED); /* by the answer */
    assert_int_equal(look()->groups[0].ready_ms, START_MS + 2 * MINUTE + 2 * SETTLE - 1);
}

/* An operator's run is known by its trigger, and by an answer that names it. */
static void an_operators_run_is_known_by_its_trigger(void **state) {
    (void)state;
    group_one_is_done();
    sent(2, 1, START_MS + MINUTE, "m2");
    assert_true(sent(2, 2, START_MS + 2 * MINUTE, "m3"));
    assert_int_equal(look()->run, 2);
    check_group(1, 1, GROUP_DONE);
    check_group(2, 2, GROUP_TRIGGERED);
    assert_int_equal(waiting(), 0);
}

static void an_operators_run_is_known_by_an_answer(void **state) {
    (void)state;
    group_one_is_done();
    take(TDZA, START_MS + 3 * MINUTE, "nba/2021-10-19/g1/r3", STATUS_SUCCESS);
    assert_int_equal(look()->run, 3);
    check_group(1, 3, GROUP_TRIGGERED);
    assert_int_equal(waiting(), 0);
}

/* --- Keeping -------------------------------------------------------------------------------------------- */

static void on_kept(void *context, struct result result, enum kept what) {
    kept = what;
    harness_call_done(context, result);
}

static enum kept keep(const char *id, int64_t published_ms) {
    const struct message message = {.id = id, .data = "x", .size = 1, .published_ms = published_ms};
    harness_call_begin(h, nba_pipeline(), 1);
    store_rebuild_keep(h->store, nba_pipeline(), &message, START_MS, on_kept, h);
    check_ok(harness_call_finish(h, "a message to be kept"));
    return kept;
}

static void on_begun(void *context, struct result result, int64_t since_ms) {
    (void)since_ms;
    harness_call_done(context, result);
}

static void begin(void) {
    harness_call_begin(h, nba_pipeline(), 1);
    store_rebuild_begin(h->store, nba_pipeline(), START_MS, START_MS - MINUTE, on_begun, h);
    check_ok(harness_call_finish(h, "a rebuild to begin"));
}

static void on_ended(void *context, struct result result, bool ended) {
    has_place = ended;
    harness_call_done(context, result);
}

static bool end(void) {
    harness_call_begin(h, nba_pipeline(), 1);
    store_rebuild_end(h->store, nba_pipeline(), on_ended, h);
    check_ok(harness_call_finish(h, "a rebuild to end"));
    return has_place;
}

static void messages_are_kept_in_order_and_once(void **state) {
    struct kept_message *messages;
    size_t count;
    (void)state;
    assert_int_equal(keep("a", START_MS), KEPT_OVER);
    begin();
    assert_int_equal(keep("b", START_MS + 20), KEPT_STORED);
    assert_int_equal(keep("a", START_MS + 10), KEPT_STORED);
    assert_int_equal(keep("b", START_MS + 20), KEPT_STORED);
    check_ok(reader_rebuild_messages(h->reader, nba_pipeline(), 10, h->arena, &messages, &count));
    assert_int_equal(count, 2);
    assert_string_equal(messages[0].message.id, "a");
    assert_string_equal(messages[1].message.id, "b");
    assert_false(end());
    for (size_t i = 0; i < count; i++) {
        harness_call_begin(h, nba_pipeline(), 1);
        store_rebuild_taken(h->store, nba_pipeline(), &messages[i], harness_call_done, h);
        check_ok(harness_call_finish(h, "a message to be taken"));
    }
    assert_true(end());
    assert_int_equal(keep("c", START_MS), KEPT_OVER);
}

/* The backlog is what was published before the rebuild began; what is published meanwhile does not prolong
 * it. */
static void only_the_backlog_is_waited_for(void **state) {
    struct rebuild_state *is = arena_alloc(h->arena, sizeof *is);
    (void)state;
    begin();
    keep("new", START_MS + 1);
    check_ok(reader_rebuild(h->reader, nba_pipeline(), is));
    assert_int_equal(is->last_kept_ms, 0);
    keep("old", START_MS - 1);
    check_ok(reader_rebuild(h->reader, nba_pipeline(), is));
    assert_int_equal(is->last_kept_ms, START_MS);
    assert_int_equal(is->waiting, 2);
}

static void no_slot_is_given_meanwhile(void **state) {
    (void)state;
    take_phase3(START_MS);
    const struct trigger trigger = {.date = DAY, .group = 1, .run = 1, .backfill = true};
    begin();
    assert_int_equal(harness_claim(h, nba_pipeline(), &trigger, START_MS), CLAIM_PAUSED);
    assert_true(end());
    assert_int_equal(harness_claim(h, nba_pipeline(), &trigger, START_MS), CLAIM_GRANTED);
}

/* --- Life ----------------------------------------------------------------------------------------------- */

static int set_up(void **state) {
    h = *state;
    harness_reset(h);
    return 0;
}

#define TEST(function) cmocka_unit_test_setup(function, set_up)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_trigger_that_nobody_knows_of_waits),
        TEST(a_known_trigger_is_confirmed_at_its_time),
        TEST(an_answer_shows_that_it_was_sent),
        TEST(what_came_too_early_shows_nothing),
        TEST(a_replay_is_known_by_its_trigger),
        TEST(a_settled_run_opens_again),
        TEST(an_operators_run_is_known_by_its_trigger),
        TEST(an_operators_run_is_known_by_an_answer),
        TEST(messages_are_kept_in_order_and_once),
        TEST(only_the_backlog_is_waited_for),
        TEST(no_slot_is_given_meanwhile),
    };
    return cmocka_run_group_tests(tests, open_harness, close_harness);
}
