/* The gate over a fake store, whose answers come when the test gives them: so that each order of answers can
 * be had. */
#include "engine/gate.h"

#include "support/check.h"
#include "support/log_capture.h"
#include "support/nba.h"

#include <stdlib.h>
#include <string.h>

enum { TICKETS = GATE_WAITING_MAX + 10, CALLS = 64, LEASED_UNTIL_MS = 22500 };

enum outcome { WAITS, GRANTED, GONE, REFUSED };

struct asked {
    game_date date;
    int group;
    store_claimed_fn *claimed;
    void *context;
};

struct reclaimed {
    int group;
    store_freed_fn *freed;
    void *context;
};

/* The fake store: what it was asked and has not answered. One for each group, as the gate sees it. */
static struct fake_store {
    struct asked claims[CALLS];
    size_t claim_count, claims_ever;
    struct reclaimed reclaims[CALLS];
    size_t reclaim_count, reclaims_ever;
    store_slot_fn *slot; /* whom to tell who has slots; NULL: not asked */
    void *slot_context;
    game_date released[CALLS];
    size_t release_count;
    game_date unleased[CALLS];
    size_t unlease_count;
    bool away;
    bool nodes_away; /* of every month */
} fake;

static struct ticket tickets[TICKETS];
static enum outcome outcomes[TICKETS];
static struct gate *gate;
static struct log_capture capture;

void store_claim(struct store *store, const struct pipeline *pipeline, const struct trigger *trigger,
    int64_t now_ms, store_claimed_fn *claimed, void *context) {
    (void)store;
    (void)pipeline;
    (void)now_ms;
    fake.claims_ever++;
    if (fake.away)
        claimed(context, fail(CODE_UNAVAILABLE, "away"), CLAIM_FULL, (struct lease){0});
    else if (fake.nodes_away)
        claimed(context, ok(), CLAIM_AWAY, (struct lease){0});
    else
        fake.claims[fake.claim_count++] = (struct asked){trigger->date, trigger->group, claimed, context};
}

void store_release(struct store *store, const struct pipeline *pipeline, const struct trigger *trigger,
    store_done_fn *done, void *context) {
    (void)store;
    (void)pipeline;
    fake.released[fake.release_count++] = trigger->date;
    done(context, ok());
}

void store_unlease(struct store *store, const struct pipeline *pipeline, const struct trigger *trigger,
    store_done_fn *done, void *context) {
    (void)store;
    (void)pipeline;
    fake.unleased[fake.unlease_count++] = trigger->date;
    done(context, ok());
}

void store_reclaim(struct store *store, const struct pipeline *pipeline, int group, int64_t now_ms,
    store_freed_fn *freed, void *context) {
    (void)store;
    (void)pipeline;
    (void)now_ms;
    fake.reclaims_ever++;
    fake.reclaims[fake.reclaim_count++] = (struct reclaimed){group, freed, context};
}

void store_slots(
    struct store *store, const struct pipeline *pipeline, int group, store_slot_fn *slot, void *context) {
    (void)store;
    (void)pipeline;
    (void)group;
    assert_null(fake.slot);
    fake.slot = slot;
    fake.slot_context = context;
}

/* --- What the test does --------------------------------------------------------------------------------- */

static struct ticket *enter(size_t index, game_date date, int group, bool may_have_slot) {
    struct ticket *displaced;
    tickets[index] = (struct ticket){.pipeline = nba_pipeline(),
        .date = date,
        .group = group,
        .run = 1,
        .owner = &outcomes[index],
        .may_have_slot = may_have_slot};
    outcomes[index] = WAITS;
    assert_true(gate_enter(gate, &tickets[index], &displaced));
    return displaced;
}

/* Answers the only claim that is under way, which has to be this date's. */
static void answer(game_date date, struct result result, enum claim claim) {
    assert_int_equal(fake.claim_count, 1);
    struct asked asked = fake.claims[--fake.claim_count];
    assert_int_equal(asked.date, date);
    asked.claimed(asked.context, result, claim, (struct lease){.until_ms = LEASED_UNTIL_MS});
}

