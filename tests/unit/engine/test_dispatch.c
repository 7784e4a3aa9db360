/* The dispatcher over a fake store and a fake bus, whose answers come when the test gives them. */
#include "engine/dispatch.h"

#include "support/check.h"
#include "support/log_capture.h"
#include "support/loop.h"
#include "support/nba.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    CALLS = DISPATCH_LIVE_MAX + 100,
    FIELD_MAX = 64,
    FACTS_MAX = 256,
    SOON_MS = 5000,
    DAY = 18900,
    LEASE_MS = 30000
};

struct claim_call {
    game_date date;
    int group;
    store_claimed_fn *claimed;
    void *context;
};

struct lease_call {
    struct trigger trigger;
    store_leased_fn *leased;
    void *context;
};

struct publish_call {
    char id[TRIGGER_ID_MAX];
    bus_published_fn *published;
    void *context;
};

struct confirm_call {
    struct trigger trigger;
    store_done_fn *done;
    void *context;
};

static struct fake {
    struct claim_call claims[CALLS];
    struct publish_call publishes[CALLS];
    struct confirm_call confirms[CALLS];
    struct lease_call leases[CALLS];
    size_t claim_count, publish_count, confirm_count, lease_count, unlease_count;
    int64_t uptime_ms;
} fake;

static uv_loop_t loop;
static struct log_capture capture;
static struct dispatcher *dispatcher;
static size_t idle_count;
static struct replica_work work;

void store_claim(struct store *store, const struct pipeline *pipeline, const struct trigger *trigger,
    int64_t now_ms, store_claimed_fn *claimed, void *context) {
    (void)store;
    (void)pipeline;
    (void)now_ms;
    fake.claims[fake.claim_count++] = (struct claim_call){trigger->date, trigger->group, claimed, context};
}

void store_release(struct store *store, const struct pipeline *pipeline, const struct trigger *trigger,
    store_done_fn *done, void *context) {
    (void)store;
    (void)pipeline;
    (void)trigger;
    done(context, ok());
}

void store_reclaim(struct store *store, const struct pipeline *pipeline, int group, int64_t now_ms,
    store_freed_fn *freed, void *context) {
    (void)store;
    (void)pipeline;
    (void)group;
    (void)now_ms;
    freed(context, ok(), 0);
}

void store_slots(
    struct store *store, const struct pipeline *pipeline, int group, store_slot_fn *slot, void *context) {
    (void)store;
    (void)pipeline;
    (void)group;
    slot(context, ok(), NULL);
}

void store_lease(struct store *store, const struct pipeline *pipeline, const struct trigger *trigger,
    store_leased_fn *leased, void *context) {
    (void)store;
    (void)pipeline;
    fake.leases[fake.lease_count++] = (struct lease_call){*trigger, leased, context};
}

void store_unlease(struct store *store, const struct pipeline *pipeline, const struct trigger *trigger,
    store_done_fn *done, void *context) {
    (void)store;
    (void)pipeline;
    (void)trigger;
    fake.unlease_count++;
    done(context, ok());
}

void store_confirm(struct store *store, const struct pipeline *pipeline, const struct trigger *trigger,
    const char *bus_message_id, int64_t now_ms, store_done_fn *done, void *context) {
    (void)store;
    (void)pipeline;
    (void)now_ms;
    assert_string_equal(bus_message_id, "m1");
    fake.confirms[fake.confirm_count++] = (struct confirm_call){*trigger, done, context};
}

void bus_publish(struct bus *bus, const char *topic, const struct message *message,
    bus_published_fn *published, void *context) {
    struct publish_call *call = &fake.publishes[fake.publish_count++];
    (void)bus;
    assert_string_equal(topic, "nba-phase4-trigger");
    *call = (struct publish_call){.published = published, .context = context};
    snprintf(call->id, sizeof call->id, "%s", message_attribute(message, "trigger_id"));
}

/* --- What the test does --------------------------------------------------------------------------------- */

struct entry {
    char field[FIELD_MAX], facts[FACTS_MAX];
};

