/*
 * What scripts read of commands that act, over a Redis that is store and bus: `publish`, `alerts test` and
 * `replay --seek`, each with --json.
 */
#include "support/check.h"
#include "support/commands.h"
#include "support/redis_server.h"
#include "support/temp_dir.h"
#include "support/webhook.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fixture {
    struct temp_dir dir;
    struct redis_server *server;
    struct webhook *webhook;
    struct commands *commands;
    char url[160], data[160], address[160];
    const char *environment[6];
    json_t *answer;
};

static json_t *at(const struct fixture *fixture, const char *key) {
    return json_object_get(fixture->answer, key);
}

static const char *text_at(const struct fixture *fixture, const char *key) {
    return json_string_value(at(fixture, key));
}

static void take_answer(struct fixture *fixture) {
    json_decref(fixture->answer);
    fixture->answer = commands_json(fixture->commands);
}

static void publish_says_what_went_where(void **state) {
    struct fixture *fixture = *state;
    check_run(fixture->commands, 0, "publish", "-P", "pgs", "-d", "2021-11-17", "--rows", "24", "--json",
        "--execution-id", "run-7");
    take_answer(fixture);
    assert_string_equal(text_at(fixture, "topic"), "nba-phase3-complete");
    assert_string_equal(text_at(fixture, "processor"), "player_game_summary");
    assert_string_equal(text_at(fixture, "game_date"), "2021-11-17");
    assert_string_equal(text_at(fixture, "execution_id"), "run-7");
    assert_true(json_is_true(at(fixture, "satisfies")));
    assert_true(json_is_false(at(fixture, "dry_run")));
    redisReply *entries = redis_server_ask(fixture->server, "XRANGE pg:bus:{nba-phase3-complete} - +");
    assert_int_equal(entries->elements, 1);
    assert_string_equal(entries->element[0]->element[0]->str, text_at(fixture, "message_id"));
    freeReplyObject(entries);
}

static void a_dry_run_has_no_message_id(void **state) {
    struct fixture *fixture = *state;
    check_run(fixture->commands, 0, "publish", "-P", "pgs", "-d", "2021-11-17", "--rows", "0", "--json",
        "--dry-run");
    take_answer(fixture);
    assert_true(json_is_null(at(fixture, "message_id")));
    assert_true(json_is_true(at(fixture, "dry_run")));
    assert_true(json_is_false(at(fixture, "satisfies")));
    assert_true(json_is_object(at(fixture, "message")));
    assert_int_equal(redis_server_ask_number(fixture->server, "EXISTS pg:bus:{nba-phase3-complete}"), 0);
}

static void a_test_of_alerts_says_the_status(void **state) {
    struct fixture *fixture = *state;
    check_run(fixture->commands, 0, "alerts", "test", "--json");
    take_answer(fixture);
    assert_true(json_is_true(at(fixture, "sent")));
    assert_int_equal(json_integer_value(at(fixture, "status")), 200);
    assert_int_equal(webhook_count(fixture->webhook, "this is a test"), 1);
    fixture->environment[4] = NULL;
    check_run(fixture->commands, 2, "alerts", "test");
    commands_check_output(fixture->commands, "there is no webhook, so there are no alerts");
}

static void a_seek_names_each_subscription(void **state) {
    struct fixture *fixture = *state;
    check_run(fixture->commands, 0, "replay", "--seek", "1d", "--dry-run", "--json");
    take_answer(fixture);
    assert_string_equal(text_at(fixture, "replay"), "seek");
    assert_true(json_is_true(at(fixture, "dry_run")));
    assert_int_equal(json_array_size(at(fixture, "subscriptions")), 2);
    const json_t *first = json_array_get(at(fixture, "subscriptions"), 0);
    assert_string_equal(json_string_value(json_object_get(first, "subscription")), "phasegate-nba-phase3");
    assert_true(json_is_false(json_object_get(first, "moved")));
    assert_true(json_is_null(json_object_get(first, "reason")));
}

static int set_up(void **state) {
    struct fixture *fixture = calloc(1, sizeof *fixture);
    if (!fixture)
        return -1;
    fixture->dir = temp_dir_make();
    fixture->server = redis_server_start((struct redis_server_options){0});
    fixture->webhook = webhook_open();
    snprintf(fixture->url, sizeof fixture->url, "PHASEGATE_STORE_URL=%s", redis_server_url(fixture->server));
    snprintf(fixture->data, sizeof fixture->data, "PHASEGATE_DATA=%s", fixture->dir.path);
    snprintf(fixture->address, sizeof fixture->address, "PHASEGATE_ALERTS_WEBHOOK=%s",
        webhook_url(fixture->webhook));
    const char *const environment[] = {
        fixture->url, fixture->data, "PHASEGATE_CONFIG=", "LC_ALL=C.UTF-8", fixture->address};
    memcpy(fixture->environment, environment, sizeof environment);
    fixture->commands = commands_new(PHASEGATE_BINARY, fixture->environment);
    *state = fixture;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *fixture = *state;
    json_decref(fixture->answer);
    commands_free(&fixture->commands);
    webhook_close(&fixture->webhook);
    redis_server_free(&fixture->server);
    temp_dir_remove(&fixture->dir);
    free(fixture);
    return 0;
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(publish_says_what_went_where),
        TEST(a_dry_run_has_no_message_id),
        TEST(a_test_of_alerts_says_the_status),
        TEST(a_seek_names_each_subscription),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