static void check_asked(game_date date) {
    assert_int_equal(fake.claim_count, 1);
    assert_int_equal(fake.claims[0].date, date);
}

static void check_silent(void) {
    assert_int_equal(fake.claim_count, 0);
}

/* These two dates have a slot. */
static void answer_slots(int group, game_date first, game_date second) {
    store_slot_fn *slot = fake.slot;
    fake.slot = NULL;
    slot(fake.slot_context, ok(), &(struct trigger){.date = first, .group = group, .run = 1});
    slot(fake.slot_context, ok(), &(struct trigger){.date = second, .group = group, .run = 1});
    slot(fake.slot_context, ok(), NULL);
}

static void answer_reclaims(int freed) {
    while (fake.reclaim_count > 0) {
        struct reclaimed reclaimed = fake.reclaims[--fake.reclaim_count];
        reclaimed.freed(reclaimed.context, ok(), freed);
    }
}

/* --- One at a time, oldest first ------------------------------------------------------------------------ */

static void the_oldest_first_one_at_a_time(void **state) {
    (void)state;
    enter(0, 30, 1, false);
    enter(1, 20, 1, false);
    enter(2, 40, 1, false);
    enter(3, 10, 1, false);
    answer(30, ok(), CLAIM_GRANTED);
    answer(10, ok(), CLAIM_GRANTED);
    answer(20, ok(), CLAIM_GONE);
    answer(40, ok(), CLAIM_GRANTED);
    check_silent();
    assert_int_equal(outcomes[0], GRANTED);
    assert_int_equal(outcomes[1], GONE);
    assert_int_equal(outcomes[2], GRANTED);
    assert_int_equal(outcomes[3], GRANTED);
}

static void groups_do_not_wait_for_each_other(void **state) {
    (void)state;
    enter(0, 10, 1, false);
    answer(10, ok(), CLAIM_FULL);
    enter(1, 20, 2, false);
    answer(20, ok(), CLAIM_GRANTED);
    gate_release(gate, nba_pipeline(), 5, 2, 1);
    check_silent();
    gate_release(gate, nba_pipeline(), 5, 1, 1);
    check_asked(10);
}

/* --- Full ----------------------------------------------------------------------------------------------- */

static void full_waits_for_a_release(void **state) {
    (void)state;
    enter(0, 20, 1, false);
    enter(1, 30, 1, false);
    answer(20, ok(), CLAIM_FULL);
    enter(2, 10, 1, false);
    check_silent();
    gate_release(gate, nba_pipeline(), 5, 1, 1);
    assert_int_equal(fake.released[0], 5);
    answer(10, ok(), CLAIM_GRANTED);
    answer(20, ok(), CLAIM_FULL);
    check_silent();
}

/* The answer "full" was on its way when a slot came back: it is old. */
static void a_release_during_a_claim(void **state) {
    (void)state;
    enter(0, 20, 1, false);
    gate_release(gate, nba_pipeline(), 5, 1, 1);
    answer(20, ok(), CLAIM_FULL);
    answer(20, ok(), CLAIM_GRANTED);
    assert_int_equal(outcomes[0], GRANTED);
}

/* Those that may be in flight themselves ask once more, oldest first, and nobody else does. */
static void who_may_have_a_slot_asks_although_full(void **state) {
    (void)state;
    enter(0, 10, 1, false);
    answer(10, ok(), CLAIM_FULL);
    enter(1, 40, 1, true);
    enter(2, 30, 1, true);
    enter(3, 20, 1, false);
    answer(40, ok(), CLAIM_FULL);
    answer(30, ok(), CLAIM_GRANTED);
    assert_int_equal(outcomes[2], GRANTED);
    check_silent(); /* that it has one says nothing of the others */
    gate_release(gate, nba_pipeline(), 30, 1, 1);
    answer(10, ok(), CLAIM_GRANTED);
    answer(20, ok(), CLAIM_FULL);
    check_silent();
    assert_int_equal(outcomes[1], WAITS);
}