static struct entry entry_of(int day, int group, int run, bool backfill) {
    struct entry entry;
    char date[DATE_TEXT_MAX];
    snprintf(entry.field, sizeof entry.field, "%s/g%d/r%d", date_format(DAY + day, date), group, run);
    snprintf(entry.facts, sizeof entry.facts,
        "{\"at\":1764871200000,\"backfill\":%s,\"correlation\":\"c\",\"upstream\":{\"pgs\":241}}",
        backfill ? "true" : "false");
    return entry;
}

/* A lease that is granted now: as the store does, reckoned to end a little early. */
static struct lease lease_now(bool taken_over) {
    return (struct lease){
        .until_ms = fake.uptime_ms + LEASE_MS - LEASE_MS / LEASE_MARGIN, .taken_over = taken_over};
}

/* As the store decides it: a live one comes with its lease. */
static void add(int day, int group, int run, bool backfill) {
    struct entry entry = entry_of(day, group, run, backfill);
    dispatcher_add(dispatcher, nba_pipeline(), entry.field, entry.facts, lease_now(false));
}

static bool recover(int day, int group, int run, bool backfill) {
    struct entry entry = entry_of(day, group, run, backfill);
    return dispatcher_recover(dispatcher, nba_pipeline(), entry.field, entry.facts);
}

/* Answers the one claim that is under way. */
static void answer_claim(int day, enum claim claim) {
    assert_int_equal(fake.claim_count, 1);
    struct claim_call call = fake.claims[--fake.claim_count];
    assert_int_equal(call.date, DAY + day);
    call.claimed(call.context, ok(), claim, lease_now(false));
}

/* Answers the oldest question for a lease. */
static void answer_lease(int day, enum leasing leasing, struct lease lease) {
    assert_true(fake.lease_count > 0);
    struct lease_call call = fake.leases[0];
    memmove(fake.leases, fake.leases + 1, --fake.lease_count * sizeof call);
    assert_int_equal(call.trigger.date, DAY + day);
    call.leased(call.context, ok(), leasing, lease);
}

/* Answers the publish, out of those under way, that came first. */
static void answer_publish(const char *id, struct result result) {
    assert_true(fake.publish_count > 0);
    struct publish_call call = fake.publishes[0];
    memmove(fake.publishes, fake.publishes + 1, --fake.publish_count * sizeof call);
    assert_string_equal(call.id, id);
    call.published(call.context, result, is_ok(result) ? "m1" : NULL);
}

static void answer_confirm(struct result result) {
    assert_true(fake.confirm_count > 0);
    struct confirm_call call = fake.confirms[0];
    memmove(fake.confirms, fake.confirms + 1, --fake.confirm_count * sizeof call);
    call.done(call.context, result);
}

static bool has_claim(void *context) {
    (void)context;
    return fake.claim_count > 0;
}

static bool has_lease_call(void *context) {
    (void)context;
    return fake.lease_count > 0;
}

/* --- Live and backfill ---------------------------------------------------------------------------------- */

static void live_leaves_at_once(void **state) {
    (void)state;
    add(1, 1, 1, true);
    answer_claim(1, CLAIM_FULL);
    add(2, 1, 1, false);
    assert_int_equal(fake.publish_count, 1);
    assert_int_equal(dispatcher_busy(dispatcher), 1);
    answer_publish("nba/2021-10-02/g1/r1", ok());
    assert_int_equal(fake.confirms[0].trigger.date, DAY + 2);
    answer_confirm(ok());
    assert_int_equal(idle_count, 1);
    assert_int_equal(fake.claim_count, 0);
}

static void backfill_is_published_when_granted(void **state) {
    (void)state;
    add(1, 2, 1, true);
    assert_int_equal(fake.publish_count, 0);
    assert_int_equal(fake.claims[0].group, 2);
    answer_claim(1, CLAIM_GRANTED);
    answer_publish("nba/2021-10-01/g2/r1", ok());
    answer_confirm(ok());
    assert_int_equal(idle_count, 1);
}

