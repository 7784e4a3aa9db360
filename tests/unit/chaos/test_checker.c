/* The judge of a chaos run is itself judged: it finds each kind of fault where there is one, and none where
 * there is none. */
#include "chaos/checker.h"
#include "support/check.h"
#include "support/nba.h"

#include <stdlib.h>
#include <string.h>

#define DATE ((game_date)18948)

enum { START_MS = 1000000, MINUTE_MS = 60000, DEADLINE_MS = 5 * MINUTE_MS };

/* A date's story as it should be, minute by minute; a test breaks one thing of it. */
struct tale {
    struct checker *checker;
    int64_t now_ms;
    game_date date;
    uint64_t messages;
};

static int open_tale(void **state) {
    struct tale *tale = calloc(1, sizeof *tale);
    if (!tale || !(tale->checker = checker_new(nba_pipeline(), DEADLINE_MS)))
        return -1;
    tale->now_ms = START_MS;
    tale->date = DATE;
    *state = tale;
    return 0;
}

static int close_tale(void **state) {
    struct tale *tale = *state;
    checker_free(&tale->checker);
    free(tale);
    return 0;
}

static void feed(struct tale *tale, int processor, int run, bool satisfies) {
    tale->now_ms += MINUTE_MS;
    assert_true(checker_feed(
        tale->checker, &(struct fed){tale->now_ms, tale->date, processor, run, satisfies, tale->now_ms}));
}

static void take_as(struct tale *tale, int group, int run, uint64_t message, uint64_t decision) {
    tale->now_ms += MINUTE_MS;
    assert_true(
        checker_take(tale->checker, &(struct came){tale->now_ms, tale->date, group, run, message, decision}));
}

static uint64_t decision_of(int group, int run) {
    return (uint64_t)(100 * run + group);
}

static void take(struct tale *tale, int group, int run) {
    take_as(tale, group, run, ++tale->messages, decision_of(group, run));
}

static void feed_upstream(struct tale *tale) {
    for (int p = PGS; p <= TDGS; p++)
        feed(tale, p, 0, true);
}

static void answer(struct tale *tale, int group, int run) {
    for (int p = 0; p < NBA_PROCESSORS; p++)
        if (nba_pipeline()->processors[p].group == group)
            feed(tale, p, run, true);
}

/* Groups from first to last, each triggered and answered. */
static void run_groups(struct tale *tale, int first, int last, int run) {
    for (int g = first; g <= last; g++) {
        take(tale, g, run);
        answer(tale, g, run);
    }
}

static struct chaos_verdict judge(struct tale *tale) {
    struct chaos_verdict verdict;
    checker_judge(tale->checker, &verdict);
    return verdict;
}

static void check_verdict(struct tale *tale, size_t lost, size_t doubled, size_t misordered, size_t partial) {
    struct chaos_verdict verdict = judge(tale);
    for (size_t i = 0; i < verdict.example_count; i++)
        print_message("    %s\n", verdict.examples[i]);
    assert_int_equal(verdict.lost, lost);
    assert_int_equal(verdict.doubled, doubled);
    assert_int_equal(verdict.misordered, misordered);
    assert_int_equal(verdict.partial, partial);
    size_t faults = lost + doubled + misordered + partial;
    assert_int_equal(verdict.example_count, faults < VERDICT_EXAMPLES_MAX ? faults : VERDICT_EXAMPLES_MAX);
}

#define check_good(tale) check_verdict((tale), 0, 0, 0, 0)

/* --- As it should be ------------------------------------------------------------------------------------ */

static void whole_dates_are_good(void **state) {
    struct tale *tale = *state;
    for (; tale->date < DATE + 3; tale->date++) {
        feed_upstream(tale);
        run_groups(tale, 1, 4, 1);
    }
    check_good(tale);
    assert_int_equal(judge(tale).triggers, 12);
    assert_int_equal(judge(tale).dates, 3);
    assert_int_equal(judge(tale).fed, 30);
}

static void nothing_is_good(void **state) {
    check_good(*state);
}

static void date_that_is_never_whole_is_good(void **state) {
    struct tale *tale = *state;
    for (int p = PGS; p < TDGS; p++)
        feed(tale, p, 0, true);
    feed(tale, TDGS, 0, false);
    check_good(tale);
}

