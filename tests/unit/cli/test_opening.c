#include "cli/opening.h"
#include "support/check.h"
#include "support/nba.h"

#include <string.h>

#define AT(minute) ((int64_t)1638640800000 + (minute)*60000) /* 2021-12-04 18:00 and so many minutes */

static struct history_entry completion(int minute, int processor, const char *verdict) {
    return (struct history_entry){.at_ms = AT(minute),
        .kind = HISTORY_COMPLETION,
        .verdict = verdict,
        .processor = &nba_pipeline()->processors[processor]};
}

static struct history_entry step(int minute, enum history_kind kind, int group, int run, const char *why) {
    return (struct history_entry){
        .at_ms = AT(minute), .kind = kind, .group = group, .run = run, .verdict = why};
}

/* Run 2 after re-runs of upgc and then pgs, run 3 by an operator, run 4 by an operator after a re-run. */
static struct history_entry entries[16];
static size_t count;

static int tell(void **state) {
    (void)state;
    const struct history_entry told[] = {
        completion(0, PGS, "applied"),
        step(1, HISTORY_DONE, 4, 1, NULL),
        completion(10, TDGS, "duplicate"),
        completion(10, UPGC, "applied"),
        step(10, HISTORY_STALE, 1, 1, NULL),
        completion(12, PGS, "applied"),
        step(22, HISTORY_RUN, 1, 2, "rerun"),
        step(40, HISTORY_RUN, 3, 3, "operator"),
        step(60, HISTORY_STALE, 2, 3, NULL),
        step(61, HISTORY_RUN, 2, 4, "operator"),
        step(70, HISTORY_STALE, 1, 4, NULL),
    };
    count = sizeof told / sizeof told[0];
    memcpy(entries, told, sizeof told);
    return 0;
}

static void check_words(int run, const char *expected) {
    struct opening opening;
    char text[256];
    assert_true(opening_find(entries, count, run, &opening));
    assert_string_equal(opening_words(&opening, text, sizeof text), expected);
}

static void a_rerun_opens_a_run(void **state) {
    (void)state;
    struct opening opening;
    assert_true(opening_find(entries, count, 2, &opening));
    assert_int_equal(opening.at_ms, AT(22));
    assert_int_equal(opening.first_group, 1);
    assert_int_equal(opening.rerun_ms, AT(10));
    assert_false(opening.by_operator);
    assert_ptr_equal(opening.processor, &nba_pipeline()->processors[UPGC]);
    check_words(2,
        "opened at 2021-12-04 18:22:00 after a re-run of upcoming_player_game_context at 2021-12-04 "
        "18:10:00");
}

static void an_operator_opens_a_run(void **state) {
    (void)state;
    check_words(3, "opened at 2021-12-04 18:40:00 by an operator");
    check_words(4, "opened at 2021-12-04 19:01:00 by an operator after a re-run at 2021-12-04 19:00:00");
}

static void a_run_that_is_not_told_of(void **state) {
    (void)state;
    struct opening opening = {.at_ms = 7};
    assert_false(opening_find(entries, count, 1, &opening));
    assert_false(opening_find(entries, count, 5, &opening));
    assert_false(opening_find(entries, 0, 2, &opening));
    assert_int_equal(opening.at_ms, 7);
}

static void a_rerun_that_the_history_lost(void **state) {
    (void)state;
    assert_ptr_equal(opening_rerun_of(entries, count, 4), &nba_pipeline()->processors[UPGC]);
    assert_null(opening_rerun_of(entries, count, 10));
    entries[10].processor = &nba_pipeline()->processors[PGS];
    assert_ptr_equal(opening_rerun_of(entries, count, 10), &nba_pipeline()->processors[PGS]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rerun_opens_a_run),
        cmocka_unit_test(an_operator_opens_a_run),
        cmocka_unit_test(a_run_that_is_not_told_of),
        cmocka_unit_test(a_rerun_that_the_history_lost),
    };
    return cmocka_run_group_tests(tests, tell, NULL);
}