/* The slot may have been lost meanwhile: each attempt asks. */
static void each_attempt_asks_for_the_slot(void **state) {
    (void)state;
    add(1, 1, 1, true);
    answer_claim(1, CLAIM_GRANTED);
    answer_publish("nba/2021-10-01/g1/r1", fail(CODE_UNAVAILABLE, "bus away"));
    loop_until(&loop, has_claim, NULL, SOON_MS, "the next claim");
    assert_int_equal(fake.publish_count, 0);
    answer_claim(1, CLAIM_FULL);
    assert_int_equal(fake.publish_count, 0);
    assert_int_equal(dispatcher_busy(dispatcher), 0);
    gate_release(dispatcher_gate(dispatcher), nba_pipeline(), DAY, 1, 1);
    answer_claim(1, CLAIM_GRANTED);
    answer_publish("nba/2021-10-01/g1/r1", ok());
}

/* Although older dates wait before it, and the cap is in flight: it may be in flight itself. */
static void a_failed_attempt_is_not_stuck_behind_older_dates(void **state) {
    (void)state;
    add(9, 1, 1, true);
    answer_claim(9, CLAIM_GRANTED);
    add(1, 1, 1, true);
    answer_claim(1, CLAIM_FULL);
    answer_publish("nba/2021-10-09/g1/r1", fail(CODE_UNAVAILABLE, "bus away"));
    loop_until(&loop, has_claim, NULL, SOON_MS, "the next claim");
    answer_claim(9, CLAIM_GRANTED);
    answer_publish("nba/2021-10-09/g1/r1", ok());
}

static void what_is_gone_makes_way(void **state) {
    (void)state;
    add(1, 1, 1, true);
    add(1, 2, 1, true);
    answer_claim(1, CLAIM_GONE);
    assert_int_equal(fake.claims[0].group, 2);
    answer_claim(1, CLAIM_GONE);
    assert_true(recover(1, 1, 1, true)); /* it is in hand no more */
}

/* --- One date ------------------------------------------------------------------------------------------- */

static void triggers_of_one_date_keep_their_order(void **state) {
    (void)state;
    add(1, 1, 1, false);
    add(1, 1, 2, false);
    add(1, 3, 1, false);
    add(1, 2, 1, false);
    static const char *const order[] = {
        "nba/2021-10-01/g1/r1", "nba/2021-10-01/g2/r1", "nba/2021-10-01/g3/r1", "nba/2021-10-01/g1/r2"};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(fake.publish_count, 1);
        answer_publish(order[i], ok());
        assert_int_equal(fake.publish_count, 0);
        answer_confirm(ok());
    }
    assert_int_equal(idle_count, 1);
}

static void what_is_in_hand_is_passed_over(void **state) {
    (void)state;
    add(1, 1, 1, false);
    assert_false(recover(1, 1, 1, false));
    add(2, 1, 1, true);
    assert_false(recover(2, 1, 1, true));
    assert_int_equal(fake.publish_count, 1);
    assert_int_equal(fake.claim_count, 1);
}

static void what_cannot_be_read_stays(void **state) {
    (void)state;
    assert_false(dispatcher_recover(dispatcher, nba_pipeline(), "2021-10-01/g9/r1", "{}"));
    assert_false(dispatcher_recover(dispatcher, nba_pipeline(), "yesterday", "{}"));
    assert_int_equal(log_capture_count(&capture, "stays where it is"), 2);
}

/* The live trigger of a new run does not wait behind the old one, which left the outbox. */
static void a_new_run_drops_what_waits(void **state) {
    (void)state;
    add(1, 1, 1, true);
    answer_claim(1, CLAIM_FULL);
    add(1, 1, 2, false);
    assert_int_equal(fake.publish_count, 1);
    assert_string_equal(fake.publishes[0].id, "nba/2021-10-01/g1/r2");
}

static void a_new_run_drops_what_is_being_asked_for(void **state) {
    (void)state;
    add(1, 1, 1, true);
    add(1, 1, 2, false);
    assert_int_equal(fake.publish_count, 0);
    answer_claim(1, CLAIM_FULL);
    assert_int_equal(fake.publish_count, 1);
    assert_string_equal(fake.publishes[0].id, "nba/2021-10-01/g1/r2");
}

/* --- Leases --------------------------------------------------------------------------------------------- */