static void failure_and_repair_are_good(void **state) {
    struct tale *tale = *state;
    feed(tale, PGS, 0, false);
    feed_upstream(tale);
    take(tale, 1, 1);
    feed(tale, PSZA, 1, false);
    answer(tale, 1, 1);
    run_groups(tale, 2, 4, 1);
    check_good(tale);
}

static void rerun_is_good(void **state) {
    struct tale *tale = *state;
    feed_upstream(tale);
    run_groups(tale, 1, 2, 1);
    feed(tale, TOGS, 0, true);
    run_groups(tale, 1, 4, 2);
    check_good(tale);
}

static void rerun_before_the_start_is_good(void **state) {
    struct tale *tale = *state;
    feed(tale, PGS, 0, true);
    feed_upstream(tale);
    run_groups(tale, 1, 4, 1);
    check_good(tale);
}

static void chain_waits_for_a_failed_group(void **state) {
    struct tale *tale = *state;
    feed_upstream(tale);
    run_groups(tale, 1, 1, 1);
    take(tale, 2, 1);
    feed(tale, PCF, 1, false);
    check_good(tale);
}

static void redelivery_is_no_repeat(void **state) {
    struct tale *tale = *state;
    feed_upstream(tale);
    run_groups(tale, 1, 4, 1);
    take_as(tale, 3, 1, 3, decision_of(3, 1));
    check_good(tale);
    assert_int_equal(judge(tale).repeats, 0);
}

static void excused_repeat_is_counted(void **state) {
    struct tale *tale = *state;
    feed_upstream(tale);
    take(tale, 1, 1);
    assert_true(checker_excuse(tale->checker, tale->now_ms + 1, tale->now_ms + 2));
    take(tale, 1, 1);
    answer(tale, 1, 1);
    run_groups(tale, 2, 4, 1);
    check_good(tale);
    assert_int_equal(judge(tale).repeats, 1);
    assert_int_equal(judge(tale).triggers, 4);
}

static void deadline_excuses_a_repeat(void **state) {
    struct tale *tale = *state;
    feed_upstream(tale);
    take(tale, 1, 1);
    tale->now_ms += DEADLINE_MS;
    take(tale, 1, 1);
    answer(tale, 1, 1);
    run_groups(tale, 2, 4, 1);
    check_good(tale);
    assert_int_equal(judge(tale).repeats, 1);
    assert_int_equal(judge(tale).retriggered, 1);
}

/* --- As it must not be ---------------------------------------------------------------------------------- */

static void lost_at_each_group(void **state) {
    struct tale *tale = *state;
    for (int last = 0; last < 4; last++, tale->date++) {
        feed_upstream(tale);
        run_groups(tale, 1, last, 1);
    }
    check_verdict(tale, 4, 0, 0, 0);
}

static void lost_after_a_repair(void **state) {
    struct tale *tale = *state;
    feed(tale, PGS, 0, false);
    feed_upstream(tale);
    run_groups(tale, 1, 1, 1);
    take(tale, 2, 1);
    feed(tale, PCF, 1, false);
    feed(tale, PCF, 1, true);
    check_verdict(tale, 1, 0, 0, 0);
}

static void lost_rerun(void **state) {
    struct tale *tale = *state;
    feed_upstream(tale);
    run_groups(tale, 1, 4, 1);
    feed(tale, PGS, 0, true);
    check_verdict(tale, 1, 0, 0, 0);
}

static void lost_in_the_second_run(void **state) {
    struct tale *tale = *state;
    feed_upstream(tale);
    run_groups(tale, 1, 4, 1);
    feed(tale, PGS, 0, true);
    run_groups(tale, 1, 3, 2);
    check_verdict(tale, 1, 0, 0, 0);
}

static void two_decisions(void **state) {
    struct tale *tale = *state;
    feed_upstream(tale);
    run_groups(tale, 1, 4, 1);
    assert_true(checker_excuse(tale->checker, 0, INT64_MAX));
    take_as(tale, 2, 1, 99, decision_of(2, 1) + 1);
    check_verdict(tale, 0, 1, 0, 0);
}

static void repeat_without_an_excuse(void **state) {
    struct tale *tale = *state;
    feed_upstream(tale);
    assert_true(checker_excuse(tale->checker, 0, tale->now_ms)); /* over before it came first */
    run_groups(tale, 1, 4, 1);
    take(tale, 4, 1);
    assert_true(checker_excuse(tale->checker, tale->now_ms + 1, INT64_MAX)); /* too late */
    check_verdict(tale, 0, 1, 0, 0);
}

