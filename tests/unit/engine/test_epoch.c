/* The epochs over a fake store, whose answers come when the test gives them: what is asked, in which order,
 * and what is said of it. */
#include "engine/epoch.h"

#include "support/check.h"
#include "support/log_capture.h"
#include "support/nba.h"

#include <stdio.h>

/* The fake store: what it was asked and has not answered. */
static struct fake_store {
    store_epoch_fn *raised;
    store_months_checked_fn *checked;
    void *raise_context, *check_context;
    int raises, checks, forgets;
    enum month_scope scope;            /* of the last check */
    struct epoch_memory remembered;    /* with the last raise */
    char identity[EPOCH_IDENTITY_MAX]; /* of the last answer */
} fake;

static struct epochs *epochs;
static struct log_capture capture;
static int known;
static bool rebuilding;

void store_raise_epoch(struct store *store, const struct pipeline *pipeline, const char *replica,
    const char *fresh, const struct epoch_memory *memory, int64_t now_ms, store_epoch_fn *raised,
    void *context) {
    (void)store;
    (void)pipeline;
    (void)replica;
    (void)fresh;
    (void)now_ms;
    assert_null(fake.raised); /* one at a time */
    fake.raises++;
    fake.raised = raised;
    fake.raise_context = context;
    fake.remembered = *memory;
}

void store_check_months(struct store *store, const struct pipeline *pipeline, const char *identity,
    enum month_scope scope, int64_t now_ms, store_months_checked_fn *checked, void *context) {
    (void)store;
    (void)pipeline;
    (void)now_ms;
    assert_null(fake.checked);
    assert_string_equal(identity, fake.identity);
    fake.checks++;
    fake.scope = scope;
    fake.checked = checked;
    fake.check_context = context;
}

void store_forget_months(struct store *store, const struct pipeline *pipeline) {
    (void)store;
    (void)pipeline;
    fake.forgets++;
}

static void on_known(void *context) {
    (void)context;
    known++;
}

static void on_rebuild(void *context, const struct pipeline *pipeline, bool under_way) {
    (void)context;
    (void)pipeline;
    rebuilding = under_way;
}

/* --- What the store answers ----------------------------------------------------------------------------- */

static void answer(struct result result, const struct epoch *epoch) {
    store_epoch_fn *raised = fake.raised;
    assert_non_null(raised);
    fake.raised = NULL;
    if (is_ok(result))
        snprintf(fake.identity, sizeof fake.identity, "%s", epoch->now.identity);
    raised(fake.raise_context, result, is_ok(result) ? epoch : NULL);
}

static struct epoch epoch_of(int64_t value) {
    struct epoch epoch = {.now = {.value = value, .own = value}};
    snprintf(epoch.now.identity, sizeof epoch.now.identity, "first");
    return epoch;
}

static void answer_value(int64_t value) {
    struct epoch epoch = epoch_of(value);
    answer(ok(), &epoch);
}

static void answer_lost(enum forgotten what, const char *months) {
    struct epoch epoch = epoch_of(9);
    epoch.lost = (struct lost_epoch){.what = what};
    snprintf(epoch.lost.months, sizeof epoch.lost.months, "%s", months);
    answer(ok(), &epoch);
}

static void answer_check(struct result result, int lost) {
    store_months_checked_fn *checked = fake.checked;
    assert_non_null(checked);
    fake.checked = NULL;
    checked(fake.check_context, result, lost);
}

static void get_known(void) {
    epochs_store_ready(epochs);
    answer_value(1);
    answer_check(ok(), 0);
    assert_int_equal(known, 1);
}

/* --- The tests ------------------------------------------------------------------------------------------ */

/* Nothing is applied before it: what was lost could be made up for. */
static void the_store_is_known_when_epoch_and_months_are(void **state) {
    (void)state;
    epochs_store_ready(epochs);
    assert_int_equal(fake.checks, 0);
    answer_value(1);
    assert_int_equal(known, 0);
    answer_check(ok(), 0);
    assert_int_equal(known, 1);
    epochs_store_ready(epochs); /* a node of a Cluster is back */
    answer_value(2);
    answer_check(fail(CODE_UNAVAILABLE, "another one is away"), 0);
    assert_int_equal(known, 2);
}

/* It cannot answer now: it will be asked again. It cannot for good: the rest goes on without. */
static void what_cannot_be_asked_holds_up_nothing_for_ever(void **state) {
    (void)state;
    epochs_store_ready(epochs);
    answer(fail(CODE_UNAVAILABLE, "away"), NULL);
    assert_int_equal(known, 0);
    epochs_sweep(epochs);
    answer(fail(CODE_INTERNAL, "a key of another type"), NULL);
    assert_int_equal(known, 1);
    assert_int_equal(log_capture_count(&capture, "it would not be noticed if the store forgot"), 1);
    epochs_sweep(epochs);
    answer(fail(CODE_INTERNAL, "a key of another type"), NULL);
    assert_int_equal(log_capture_count(&capture, "it would not be noticed if the store forgot"), 1);
}

/* The next one behind what was stored while an answer was under way; one for all of it. */
static void what_comes_meanwhile_is_raised_behind_it(void **state) {
    (void)state;
    get_known();
    epochs_touch(epochs, nba_pipeline());
    epochs_touch(epochs, nba_pipeline());
    epochs_touch(epochs, nba_pipeline());
    assert_int_equal(fake.raises, 2);
    answer_value(2);
    assert_int_equal(fake.raises, 3);
    assert_int_equal(fake.remembered.value, 2);
    answer_value(3);
    assert_int_equal(fake.raises, 3);
    assert_int_equal(fake.checks, 1); /* the months are for the sweep */
    epochs_sweep(epochs);
    answer_value(4);
    assert_int_equal(fake.checks, 2);
}

