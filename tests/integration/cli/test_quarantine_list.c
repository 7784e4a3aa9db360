/*
 * The quarantine as people read it: a table of the newest, what the limits have let go, and what became of
 * each message that was dropped or tried again. Whatever stands in a message is shown in one line.
 */
#include "support/check.h"
#include "support/commands.h"
#include "support/nba.h"
#include "support/store_harness.h"
#include "support/temp_dir.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MONDAY_MS ((int64_t)1764590400000) /* 2025-12-01 12:00 UTC */

enum { DAY_MS = 24 * 60 * 60 * 1000 };

struct fixture {
    struct temp_dir dir;
    struct store_harness *harness;
    struct commands *commands;
    char url[160], data[160];
    const char *environment[5];
};

static void add(struct fixture *fixture, const char *id, const char *reason, int64_t at_ms) {
    const struct message message = {.id = id, .data = "{}", .size = 2};
    harness_quarantine(fixture->harness, nba_pipeline(), &message, "nba-phase3-complete", reason, at_ms);
}

static void the_newest_come_first(void **state) {
    struct fixture *fixture = *state;
    add(fixture, "4711", "game_date: \"YESTERDAY\" is no date", MONDAY_MS);
    add(fixture, "4712", "not JSON", MONDAY_MS + DAY_MS);
    check_run(fixture->commands, 0, "quarantine", "list", "--no-color");
    assert_string_equal(commands_output(fixture->commands),
        "id    time (UTC)           bytes  topic                reason\n"
        "4712  2025-12-02 12:00:00      2  nba-phase3-complete  not JSON\n"
        "4711  2025-12-01 12:00:00      2  nba-phase3-complete  game_date: \"YESTERDAY\" is no date\n"
        "\n2 messages\n");
    check_run(fixture->commands, 0, "quarantine", "list", "--no-color", "--newest", "1");
    assert_string_equal(commands_output(fixture->commands),
        "id    time (UTC)           bytes  topic                reason\n"
        "4712  2025-12-02 12:00:00      2  nba-phase3-complete  not JSON\n"
        "\n2 messages; the newest 1 are shown, --newest N shows more\n");
}

/* A publisher's words end up here: they move no cursor, and begin no line of their own. */
static void what_is_foreign_is_shown_in_one_line(void **state) {
    struct fixture *fixture = *state;
    add(fixture, "1", "unknown processor \"\033[2Jpgs\n0 messages\"", MONDAY_MS);
    check_run(fixture->commands, 0, "quarantine", "list", "--no-color");
    const char *output = commands_output(fixture->commands);
    assert_null(strchr(output, '\033'));
    assert_null(strstr(output, "\n0 messages"));
    commands_check_output(fixture->commands, "\n1 message\n");
}

static void what_was_let_go_is_said(void **state) {
    struct fixture *fixture = *state;
    const struct message large = {.id = "3", .data = "{}", .size = 2};
    const struct quarantine_limits limits = {.age_ms = DAY_MS, .bytes = 1};
    struct quarantine_drops drops;
    add(fixture, "1", "old", MONDAY_MS);
    add(fixture, "2", "in the way", MONDAY_MS + DAY_MS);
    check_ok(harness_try_quarantine(fixture->harness, nba_pipeline(), &large, "nba-phase3-complete", "new",
        limits, MONDAY_MS + DAY_MS + 1, &drops));
    check_run(fixture->commands, 0, "quarantine", "list", "--no-color");
    commands_check_output(
        fixture->commands, "\n1 message\n2 older ones were let go: 1 for their age, 1 to make room\n");
    check_run(fixture->commands, 0, "status", "--dates", "2025-12-01", "--no-color");
    commands_check_output(
        fixture->commands, "quarantine: 1 message (phasegate quarantine), 2 older ones were let go\n");
    check_run(fixture->commands, 0, "quarantine", "drop", "3");
    commands_check_output(fixture->commands, "3: dropped\n");
    check_run(fixture->commands, 0, "quarantine", "--no-color");
    assert_string_equal(commands_output(fixture->commands),
        "the quarantine is empty\n2 older ones were let go: 1 for their age, 1 to make room\n");
}

/* Of a message that was too large only the beginning is kept: it is shown, and stays when it is retried. */
static void what_was_cut_is_shown_as_such(void **state) {
    struct fixture *fixture = *state;
    static char large[256 * 1024];
    memset(large, 'x', sizeof large);
    const struct message message = {.id = "4711", .data = large, .size = sizeof large};
    harness_quarantine(
        fixture->harness, nba_pipeline(), &message, "nba-phase3-complete", "too large", MONDAY_MS);
    check_run(fixture->commands, 0, "quarantine", "show", "4711", "--no-color");
    commands_check_output(fixture->commands, "of 262144 bytes; it cannot be retried\n");
    check_run(fixture->commands, 1, "quarantine", "retry", "4711", "--no-color");
    commands_check_output(fixture->commands, "4711: kept: only ");
    check_run(fixture->commands, 0, "quarantine", "show", "4711", "--json");
    json_t *answer = commands_json(fixture->commands);
    assert_string_equal(json_string_value(json_object_get(answer, "reason")), "too large");
    assert_true(json_is_true(json_object_get(answer, "cut")));
    assert_int_equal(json_integer_value(json_object_get(answer, "size")), sizeof large);
    assert_true(json_is_object(json_object_get(answer, "message")));
    json_decref(answer);
    check_run(fixture->commands, 2, "quarantine", "show");
}

static void each_outcome_has_its_line(void **state) {
    struct fixture *fixture = *state;
    add(fixture, "4711", "not JSON", MONDAY_MS);
    redis_server_do(fixture->harness->server, "XADD pg:bus:{nba-phase3-complete} * data x");
    check_run(fixture->commands, 1, "quarantine", "drop", "--no-color", "4710", "4711");
    commands_check_output(fixture->commands, "4710: ");
    commands_check_output(fixture->commands, "\n4711: dropped\n");
    check_run(fixture->commands, 0, "quarantine", "drop", "--all");
    assert_string_equal(commands_output(fixture->commands), "the quarantine is empty\n");
    add(fixture, "4712", "not JSON", MONDAY_MS);
    check_run(fixture->commands, 0, "quarantine", "retry", "4712");
    commands_check_output(fixture->commands, "4712: published again as ");
}

static int set_up(void **state) {
    struct fixture *fixture = calloc(1, sizeof *fixture);
    if (!fixture)
        return -1;
    *state = fixture;
    fixture->dir = temp_dir_make();
    fixture->harness = harness_open((struct redis_server_options){0});
    snprintf(fixture->url, sizeof fixture->url, "PHASEGATE_STORE_URL=%s",
        redis_server_url(fixture->harness->server));
    snprintf(fixture->data, sizeof fixture->data, "PHASEGATE_DATA=%s", fixture->dir.path);
    const char *const environment[] = {fixture->url, fixture->data, "PHASEGATE_CONFIG=", "LC_ALL=C.UTF-8"};
    memcpy(fixture->environment, environment, sizeof environment);
    fixture->commands = commands_new(PHASEGATE_BINARY, fixture->environment);
    return 0;
}

static int tear_down(void **state) {
    struct fixture *fixture = *state;
    commands_free(&fixture->commands);
    harness_close(&fixture->harness);
    temp_dir_remove(&fixture->dir);
    free(fixture);
    return 0;
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(the_newest_come_first),
        TEST(what_is_foreign_is_shown_in_one_line),
        TEST(what_was_let_go_is_said),
        TEST(what_was_cut_is_shown_as_such),
        TEST(each_outcome_has_its_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