/* The deadline runs from the last time on: two at once are one too many. */
static void deadline_excuses_only_one(void **state) {
    struct tale *tale = *state;
    feed_upstream(tale);
    take(tale, 1, 1);
    tale->now_ms += DEADLINE_MS;
    take(tale, 1, 1);
    take(tale, 1, 1);
    answer(tale, 1, 1);
    run_groups(tale, 2, 4, 1);
    check_verdict(tale, 0, 1, 0, 0);
}

static void run_without_a_rerun(void **state) {
    struct tale *tale = *state;
    feed(tale, PGS, 0, false); /* a repair, and no re-run */
    feed_upstream(tale);
    run_groups(tale, 1, 4, 1);
    run_groups(tale, 1, 4, 2);
    check_verdict(tale, 0, 4, 0, 0);
}

static void run_before_its_rerun(void **state) {
    struct tale *tale = *state;
    feed_upstream(tale);
    run_groups(tale, 1, 4, 1);
    take(tale, 1, 2);
    feed(tale, PGS, 0, true);
    take(tale, 1, 2); /* a repeat, unexcused */
    answer(tale, 1, 2);
    run_groups(tale, 2, 4, 2);
    check_verdict(tale, 1, 2, 0, 0); /* and the re-run itself still has its run to come */
}

static void group_before_its_turn(void **state) {
    struct tale *tale = *state;
    feed_upstream(tale);
    run_groups(tale, 1, 1, 1);
    take(tale, 2, 1);
    take(tale, 3, 1); /* group 2 is not answered, which it also needs */
    answer(tale, 2, 1);
    answer(tale, 3, 1);
    run_groups(tale, 4, 4, 1);
    check_verdict(tale, 0, 0, 1, 1);
}

static void group_without_the_one_before(void **state) {
    struct tale *tale = *state;
    feed_upstream(tale);
    run_groups(tale, 1, 1, 1);
    take(tale, 3, 1);
    check_verdict(tale, 1, 0, 1, 1);
}

static void answer_of_an_old_run_does_not_count(void **state) {
    struct tale *tale = *state;
    feed_upstream(tale);
    run_groups(tale, 1, 4, 1);
    feed(tale, PGS, 0, true);
    take(tale, 1, 2);
    take(tale, 2, 2); /* group 1 was answered in run 1 only */
    answer(tale, 1, 2);
    answer(tale, 2, 2);
    run_groups(tale, 3, 4, 2);
    check_verdict(tale, 0, 0, 1, 1);
}

static void partial_data(void **state) {
    struct tale *tale = *state;
    for (int p = PGS; p < TDGS; p++)
        feed(tale, p, 0, true);
    feed(tale, TDGS, 0, false);
    take(tale, 1, 1);
    check_verdict(tale, 0, 0, 0, 1);
}

static void partial_data_that_came_later(void **state) {
    struct tale *tale = *state;
    for (int p = PGS; p < TDGS; p++)
        feed(tale, p, 0, true);
    take(tale, 1, 1);
    feed(tale, TDGS, 0, true);
    answer(tale, 1, 1);
    run_groups(tale, 2, 4, 1);
    check_verdict(tale, 0, 0, 0, 1);
}

static void date_that_nobody_fed(void **state) {
    struct tale *tale = *state;
    take(tale, 1, 1);
    check_verdict(tale, 0, 0, 0, 1);
}

int main(void) {
#define TALE(test) cmocka_unit_test_setup_teardown(test, open_tale, close_tale)
    const struct CMUnitTest tests[] = {TALE(whole_dates_are_good), TALE(nothing_is_good),
        TALE(date_that_is_never_whole_is_good), TALE(failure_and_repair_are_good), TALE(rerun_is_good),
        TALE(rerun_before_the_start_is_good), TALE(chain_waits_for_a_failed_group),
        TALE(redelivery_is_no_repeat), TALE(excused_repeat_is_counted), TALE(deadline_excuses_a_repeat),
        TALE(deadline_excuses_only_one), TALE(lost_at_each_group), TALE(lost_after_a_repair),
        TALE(lost_rerun), TALE(lost_in_the_second_run), TALE(two_decisions), TALE(repeat_without_an_excuse),
        TALE(run_without_a_rerun), TALE(run_before_its_rerun), TALE(group_before_its_turn),
        TALE(group_without_the_one_before), TALE(answer_of_an_old_run_does_not_count), TALE(partial_data),
        TALE(partial_data_that_came_later), TALE(date_that_nobody_fed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
