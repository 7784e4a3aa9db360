/* The asynchronous connection, and the blocking one, against a real redis-server that comes, goes and hangs.
 */
#include "redis/link.h"
#include "redis/sync.h"
#include "support/await.h"
#include "support/check.h"
#include "support/log_capture.h"
#include "support/loop.h"
#include "support/redis_server.h"

#include <string.h>

enum { SOON_MS = 5000, FROZEN_MS = 20000 };

struct fixture {
    uv_loop_t loop;
    struct log_capture capture;
    struct redis_server *server;
    struct redis_link *link;
    int connects, losses;
    bool closed;
    void (*at_connect)(struct fixture *fixture);
};

static void on_connect(void *context) {
    struct fixture *fixture = context;
    fixture->connects++;
    if (fixture->at_connect)
        fixture->at_connect(fixture);
}

static void on_lost(void *context) {
    struct fixture *fixture = context;
    fixture->losses++;
}

static void on_closed(void *context) {
    struct fixture *fixture = context;
    fixture->closed = true;
}

static int setup(void **state) {
    static struct fixture fixture;
    fixture = (struct fixture){0};
    uv_loop_init(&fixture.loop);
    log_capture_open(&fixture.capture);
    *state = &fixture;
    return 0;
}

static int teardown(void **state) {
    struct fixture *fixture = *state;
    if (fixture->link)
        redis_link_close(fixture->link, on_closed, fixture);
    loop_close(&fixture->loop);
    bool good = !fixture->link || fixture->closed;
    redis_server_free(&fixture->server);
    log_capture_close(&fixture->capture);
    return good ? 0 : -1;
}

static void open_link(struct fixture *fixture, const struct redis_settings *settings) {
    struct redis_link_events events = {.on_connect = on_connect, .on_lost = on_lost, .context = fixture};
    check_ok(redis_link_open(&fixture->loop, settings, &fixture->capture.log, events, &fixture->link));
}

static bool is_connected(void *context) {
    struct fixture *fixture = context;
    return redis_link_connected(fixture->link);
}

static bool is_lost(void *context) {
    struct fixture *fixture = context;
    return fixture->losses > 0;
}

static void await_connection(struct fixture *fixture) {
    loop_until(&fixture->loop, is_connected, fixture, SOON_MS, "the connection");
}

static void start_connected(struct fixture *fixture, struct redis_server_options options) {
    fixture->server = redis_server_start(options);
    open_link(fixture, redis_server_settings(fixture->server));
    await_connection(fixture);
}

/* What came back for a row of commands. */
struct answers {
    long long numbers[2000];
    size_t count, nulls;
};

static void on_number(void *context, const redisReply *reply) {
    struct answers *answers = context;
    if (reply)
        answers->numbers[answers->count++] = reply->integer;
    else
        answers->nulls++;
}

static bool has_ten(void *context) {
    return ((struct answers *)context)->count == 10;
}

static bool has_all(void *context) {
    return ((struct answers *)context)->count == 2000;
}

static bool has_nulls(void *context) {
    return ((struct answers *)context)->nulls > 0;
}

static void answers_come_in_the_order_of_the_commands(void **state) {
    struct fixture *fixture = *state;
    start_connected(fixture, (struct redis_server_options){.tcp = true});
    static struct answers answers;
    answers = (struct answers){0};
    for (int i = 0; i < 2000; i++)
        check_ok(redis_link_sendv(fixture->link, on_number, &answers, "INCR", "n", NULL));
    assert_int_equal(answers.count, 0);
    loop_until(&fixture->loop, has_all, &answers, SOON_MS, "2,000 answers");
    for (int i = 0; i < 2000; i++)
        assert_int_equal(answers.numbers[i], i + 1);
}

static bool server_has_counted(void *context) {
    const struct fixture *fixture = context;
    redisReply *reply = redis_server_ask(fixture->server, "GET n");
    bool has = reply->type == REDIS_REPLY_STRING;
    freeReplyObject(reply);
    return has;
}

/* Without a turn of the loop. */
static void what_is_flushed_has_left(void **state) {
    struct fixture *fixture = *state;
    start_connected(fixture, (struct redis_server_options){0});
    static struct answers answers;
    answers = (struct answers){0};
    check_ok(redis_link_sendv(fixture->link, on_number, &answers, "INCR", "n", NULL));
    assert_false(server_has_counted(fixture));
    redis_link_flush(fixture->link);
    assert_true(await_until(server_has_counted, fixture, SOON_MS));
    assert_int_equal(answers.count, 0);
}

