/* The timers over a fake store: what they ask, hand on and say, and that sweeps do not overlap. */
#include "engine/timers.h"

#include "support/check.h"
#include "support/log_capture.h"
#include "support/nba.h"

#include <stdio.h>
#include <string.h>

enum { CALLS = 16, DATE = 18948 /* 2021-11-17 */ };

struct tick_call {
    game_date date;
    int64_t now_ms;
    store_ticked_fn *ticked;
    void *context;
};

static struct fake {
    store_due_fn *due;
    void *due_context;
    int64_t due_now_ms;
    size_t due_count;
    struct tick_call ticks[CALLS];
    size_t tick_count;
} fake;

static struct timers *timers;
static struct log_capture capture;
static int64_t now_ms;
static char events[256]; /* what was handed on, in order */

void store_due(
    struct store *store, const struct pipeline *pipeline, int64_t at_ms, store_due_fn *due, void *context) {
    (void)store;
    (void)pipeline;
    fake.due = due;
    fake.due_context = context;
    fake.due_now_ms = at_ms;
    fake.due_count++;
}

void store_tick(struct store *store, const struct pipeline *pipeline, game_date date, int64_t at_ms,
    store_ticked_fn *ticked, void *context) {
    (void)store;
    (void)pipeline;
    fake.ticks[fake.tick_count++] = (struct tick_call){date, at_ms, ticked, context};
}

/* --- What the test does --------------------------------------------------------------------------------- */

static void tell_due(game_date date) {
    fake.due(fake.due_context, ok(), &date);
}

static void end_due(struct result result) {
    fake.due(fake.due_context, result, NULL);
}

static void answer_tick(struct result result, struct ticked ticked) {
    struct tick_call call = fake.ticks[--fake.tick_count];
    call.ticked(call.context, result, is_ok(result) ? &ticked : NULL);
}

/* One date is due, and this was done. */
static void sweep_with(struct ticked ticked) {
    timers_sweep(timers);
    tell_due(DATE);
    end_due(ok());
    answer_tick(ok(), ticked);
}

static size_t said(const char *part) {
    return log_capture_count(&capture, part);
}

/* --- Sweeps --------------------------------------------------------------------------------------------- */

static void each_due_date_is_looked_at(void **state) {
    (void)state;
    now_ms = 5000;
    timers_sweep(timers);
    assert_int_equal(fake.due_now_ms, 5000);
    tell_due(DATE);
    tell_due(DATE + 1);
    assert_int_equal(fake.tick_count, 2);
    assert_int_equal(fake.ticks[1].date, DATE + 1);
    assert_int_equal(fake.ticks[1].now_ms, 5000);
}

static void sweeps_do_not_overlap(void **state) {
    (void)state;
    timers_sweep(timers);
    timers_sweep(timers);
    assert_int_equal(fake.due_count, 1);
    tell_due(DATE);
    end_due(ok());
    timers_sweep(timers);
    assert_int_equal(fake.due_count, 1);
    answer_tick(ok(), (struct ticked){0});
    timers_sweep(timers);
    assert_int_equal(fake.due_count, 2);
    end_due(fail(CODE_UNAVAILABLE, "lost"));
    timers_sweep(timers);
    assert_int_equal(fake.due_count, 3);
    assert_int_equal(said(NULL), 0);
}

static void what_the_store_refuses_is_said_once_a_sweep(void **state) {
    (void)state;
    timers_sweep(timers);
    tell_due(DATE);
    tell_due(DATE + 1);
    end_due(ok());
    answer_tick(fail(CODE_INTERNAL, "WRONGTYPE"), (struct ticked){0});
    answer_tick(fail(CODE_INTERNAL, "WRONGTYPE"), (struct ticked){0});
    assert_int_equal(said("cannot look after settle times and deadlines: WRONGTYPE"), 1);
    timers_sweep(timers);
    assert_int_equal(fake.due_count, 2);
}

/* --- What was done -------------------------------------------------------------------------------------- */

static void nothing_after_all(void **state) {
    (void)state;
    sweep_with((struct ticked){0});
    assert_string_equal(events, "");
    assert_int_equal(said(NULL), 0);
}

