/* The daemon's calendars: read at start and on SIGHUP; a bad file stops a start, and nothing else. */
#include "support/check.h"
#include "support/daemon.h"
#include "support/stage.h"
#include "support/temp_dir.h"

#include <stdio.h>
#include <stdlib.h>

struct fixture {
    struct temp_dir dir;
    char games[96];
    struct stage *stage;
};

static void write_games(const struct fixture *fixture, const char *text) {
    FILE *file = fopen(fixture->games, "we");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void open_with(struct fixture *fixture, const char *games) {
    const struct stage_setting settings[] = {{"games_file", fixture->games}, {0}};
    write_games(fixture, games);
    fixture->stage = stage_open((struct stage_options){.daemon = PHASEGATE_BINARY, .settings = settings});
}

static bool is_closed(struct stage *stage, game_date date) {
    stage_complete(stage, PGS, date, false);
    stage_until_handled(stage);
    return stage_state(stage, date)->no_games_ms != 0;
}

struct reload {
    struct stage *stage;
    const char *part;
    size_t said_before;
};

static bool is_said_again(void *context) {
    const struct reload *reload = context;
    return stage_said(reload->stage, reload->part) > reload->said_before;
}

static void reload_until_said(struct stage *stage, const char *part) {
    struct reload reload = {stage, part, stage_said(stage, part)};
    daemon_hang_up(stage_daemon(stage));
    stage_until(stage, is_said_again, &reload, part);
}

static void sighup_reads_the_calendar_anew(void **state) {
    struct fixture *fixture = *state;
    open_with(fixture, "game_date,num_games\n2025-12-04,3\n2025-12-09,0\n2025-12-10,5\n");
    stage_start(fixture->stage);
    stage_until_said(fixture->stage, "calendar loaded: games from ");
    assert_false(is_closed(fixture->stage, STAGE_DATE));
    assert_true(is_closed(fixture->stage, STAGE_DATE + 1));
    write_games(fixture, "game_date,num_games\n2025-12-04,3\n2025-12-05,2\nyesterday,1\n");
    reload_until_said(fixture->stage, "the calendar stays as it was: ");
    assert_true(is_closed(fixture->stage, STAGE_DATE + 2));
    write_games(fixture, "game_date,num_games\n2025-12-04,3\n2025-12-07,2\n2025-12-10,1\n");
    reload_until_said(fixture->stage, "calendar loaded: games from ");
    assert_false(is_closed(fixture->stage, STAGE_DATE + 3));
    assert_true(is_closed(fixture->stage, STAGE_DATE + 4));
    stage_stop(fixture->stage);
}

static void a_bad_calendar_stops_a_start(void **state) {
    struct fixture *fixture = *state;
    open_with(fixture, "game_date,num_games\n2025-02-30,3\n");
    daemon_start(stage_daemon(fixture->stage));
    daemon_await_said(stage_daemon(fixture->stage), "games.csv:2");
    assert_int_equal(daemon_await_exit(stage_daemon(fixture->stage)), 2);
}

/* --- Program -------------------------------------------------------------------------------------------- */

static int setup(void **state) {
    struct fixture *fixture = calloc(1, sizeof *fixture);
    if (!fixture)
        return -1;
    fixture->dir = temp_dir_make();
    snprintf(fixture->games, sizeof fixture->games, "%s/games.csv", fixture->dir.path);
    *state = fixture;
    return 0;
}

static int teardown(void **state) {
    struct fixture *fixture = *state;
    stage_close(&fixture->stage);
    temp_dir_remove(&fixture->dir);
    free(fixture);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(sighup_reads_the_calendar_anew, setup, teardown),
        cmocka_unit_test_setup_teardown(a_bad_calendar_stops_a_start, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
