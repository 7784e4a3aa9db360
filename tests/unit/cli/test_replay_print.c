#include "cli/replay_print.h"
#include "printed.h"
#include "support/nba.h"
#include "support/november.h"

#define MINUTES(n) ((int64_t)(n)*60000)

enum { HELD = 2, DATES = 5 };

static const struct term plain = {.utf8 = true};
static struct date_state states[DATES];
static struct arena *arena;

/* 15 done, 16 group 2 failed, 17 held, 18 group 2 at work, 19 group 2 cancelled. */
static int set_up(void **state) {
    (void)state;
    static struct date_state found[NOVEMBER_DATES];
    november_states(SOURCE_DIR "/deploy/demo/nov2021_row_counts.csv", found);
    for (int i = 0; i < DATES; i++) {
        states[i] = found[0];
        states[i].date = found[0].date + i;
    }
    states[2] = found[HELD];
    for (int i = 1; i < DATES; i++) {
        if (i == 2)
            continue;
        for (int p = PCF; p <= MLFS; p++)
            states[i].records[p] = (struct record){0};
        states[i].groups[1] = (struct group_state){.phase = GROUP_TRIGGERED,
            .run = 1,
            .ready_ms = NOVEMBER_NOW_MS - MINUTES(5),
            .triggered_ms = NOVEMBER_NOW_MS - MINUTES(4)};
        states[i].groups[2] = states[i].groups[3] = (struct group_state){0};
    }
    states[1].groups[1].phase = GROUP_FAILED;
    states[1].groups[1].ended_ms = NOVEMBER_NOW_MS - MINUTES(3);
    states[1].records[PCF] =
        (struct record){.mark = RECORD_SHORT, .status = STATUS_FAILED, .run = 1, .execution_id = "e"};
    states[4].groups[1].phase = GROUP_CANCELLED;
    arena = arena_new(1 << 20);
    return arena ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    arena_free(&arena);
    return 0;
}

static struct replay_work work_of(struct replay_work work) {
    const struct replay_outbox outbox = {0};
    work.pipeline = nba_pipeline();
    work.now_ms = NOVEMBER_NOW_MS;
    work.arena = arena;
    check_ok(replay_work_plan(&work, states, DATES, &outbox));
    return work;
}

static void check_printed(const struct replay_work *work, const char *expected) {
    struct printed printed;
    printed_start(&printed);
    replay_print(work, &plain, printed.out);
    assert_string_equal(printed_end(&printed), expected);
    printed_free(&printed);
}

static void a_dry_run_in_full(void **state) {
    (void)state;
    struct replay_work work = work_of((struct replay_work){.dry_run = true});
    check_printed(&work,
        "date        what        trigger               why\n"
        "2021-11-15  nothing                           done\n"
        "2021-11-16  again       nba/2021-11-16/g2/r1  group 2 failed: pcf\n"
        "2021-11-17  nothing                           waits for togs, tdgs\n"
        "2021-11-18  left alone  nba/2021-11-18/g2/r1  group 2 was triggered 4 min ago and may still be at "
        "work: pcf\n"
        "2021-11-19  again       nba/2021-11-19/g2/r1  group 2 was cancelled\n"
        "\n"
        "5 dates: 2 to be triggered again, 2 with nothing to do, 1 left alone\n"
        "left alone: the group may still be at work; where you know better, --running replays it\n"
        "dry run: nothing was changed\n");
}

/* As the store answers it, with two answers outstanding when it went away. */
static void what_was_done_is_told_apart_from_what_was_not(void **state) {
    (void)state;
    struct replay_work work = work_of((struct replay_work){.running = true});
    work.paused_ms = NOVEMBER_NOW_MS - MINUTES(60);
    work.items[1].outcome = OUTCOME_TRIGGERED;
    work.items[3].outcome = OUTCOME_UNANSWERED;
    check_printed(&work,
        "date        what        trigger               why\n"
        "2021-11-15  nothing                           done\n"
        "2021-11-16  again       nba/2021-11-16/g2/r1  group 2 failed: pcf\n"
        "2021-11-17  nothing                           waits for togs, tdgs\n"
        "2021-11-18  unanswered  nba/2021-11-18/g2/r1  group 2 was triggered 4 min ago and may still be at "
        "work: pcf\n"
        "2021-11-19  not sent    nba/2021-11-19/g2/r1  group 2 was cancelled\n"
        "\n"
        "5 dates: 1 triggered again, 2 with nothing to do, 1 not sent, 1 sent without an answer\n"
        "`phasegate serve` publishes what is due from the outbox, within seconds, backfill within its cap;\n"
        "what stays \"ready\" in `phasegate status` has no daemon running, or one that cannot reach the "
        "bus\n"
        "backfill is paused since 2021-12-04 17:00:00 UTC: its triggers wait for `phasegate backfill "
        "resume`\n");
}