/* Its holder died before publishing it, and older dates wait before it. */
static void who_has_a_slot_by_the_ledger_asks_although_full(void **state) {
    (void)state;
    for (size_t i = 0; i < 5; i++)
        enter(i, 10 + 10 * (game_date)i, 1, false);
    answer(10, ok(), CLAIM_FULL);
    gate_sweep(gate);
    answer(10, ok(), CLAIM_FULL);
    answer_slots(1, 40, 99);
    answer(40, ok(), CLAIM_GRANTED);
    check_silent();
    gate_sweep(gate);
    answer_slots(1, 20, 30);
    answer(10, ok(), CLAIM_FULL);
    answer(20, ok(), CLAIM_GONE);
    answer(30, ok(), CLAIM_FULL); /* lost meanwhile */
    check_silent();
    assert_int_equal(outcomes[2], WAITS);
}

/* --- Paused, away, refused ------------------------------------------------------------------------------ */

static void paused_waits_for_a_sweep(void **state) {
    (void)state;
    enter(0, 10, 1, false);
    enter(1, 20, 1, true);
    answer(10, ok(), CLAIM_PAUSED);
    check_silent();
    gate_release(gate, nba_pipeline(), 5, 1, 1);
    check_silent();
    gate_sweep(gate);
    answer(10, ok(), CLAIM_PAUSED);
    check_silent();
    assert_int_equal(log_capture_count(&capture, "backfill is paused: 2 triggers of group 1 wait"), 1);
    gate_sweep(gate);
    answer(10, ok(), CLAIM_GRANTED);
    assert_int_equal(log_capture_count(&capture, "backfill goes on"), 1);
    check_asked(20);
}

static void an_absent_store_is_asked_when_it_is_back(void **state) {
    (void)state;
    enter(0, 20, 1, false);
    enter(1, 10, 1, false);
    fake.away = true;
    answer(20, fail(CODE_UNAVAILABLE, "lost"), CLAIM_FULL);
    assert_true(tickets[0].may_have_slot); /* the claim may have been heard */
    gate_release(gate, nba_pipeline(), 5, 1, 1);
    assert_int_equal(fake.claims_ever, 1);
    gate_store_ready(gate); /* gone again before the claim left */
    assert_int_equal(fake.claims_ever, 2);
    fake.away = false;
    gate_store_ready(gate);
    answer(10, ok(), CLAIM_FULL);
    answer(20, ok(), CLAIM_GRANTED);
}

/* Of a Cluster: its dates wait, in their order, and those of other months go on. */
static void a_month_whose_node_is_away_holds_up_no_other(void **state) {
    (void)state;
    enter(0, 1, 1, false);
    enter(1, 2, 1, true);
    enter(2, 31, 1, false);
    enter(3, 3, 1, false);
    answer(1, ok(), CLAIM_AWAY);
    answer(31, ok(), CLAIM_GRANTED);
    check_silent();
    gate_sweep(gate);
    answer(1, ok(), CLAIM_GRANTED);
    answer(2, ok(), CLAIM_GRANTED);
    answer(3, ok(), CLAIM_FULL);
    assert_int_equal(outcomes[3], WAITS);
}

/* Hundreds of months, and each answer comes within the call. */
static void many_months_whose_nodes_are_away_are_asked_once_a_sweep(void **state) {
    enum { MONTHS = 1500, DAYS = 30 };
    (void)state;
    fake.nodes_away = true;
    for (size_t i = 0; i < 2 * MONTHS; i++)
        enter(i, (game_date)i * DAYS / 2, 1, i % 2);
    size_t before = fake.claims_ever;
    gate_sweep(gate);
    assert_in_range(fake.claims_ever - before, MONTHS - MONTHS / 50, MONTHS);
    fake.nodes_away = false;
    gate_store_ready(gate);
    answer(0, ok(), CLAIM_GRANTED);
    check_asked(DAYS / 2);
}

