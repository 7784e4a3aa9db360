/* Moving a consumer group back in time: to the entry, past what others hold, in streams that were cut, and
 * under the hands of a running receiver. */
#include "support/bus_inbox.h"
#include "support/check.h"
#include "support/log_capture.h"
#include "support/loop.h"
#include "support/redis_server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Entries are given ids around it: 2025-12-04T18:00:00.000Z. */
#define MOMENT_MS INT64_C(1764871200000)

enum { WAIT_MS = 15000, NEVER_MS = 500 };

static const struct source source = {.topic = "scores", .subscription = "readers"};
static const char stream[] = "pg:bus:{scores}";

struct fixture {
    uv_loop_t loop;
    struct log_capture capture;
    struct redis_server *server;
    struct bus *bus;
    struct inbox inbox;
};

static int setup(void **state) {
    static struct fixture fixture;
    fixture = (struct fixture){0};
    uv_loop_init(&fixture.loop);
    log_capture_open(&fixture.capture);
    inbox_open(&fixture.inbox, INBOX_ACK);
    fixture.server = redis_server_start((struct redis_server_options){.append_only = true});
    *state = &fixture;
    return 0;
}

static int teardown(void **state) {
    struct fixture *fixture = *state;
    close_and_wait(&fixture->loop, &fixture->bus);
    loop_close(&fixture->loop);
    redis_server_free(&fixture->server);
    inbox_close(&fixture->inbox);
    log_capture_close(&fixture->capture);
    return 0;
}

/* Topic and group made; nobody receives yet. */
static void start(struct fixture *fixture, int claim_after_seconds) {
    struct streams_settings settings = {.redis = redis_server_settings(fixture->server),
        .consumer = "first",
        .claim_after_seconds = claim_after_seconds};
    check_ok(bus_open_streams(&fixture->loop, &settings, &fixture->capture.log, &fixture->bus));
    create_and_wait(&fixture->loop, fixture->bus, &source);
}

static void subscribe(struct fixture *fixture) {
    struct subscription *subscription = NULL;
    check_ok(bus_subscribe(fixture->bus, &source, inbox_receiver(&fixture->inbox, 0), &subscription));
}

/* An entry so many ms after the moment; its text is its id. */
static void add(struct fixture *fixture, int offset_ms, const char *sequence) {
    long long ms = (long long)MOMENT_MS + offset_ms;
    redis_server_do(fixture->server, "XADD %s %lld-%s data %lld-%s", stream, ms, sequence, ms, sequence);
}

static void await_deliveries(struct fixture *fixture, size_t count) {
    fixture->inbox.awaited = count;
    loop_until(&fixture->loop, inbox_has_deliveries, &fixture->inbox, WAIT_MS, "messages");
}

static void expect_no_more(struct fixture *fixture, int duration_ms) {
    fixture->inbox.awaited = fixture->inbox.deliveries + 1;
    loop_never(&fixture->loop, inbox_has_deliveries, &fixture->inbox, duration_ms,
        "a delivery that should not come");
}

static struct result seek(struct fixture *fixture, int64_t time_ms) {
    struct outcome outcome = {0};
    bus_seek(fixture->bus, &source, time_ms, outcome_done, &outcome);
    loop_until(&fixture->loop, outcome_is_there, &outcome, WAIT_MS, "the end of a seek");
    return outcome.result;
}

static size_t times(struct fixture *fixture, const char *id) {
    const struct received *item = inbox_find(&fixture->inbox, id);
    return item ? item->times : 0;
}

static long long pending(struct fixture *fixture) {
    redisReply *reply = redis_server_ask(fixture->server, "XPENDING %s %s", stream, source.subscription);
    long long count = reply->element[0]->integer;
    freeReplyObject(reply);
    return count;
}

static bool nothing_is_pending(void *context) {
    return pending(context) == 0;
}

static void await_nothing_pending(struct fixture *fixture) {
    loop_until(&fixture->loop, nothing_is_pending, fixture, WAIT_MS, "all entries to be acked");
}

/* --- Where to ------------------------------------------------------------------------------------------- */