static void arguments_may_hold_any_byte(void **state) {
    struct fixture *fixture = *state;
    start_connected(fixture, (struct redis_server_options){0});
    const char *argv[] = {"SETBIT", "a\0b", "7", "1"};
    size_t lengths[] = {6, 3, 1, 1};
    static struct answers answers;
    answers = (struct answers){0};
    for (int i = 0; i < 10; i++)
        check_ok(redis_link_send(fixture->link, on_number, &answers, 4, argv, lengths));
    loop_until(&fixture->loop, has_ten, &answers, SOON_MS, "the answers");
    assert_int_equal(answers.numbers[0], 0);
    assert_int_equal(answers.numbers[9], 1);
    assert_int_equal(redis_server_ask_number(fixture->server, "EXISTS %b", "a\0b", (size_t)3), 1);
}

static void a_server_that_comes_later_is_found(void **state) {
    struct fixture *fixture = *state;
    fixture->server = redis_server_reserve((struct redis_server_options){0});
    open_link(fixture, redis_server_settings(fixture->server));
    loop_never(&fixture->loop, is_connected, fixture, 300, "a connection to a server that is down");
    check_fails(redis_link_sendv(fixture->link, NULL, NULL, "PING", NULL), CODE_UNAVAILABLE, "not connected");
    redis_server_restart(fixture->server);
    await_connection(fixture);
    assert_int_equal(fixture->connects, 1);
    assert_int_equal(fixture->losses, 0);
    assert_int_equal(log_capture_count(&fixture->capture, "no connection to Redis at unix:///tmp/"), 1);
    assert_int_equal(
        log_capture_count(&fixture->capture, "again"), 2); /* "trying again", "connected … again" */
}

static void a_refused_port_is_noticed_and_found_later(void **state) {
    struct fixture *fixture = *state;
    fixture->server = redis_server_reserve((struct redis_server_options){.tcp = true});
    open_link(fixture, redis_server_settings(fixture->server));
    loop_never(&fixture->loop, is_connected, fixture, 300, "a connection to a server that is down");
    assert_int_equal(log_capture_count(&fixture->capture, "Connection refused"), 1);
    redis_server_restart(fixture->server);
    await_connection(fixture);
}

static void a_killed_server_is_lost_and_found_once(void **state) {
    struct fixture *fixture = *state;
    start_connected(fixture, (struct redis_server_options){.tcp = true});
    for (int round = 1; round <= 2; round++) {
        redis_server_kill(fixture->server);
        fixture->losses = 0;
        loop_until(&fixture->loop, is_lost, fixture, SOON_MS, "the loss");
        assert_false(redis_link_connected(fixture->link));
        loop_never(&fixture->loop, is_connected, fixture, 300, "a connection to a dead server");
        redis_server_restart(fixture->server);
        await_connection(fixture);
        assert_int_equal(fixture->losses, 1);
        assert_int_equal(fixture->connects, 1 + round);
        assert_int_equal(log_capture_count(&fixture->capture, "no connection to Redis"), round);
        assert_int_equal(log_capture_count(&fixture->capture, "connected to Redis"), round);
    }
}

/* NULL first, then on_lost; and what is sent from there fails without a call. */
struct breaking {
    struct fixture *fixture;
    int nulls, losses_at_null;
    struct result sent;
};

static void on_break(void *context, const redisReply *reply) {
    struct breaking *breaking = context;
    assert_null(reply);
    breaking->nulls++;
    breaking->losses_at_null += breaking->fixture->losses;
    assert_false(redis_link_connected(breaking->fixture->link));
    breaking->sent = redis_link_sendv(breaking->fixture->link, on_break, breaking, "PING", NULL);
}

static void what_waits_when_the_connection_breaks_hears_of_it(void **state) {
    struct fixture *fixture = *state;
    start_connected(fixture, (struct redis_server_options){.tcp = true});
    struct breaking breaking = {.fixture = fixture};
    redis_server_freeze(fixture->server);
    for (int i = 0; i < 100; i++)
        check_ok(redis_link_sendv(fixture->link, on_break, &breaking, "INCR", "n", NULL));
    redis_server_kill(fixture->server);
    loop_until(&fixture->loop, is_lost, fixture, SOON_MS, "the loss");
    assert_int_equal(breaking.nulls, 100);
    assert_int_equal(breaking.losses_at_null, 0);
    check_fails(breaking.sent, CODE_UNAVAILABLE, "not connected");
}