static void a_new_run(void **state) {
    (void)state;
    sweep_with(
        (struct ticked){.opened_run = 2, .opened_from = 1, .outbox_field = "g1/r2", .outbox_facts = "{}"});
    assert_string_equal(events, "run from 1; due g1/r2; ");
    assert_int_equal(said("run 2 opened from group 1"), 1);
}

/* The slot is free before the trigger asks for one again. */
static void a_group_that_is_triggered_again(void **state) {
    (void)state;
    sweep_with((struct ticked){.stalled_group = 2,
        .stalled_run = 1,
        .stalls = 1,
        .waits_for = "pcf",
        .outbox_field = "g2/r1",
        .outbox_facts = "{}"});
    assert_string_equal(events, "stalled 2021-11-17 g2/r1; due g2/r1; ");
    assert_int_equal(
        said("stalled: group 2 of run 1 is not done 7200 s after its trigger, it waits for pcf (stall 1); "
             "triggering it again (1 of 3); see: phasegate explain 2021-11-17"),
        1);
}

static void a_date_that_could_not_start(void **state) {
    (void)state;
    sweep_with((struct ticked){.stalled_group = 1, .stalls = 2, .waits_for = "togs,tdgs"});
    assert_string_equal(events, "");
    assert_int_equal(
        said("stalled: group 1 could not start within 21600 s, it waits for togs,tdgs (stall 2); see: "
             "phasegate explain 2021-11-17"),
        1);
}

/* --- Program -------------------------------------------------------------------------------------------- */

static void on_stalled(void *context, const struct pipeline *pipeline, game_date date, int group, int run) {
    char text[DATE_TEXT_MAX];
    size_t length = strlen(events);
    (void)context;
    (void)pipeline;
    snprintf(
        events + length, sizeof events - length, "stalled %s g%d/r%d; ", date_format(date, text), group, run);
}

static void on_new_run(void *context, const struct pipeline *pipeline, int first_group) {
    size_t length = strlen(events);
    (void)context;
    (void)pipeline;
    snprintf(events + length, sizeof events - length, "run from %d; ", first_group);
}

static void on_due(void *context, const struct pipeline *pipeline, const char *field, const char *facts,
    struct lease lease) {
    size_t length = strlen(events);
    (void)lease;
    (void)context;
    (void)pipeline;
    assert_string_equal(facts, "{}");
    snprintf(events + length, sizeof events - length, "due %s; ", field);
}

static int64_t test_now_ms(void *context) {
    (void)context;
    return now_ms;
}

static struct pipeline pipeline;
static const struct pipeline *pipelines[] = {&pipeline};

static int setup(void **state) {
    (void)state;
    memset(&fake, 0, sizeof fake);
    events[0] = '\0';
    pipeline = *nba_pipeline();
    pipeline.group_deadline = 7200;
    pipeline.upstream_deadline = 21600;
    pipeline.on_stall = STALL_RETRIGGER;
    pipeline.retrigger_limit = 3;
    log_capture_open(&capture);
    timers = timers_new((struct timers_parts){.clock = {.now_ms = test_now_ms},
        .log = &capture.log,
        .pipelines = pipelines,
        .pipeline_count = 1,
        .on_stalled = on_stalled,
        .on_new_run = on_new_run,
        .on_due = on_due});
    return timers ? 0 : -1;
}

/* A look that was not answered is nobody's any more: each test ends its sweep. */
static int teardown(void **state) {
    (void)state;
    while (fake.tick_count > 0)
        answer_tick(fail(CODE_UNAVAILABLE, "closed"), (struct ticked){0});
    timers_free(&timers);
    log_capture_close(&capture);
    return 0;
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(each_due_date_is_looked_at),
        TEST(sweeps_do_not_overlap),
        TEST(what_the_store_refuses_is_said_once_a_sweep),
        TEST(nothing_after_all),
        TEST(a_new_run),
        TEST(a_group_that_is_triggered_again),
        TEST(a_date_that_could_not_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