static void the_first_entry_of_the_moment_comes_and_the_last_before_it_does_not(void **state) {
    struct fixture *fixture = *state;
    start(fixture, 60);
    add(fixture, -1, "0");
    add(fixture, -1, "18446744073709551615");
    add(fixture, 0, "0");
    add(fixture, 0, "1");
    add(fixture, 1, "0");
    subscribe(fixture);
    await_deliveries(fixture, 5);
    flush_and_wait(&fixture->loop, fixture->bus);
    check_ok(seek(fixture, MOMENT_MS));
    await_deliveries(fixture, 8);
    expect_no_more(fixture, NEVER_MS);
    assert_int_equal(times(fixture, "1764871199999-18446744073709551615"), 1);
    assert_int_equal(times(fixture, "1764871200000-0"), 2);
    assert_int_equal(times(fixture, "1764871200000-1"), 2);
    assert_int_equal(times(fixture, "1764871200001-0"), 2);
}

static void a_group_is_never_moved_forward(void **state) {
    struct fixture *fixture = *state;
    start(fixture, 60);
    add(fixture, -1, "0");
    add(fixture, 0, "0");
    check_ok(seek(fixture, MOMENT_MS));
    subscribe(fixture);
    await_deliveries(fixture, 2);
    assert_int_equal(times(fixture, "1764871199999-0"), 1);
}

static void what_others_hold_comes_once_and_what_they_held_before_stays_theirs(void **state) {
    struct fixture *fixture = *state;
    start(fixture, 3);
    add(fixture, -1, "0");
    add(fixture, 0, "0");
    redis_server_do(fixture->server, "XREADGROUP GROUP readers dead STREAMS %s >", stream);
    check_ok(seek(fixture, MOMENT_MS));
    subscribe(fixture);
    await_deliveries(fixture, 1);
    assert_int_equal(times(fixture, "1764871200000-0"), 1); /* at once, though it is pending for another */
    await_deliveries(fixture, 2);                           /* taken over from who is silent, as ever */
    expect_no_more(fixture, NEVER_MS);
    assert_int_equal(times(fixture, "1764871199999-0"), 1);
    await_nothing_pending(fixture);
}

/* --- Streams that were cut ------------------------------------------------------------------------------ */

static void a_moment_before_the_first_kept_entry_is_warned_of(void **state) {
    struct fixture *fixture = *state;
    start(fixture, 60);
    for (int i = -2; i <= 2; i++)
        add(fixture, i * 1000, "0");
    check_ok(seek(fixture, MOMENT_MS - 3000));
    assert_int_equal(log_capture_count(&fixture->capture, "is gone"), 0); /* nothing ever came before */
    redis_server_do(fixture->server, "XTRIM %s MINID = %lld", stream, (long long)MOMENT_MS);
    check_ok(seek(fixture, MOMENT_MS));
    assert_int_equal(log_capture_count(&fixture->capture, "is gone"), 0);
    check_ok(seek(fixture, MOMENT_MS - 1));
    assert_int_equal(log_capture_count(&fixture->capture, "moved back to 2025-12-04T17:59:59.999Z"), 1);
    assert_int_equal(log_capture_count(&fixture->capture, "nothing from before 2025-12-04T18:00:00.000Z"), 1);
    subscribe(fixture);
    await_deliveries(fixture, 3);
}

static void a_stream_of_which_nothing_is_left_is_warned_of(void **state) {
    struct fixture *fixture = *state;
    start(fixture, 60);
    add(fixture, 0, "0");
    redis_server_do(fixture->server, "XTRIM %s MAXLEN = 0", stream);
    check_ok(seek(fixture, MOMENT_MS - 1));
    assert_int_equal(log_capture_count(&fixture->capture, "nothing from before 2025-12-04T18:00:00.000Z"), 1);
    check_ok(seek(fixture, MOMENT_MS + 1));
    assert_int_equal(log_capture_count(&fixture->capture, "is gone"), 1);
}

/* --- Under the hands of a running receiver -------------------------------------------------------------- */