static void a_wrong_password_is_told_and_tried_again(void **state) {
    struct fixture *fixture = *state;
    fixture->server = redis_server_start((struct redis_server_options){.password = "right"});
    struct redis_settings settings = *redis_server_settings(fixture->server);
    settings.password = "wrong-secret";
    open_link(fixture, &settings);
    loop_never(&fixture->loop, is_connected, fixture, 500, "a connection with a wrong password");
    assert_int_equal(fixture->connects, 0);
    assert_int_equal(log_capture_count(&fixture->capture, "WRONGPASS"), 1);
    assert_int_equal(log_capture_count(&fixture->capture, "secret"), 0);
    redis_server_do(fixture->server, "CONFIG SET requirepass wrong-secret");
    await_connection(fixture);
}

/* Twice as large as what it is put together in. */
static void a_login_that_cannot_be_sent_is_told_and_tried_again(void **state) {
    struct fixture *fixture = *state;
    static char large[40000];
    memset(large, 'x', sizeof large - 1);
    fixture->server = redis_server_start((struct redis_server_options){0});
    struct redis_settings settings = *redis_server_settings(fixture->server);
    settings.password = large;
    long long first = redis_server_ask_number(fixture->server, "CLIENT ID");
    open_link(fixture, &settings);
    loop_never(&fixture->loop, is_connected, fixture, 500, "a connection without a login");
    assert_int_equal(log_capture_count(&fixture->capture, "trying again: out of memory"), 1);
    assert_true(redis_server_ask_number(fixture->server, "CLIENT ID") > first + 2);
}

static void a_missing_password_is_told(void **state) {
    struct fixture *fixture = *state;
    fixture->server = redis_server_start((struct redis_server_options){.password = "right"});
    struct redis_settings settings = *redis_server_settings(fixture->server);
    settings.password = NULL;
    open_link(fixture, &settings);
    loop_never(&fixture->loop, is_connected, fixture, 300, "a connection without a password");
    assert_int_equal(log_capture_count(&fixture->capture, "NOAUTH"), 1);
}

static void the_user_the_database_and_the_name_are_set(void **state) {
    struct fixture *fixture = *state;
    fixture->server = redis_server_start((struct redis_server_options){0});
    redis_server_do(fixture->server, "ACL SETUSER gate on >word ~* +@all");
    struct redis_settings settings = *redis_server_settings(fixture->server);
    settings.username = "gate";
    settings.password = "word";
    settings.database = 3;
    open_link(fixture, &settings);
    await_connection(fixture);
    redisReply *clients = redis_server_ask(fixture->server, "CLIENT LIST");
    const char *line = strstr(clients->str, "name=phasegate");
    assert_non_null(line);
    assert_non_null(strstr(line, " db=3 "));
    assert_non_null(strstr(line, " user=gate "));
    freeReplyObject(clients);
}

static void an_unknown_database_is_told(void **state) {
    struct fixture *fixture = *state;
    fixture->server = redis_server_start((struct redis_server_options){0});
    struct redis_settings settings = *redis_server_settings(fixture->server);
    settings.database = 999;
    open_link(fixture, &settings);
    loop_never(&fixture->loop, is_connected, fixture, 300, "a connection to a database that is not there");
    assert_int_equal(log_capture_count(&fixture->capture, "DB index is out of range"), 1);
}

static void a_frozen_server_is_given_up_while_connecting(void **state) {
    struct fixture *fixture = *state;
    fixture->server = redis_server_start((struct redis_server_options){.tcp = true});
    redis_server_freeze(fixture->server);
    open_link(fixture, redis_server_settings(fixture->server));
    loop_never(&fixture->loop, is_connected, fixture, 5500, "a connection to a frozen server");
    assert_int_equal(log_capture_count(&fixture->capture, "did not answer within 5 s"), 1);
    redis_server_thaw(fixture->server);
    loop_until(&fixture->loop, is_connected, fixture, FROZEN_MS, "the connection after the thaw");
}

static void a_frozen_server_is_given_up_while_commands_wait(void **state) {
    struct fixture *fixture = *state;
    start_connected(fixture, (struct redis_server_options){0});
    redis_server_freeze(fixture->server);
    static struct answers answers;
    answers = (struct answers){0};
    check_ok(redis_link_sendv(fixture->link, on_number, &answers, "INCR", "n", NULL));
    loop_until(&fixture->loop, has_nulls, &answers, FROZEN_MS, "the loss of a frozen server");
    assert_int_equal(fixture->losses, 1);
    redis_server_thaw(fixture->server);
    loop_until(&fixture->loop, is_connected, fixture, FROZEN_MS, "the connection after the thaw");
}

