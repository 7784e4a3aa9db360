#include "cli/outlook.h"
#include "printed.h"
#include "support/nba.h"
#include "support/november.h"

#define MINUTES(n) ((int64_t)(n)*60000)

static struct date_state found[NOVEMBER_DATES];

static int read_november(void **state) {
    (void)state;
    november_states(SOURCE_DIR "/deploy/demo/nov2021_row_counts.csv", found);
    return 0;
}

/* 2021-11-15, taken back to where group 2 has the given phase. */
static struct date_state at_group_two(enum group_phase phase) {
    struct date_state state = found[0];
    state.groups[1] = (struct group_state){.phase = phase};
    if (phase != GROUP_WAITING)
        state.groups[1].ready_ms = NOVEMBER_NOW_MS - MINUTES(13);
    if (phase == GROUP_TRIGGERED || phase == GROUP_FAILED)
        state.groups[1].triggered_ms = NOVEMBER_NOW_MS - MINUTES(12);
    if (phase == GROUP_FAILED)
        state.groups[1].ended_ms = NOVEMBER_NOW_MS - MINUTES(5);
    state.groups[2] = state.groups[3] = (struct group_state){0};
    state.records[PCF] = state.records[PDC] = state.records[MLFS] = (struct record){0};
    return state;
}

static void check_outlook(const struct date_state *state, enum standing standing, int group,
    processor_set waits_for, const char *note) {
    struct outlook outlook = outlook_of(nba_pipeline(), state);
    char text[256];
    assert_string_equal(standing_name(outlook.standing), standing_name(standing));
    assert_int_equal(outlook.group, group);
    assert_int_equal(outlook.waits_for, waits_for);
    assert_string_equal(
        outlook_note(nba_pipeline(), &outlook, state, NOVEMBER_NOW_MS, text, sizeof text), note);
}

static void a_whole_date_is_done(void **state) {
    (void)state;
    check_outlook(&found[0], STANDING_DONE, 0, 0, "done");
    struct date_state again = found[0];
    again.run = 2;
    check_outlook(&again, STANDING_DONE, 0, 0, "done, run 2");
}

static void zero_rows_hold_a_date(void **state) {
    (void)state;
    check_outlook(&found[3], STANDING_HELD, 1, SET(PGS) | SET(TOGS) | SET(TDGS), "waits for pgs, togs, tdgs");
}

static void nothing_received(void **state) {
    (void)state;
    const struct date_state unknown = {.date = 1};
    check_outlook(&unknown, STANDING_UNKNOWN, 1, 0, "nothing received");
}

static void no_games(void **state) {
    (void)state;
    check_outlook(&found[10], STANDING_NO_GAMES, 0, 0, "no games");
}

static void a_ready_group_is_not_published_yet(void **state) {
    (void)state;
    struct date_state ready = at_group_two(GROUP_READY);
    check_outlook(&ready, STANDING_RUNNING, 2, SET(PCF), "group 2 ready for 13 min, not yet published");
}

static void a_triggered_group_names_who_is_not_finished(void **state) {
    (void)state;
    struct date_state triggered = at_group_two(GROUP_TRIGGERED);
    check_outlook(&triggered, STANDING_RUNNING, 2, SET(PCF), "group 2 running for 12 min: pcf");
    struct date_state first = at_group_two(GROUP_WAITING);
    first.groups[0].phase = GROUP_TRIGGERED;
    first.groups[0].triggered_ms = NOVEMBER_NOW_MS - MINUTES(1);
    first.records[PSZA].mark = RECORD_SHORT;
    check_outlook(&first, STANDING_RUNNING, 1, SET(PSZA), "group 1 running for 1 min: psza");
}

static void what_an_earlier_run_finished_is_not_finished(void **state) {
    (void)state;
    struct date_state second = at_group_two(GROUP_TRIGGERED);
    second.records[PCF] = found[0].records[PCF];
    second.run = 2;
    check_outlook(&second, STANDING_RUNNING, 2, SET(PCF), "group 2 running for 12 min: pcf");
}

static void a_failed_group_names_who_failed(void **state) {
    (void)state;
    struct date_state failed = at_group_two(GROUP_WAITING);
    failed.groups[0].phase = GROUP_FAILED;
    failed.records[TDZA].mark = RECORD_SHORT; /* no rows, but not failed */
    failed.records[PSZA].mark = RECORD_SHORT;
    failed.records[PSZA].status = STATUS_FAILED;
    check_outlook(&failed, STANDING_FAILED, 1, SET(PSZA), "group 1 failed: psza");
}

static void a_later_group_held_says_which(void **state) {
    (void)state;
    struct date_state held = at_group_two(GROUP_WAITING);
    held.records[UPGC].mark = RECORD_SHORT;
    check_outlook(&held, STANDING_HELD, 2, SET(UPGC), "group 2 waits for upgc");
    held.records[UPGC].mark = RECORD_COUNTS;
    check_outlook(&held, STANDING_HELD, 2, 0, "group 2 is about to start");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_date_is_done),
        cmocka_unit_test(zero_rows_hold_a_date),
        cmocka_unit_test(nothing_received),
        cmocka_unit_test(no_games),
        cmocka_unit_test(a_ready_group_is_not_published_yet),
        cmocka_unit_test(a_triggered_group_names_who_is_not_finished),
        cmocka_unit_test(what_an_earlier_run_finished_is_not_finished),
        cmocka_unit_test(a_failed_group_names_who_failed),
        cmocka_unit_test(a_later_group_held_says_which),
    };
    return cmocka_run_group_tests(tests, read_november, NULL);
}