static void what_is_in_hand_is_not_handed_out_a_second_time(void **state) {
    struct fixture *fixture = *state;
    start(fixture, 60);
    fixture->inbox.policy = INBOX_HOLD;
    subscribe(fixture);
    add(fixture, 0, "0");
    await_deliveries(fixture, 1);
    check_ok(seek(fixture, MOMENT_MS));
    add(fixture, 1, "0"); /* wakes the reading, which brings both */
    await_deliveries(fixture, 2);
    expect_no_more(fixture, NEVER_MS);
    assert_int_equal(times(fixture, "1764871200000-0"), 1);
    inbox_ack_all(&fixture->inbox);
    flush_and_wait(&fixture->loop, fixture->bus);
    assert_int_equal(pending(fixture), 0);
}

static redisContext *connect_beside(struct fixture *fixture) {
    redisContext *beside = redisConnectUnix(redis_server_settings(fixture->server)->path);
    assert_non_null(beside);
    assert_int_equal(beside->err, 0);
    freeReplyObject(redisCommand(beside, "PING"));
    return beside;
}

static void write_all(redisContext *beside) {
    int done = 0;
    while (!done)
        assert_int_equal(redisBufferWrite(beside, &done), REDIS_OK);
}

/*
 * The ack is on its way to a server that is stopped; behind it another process moves the group back, and
 * publishes. Going on, the server takes the ack and then gives the entry to the reader anew, which may read
 * it before the answer to the ack. A claim would find it in a minute.
 */
static void what_is_being_acked_comes_again(void **state) {
    struct fixture *fixture = *state;
    start(fixture, 60);
    fixture->inbox.policy = INBOX_HOLD;
    subscribe(fixture);
    add(fixture, 0, "0");
    await_deliveries(fixture, 1);
    redisContext *beside = connect_beside(fixture);
    redisAppendCommand(beside, "XGROUP SETID %s readers 0", stream);
    redisAppendCommand(beside, "XADD %s %lld-0 data new", stream, (long long)MOMENT_MS + 1);
    expect_no_more(fixture, NEVER_MS); /* it reads, and waits */
    redis_server_freeze(fixture->server);
    inbox_ack_all(&fixture->inbox);
    expect_no_more(fixture, 50); /* the ack leaves */
    write_all(beside);
    redis_server_thaw(fixture->server);
    await_deliveries(fixture, 3);
    redisFree(beside);
    assert_int_equal(times(fixture, "1764871200000-0"), 2);
    inbox_ack_all(&fixture->inbox);
    await_nothing_pending(fixture);
}

/* --- Failures ------------------------------------------------------------------------------------------- */

static void a_key_of_another_type_is_told(void **state) {
    struct fixture *fixture = *state;
    start(fixture, 60);
    redis_server_do(fixture->server, "DEL %s", stream);
    redis_server_do(fixture->server, "SET %s text", stream);
    check_fails(seek(fixture, MOMENT_MS), CODE_INTERNAL, "WRONGTYPE");
}

static void a_crash_before_the_answer_makes_it_unavailable(void **state) {
    struct fixture *fixture = *state;
    start(fixture, 60);
    redis_server_freeze(fixture->server);
    struct outcome outcome = {0};
    bus_seek(fixture->bus, &source, MOMENT_MS, outcome_done, &outcome);
    loop_never(&fixture->loop, outcome_is_there, &outcome, 50, "an answer");
    redis_server_kill(fixture->server);
    loop_until(&fixture->loop, outcome_is_there, &outcome, WAIT_MS, "the failure of a seek");
    check_fails(outcome.result, CODE_UNAVAILABLE, stream);
    redis_server_restart(fixture->server);
    check_ok(seek(fixture, MOMENT_MS));
}

#define seek_test(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        seek_test(the_first_entry_of_the_moment_comes_and_the_last_before_it_does_not),
        seek_test(a_group_is_never_moved_forward),
        seek_test(what_others_hold_comes_once_and_what_they_held_before_stays_theirs),
        seek_test(a_moment_before_the_first_kept_entry_is_warned_of),
        seek_test(a_stream_of_which_nothing_is_left_is_warned_of),
        seek_test(what_is_in_hand_is_not_handed_out_a_second_time),
        seek_test(what_is_being_acked_comes_again),
        seek_test(a_key_of_another_type_is_told),
        seek_test(a_crash_before_the_answer_makes_it_unavailable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