static void a_frozen_server_is_given_up_while_nothing_waits(void **state) {
    struct fixture *fixture = *state;
    start_connected(fixture, (struct redis_server_options){.tcp = true});
    redis_server_freeze(fixture->server);
    loop_until(&fixture->loop, is_lost, fixture, FROZEN_MS, "the loss of a frozen server");
    assert_int_equal(log_capture_count(&fixture->capture, "has not answered for 10 s"), 1);
}

static void an_idle_connection_stays(void **state) {
    struct fixture *fixture = *state;
    start_connected(fixture, (struct redis_server_options){.tcp = true});
    loop_never(&fixture->loop, is_lost, fixture, 12000, "the loss of a healthy server");
    assert_true(redis_link_connected(fixture->link));
}

static void drop_at_first_connect(struct fixture *fixture) {
    if (fixture->connects == 1)
        redis_link_drop(fixture->link);
}

static bool came_twice(void *context) {
    return ((struct fixture *)context)->connects == 2;
}

static void a_dropped_connection_comes_back(void **state) {
    struct fixture *fixture = *state;
    fixture->at_connect = drop_at_first_connect;
    start_connected(fixture, (struct redis_server_options){0});
    loop_until(&fixture->loop, came_twice, fixture, SOON_MS, "the second connection");
    assert_int_equal(fixture->losses, 1);
    redis_link_drop(fixture->link);
    assert_int_equal(fixture->losses, 2);
    await_connection(fixture);
}

static void close_at_connect(struct fixture *fixture) {
    redis_link_close(fixture->link, on_closed, fixture);
    fixture->link = NULL;
}

static void it_can_be_closed_from_its_own_callback(void **state) {
    struct fixture *fixture = *state;
    fixture->at_connect = close_at_connect;
    fixture->server = redis_server_start((struct redis_server_options){0});
    open_link(fixture, redis_server_settings(fixture->server));
    loop_until_true(&fixture->loop, &fixture->closed, SOON_MS, "the end of the link");
    assert_int_equal(fixture->losses, 0);
}

static void closing_answers_what_waits_with_null(void **state) {
    struct fixture *fixture = *state;
    start_connected(fixture, (struct redis_server_options){0});
    static struct answers answers;
    answers = (struct answers){0};
    for (int i = 0; i < 5; i++)
        check_ok(redis_link_sendv(fixture->link, on_number, &answers, "INCR", "n", NULL));
    redis_link_close(fixture->link, on_closed, fixture);
    fixture->link = NULL;
    assert_false(fixture->closed);
    loop_until_true(&fixture->loop, &fixture->closed, SOON_MS, "the end of the link");
    assert_int_equal(answers.nulls, 5);
}

static void it_can_be_closed_while_a_name_is_looked_up(void **state) {
    struct fixture *fixture = *state;
    struct redis_settings settings = {.host = "localhost", .port = 1};
    open_link(fixture, &settings);
    redis_link_close(fixture->link, on_closed, fixture);
    fixture->link = NULL;
    loop_until_true(&fixture->loop, &fixture->closed, SOON_MS, "the end of the link");
}

static void a_lookup_that_ends_after_closing_connects_nothing(void **state) {
    struct fixture *fixture = *state;
    fixture->server = redis_server_start((struct redis_server_options){.tcp = true});
    for (int i = 0; i < 50; i++) {
        fixture->closed = false;
        open_link(fixture, redis_server_settings(fixture->server));
        for (int turn = 0; turn < i % 5; turn++) /* until it is under way in its thread, now and then */
            uv_run(&fixture->loop, UV_RUN_NOWAIT);
        redis_link_close(fixture->link, on_closed, fixture);
        fixture->link = NULL;
        loop_until_true(&fixture->loop, &fixture->closed, SOON_MS, "the end of the link");
        assert_false(uv_loop_alive(&fixture->loop));
    }
}

static void each_address_of_a_name_is_tried(void **state) {
    struct fixture *fixture = *state;
    fixture->server = redis_server_start((struct redis_server_options){.tcp = true});
    struct redis_settings settings = *redis_server_settings(fixture->server);
    settings.host = "localhost"; /* often ::1 too, where nobody listens */
    open_link(fixture, &settings);
    await_connection(fixture);
}