static void a_refused_claim_holds_up_nobody(void **state) {
    (void)state;
    enter(0, 10, 1, false);
    enter(1, 20, 1, false);
    answer(10, fail(CODE_INTERNAL, "WRONGTYPE"), CLAIM_FULL);
    assert_int_equal(outcomes[0], REFUSED);
    answer(20, ok(), CLAIM_GRANTED);
}

/* --- Leaving -------------------------------------------------------------------------------------------- */

static void leaving_while_waiting(void **state) {
    (void)state;
    enter(0, 10, 1, false);
    enter(1, 20, 1, false);
    assert_true(gate_leave(gate, &tickets[1]));
    assert_int_equal(outcomes[1], GONE);
    answer(10, ok(), CLAIM_GRANTED);
    check_silent();
}

/* The slot that it gets all the same is given back. */
static void leaving_while_it_is_asked_for(void **state) {
    (void)state;
    enter(0, 10, 1, false);
    assert_false(gate_leave(gate, &tickets[0]));
    assert_int_equal(outcomes[0], WAITS);
    answer(10, ok(), CLAIM_GRANTED);
    assert_int_equal(outcomes[0], GONE);
    assert_int_equal(fake.release_count, 1);
    assert_int_equal(fake.released[0], 10);
}

static void at_the_maximum_the_youngest_gives_way(void **state) {
    struct ticket *displaced;
    (void)state;
    enter(0, 50000, 1, false);
    answer(50000, ok(), CLAIM_FULL);
    for (size_t i = 1; i < GATE_WAITING_MAX; i++)
        assert_null(enter(i, 10 + (game_date)i, 1, i % 3 == 0));
    struct ticket young = {.pipeline = nba_pipeline(), .date = 60000, .group = 1, .run = 1};
    assert_false(gate_has_room(gate, nba_pipeline(), 1, 60000));
    assert_false(gate_enter(gate, &young, &displaced));
    assert_true(gate_has_room(gate, nba_pipeline(), 2, 60000));
    assert_true(gate_has_room(gate, nba_pipeline(), 1, 5));
    assert_ptr_equal(enter(GATE_WAITING_MAX, 5, 1, false), &tickets[0]);
    assert_ptr_equal(enter(GATE_WAITING_MAX + 1, 6, 1, false), &tickets[GATE_WAITING_MAX - 1]);
}

/* --- Slots that were not given back --------------------------------------------------------------------- */

static void a_sweep_reclaims_where_somebody_waits(void **state) {
    (void)state;
    gate_sweep(gate);
    assert_int_equal(fake.reclaims_ever, 0);
    enter(0, 10, 2, false);
    answer(10, ok(), CLAIM_FULL);
    gate_sweep(gate);
    answer(10, ok(), CLAIM_FULL);
    gate_sweep(gate); /* the reclaim of the last one is not answered yet */
    answer(10, ok(), CLAIM_FULL);
    assert_int_equal(fake.reclaims_ever, 1);
    assert_int_equal(fake.reclaims[0].group, 2);
    answer_reclaims(0);
    check_silent();
    gate_sweep(gate);
    answer(10, ok(), CLAIM_FULL);
    assert_int_equal(fake.reclaims_ever, 2);
    answer_reclaims(1);
    check_asked(10);
    assert_int_equal(log_capture_count(&capture, "1 slots of group 2 were not given back"), 1);
}

static void a_ready_store_reclaims_everything(void **state) {
    (void)state;
    gate_store_ready(gate);
    assert_int_equal(fake.reclaim_count, nba_pipeline()->group_count);
}

static void a_new_run_reclaims_what_starts_again(void **state) {
    (void)state;
    gate_new_run(gate, nba_pipeline(), 3);
    assert_int_equal(fake.reclaim_count, 2);
    assert_int_equal(fake.reclaims[0].group, 3);
    assert_int_equal(fake.reclaims[1].group, 4);
    for (int i = 0; i < 100; i++)
        gate_new_run(gate, nba_pipeline(), 4);
    assert_int_equal(fake.reclaim_count, 2);
    answer_reclaims(0);
    assert_int_equal(fake.reclaims_ever, 3); /* one more of group 4, for all hundred */
}

