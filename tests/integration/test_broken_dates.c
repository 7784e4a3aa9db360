/*
 * What the reading commands show when the store has something of a date that nobody can read: that date with
 * what is wrong and what to do, the others as ever, and an exit status that a script notices.
 */
#include "support/check.h"
#include "support/commands.h"
#include "support/redis_server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MONTH "pg:{nba:2021-11}"
#define GOOD "+ success 241 0 1764502927104 1764502928000 l 0"

struct fixture {
    struct redis_server *redis;
    struct commands *commands;
    char url[160];
    const char *environment[3];
};

/* 16 is whole, 17 has a key of another type, 18 a value that is none, with what a terminal would obey. */
static int set_up(void **state) {
    struct fixture *fixture = calloc(1, sizeof *fixture);
    if (!fixture)
        return -1;
    fixture->redis = redis_server_start((struct redis_server_options){0});
    snprintf(fixture->url, sizeof fixture->url, "PHASEGATE_STORE_URL=%s", redis_server_url(fixture->redis));
    fixture->environment[0] = fixture->url;
    fixture->environment[1] = "LC_ALL=C.UTF-8";
    fixture->commands = commands_new(PHASEGATE_BINARY, fixture->environment);
    redis_server_do(fixture->redis, "ZADD pg:{nba}:months 202111 2021-11");
    redis_server_do(fixture->redis, "HSET " MONTH ":16 pgs %s pgs.x e1", GOOD);
    redis_server_do(fixture->redis, "SET " MONTH ":17 here");
    redis_server_do(fixture->redis, "HSET " MONTH ":18 pgs %s", "\033[2Jspoiled");
    *state = fixture;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *fixture = *state;
    commands_free(&fixture->commands);
    redis_server_free(&fixture->redis);
    free(fixture);
    return 0;
}

static void check_told(const struct commands *commands) {
    commands_check_output(commands, "2021-11-17: key " MONTH ":17 is broken: ");
    commands_check_output(commands, "WRONGTYPE");
    commands_check_output(commands, "2021-11-18: key " MONTH ":18 is broken: ");
    commands_check_output(commands, "pgs of 2021-11-18 is not readable: \"\\x1b[2Jspoiled\"; mend it");
    assert_null(strchr(commands_output(commands), '\033'));
}

static void status_shows_the_others(void **state) {
    struct fixture *fixture = *state;
    struct commands *commands = fixture->commands;
    check_run(commands, 1, "status");
    commands_check_output(commands, "241");
    commands_check_output(commands, "broken, see below");
    commands_check_output(commands, "3 dates: 1 held, 2 broken");
    check_told(commands);
    check_run(commands, 0, "status", "2021-11-16");
    check_run(commands, 1, "status", "2021-11-18");
}

static void status_says_so_in_json(void **state) {
    struct fixture *fixture = *state;
    check_run(fixture->commands, 1, "status", "--json");
    json_t *answer = commands_json(fixture->commands), *dates = json_object_get(answer, "dates");
    assert_int_equal(json_array_size(dates), 3);
    const json_t *whole = json_array_get(dates, 0), *broken = json_array_get(dates, 1);
    assert_string_equal(json_string_value(json_object_get(whole, "standing")), "held");
    assert_string_equal(json_string_value(json_object_get(broken, "standing")), "broken");
    assert_non_null(strstr(json_string_value(json_object_get(broken, "note")), "key " MONTH ":17 is broken"));
    assert_int_equal(json_object_size(json_object_get(broken, "processors")), 0);
    assert_int_equal(json_array_size(json_object_get(broken, "groups")), 0);
    const json_t *totals = json_object_get(answer, "totals");
    assert_int_equal(json_integer_value(json_object_get(totals, "broken")), 2);
    json_decref(answer);
}

static void gaps_and_preflight_do_not_count_them(void **state) {
    struct fixture *fixture = *state;
    struct commands *commands = fixture->commands;
    check_run(commands, 1, "gaps", "--dates", "2021-11-16,2021-11-17,2021-11-18");
    check_told(commands);
    check_run(commands, 1, "gaps", "--list", "2021-11-17");
    commands_check_output(commands, "2021-11-17,pgs,broken\n");
    check_run(commands, 1, "gaps", "--json", "2021-11-17");
    json_t *answer = commands_json(commands), *broken = json_object_get(answer, "broken");
    assert_int_equal(json_array_size(broken), 1);
    json_decref(answer);
    redis_server_do(fixture->redis,
        "HSET " MONTH ":16 upgc %s utgc %s togs %s tdgs %s upgc.x a utgc.x b togs.x c tdgs.x d", GOOD, GOOD,
        GOOD, GOOD);
    check_run(commands, 0, "preflight", "2021-11-16");
    check_run(commands, 1, "preflight", "2021-11-16", "2021-11-18");
    commands_check_output(commands, "what the store has of 1 date cannot be read");
}

/* A command about one date says the same of it. */
static void one_date_alone(void **state) {
    struct fixture *fixture = *state;
    struct commands *commands = fixture->commands;
    static const char *const names[] = {"explain", "history"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *const words[] = {names[i], "2021-11-17", NULL},
                          *const other[] = {names[i], "2021-11-18", NULL};
        assert_int_not_equal(commands_run(commands, words), 0);
        commands_check_output(commands, "key " MONTH ":17 is broken: ");
        assert_int_not_equal(commands_run(commands, other), 0);
        commands_check_output(commands, "key " MONTH ":18 is broken: ");
        assert_null(strchr(commands_output(commands), '\033'));
    }
}

#define with(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        with(status_shows_the_others),
        with(status_says_so_in_json),
        with(gaps_and_preflight_do_not_count_them),
        with(one_date_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