static void of_what_was_missed_only_that_is_listed(void **state) {
    (void)state;
    const struct replay_request missed = {.replay = REPLAY_MISSED};
    struct replay_work work = work_of((struct replay_work){.dry_run = true, .request = missed});
    check_printed(&work,
        "date        what   trigger               why\n"
        "2021-11-19  again  nba/2021-11-19/g2/r1  group 2 was cancelled\n"
        "\n"
        "5 dates, 1 of them missed: 1 to be triggered again\n"
        "dry run: nothing was changed\n");
    states[4] = states[0];
    work = work_of((struct replay_work){.request = missed});
    check_printed(&work, "nothing was missed in 5 dates\n");
}

static void what_comes_beside_work_under_way_is_said(void **state) {
    (void)state;
    struct replay_work work = work_of((struct replay_work){.running = true});
    work.items[3].outcome = OUTCOME_TRIGGERED;
    work.items[1].outcome = work.items[4].outcome = OUTCOME_NOTHING;
    struct printed printed;
    printed_start(&printed);
    replay_print(&work, &plain, printed.out);
    const char *text = printed_end(&printed);
    check_contains(text, "a consumer drops the second trigger of the same id");
    check_contains(text, "2021-11-16  nothing                        it has moved on meanwhile\n");
    check_lacks(text, "left alone");
    printed_free(&printed);
}

static void what_the_store_refused_says_why(void **state) {
    (void)state;
    struct replay_work work = work_of((struct replay_work){.running = true});
    work.items[1].outcome = OUTCOME_FAILED;
    work.items[1].error = "WRONGTYPE\033[2J";
    struct printed printed;
    printed_start(&printed);
    replay_print(&work, &plain, printed.out);
    check_contains(printed_end(&printed), "WRONGTYPE\\x1b[2J\n");
    printed_free(&printed);
}

static const char *text_at(const json_t *object, const char *key) {
    return json_string_value(json_object_get(object, key));
}

static void as_json(void **state) {
    (void)state;
    struct replay_work work = work_of((struct replay_work){.dry_run = true});
    json_t *json = replay_json(&work), *dates = json_object_get(json, "dates");
    assert_string_equal(text_at(json, "replay"), "again");
    assert_true(json_is_true(json_object_get(json, "dry_run")));
    assert_int_equal(json_array_size(dates), DATES);
    json_t *done = json_array_get(dates, 0), *failed = json_array_get(dates, 1);
    json_t *held = json_array_get(dates, 2), *running = json_array_get(dates, 3);
    assert_string_equal(text_at(done, "outcome"), "nothing");
    assert_true(json_is_null(json_object_get(done, "trigger_id")));
    assert_true(json_is_null(json_object_get(done, "run")));
    assert_string_equal(text_at(failed, "trigger_id"), "nba/2021-11-16/g2/r1");
    assert_string_equal(text_at(failed, "outcome"), "again");
    assert_int_equal(json_integer_value(json_object_get(failed, "group")), 2);
    assert_false(json_is_true(json_object_get(failed, "may_be_at_work")));
    assert_int_equal(json_array_size(json_object_get(held, "waits_for")), 2);
    assert_string_equal(text_at(running, "outcome"), "left_alone");
    assert_true(json_is_true(json_object_get(running, "may_be_at_work")));
    json_t *totals = json_object_get(json, "totals");
    assert_int_equal(json_integer_value(json_object_get(totals, "again")), 2);
    assert_int_equal(json_integer_value(json_object_get(totals, "left_alone")), 1);
    assert_int_equal(json_integer_value(json_object_get(totals, "dates")), DATES);
    json_decref(json);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_dry_run_in_full),
        TEST(what_was_done_is_told_apart_from_what_was_not),
        TEST(of_what_was_missed_only_that_is_listed),
        TEST(what_comes_beside_work_under_way_is_said),
        TEST(what_the_store_refused_says_why),
        TEST(as_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