/* What this replica has decided goes out without a question; what it finds does not. */
static void what_is_found_in_the_outbox_is_asked_for(void **state) {
    (void)state;
    assert_true(recover(1, 1, 1, false));
    assert_int_equal(fake.publish_count, 0);
    answer_lease(1, LEASE_OURS, lease_now(true));
    answer_publish("nba/2021-10-01/g1/r1", ok());
    answer_confirm(ok());
    assert_int_equal(work.taken_over, 1);
    assert_int_equal(work.published, 1);
    assert_int_equal(work.confirmed, 1);
}

static void what_is_theirs_or_gone_is_dropped(void **state) {
    (void)state;
    recover(1, 1, 1, false);
    answer_lease(1, LEASE_THEIRS, (struct lease){0});
    assert_true(recover(1, 1, 1, false)); /* it is in hand no more: a sweep may find it again */
    answer_lease(1, LEASE_GONE, (struct lease){0});
    assert_int_equal(fake.publish_count, 0);
    assert_int_equal(dispatcher_busy(dispatcher), 0);
    assert_int_equal(work.taken_over, 0);
}

static void backfill_that_is_theirs_is_dropped(void **state) {
    (void)state;
    add(1, 1, 1, true);
    add(2, 1, 1, true);
    answer_claim(1, CLAIM_THEIRS);
    answer_claim(2, CLAIM_GRANTED);
    answer_publish("nba/2021-10-02/g1/r1", ok());
    assert_true(recover(1, 1, 1, true));
}

/* It was in hand for too long before its turn came: somebody else may be publishing it. */
static void a_lease_that_has_run_out_is_asked_for_again(void **state) {
    (void)state;
    struct entry entry = entry_of(1, 1, 1, false);
    struct lease lease = lease_now(false);
    fake.uptime_ms = lease.until_ms;
    dispatcher_add(dispatcher, nba_pipeline(), entry.field, entry.facts, lease);
    assert_int_equal(fake.publish_count, 0);
    answer_lease(1, LEASE_OURS, lease); /* the answer was under way for as long */
    assert_int_equal(fake.publish_count, 0);
    answer_lease(1, LEASE_OURS, lease_now(false));
    assert_int_equal(fake.publish_count, 1);
}

/* Between the gate's answer and the publish this process may stand still, too. */
static void a_slot_without_a_lease_is_not_enough(void **state) {
    (void)state;
    add(1, 1, 1, true);
    assert_int_equal(fake.claim_count, 1);
    struct claim_call call = fake.claims[--fake.claim_count];
    call.claimed(call.context, ok(), CLAIM_GRANTED, (struct lease){.until_ms = fake.uptime_ms});
    assert_int_equal(fake.publish_count, 0);
    answer_lease(1, LEASE_OURS, lease_now(false));
    assert_int_equal(fake.publish_count, 1);
}

static void each_further_attempt_asks_for_the_lease(void **state) {
    (void)state;
    add(1, 1, 1, false);
    answer_publish("nba/2021-10-01/g1/r1", fail(CODE_UNAVAILABLE, "bus away"));
    loop_until(&loop, has_lease_call, NULL, SOON_MS, "the question for the lease");
    assert_int_equal(fake.publish_count, 0);
    answer_lease(1, LEASE_GONE, (struct lease){0});
    assert_int_equal(dispatcher_busy(dispatcher), 0);
    assert_int_equal(idle_count, 1);
}

static void an_absent_store_is_asked_for_the_lease_again(void **state) {
    (void)state;
    recover(1, 1, 1, false);
    struct lease_call call = fake.leases[--fake.lease_count];
    call.leased(call.context, fail(CODE_UNAVAILABLE, "store away"), LEASE_THEIRS, (struct lease){0});
    assert_int_equal(dispatcher_busy(dispatcher), 1);
    dispatcher_store_ready(dispatcher);
    answer_lease(1, LEASE_OURS, lease_now(false));
    assert_int_equal(fake.publish_count, 1);
}

