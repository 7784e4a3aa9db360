/* Recovery over a fake store and a fake dispatcher: reads of one outbox do not overlap, and none is lost. */
#include "engine/recovery.h"

#include "support/check.h"
#include "support/log_capture.h"
#include "support/nba.h"

static struct fake {
    store_outbox_fn *entry;
    void *context;
    size_t reads, recovered, ends;
} fake;

static struct recovery *recovery;
static struct log_capture capture;

void store_outbox(
    struct store *store, const struct pipeline *pipeline, store_outbox_fn *entry, void *context) {
    (void)store;
    (void)pipeline;
    fake.entry = entry;
    fake.context = context;
    fake.reads++;
}

bool dispatcher_recover(
    struct dispatcher *dispatcher, const struct pipeline *pipeline, const char *field, const char *facts) {
    (void)dispatcher;
    (void)pipeline;
    (void)field;
    (void)facts;
    fake.recovered++;
    return true;
}

bool dispatcher_wants_out(const struct dispatcher *dispatcher, const struct pipeline *pipeline,
    const char *field, const char *facts) {
    (void)dispatcher;
    (void)pipeline;
    (void)field;
    (void)facts;
    return true;
}

static void tell_entry(void) {
    fake.entry(fake.context, ok(), "2021-11-17/g1/r1", "{}");
}

static void end_read(struct result result) {
    fake.entry(fake.context, result, NULL, NULL);
}

static void what_is_there_is_handed_on(void **state) {
    (void)state;
    recovery_sweep(recovery);
    tell_entry();
    tell_entry();
    end_read(ok());
    assert_int_equal(fake.recovered, 2);
    assert_int_equal(fake.ends, 1);
    assert_int_equal(log_capture_count(&capture, "took 2 triggers over from the outbox"), 1);
}

static void sweeps_do_not_overlap(void **state) {
    (void)state;
    recovery_sweep(recovery);
    recovery_sweep(recovery);
    assert_int_equal(fake.reads, 1);
    end_read(ok());
    assert_int_equal(fake.reads, 1);
    recovery_sweep(recovery);
    assert_int_equal(fake.reads, 2);
    end_read(ok());
}

/* Asked for during a sweep, which may have passed what it is asked for: it is read once more. */
static void a_read_during_a_sweep(void **state) {
    (void)state;
    recovery_sweep(recovery);
    recovery_read(recovery);
    recovery_read(recovery);
    end_read(ok());
    assert_int_equal(fake.reads, 2);
    assert_int_equal(fake.ends, 0);
    tell_entry();
    end_read(ok());
    assert_int_equal(fake.reads, 2);
    assert_int_equal(fake.ends, 1);
}

/* An absent store says that it is back, and then everything is read anyway. */
static void a_failed_read(void **state) {
    (void)state;
    recovery_sweep(recovery);
    recovery_read(recovery);
    end_read(fail(CODE_UNAVAILABLE, "lost"));
    assert_int_equal(fake.reads, 1);
    assert_int_equal(fake.ends, 1);
    assert_int_equal(log_capture_count(&capture, NULL), 0);
    recovery_read(recovery);
    end_read(fail(CODE_INTERNAL, "WRONGTYPE"));
    assert_int_equal(log_capture_count(&capture, "cannot read the outbox: WRONGTYPE"), 1);
}

static void on_read(void *context) {
    (void)context;
    fake.ends++;
}

static const struct pipeline *pipelines[1];

static int setup(void **state) {
    (void)state;
    fake = (struct fake){0};
    pipelines[0] = nba_pipeline();
    log_capture_open(&capture);
    recovery = recovery_new((struct recovery_parts){.clock = clock_system(),
        .log = &capture.log,
        .pipelines = pipelines,
        .pipeline_count = 1,
        .on_read = on_read});
    return recovery ? 0 : -1;
}

static int teardown(void **state) {
    (void)state;
    recovery_free(&recovery);
    log_capture_close(&capture);
    return 0;
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(what_is_there_is_handed_on),
        TEST(sweeps_do_not_overlap),
        TEST(a_read_during_a_sweep),
        TEST(a_failed_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