static void a_name_that_nobody_has_is_told(void **state) {
    struct fixture *fixture = *state;
    struct redis_settings settings = {.host = "no-such-host.invalid", .port = 6379};
    open_link(fixture, &settings);
    loop_never(&fixture->loop, is_connected, fixture, 500, "a connection to nowhere");
    assert_int_equal(log_capture_count(&fixture->capture, "no-such-host.invalid"), 1);
}

static void too_many_commands_are_refused(void **state) {
    struct fixture *fixture = *state;
    start_connected(fixture, (struct redis_server_options){0});
    redis_server_freeze(fixture->server);
    struct result r = ok();
    size_t sent = 0;
    while (is_ok(r) && sent < 1000000) {
        r = redis_link_sendv(fixture->link, NULL, NULL, "PING", NULL);
        sent++;
    }
    check_fails(r, CODE_UNAVAILABLE, "already wait");
    assert_in_range(sent, 100000, 200000);
    redis_server_thaw(fixture->server);
}

static void the_blocking_connection_asks_and_tells_why_not(void **state) {
    struct fixture *fixture = *state;
    fixture->server = redis_server_start((struct redis_server_options){.tcp = true, .password = "right"});
    struct redis_settings settings = *redis_server_settings(fixture->server);
    redisContext *connection = NULL;
    redisReply *reply = NULL;
    check_ok(redis_connect(&settings, 1000, &connection));
    check_ok(redis_ask(connection, &reply, 3, (const char *[]){"SET", "a", "b"}, NULL));
    freeReplyObject(reply);
    reply = NULL;
    check_fails(
        redis_ask(connection, &reply, 1, (const char *[]){"NOSUCH"}, NULL), CODE_INTERNAL, "unknown command");
    assert_null(reply);
    redis_server_kill(fixture->server);
    check_fails(redis_ask(connection, &reply, 1, (const char *[]){"PING"}, NULL), CODE_UNAVAILABLE, "broke");
    check_fails(redis_ask(connection, &reply, 1, (const char *[]){"PING"}, NULL), CODE_UNAVAILABLE, "broke");
    redisFree(connection);
    connection = NULL;
    check_fails(redis_connect(&settings, 1000, &connection), CODE_UNAVAILABLE, "redis://127.0.0.1:");
    assert_null(connection);
    redis_server_restart(fixture->server);
    settings.password = "wrong-secret";
    check_fails(redis_connect(&settings, 1000, &connection), CODE_REFUSED, "WRONGPASS");
    settings.password = NULL;
    check_fails(redis_connect(&settings, 1000, &connection), CODE_REFUSED, "NOAUTH");
    redis_server_freeze(fixture->server);
    check_fails(redis_connect(&settings, 200, &connection), CODE_UNAVAILABLE, "did not answer in time");
}

#define link_test(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        link_test(answers_come_in_the_order_of_the_commands),
        link_test(what_is_flushed_has_left),
        link_test(arguments_may_hold_any_byte),
        link_test(a_server_that_comes_later_is_found),
        link_test(a_refused_port_is_noticed_and_found_later),
        link_test(a_killed_server_is_lost_and_found_once),
        link_test(what_waits_when_the_connection_breaks_hears_of_it),
        link_test(a_wrong_password_is_told_and_tried_again),
        link_test(a_login_that_cannot_be_sent_is_told_and_tried_again),
        link_test(a_missing_password_is_told),
        link_test(the_user_the_database_and_the_name_are_set),
        link_test(an_unknown_database_is_told),
        link_test(a_frozen_server_is_given_up_while_connecting),
        link_test(a_frozen_server_is_given_up_while_commands_wait),
        link_test(a_frozen_server_is_given_up_while_nothing_waits),
        link_test(an_idle_connection_stays),
        link_test(a_dropped_connection_comes_back),
        link_test(it_can_be_closed_from_its_own_callback),
        link_test(closing_answers_what_waits_with_null),
        link_test(it_can_be_closed_while_a_name_is_looked_up),
        link_test(a_lookup_that_ends_after_closing_connects_nothing),
        link_test(each_address_of_a_name_is_tried),
        link_test(a_name_that_nobody_has_is_told),
        link_test(too_many_commands_are_refused),
        link_test(the_blocking_connection_asks_and_tells_why_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
