/* What only the Redis Streams end of the bus does: its entries, its groups, taking over, cutting, and Redis'
 * faults. */
#include "support/bus_inbox.h"
#include "support/check.h"
#include "support/log_capture.h"
#include "support/loop.h"
#include "support/patience.h"
#include "support/redis_server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WAIT_MS = 15000, NEVER_MS = 500 };

static const struct source source = {.topic = "scores", .subscription = "readers"};
static const char stream[] = "pg:bus:{scores}";

struct fixture {
    uv_loop_t loop;
    struct log_capture capture;
    struct redis_server *server;
    struct bus *bus, *other;
    struct inbox inbox, other_inbox;
};

static int setup(void **state) {
    static struct fixture fixture;
    fixture = (struct fixture){0};
    uv_loop_init(&fixture.loop);
    log_capture_open(&fixture.capture);
    inbox_open(&fixture.inbox, INBOX_ACK);
    inbox_open(&fixture.other_inbox, INBOX_ACK);
    fixture.server = redis_server_start((struct redis_server_options){.append_only = true});
    *state = &fixture;
    return 0;
}

static int teardown(void **state) {
    struct fixture *fixture = *state;
    close_and_wait(&fixture->loop, &fixture->bus);
    close_and_wait(&fixture->loop, &fixture->other);
    loop_close(&fixture->loop);
    redis_server_free(&fixture->server);
    inbox_close(&fixture->inbox);
    inbox_close(&fixture->other_inbox);
    log_capture_close(&fixture->capture);
    return 0;
}

static struct bus *open_bus(
    struct fixture *fixture, const char *consumer, int claim_after_seconds, int64_t max_length) {
    struct streams_settings settings = {.redis = redis_server_settings(fixture->server),
        .consumer = consumer,
        .claim_after_seconds = claim_after_seconds,
        .max_length = max_length};
    struct bus *bus = NULL;
    check_ok(bus_open_streams(&fixture->loop, &settings, &fixture->capture.log, &bus));
    return bus;
}

static struct subscription *subscribe(struct bus *bus, struct inbox *inbox, size_t in_hand_max) {
    struct subscription *subscription = NULL;
    check_ok(bus_subscribe(bus, &source, inbox_receiver(inbox, in_hand_max), &subscription));
    return subscription;
}

/* A bus of the name "first" with topic and group made; nobody receives yet. */
static void start(struct fixture *fixture, int claim_after_seconds) {
    fixture->bus = open_bus(fixture, "first", claim_after_seconds, 0);
    create_and_wait(&fixture->loop, fixture->bus, &source);
}

static void publish(struct fixture *fixture, const char *text) {
    publish_and_wait(&fixture->loop, fixture->bus, source.topic, NULL, text);
}

static void publish_numbers(struct fixture *fixture, int from, int to) {
    static struct outcome outcomes[10000];
    char text[32];
    memset(outcomes, 0, sizeof outcomes);
    for (int i = from; i < to; i++) {
        snprintf(text, sizeof text, "%d", i);
        publish_text(fixture->bus, source.topic, NULL, text, &outcomes[i - from]);
    }
    flush_and_wait(&fixture->loop, fixture->bus);
    for (int i = from; i < to; i++)
        check_ok(outcomes[i - from].result);
}

static void await_count(struct fixture *fixture, struct inbox *inbox, size_t count, int deadline_ms) {
    inbox->awaited = count;
    loop_until(&fixture->loop, inbox_is_full, inbox, deadline_ms, "messages");
}