/* While the bus takes its time; and nothing hangs on the answer, which may come when all is over. */
static void a_lease_is_renewed_while_the_bus_takes_its_time(void **state) {
    (void)state;
    add(1, 1, 1, false);
    add(2, 1, 1, false);
    answer_publish("nba/2021-10-01/g1/r1", ok()); /* its confirmation is under way: no longer with the bus */
    dispatcher_sweep(dispatcher);
    assert_int_equal(fake.lease_count, 0);
    fake.uptime_ms += LEASE_MS / 3;
    dispatcher_sweep(dispatcher);
    assert_int_equal(fake.lease_count, 1);
    answer_publish("nba/2021-10-02/g1/r1", ok());
    answer_confirm(ok());
    answer_confirm(ok());
    answer_lease(2, LEASE_GONE, (struct lease){0});
    assert_int_equal(idle_count, 1);
}

/* --- Too many ------------------------------------------------------------------------------------------- */

static void waiting_backfill_keeps_no_live_one_out(void **state) {
    (void)state;
    add(1, 1, 1, true);
    answer_claim(1, CLAIM_FULL);
    for (int day = 2; day <= GATE_WAITING_MAX; day++)
        add(day, 1, 1, true);
    assert_false(recover(GATE_WAITING_MAX + 1, 1, 1, true));
    assert_false(dispatcher_overflowed(dispatcher)); /* the next sweep will do */
    add(0, 1, 1, false);
    assert_int_equal(fake.publish_count, 1);
    /* an older one takes the place of the youngest, which then is in hand no more */
    add(-1, 1, 1, true);
    assert_false(recover(-1, 1, 1, true));
    assert_false(recover(GATE_WAITING_MAX, 1, 1, true));
    gate_release(dispatcher_gate(dispatcher), nba_pipeline(), DAY, 1, 1);
    answer_claim(-1, CLAIM_GONE);
    answer_claim(1, CLAIM_FULL);
    assert_true(recover(GATE_WAITING_MAX, 1, 1, true));
}

static void too_many_live_ones_are_read_again(void **state) {
    (void)state;
    for (int day = 0; day < DISPATCH_LIVE_MAX; day++)
        add(day, 1, 1, false);
    assert_false(dispatcher_overflowed(dispatcher));
    assert_false(recover(DISPATCH_LIVE_MAX, 1, 1, false));
    assert_true(dispatcher_overflowed(dispatcher));
    assert_false(dispatcher_overflowed(dispatcher));
    add(DISPATCH_LIVE_MAX, 1, 1, true);
    assert_int_equal(fake.claim_count, 1);
    answer_publish("nba/2021-09-30/g1/r1", ok());
    answer_confirm(ok());
    assert_true(recover(DISPATCH_LIVE_MAX + 1, 1, 1, false));
    assert_int_equal(fake.lease_count, 1);
}

/* --- Draining ------------------------------------------------------------------------------------------- */

static void a_drain_does_not_wait_for_slots(void **state) {
    (void)state;
    add(1, 1, 1, true);
    answer_claim(1, CLAIM_FULL);
    add(2, 1, 1, true);
    add(3, 1, 1, false);
    assert_int_equal(dispatcher_busy(dispatcher), 1);
    dispatcher_drain(dispatcher);
    answer_publish("nba/2021-10-03/g1/r1", ok());
    answer_confirm(ok());
    gate_release(dispatcher_gate(dispatcher), nba_pipeline(), DAY, 1, 1);
    assert_int_equal(dispatcher_busy(dispatcher), 0);
    assert_int_equal(idle_count, 1);
    assert_int_equal(fake.claim_count, 0);
}

/* A live one that has failed gets its last try at once; a backfill one stays in the outbox. */
static void a_drain_tries_once_more(void **state) {
    (void)state;
    add(1, 1, 1, false);
    add(2, 1, 1, true);
    answer_claim(2, CLAIM_GRANTED);
    answer_publish("nba/2021-10-01/g1/r1", fail(CODE_UNAVAILABLE, "bus away"));
    answer_publish("nba/2021-10-02/g1/r1", fail(CODE_UNAVAILABLE, "bus away"));
    assert_int_equal(dispatcher_busy(dispatcher), 2);
    dispatcher_drain(dispatcher);
    answer_lease(1, LEASE_OURS, lease_now(false));
    assert_int_equal(fake.publish_count, 1);
    assert_int_equal(dispatcher_busy(dispatcher), 1);
    answer_publish("nba/2021-10-01/g1/r1", ok());
    answer_confirm(ok());
    assert_int_equal(idle_count, 1);
}