static void another_identity_forgets_the_months(void **state) {
    (void)state;
    get_known();
    assert_int_equal(fake.forgets, 1);
    epochs_touch(epochs, nba_pipeline());
    answer_value(2);
    assert_int_equal(fake.forgets, 1);
    struct epoch other = epoch_of(3);
    snprintf(other.now.identity, sizeof other.now.identity, "second");
    epochs_touch(epochs, nba_pipeline());
    answer(ok(), &other);
    assert_int_equal(fake.forgets, 2);
    assert_int_equal(fake.checks, 2); /* and looks at them anew */
    assert_int_equal(fake.scope, MONTHS_ALL);
    answer_check(ok(), 0);
}

/* All at each connection; then those that have changed, and all once in a turn. */
static void months_at_rest_are_looked_at_once_in_a_turn(void **state) {
    (void)state;
    get_known();
    assert_int_equal(fake.scope, MONTHS_ALL);
    for (int turn = 0; turn < 3; turn++) {
        int all = 0;
        for (int i = 0; i < EPOCH_SWEEPS_OF_TURN; i++) {
            epochs_sweep(epochs);
            answer_value(2);
            all += fake.scope == MONTHS_ALL;
            answer_check(ok(), 0);
        }
        assert_int_equal(all, 1);
    }
    assert_int_equal(fake.checks, 1 + 3 * EPOCH_SWEEPS_OF_TURN);
    epochs_store_ready(epochs);
    answer_value(3);
    assert_int_equal(fake.scope, MONTHS_ALL);
    answer_check(ok(), 0);
    assert_int_equal(known, 2);
}

/* A new connection while the old one's look is not over: the store is known when all have been looked at. */
static void what_is_wanted_during_a_look_follows_it(void **state) {
    (void)state;
    get_known();
    epochs_sweep(epochs);
    answer_value(2);
    answer_check(ok(), 0);
    epochs_sweep(epochs);
    answer_value(3);
    assert_int_equal(fake.scope, MONTHS_CHANGED);
    epochs_store_ready(epochs);
    answer_value(4);
    assert_int_equal(fake.checks, 3);
    answer_check(fail(CODE_UNAVAILABLE, "the connection broke"), 0);
    assert_int_equal(known, 1);
    assert_int_equal(fake.checks, 4);
    assert_int_equal(fake.scope, MONTHS_ALL);
    answer_check(ok(), 0);
    assert_int_equal(known, 2);
}

/* Once, and once more for each month that is added. */
static void lost_months_are_said_as_they_are_found(void **state) {
    (void)state;
    get_known();
    epochs_sweep(epochs);
    answer_value(2);
    answer_check(ok(), 1);
    answer_lost(FORGOTTEN_MONTHS, "2021-11");
    assert_int_equal(log_capture_count(&capture, "lost what was in 2021-11, or some of it"), 1);
    epochs_touch(epochs, nba_pipeline());
    answer_lost(FORGOTTEN_MONTHS, "2021-11");
    assert_int_equal(log_capture_count(&capture, "the store has forgotten"), 1);
    epochs_touch(epochs, nba_pipeline());
    answer_lost(FORGOTTEN_MONTHS, "2021-11,2021-12");
    assert_int_equal(log_capture_count(&capture, "lost what was in 2021-11, 2021-12, or some of it"), 1);
    epochs_touch(epochs, nba_pipeline());
    answer_lost(FORGOTTEN_EMPTY, "2021-11,2021-12");
    assert_int_equal(log_capture_count(&capture, "it came back empty"), 1);
    epochs_touch(epochs, nba_pipeline());
    answer_value(5);
    assert_int_equal(log_capture_count(&capture, "has been settled"), 1);
}

/* Who has heard raises once more, and by that the command knows. */
static void a_rebuild_is_told_and_answered(void **state) {
    struct epoch under_way = epoch_of(2);
    (void)state;
    get_known();
    under_way.rebuilding = true;
    epochs_touch(epochs, nba_pipeline());
    answer(ok(), &under_way);
    assert_true(rebuilding);
    assert_true(epochs_rebuilding(epochs, nba_pipeline()));
    assert_int_equal(fake.raises, 3);
    answer_value(3);
    assert_false(rebuilding);
    assert_false(epochs_rebuilding(epochs, nba_pipeline()));
}

static int set_up(void **state) {
    static const struct pipeline *pipelines[1];
    (void)state;
    fake = (struct fake_store){0};
    known = 0;
    rebuilding = false;
    pipelines[0] = nba_pipeline();
    log_capture_open(&capture);
    epochs = epochs_new((struct epochs_parts){.clock = clock_system(),
        .log = &capture.log,
        .pipelines = pipelines,
        .pipeline_count = 1,
        .replica = "a",
        .on_known = on_known,
        .on_rebuild = on_rebuild});
    return epochs ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    epochs_free(&epochs);
    log_capture_close(&capture);
    return 0;
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(the_store_is_known_when_epoch_and_months_are),
        TEST(what_cannot_be_asked_holds_up_nothing_for_ever),
        TEST(what_comes_meanwhile_is_raised_behind_it),
        TEST(another_identity_forgets_the_months),
        TEST(months_at_rest_are_looked_at_once_in_a_turn),
        TEST(what_is_wanted_during_a_look_follows_it),
        TEST(lost_months_are_said_as_they_are_found),
        TEST(a_rebuild_is_told_and_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