static void expect_no_more(struct fixture *fixture, struct inbox *inbox, int duration_ms) {
    inbox->awaited = inbox->deliveries + 1;
    loop_never(&fixture->loop, inbox_has_deliveries, inbox, duration_ms, "a delivery that should not come");
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

static long long length(struct fixture *fixture) {
    return redis_server_ask_number(fixture->server, "XLEN %s", stream);
}

/* As if a process of that name had received them, and died. */
static void read_as(struct fixture *fixture, const char *consumer, int count) {
    redis_server_do(fixture->server, "XREADGROUP GROUP %s %s COUNT %d STREAMS %s >", source.subscription,
        consumer, count, stream);
}

/* --- Entries -------------------------------------------------------------------------------------------- */

static void an_entry_has_the_documented_fields(void **state) {
    struct fixture *fixture = *state;
    start(fixture, 60);
    const struct attribute attributes[] = {{"group", "2"}, {"run", "1"}};
    struct message message = {.data = "{}",
        .size = 2,
        .attributes = attributes,
        .attribute_count = 2,
        .ordering_key = "nba/2021-11-17"};
    struct outcome outcome = {0};
    bus_publish(fixture->bus, source.topic, &message, outcome_published, &outcome);
    flush_and_wait(&fixture->loop, fixture->bus);
    redisReply *reply = redis_server_ask(fixture->server, "XRANGE %s - +", stream);
    assert_int_equal(reply->elements, 1);
    assert_string_equal(reply->element[0]->element[0]->str, outcome.id);
    const redisReply *fields = reply->element[0]->element[1];
    const char *expected[] = {"data", "{}", "key", "nba/2021-11-17", "a:group", "2", "a:run", "1"};
    assert_int_equal(fields->elements, 8);
    for (size_t i = 0; i < 8; i++)
        assert_string_equal(fields->element[i]->str, expected[i]);
    freeReplyObject(reply);
}

static void a_foreign_entry_comes_without_what_it_lacks(void **state) {
    struct fixture *fixture = *state;
    start(fixture, 60);
    redis_server_do(fixture->server, "XADD %s 1700000000000-5 player LeBron a:name value", stream);
    subscribe(fixture->bus, &fixture->inbox, 0);
    await_count(fixture, &fixture->inbox, 1, WAIT_MS);
    assert_int_equal(fixture->inbox.items[0].size, 0);
    assert_int_equal(fixture->inbox.items[0].published_ms, INT64_C(1700000000000));
    assert_string_equal(fixture->inbox.items[0].id, "1700000000000-5");
    assert_string_equal(fixture->inbox.attributes, "name=value;");
}

static void messages_of_one_key_are_in_the_stream_in_order(void **state) {
    struct fixture *fixture = *state;
    start(fixture, 60);
    static struct outcome outcomes[600];
    memset(outcomes, 0, sizeof outcomes);
    char key[8], text[16];
    for (int i = 0; i < 600; i++) {
        snprintf(key, sizeof key, "%d", i % 3);
        snprintf(text, sizeof text, "%d", i / 3);
        publish_text(fixture->bus, source.topic, key, text, &outcomes[i]);
    }
    flush_and_wait(&fixture->loop, fixture->bus);
    redisReply *reply = redis_server_ask(fixture->server, "XRANGE %s - +", stream);
    int next[3] = {0};
    assert_int_equal(reply->elements, 600);
    for (size_t i = 0; i < 600; i++) {
        const redisReply *fields = reply->element[i]->element[1];
        int *expected = &next[atoi(fields->element[3]->str)];
        assert_int_equal(atoi(fields->element[1]->str), (*expected)++);
    }
    freeReplyObject(reply);
}

/* --- Groups and consumers ------------------------------------------------------------------------------- */

static void a_group_begins_at_the_start_of_the_stream(void **state) {
    struct fixture *fixture = *state;
    fixture->bus = open_bus(fixture, "first", 60, 0);
    publish(fixture, "before the group was made");
    create_and_wait(&fixture->loop, fixture->bus, &source);
    subscribe(fixture->bus, &fixture->inbox, 0);
    await_count(fixture, &fixture->inbox, 1, WAIT_MS);
}

static void a_missing_group_is_told_once_with_what_to_do(void **state) {
    struct fixture *fixture = *state;
    fixture->bus = open_bus(fixture, "first", 60, 0);
    subscribe(fixture->bus, &fixture->inbox, 0);
    expect_no_more(fixture, &fixture->inbox, 1500);
    assert_int_equal(log_capture_count(&fixture->capture, "phasegate serve --create"), 1);
    assert_int_equal(log_capture_count(&fixture->capture, stream), 1);
    publish(fixture, "early");
    redis_server_do(fixture->server, "XGROUP CREATE %s %s 0", stream, source.subscription);
    await_count(fixture, &fixture->inbox, 1, WAIT_MS);
    assert_int_equal(log_capture_count(&fixture->capture, "reading stream pg:bus:{scores} again"), 1);
}

static void a_group_that_is_destroyed_and_made_again_goes_on(void **state) {
    struct fixture *fixture = *state;
    start(fixture, 1);
    fixture->inbox.policy = INBOX_HOLD;
    subscribe(fixture->bus, &fixture->inbox, 0);
    publish_numbers(fixture, 0, 3);
    await_count(fixture, &fixture->inbox, 3, WAIT_MS);
    redis_server_do(fixture->server, "XGROUP DESTROY %s %s", stream, source.subscription);
    bus_nack(fixture->inbox.held[--fixture->inbox.held_count]);
    inbox_ack_all(&fixture->inbox);
    flush_and_wait(&fixture->loop, fixture->bus);
    create_and_wait(&fixture->loop, fixture->bus, &source);
    fixture->inbox.policy = INBOX_ACK;
    fixture->inbox.awaited = 6; /* the new group begins at the start */
    loop_until(&fixture->loop, inbox_has_deliveries, &fixture->inbox, WAIT_MS, "the entries again");
    await_nothing_pending(fixture);
}

static void a_group_set_back_in_time_gets_everything_again(void **state) {
    struct fixture *fixture = *state;
    start(fixture, 60);
    subscribe(fixture->bus, &fixture->inbox, 0);
    publish_numbers(fixture, 0, 500);
    await_count(fixture, &fixture->inbox, 500, WAIT_MS);
    flush_and_wait(&fixture->loop, fixture->bus);
    redis_server_do(fixture->server, "XGROUP SETID %s %s 0", stream, source.subscription);
    fixture->inbox.awaited = 1000;
    loop_until(&fixture->loop, inbox_has_deliveries, &fixture->inbox, WAIT_MS, "the replay");
    await_nothing_pending(fixture);
    assert_int_equal(fixture->inbox.deliveries, 1000);
}

static void a_consumer_is_named_after_host_and_process(void **state) {
    struct fixture *fixture = *state;
    char host[256] = "", expected[300];
    gethostname(host, sizeof host - 1);
    snprintf(expected, sizeof expected, "%s-%ld", host, (long)getpid());
    fixture->bus = open_bus(fixture, NULL, 60, 0);
    create_and_wait(&fixture->loop, fixture->bus, &source);
    subscribe(fixture->bus, &fixture->inbox, 0);
    publish(fixture, "one");
    await_count(fixture, &fixture->inbox, 1, WAIT_MS);
    redisReply *reply =
        redis_server_ask(fixture->server, "XINFO CONSUMERS %s %s", stream, source.subscription);
    assert_string_equal(reply->element[0]->element[1]->str, expected);
    freeReplyObject(reply);
}

static size_t consumers(struct fixture *fixture) {
    redisReply *reply =
        redis_server_ask(fixture->server, "XINFO CONSUMERS %s %s", stream, source.subscription);
    size_t count = reply->elements;
    freeReplyObject(reply);
    return count;
}

static void a_consumer_leaves_its_group_unless_it_holds_something(void **state) {
    struct fixture *fixture = *state;
    start(fixture, 60);
    subscribe(fixture->bus, &fixture->inbox, 0);
    publish(fixture, "one");
    await_count(fixture, &fixture->inbox, 1, WAIT_MS);
    assert_int_equal(consumers(fixture), 1);
    close_and_wait(&fixture->loop, &fixture->bus);
    assert_int_equal(consumers(fixture), 0);
    fixture->bus = open_bus(fixture, "second", 60, 0);
    fixture->inbox.policy = INBOX_HOLD;
    subscribe(fixture->bus, &fixture->inbox, 0);
    publish(fixture, "two");
    await_count(fixture, &fixture->inbox, 2, WAIT_MS);
    close_and_wait(&fixture->loop, &fixture->bus);
    assert_int_equal(consumers(fixture), 1);
    assert_int_equal(pending(fixture), 1);
}

/* --- Taking over ---------------------------------------------------------------------------------------- */

static void a_restarted_consumer_gets_at_once_what_it_had(void **state) {
    struct fixture *fixture = *state;
    start(fixture, 60);
    publish_numbers(fixture, 0, 500);
    read_as(fixture, "first", 450);
    fixture->inbox.policy = INBOX_HOLD;
    subscribe(fixture->bus, &fixture->inbox, 0);
    await_count(fixture, &fixture->inbox, 500, 3000);
    expect_no_more(fixture, &fixture->inbox, NEVER_MS);
    assert_int_equal(fixture->inbox.deliveries, 500);
    inbox_ack_all(&fixture->inbox);
    flush_and_wait(&fixture->loop, fixture->bus);
    assert_int_equal(pending(fixture), 0);
}

static void what_a_silent_consumer_holds_is_taken_over(void **state) {
    struct fixture *fixture = *state;
    start(fixture, 1);
    publish_numbers(fixture, 0, 500);
    read_as(fixture, "dead", 500);
    subscribe(fixture->bus, &fixture->inbox, 50);
    await_count(fixture, &fixture->inbox, 500, WAIT_MS);
    await_nothing_pending(fixture);
}

static void what_a_consumer_holds_is_left_to_it_for_the_whole_time(void **state) {
    struct fixture *fixture = *state;
    start(fixture, 3);
    publish(fixture, "one");
    read_as(fixture, "slow", 1);
    subscribe(fixture->bus, &fixture->inbox, 0);
    expect_no_more(fixture, &fixture->inbox, 2500);
    await_count(fixture, &fixture->inbox, 1, 3000);
}

static void a_nacked_entry_can_be_taken_by_others_soon(void **state) {
    struct fixture *fixture = *state;
    start(fixture, 60);
    fixture->inbox.policy = INBOX_HOLD;
    struct subscription *subscription = subscribe(fixture->bus, &fixture->inbox, 0);
    publish(fixture, "one");
    await_count(fixture, &fixture->inbox, 1, WAIT_MS);
    bus_pause(subscription);
    bus_nack(fixture->inbox.held[--fixture->inbox.held_count]);
    flush_and_wait(&fixture->loop, fixture->bus);
    fixture->other = open_bus(fixture, "second", 60, 0);
    subscribe(fixture->other, &fixture->other_inbox, 0);
    await_count(fixture, &fixture->other_inbox, 1, 5000);
}

static void what_a_closed_bus_held_can_be_taken_at_once(void **state) {
    struct fixture *fixture = *state;
    start(fixture, 60);
    fixture->inbox.policy = INBOX_HOLD;
    subscribe(fixture->bus, &fixture->inbox, 0);
    publish_numbers(fixture, 0, 20);
    await_count(fixture, &fixture->inbox, 20, WAIT_MS);
    close_and_wait(&fixture->loop, &fixture->bus);
    fixture->other = open_bus(fixture, "second", 60, 0);
    subscribe(fixture->other, &fixture->other_inbox, 0);
    await_count(fixture, &fixture->other_inbox, 20, 5000);
}

static void what_waits_in_a_paused_receiver_keeps_its_lease(void **state) {
    struct fixture *fixture = *state;
    start(fixture, 1);
    struct subscription *subscription = subscribe(fixture->bus, &fixture->inbox, 0);
    publish(fixture, "first");
    await_count(fixture, &fixture->inbox, 1, WAIT_MS);
    loop_never(&fixture->loop, inbox_has_deliveries, &(struct inbox){.awaited = 1}, 200, "nothing");
    bus_pause(subscription); /* a blocking read is under way, and brings this one */
    publish_numbers(fixture, 0, 1);
    fixture->other = open_bus(fixture, "second", 1, 0);
    subscribe(fixture->other, &fixture->other_inbox, 0);
    expect_no_more(fixture, &fixture->other_inbox, 3000);
    assert_int_equal(fixture->inbox.count, 1);
    bus_resume(subscription);
    await_count(fixture, &fixture->inbox, 2, WAIT_MS);
}

static void a_removed_entry_of_our_own_is_acked_and_told(void **state) {
    struct fixture *fixture = *state;
    start(fixture, 60);
    redis_server_do(fixture->server, "XADD %s 1-1 data one", stream);
    read_as(fixture, "first", 1);
    redis_server_do(fixture->server, "XDEL %s 1-1", stream);
    assert_int_equal(pending(fixture), 1);
    subscribe(fixture->bus, &fixture->inbox, 0);
    await_nothing_pending(fixture);
    assert_int_equal(log_capture_count(&fixture->capture, "entry 1-1 of stream"), 1);
    assert_int_equal(fixture->inbox.deliveries, 0);
}

static bool removal_is_told(void *context) {
    return log_capture_count(&((struct fixture *)context)->capture, "were removed before") == 1;
}

static void a_removed_entry_of_a_silent_consumer_is_told(void **state) {
    struct fixture *fixture = *state;
    start(fixture, 1);
    redis_server_do(fixture->server, "XADD %s 1-1 data one", stream);
    read_as(fixture, "dead", 1);
    redis_server_do(fixture->server, "XDEL %s 1-1", stream);
    subscribe(fixture->bus, &fixture->inbox, 0);
    loop_until(&fixture->loop, removal_is_told, fixture, WAIT_MS, "the removal in the log");
    await_nothing_pending(fixture);
    assert_int_equal(fixture->inbox.deliveries, 0);
}

/* --- Flow ----------------------------------------------------------------------------------------------- */

static void no_more_than_allowed_is_taken_from_the_others(void **state) {
    struct fixture *fixture = *state;
    start(fixture, 60);
    fixture->inbox.policy = INBOX_HOLD;
    subscribe(fixture->bus, &fixture->inbox, 7);
    publish_numbers(fixture, 0, 30);
    await_count(fixture, &fixture->inbox, 7, WAIT_MS);
    expect_no_more(fixture, &fixture->inbox, NEVER_MS);
    assert_int_equal(pending(fixture), 7);
}

static void reading_and_claiming_together_keep_to_the_maximum(void **state) {
    struct fixture *fixture = *state;
    start(fixture, 1);
    publish_numbers(fixture, 0, 10);
    read_as(fixture, "dead", 10);
    fixture->inbox.policy = INBOX_HOLD;
    subscribe(fixture->bus, &fixture->inbox, 10); /* asks for ten new ones, and then claims ten old ones */
    await_count(fixture, &fixture->inbox, 10, WAIT_MS);
    publish_numbers(fixture, 10, 20);
    expect_no_more(fixture, &fixture->inbox, NEVER_MS);
    assert_int_equal(fixture->inbox.deliveries, 10);
    inbox_ack_all(&fixture->inbox);
    await_count(fixture, &fixture->inbox, 20, WAIT_MS);
}

/* --- Cutting -------------------------------------------------------------------------------------------- */

static void a_stream_is_cut_when_all_groups_have_acked(void **state) {
    struct fixture *fixture = *state;
    fixture->bus = open_bus(fixture, "first", 60, 100);
    create_and_wait(&fixture->loop, fixture->bus, &source);
    subscribe(fixture->bus, &fixture->inbox, 0);
    publish_numbers(fixture, 0, 9000);
    await_count(fixture, &fixture->inbox, 9000, 2 * WAIT_MS);
    publish_numbers(fixture, 9000, 11000);
    await_count(fixture, &fixture->inbox, 11000, WAIT_MS);
    await_nothing_pending(fixture);
    assert_in_range(length(fixture), 100, 2500);
    assert_int_equal(fixture->inbox.deliveries, 11000);
}

static void an_entry_that_a_group_has_not_acked_is_never_cut(void **state) {
    struct fixture *fixture = *state;
    fixture->bus = open_bus(fixture, "first", 60, 10);
    create_and_wait(&fixture->loop, fixture->bus, &source);
    redis_server_do(fixture->server, "XGROUP CREATE %s late 0", stream);
    subscribe(fixture->bus, &fixture->inbox, 0);
    publish_numbers(fixture, 0, 3000);
    await_count(fixture, &fixture->inbox, 3000, WAIT_MS);
    await_nothing_pending(fixture);
    assert_int_equal(length(fixture), 3000); /* not delivered to "late" */
    redisReply *reply =
        redis_server_ask(fixture->server, "XREADGROUP GROUP late one COUNT 2000 STREAMS %s >", stream);
    const redisReply *entries = reply->element[0]->element[1];
    for (size_t i = 0; i < entries->elements; i++) {
        if (i != 1500)
            redis_server_do(fixture->server, "XACK %s late %s", stream, entries->element[i]->element[0]->str);
    }
    char unacked[64];
    snprintf(unacked, sizeof unacked, "%s", entries->element[1500]->element[0]->str);
    freeReplyObject(reply);
    publish_numbers(fixture, 3000, 6000);
    await_count(fixture, &fixture->inbox, 6000, WAIT_MS);
    await_nothing_pending(fixture);
    assert_in_range(length(fixture), 4500, 4700); /* from the 1,501st on, and the rest of its node */
    reply = redis_server_ask(fixture->server, "XRANGE %s %s + COUNT 1", stream, unacked);
    assert_string_equal(reply->element[0]->element[0]->str, unacked);
    freeReplyObject(reply);
}

static void a_stream_that_nobody_reads_is_bounded(void **state) {
    struct fixture *fixture = *state;
    fixture->bus = open_bus(fixture, "first", 60, 100);
    publish_numbers(fixture, 0, 9000);
    assert_in_range(length(fixture), 100, 2500);
}

/* --- Redis' faults -------------------------------------------------------------------------------------- */

static void a_crash_of_redis_loses_nothing(void **state) {
    struct fixture *fixture = *state;
    start(fixture, 1);
    fixture->inbox.policy = INBOX_HOLD;
    subscribe(fixture->bus, &fixture->inbox, 100);
    publish_numbers(fixture, 0, 300);
    await_count(fixture, &fixture->inbox, 100, WAIT_MS);
    for (int i = 0; i < 40; i++)
        inbox_ack_one(&fixture->inbox);
    flush_and_wait(&fixture->loop, fixture->bus);
    redis_server_kill(fixture->server);
    redis_server_restart(fixture->server);
    await_count(fixture, &fixture->inbox, 140, WAIT_MS);
    while (fixture->inbox.count < 300 || fixture->inbox.held_count > 0) {
        inbox_ack_all(&fixture->inbox);
        fixture->inbox.awaited = fixture->inbox.count < 300 ? fixture->inbox.count + 1 : 300;
        loop_until(&fixture->loop, inbox_is_full, &fixture->inbox, WAIT_MS, "the rest");
    }
    await_nothing_pending(fixture);
    assert_int_equal(fixture->inbox.deliveries, 300); /* none twice either */
}

static void broken_connections_lose_nothing(void **state) {
    enum { MESSAGES = 4000 };
    struct fixture *fixture = *state;
    start(fixture, 60); /* so that nothing is claimed: it has to be found again */
    subscribe(fixture->bus, &fixture->inbox, 100);
    fixture->other = open_bus(fixture, "publisher", 60, 0);
    char text[32];
    for (int i = 0; i < MESSAGES; i++) {
        snprintf(text, sizeof text, "%d", i);
        if (i % 400 == 0)
            redis_server_do(fixture->server, "CLIENT KILL TYPE normal");
        redis_server_do(fixture->server, "XADD %s * data %s", stream, text);
        uv_run(&fixture->loop, UV_RUN_NOWAIT);
    }
    await_count(fixture, &fixture->inbox, MESSAGES, 2 * WAIT_MS);
    await_nothing_pending(fixture);
    assert_in_range(fixture->inbox.deliveries, MESSAGES, MESSAGES + 100);
}

static void a_full_redis_makes_publishing_unavailable_in_order(void **state) {
    struct fixture *fixture = *state;
    start(fixture, 60);
    redis_server_do(fixture->server, "CONFIG SET maxmemory 1");
    struct outcome outcomes[3] = {0};
    for (int i = 0; i < 3; i++)
        publish_text(fixture->bus, source.topic, "key", "text", &outcomes[i]);
    loop_until(&fixture->loop, outcome_is_there, &outcomes[0], WAIT_MS, "the refusal");
    redis_server_do(fixture->server, "CONFIG SET maxmemory 0");
    loop_until(&fixture->loop, outcome_is_there, &outcomes[2], WAIT_MS, "the refusal of the third");
    check_fails(outcomes[0].result, CODE_UNAVAILABLE, "OOM");
    check_fails(outcomes[1].result, CODE_UNAVAILABLE, "before it");
    check_fails(outcomes[2].result, CODE_UNAVAILABLE, "before it");
    assert_int_equal(length(fixture), 0);
    publish_and_wait(&fixture->loop, fixture->bus, source.topic, "key", "after");
}

/* Publishes under the same key as soon as it hears that the first has failed, while the second is still
 * unheard. */
struct eager {
    struct fixture *fixture;
    struct outcome first, again;
};

static void publish_again(void *context, struct result result, const char *id) {
    struct eager *eager = context;
    outcome_published(&eager->first, result, id);
    publish_text(eager->fixture->bus, source.topic, "key", "again", &eager->again);
}

static void nothing_overtakes_a_failure_that_is_not_yet_heard_of(void **state) {
    struct fixture *fixture = *state;
    start(fixture, 60);
    struct eager eager = {.fixture = fixture};
    struct outcome second = {0};
    redis_server_do(fixture->server, "CONFIG SET maxmemory 1");
    struct message message = {.data = "first", .size = 5, .ordering_key = "key"};
    bus_publish(fixture->bus, source.topic, &message, publish_again, &eager);
    publish_text(fixture->bus, source.topic, "key", "second", &second);
    loop_until(&fixture->loop, outcome_is_there, &eager.first, WAIT_MS, "the first refusal");
    redis_server_do(fixture->server, "CONFIG SET maxmemory 0");
    loop_until(&fixture->loop, outcome_is_there, &eager.again, WAIT_MS, "the second attempt");
    check_fails(second.result, CODE_UNAVAILABLE, "before it");
    check_fails(eager.again.result, CODE_UNAVAILABLE, "before it");
    publish_and_wait(&fixture->loop, fixture->bus, source.topic, "key", "now");
    assert_int_equal(length(fixture), 1);
}

static void a_frozen_redis_is_noticed_and_found_again(void **state) {
    struct fixture *fixture = *state;
    start(fixture, 1);
    fixture->inbox.policy = INBOX_HOLD;
    subscribe(fixture->bus, &fixture->inbox, 0);
    publish(fixture, "one");
    await_count(fixture, &fixture->inbox, 1, WAIT_MS);
    redis_server_freeze(fixture->server);
    struct outcome lost = {0};
    publish_text(fixture->bus, source.topic, NULL, "perhaps", &lost);
    loop_until(&fixture->loop, outcome_is_there, &lost, 2 * WAIT_MS, "the failure of a message");
    assert_int_equal(lost.result.code, CODE_UNAVAILABLE);
    redis_server_thaw(fixture->server);
    publish_in_the_end(&fixture->loop, fixture->bus, source.topic, NULL, "two");
    fixture->inbox.awaited = 2;
    loop_until(&fixture->loop, inbox_is_full, &fixture->inbox, 2 * WAIT_MS, "the next message");
    inbox_ack_all(&fixture->inbox);
    fixture->inbox.policy = INBOX_ACK;
    await_nothing_pending(fixture);
}

static void a_stream_of_another_type_is_told_and_tried_again(void **state) {
    struct fixture *fixture = *state;
    redis_server_do(fixture->server, "SET %s text", stream);
    fixture->bus = open_bus(fixture, "first", 60, 0);
    subscribe(fixture->bus, &fixture->inbox, 0);
    struct outcome published = {0}, created = {0};
    publish_text(fixture->bus, source.topic, NULL, "text", &published);
    bus_create(fixture->bus, &source, outcome_done, &created);
    expect_no_more(fixture, &fixture->inbox, NEVER_MS);
    check_fails(published.result, CODE_INTERNAL, "WRONGTYPE");
    check_fails(created.result, CODE_INTERNAL, "WRONGTYPE");
    assert_int_equal(log_capture_count(&fixture->capture, "WRONGTYPE"), 1);
    redis_server_do(fixture->server, "DEL %s", stream);
    create_and_wait(&fixture->loop, fixture->bus, &source);
    publish(fixture, "one");
    await_count(fixture, &fixture->inbox, 1, WAIT_MS);
}

static void a_blocking_read_holds_up_nothing(void **state) {
    struct fixture *fixture = *state;
    start(fixture, 60);
    fixture->inbox.policy = INBOX_HOLD;
    subscribe(fixture->bus, &fixture->inbox, 0);
    for (int i = 0; i < 20; i++) {
        uint64_t begin = uv_hrtime();
        publish(fixture, "text");
        await_count(fixture, &fixture->inbox, (size_t)i + 1, WAIT_MS);
        inbox_ack_all(&fixture->inbox);
        flush_and_wait(&fixture->loop, fixture->bus);
        assert_true((uv_hrtime() - begin) / 1000000 < (uint64_t)patient_ms(500));
    }
    assert_int_equal(pending(fixture), 0);
}

static void too_much_to_publish_is_refused(void **state) {
    enum { MESSAGES = 100500 };
    struct fixture *fixture = *state;
    start(fixture, 60);
    redis_server_freeze(fixture->server);
    struct outcome *outcomes = calloc(MESSAGES, sizeof *outcomes);
    assert_non_null(outcomes);
    for (int i = 0; i < MESSAGES; i++)
        publish_text(fixture->bus, source.topic, NULL, "x", &outcomes[i]);
    loop_until(&fixture->loop, outcome_is_there, &outcomes[MESSAGES - 1], 3000, "the refusal");
    check_fails(outcomes[MESSAGES - 1].result, CODE_UNAVAILABLE, "already wait");
    redis_server_thaw(fixture->server);
    flush_and_wait(&fixture->loop, fixture->bus);
    check_ok(outcomes[0].result);
    check_ok(outcomes[99999].result);
    assert_int_equal(length(fixture), 100000);
    free(outcomes);
}

static void without_redis_everything_fails_in_time(void **state) {
    struct fixture *fixture = *state;
    redis_server_kill(fixture->server);
    fixture->bus = open_bus(fixture, "first", 60, 0);
    struct outcome created = {0}, published = {0}, flushed = {0};
    bus_create(fixture->bus, &source, outcome_done, &created);
    publish_text(fixture->bus, source.topic, "key", "text", &published);
    bus_flush(fixture->bus, outcome_done, &flushed);
    loop_until(&fixture->loop, outcome_is_there, &flushed, WAIT_MS, "the failure");
    check_fails(created.result, CODE_UNAVAILABLE, "unix:///tmp/");
    check_fails(published.result, CODE_UNAVAILABLE, "no connection");
    check_fails(flushed.result, CODE_UNAVAILABLE, "");
    flush_and_wait(&fixture->loop, fixture->bus); /* nothing is left to leave */
}

static void closing_without_redis_calls_back_later(void **state) {
    struct fixture *fixture = *state;
    redis_server_kill(fixture->server);
    fixture->bus = open_bus(fixture, "first", 60, 0);
    bool inside = true;
    struct outcome published = {.forbidden = &inside}, closed = {.forbidden = &inside};
    publish_text(fixture->bus, source.topic, NULL, "text", &published);
    bus_close(fixture->bus, outcome_done, &closed);
    fixture->bus = NULL;
    inside = false;
    loop_until(&fixture->loop, outcome_is_there, &closed, WAIT_MS, "the end of the bus");
    check_fails(published.result, CODE_UNAVAILABLE, "being closed");
}

static void acks_that_cannot_leave_are_told_to_who_flushes_and_leave_later(void **state) {
    struct fixture *fixture = *state;
    start(fixture, 60);
    fixture->inbox.policy = INBOX_HOLD;
    subscribe(fixture->bus, &fixture->inbox, 0);
    publish_numbers(fixture, 0, 10);
    await_count(fixture, &fixture->inbox, 10, WAIT_MS);
    redis_server_kill(fixture->server);
    inbox_ack_all(&fixture->inbox);
    for (int i = 0; i < 2; i++) {
        struct outcome flushed = {0};
        bus_flush(fixture->bus, outcome_done, &flushed);
        loop_until(&fixture->loop, outcome_is_there, &flushed, WAIT_MS, "the flush that cannot be");
        check_fails(flushed.result, CODE_UNAVAILABLE, "");
    }
    redis_server_restart(fixture->server);
    await_nothing_pending(fixture);
    expect_no_more(fixture, &fixture->inbox, NEVER_MS);
}

#define streams_test(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        streams_test(an_entry_has_the_documented_fields),
        streams_test(a_foreign_entry_comes_without_what_it_lacks),
        streams_test(messages_of_one_key_are_in_the_stream_in_order),
        streams_test(a_group_begins_at_the_start_of_the_stream),
        streams_test(a_missing_group_is_told_once_with_what_to_do),
        streams_test(a_group_that_is_destroyed_and_made_again_goes_on),
        streams_test(a_group_set_back_in_time_gets_everything_again),
        streams_test(a_consumer_is_named_after_host_and_process),
        streams_test(a_consumer_leaves_its_group_unless_it_holds_something),
        streams_test(a_restarted_consumer_gets_at_once_what_it_had),
        streams_test(what_a_silent_consumer_holds_is_taken_over),
        streams_test(what_a_consumer_holds_is_left_to_it_for_the_whole_time),
        streams_test(a_nacked_entry_can_be_taken_by_others_soon),
        streams_test(what_a_closed_bus_held_can_be_taken_at_once),
        streams_test(what_waits_in_a_paused_receiver_keeps_its_lease),
        streams_test(a_removed_entry_of_our_own_is_acked_and_told),
        streams_test(a_removed_entry_of_a_silent_consumer_is_told),
        streams_test(no_more_than_allowed_is_taken_from_the_others),
        streams_test(reading_and_claiming_together_keep_to_the_maximum),
        streams_test(a_stream_is_cut_when_all_groups_have_acked),
        streams_test(an_entry_that_a_group_has_not_acked_is_never_cut),
        streams_test(a_stream_that_nobody_reads_is_bounded),
        streams_test(a_crash_of_redis_loses_nothing),
        streams_test(broken_connections_lose_nothing),
        streams_test(a_full_redis_makes_publishing_unavailable_in_order),
        streams_test(nothing_overtakes_a_failure_that_is_not_yet_heard_of),
        streams_test(a_frozen_redis_is_noticed_and_found_again),
        streams_test(a_stream_of_another_type_is_told_and_tried_again),
        streams_test(a_blocking_read_holds_up_nothing),
        streams_test(too_much_to_publish_is_refused),
        streams_test(without_redis_everything_fails_in_time),
        streams_test(closing_without_redis_calls_back_later),
        streams_test(acks_that_cannot_leave_are_told_to_who_flushes_and_leave_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