static void an_unconfirmed_trigger_is_confirmed_when_the_store_is_back(void **state) {
    (void)state;
    add(1, 1, 1, false);
    answer_publish("nba/2021-10-01/g1/r1", ok());
    answer_confirm(fail(CODE_UNAVAILABLE, "store away"));
    assert_int_equal(dispatcher_busy(dispatcher), 1);
    dispatcher_store_ready(dispatcher);
    assert_int_equal(fake.publish_count, 0);
    answer_confirm(ok());
    assert_int_equal(idle_count, 1);
}

static void a_refused_publish_is_tried_again(void **state) {
    (void)state;
    add(1, 1, 1, false);
    answer_publish("nba/2021-10-01/g1/r1", fail(CODE_NOT_FOUND, "no such topic"));
    assert_int_equal(log_capture_count(&capture, "the bus refuses the trigger"), 1);
    loop_until(&loop, has_lease_call, NULL, SOON_MS, "the next attempt");
    answer_lease(1, LEASE_OURS, lease_now(false));
    assert_int_equal(fake.publish_count, 1);
}

/* --- Program -------------------------------------------------------------------------------------------- */

static int64_t uptime_ms(void *context) {
    (void)context;
    return fake.uptime_ms;
}

static void on_idle(void *context) {
    (void)context;
    idle_count++;
}

static const struct pipeline *pipelines[1];

static int setup(void **state) {
    (void)state;
    fake.claim_count = fake.publish_count = fake.confirm_count = idle_count = 0;
    fake.lease_count = fake.unlease_count = 0;
    fake.uptime_ms = 1000000;
    work = (struct replica_work){0};
    pipelines[0] = nba_pipeline();
    uv_loop_init(&loop);
    log_capture_open(&capture);
    dispatcher = dispatcher_new((struct dispatcher_parts){.loop = &loop,
        .clock = clock_system(),
        .uptime = {.now_ms = uptime_ms},
        .lease_ms = LEASE_MS,
        .work = &work,
        .log = &capture.log,
        .pipelines = pipelines,
        .pipeline_count = 1,
        .on_idle = on_idle});
    return dispatcher ? 0 : -1;
}

static int teardown(void **state) {
    (void)state;
    dispatcher_stop(dispatcher);
    dispatcher_free(&dispatcher);
    loop_close(&loop);
    log_capture_close(&capture);
    return 0;
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(live_leaves_at_once),
        TEST(backfill_is_published_when_granted),
        TEST(each_attempt_asks_for_the_slot),
        TEST(a_failed_attempt_is_not_stuck_behind_older_dates),
        TEST(what_is_gone_makes_way),
        TEST(triggers_of_one_date_keep_their_order),
        TEST(what_is_in_hand_is_passed_over),
        TEST(what_cannot_be_read_stays),
        TEST(a_new_run_drops_what_waits),
        TEST(a_new_run_drops_what_is_being_asked_for),
        TEST(what_is_found_in_the_outbox_is_asked_for),
        TEST(what_is_theirs_or_gone_is_dropped),
        TEST(backfill_that_is_theirs_is_dropped),
        TEST(a_lease_that_has_run_out_is_asked_for_again),
        TEST(a_slot_without_a_lease_is_not_enough),
        TEST(each_further_attempt_asks_for_the_lease),
        TEST(an_absent_store_is_asked_for_the_lease_again),
        TEST(a_lease_is_renewed_while_the_bus_takes_its_time),
        TEST(waiting_backfill_keeps_no_live_one_out),
        TEST(too_many_live_ones_are_read_again),
        TEST(a_drain_does_not_wait_for_slots),
        TEST(a_drain_tries_once_more),
        TEST(an_unconfirmed_trigger_is_confirmed_when_the_store_is_back),
        TEST(a_refused_publish_is_tried_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