/* --- Leases --------------------------------------------------------------------------------------------- */

static void what_is_granted_comes_with_its_lease(void **state) {
    (void)state;
    enter(0, 10, 1, false);
    answer(10, ok(), CLAIM_GRANTED);
    assert_int_equal(outcomes[0], GRANTED);
    assert_int_equal(tickets[0].lease.until_ms, LEASED_UNTIL_MS);
}

/* Neither its slot is given back, which is the other replica's trigger's, nor does the queue wait for it. */
static void what_another_replica_has_makes_way(void **state) {
    (void)state;
    enter(0, 10, 1, false);
    enter(1, 20, 1, false);
    answer(10, ok(), CLAIM_THEIRS);
    assert_int_equal(outcomes[0], GONE);
    assert_int_equal(fake.release_count, 0);
    assert_int_equal(fake.unlease_count, 0);
    answer(20, ok(), CLAIM_GRANTED);
    assert_int_equal(outcomes[1], GRANTED);
}

/* --- Closed --------------------------------------------------------------------------------------------- */

static void a_closed_gate_asks_and_grants_nothing(void **state) {
    (void)state;
    enter(0, 10, 1, false);
    gate_close(gate);
    enter(1, 20, 1, true);
    answer(10, ok(), CLAIM_GRANTED);
    assert_int_equal(outcomes[0], WAITS);
    assert_int_equal(fake.unlease_count, 1); /* another replica need not wait for the lease to run out */
    assert_int_equal(fake.unleased[0], 10);
    gate_release(gate, nba_pipeline(), 5, 1, 1);
    gate_sweep(gate);
    gate_store_ready(gate);
    check_silent();
    assert_int_equal(fake.release_count, 1); /* completions that still come give slots back */
    assert_int_equal(fake.reclaims_ever, 0);
}

/* --- Program -------------------------------------------------------------------------------------------- */

static void on_granted(struct ticket *ticket) {
    *(enum outcome *)ticket->owner = GRANTED;
}

static void on_gone(struct ticket *ticket) {
    *(enum outcome *)ticket->owner = GONE;
}

static void on_refused(struct ticket *ticket, struct result reason) {
    assert_string_equal(reason.text, "WRONGTYPE");
    *(enum outcome *)ticket->owner = REFUSED;
}

static const struct pipeline *pipelines[1];

static int setup(void **state) {
    (void)state;
    memset(&fake, 0, sizeof fake);
    pipelines[0] = nba_pipeline();
    log_capture_open(&capture);
    gate = gate_new((struct gate_parts){.clock = clock_system(),
        .log = &capture.log,
        .pipelines = pipelines,
        .pipeline_count = 1,
        .granted = on_granted,
        .gone = on_gone,
        .refused = on_refused});
    return gate ? 0 : -1;
}

static int teardown(void **state) {
    (void)state;
    gate_free(&gate);
    log_capture_close(&capture);
    return 0;
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(the_oldest_first_one_at_a_time),
        TEST(groups_do_not_wait_for_each_other),
        TEST(full_waits_for_a_release),
        TEST(a_release_during_a_claim),
        TEST(who_may_have_a_slot_asks_although_full),
        TEST(who_has_a_slot_by_the_ledger_asks_although_full),
        TEST(paused_waits_for_a_sweep),
        TEST(an_absent_store_is_asked_when_it_is_back),
        TEST(a_month_whose_node_is_away_holds_up_no_other),
        TEST(many_months_whose_nodes_are_away_are_asked_once_a_sweep),
        TEST(a_refused_claim_holds_up_nobody),
        TEST(leaving_while_waiting),
        TEST(leaving_while_it_is_asked_for),
        TEST(at_the_maximum_the_youngest_gives_way),
        TEST(a_sweep_reclaims_where_somebody_waits),
        TEST(a_ready_store_reclaims_everything),
        TEST(a_new_run_reclaims_what_starts_again),
        TEST(what_is_granted_comes_with_its_lease),
        TEST(what_another_replica_has_makes_way),
        TEST(a_closed_gate_asks_and_grants_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
