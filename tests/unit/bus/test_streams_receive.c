/*
 * Receiving when answers of Redis cross each other: here its two connections are the test's, which answers in
 * the order that it wants. What needs no such order is tested against a real server (integration).
 */
#include "bus/bus.h"
#include "redis/link.h"
#include "support/check.h"
#include "support/log_capture.h"
#include "support/loop.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { WAIT_MS = 5000, SENT_MAX = 64, ARGUMENTS_MAX = 32, HELD_MAX = 16 };

/* One command as it was sent: its arguments with blanks between them. */
struct sent {
    char text[512];
    redis_reply_fn *reply;
    void *context;
    bool answered;
};

/* Stands before the library's. links[0] is for all that does not block, links[1] for reading. */
struct redis_link {
    struct redis_link_events events;
    struct sent sent[SENT_MAX];
    size_t count;
};

static struct redis_link links[2];
static size_t link_count;
static bool away;

struct result redis_link_open(uv_loop_t *loop, const struct redis_settings *settings, const struct log *log,
    struct redis_link_events events, struct redis_link **link) {
    (void)loop;
    (void)settings;
    (void)log;
    assert_true(link_count < 2);
    *link = &links[link_count++];
    **link = (struct redis_link){.events = events};
    return ok();
}

bool redis_link_connected(const struct redis_link *link) {
    (void)link;
    return !away;
}

struct result redis_link_send(struct redis_link *link, redis_reply_fn *reply, void *context, int argc,
    const char *const *argv, const size_t *lengths) {
    (void)lengths;
    if (away)
        return fail(CODE_UNAVAILABLE, "away");
    assert_true(link->count < SENT_MAX);
    struct sent *sent = &link->sent[link->count++];
    *sent = (struct sent){.reply = reply, .context = context, .answered = !reply};
    size_t used = 0;
    for (int i = 0; i < argc && used < sizeof sent->text; i++)
        used += (size_t)snprintf(sent->text + used, sizeof sent->text - used, "%s ", argv[i]);
    return ok();
}

struct result redis_link_sendv(struct redis_link *link, redis_reply_fn *reply, void *context, ...) {
    const char *argv[ARGUMENTS_MAX];
    int argc = 0;
    va_list arguments;
    va_start(arguments, context);
    for (const char *argument; (argument = va_arg(arguments, const char *)); argc++) {
        assert_true(argc < ARGUMENTS_MAX);
        argv[argc] = argument;
    }
    va_end(arguments);
    return redis_link_send(link, reply, context, argc, argv, NULL);
}

void redis_link_drop(struct redis_link *link) {
    (void)link;
    fail_msg("a connection is dropped: an answer of this test is wrong");
}

void redis_link_close(struct redis_link *link, void (*closed)(void *context), void *context) {
    for (size_t i = 0; i < link->count; i++) {
        if (!link->sent[i].answered)
            link->sent[i].reply(link->sent[i].context, NULL);
        link->sent[i].answered = true;
    }
    closed(context);
}

/* --- What the tests see --------------------------------------------------------------------------------- */

static uv_loop_t loop;
static struct log_capture capture;
static struct bus *bus;
static struct delivery *held[HELD_MAX];
static size_t deliveries;

static struct sent *find_sent(struct redis_link *link, const char *start) {
    for (size_t i = 0; i < link->count; i++) {
        if (!link->sent[i].answered && strncmp(link->sent[i].text, start, strlen(start)) == 0)
            return &link->sent[i];
    }
    return NULL;
}

/* With a reply as it goes over the wire. */
static void answer_sent(struct sent *sent, const char *wire) {
    redisReader *reader = redisReaderCreate();
    void *reply = NULL;
    assert_non_null(reader);
    assert_int_equal(redisReaderFeed(reader, wire, strlen(wire)), REDIS_OK);
    assert_int_equal(redisReaderGetReply(reader, &reply), REDIS_OK);
    assert_non_null(reply);
    sent->answered = true;
    sent->reply(sent->context, reply);
    freeReplyObject(reply);
    redisReaderFree(reader);
}

struct wanted {
    struct redis_link *link;
    const char *start;
};

/* Time passes meanwhile: what silent consumers hold, which is nothing, is asked for now and then. */
static bool was_sent(void *context) {
    const struct wanted *wanted = context;
    struct sent *claim = find_sent(&links[0], "XAUTOCLAIM");
    if (claim)
        answer_sent(claim, "*3\r\n$3\r\n0-0\r\n*0\r\n*0\r\n");
    return find_sent(wanted->link, wanted->start) != NULL;
}

static void await_sent(struct redis_link *link, const char *start) {
    struct wanted wanted = {.link = link, .start = start};
    loop_until(&loop, was_sent, &wanted, WAIT_MS, start);
}

/* Answers the oldest command that begins so. */
static void answer(struct redis_link *link, const char *start, const char *wire) {
    await_sent(link, start);
    answer_sent(find_sent(link, start), wire);
}

#define READ_OWN "XREADGROUP GROUP readers me COUNT 200 STREAMS pg:bus:{scores} 0-0"
#define READ_NEW "XREADGROUP GROUP readers me COUNT"
#define NOTHING_NEW "*-1\r\n"
#define ENTRIES(count, entries) "*1\r\n*2\r\n$15\r\npg:bus:{scores}\r\n*" count "\r\n" entries
#define ENTRY(id) "*2\r\n$3\r\n" id "\r\n*2\r\n$4\r\ndata\r\n$3\r\n" id "\r\n"

static void on_delivery(void *context, struct delivery *delivery) {
    (void)context;
    assert_true(deliveries < HELD_MAX);
    held[deliveries++] = delivery;
}

static void check_delivered(size_t count, const char *newest) {
    assert_int_equal(deliveries, count);
    assert_string_equal(held[count - 1]->message.id, newest);
}

/* A receiver that holds 1-0, and reads on. */
static int set_up(void **state) {
    (void)state;
    static const struct source source = {.topic = "scores", .subscription = "readers"};
    static const struct redis_settings redis = {.host = "nowhere"};
    struct streams_settings settings = {.redis = &redis, .consumer = "me"};
    struct receiver receiver = {.on_delivery = on_delivery};
    struct subscription *subscription;
    link_count = deliveries = 0;
    away = false;
    uv_loop_init(&loop);
    log_capture_open(&capture);
    check_ok(bus_open_streams(&loop, &settings, &capture.log, &bus));
    check_ok(bus_subscribe(bus, &source, receiver, &subscription));
    links[0].events.on_connect(links[0].events.context);
    links[1].events.on_connect(links[1].events.context);
    answer(&links[0], READ_OWN, ENTRIES("0", ""));
    answer(&links[1], READ_NEW, ENTRIES("1", ENTRY("1-0")));
    check_delivered(1, "1-0");
    return 0;
}

static void on_closed(void *context, struct result result) {
    *(bool *)context = is_ok(result);
}

static int tear_down(void **state) {
    (void)state;
    bool closed = false;
    away = true;
    bus_close(bus, on_closed, &closed);
    loop_until_true(&loop, &closed, WAIT_MS, "the end of the bus");
    loop_close(&loop);
    log_capture_close(&capture);
    return 0;
}

/* --- A group that was set back under a receiver's hands ------------------------------------------------- */

static void what_came_again_while_it_was_being_acked_is_looked_for(void **state) {
    (void)state;
    bus_ack(held[0]);
    await_sent(&links[0], "XACK");
    answer(&links[1], READ_NEW, ENTRIES("2", ENTRY("1-0") ENTRY("2-0")));
    check_delivered(2, "2-0");
    answer(&links[0], "XACK", ":1\r\n");
    answer(&links[1], READ_NEW, NOTHING_NEW);
    answer(&links[0], READ_OWN, ENTRIES("2", ENTRY("1-0") ENTRY("2-0")));
    check_delivered(3, "1-0");
}

static void the_ack_may_have_taken_it(void **state) {
    (void)state;
    bus_ack(held[0]);
    await_sent(&links[0], "XACK");
    answer(&links[1], READ_NEW, ENTRIES("1", ENTRY("1-0")));
    answer(&links[0], "XACK", ":1\r\n");
    answer(&links[1], READ_NEW, NOTHING_NEW);
    answer(&links[0], READ_OWN, ENTRIES("0", ""));
    answer(&links[1], READ_NEW, ENTRIES("1", ENTRY("2-0")));
    check_delivered(2, "2-0");
}

static void an_ack_that_is_refused_leaves_it_to_the_next_one(void **state) {
    (void)state;
    bus_ack(held[0]);
    await_sent(&links[0], "XACK");
    answer(&links[1], READ_NEW, ENTRIES("1", ENTRY("1-0")));
    answer(&links[0], "XACK", "-OOM too much\r\n");
    answer(&links[0], "XACK", ":1\r\n"); /* tried again */
    answer(&links[1], READ_NEW, NOTHING_NEW);
    answer(&links[0], READ_OWN, ENTRIES("1", ENTRY("1-0")));
    check_delivered(2, "1-0");
}

static void what_came_again_in_hand_stays_there(void **state) {
    (void)state;
    answer(&links[1], READ_NEW, ENTRIES("1", ENTRY("1-0")));
    assert_int_equal(deliveries, 1);
    bus_ack(held[0]);
    answer(&links[0], "XACK", ":1\r\n");
    answer(&links[1], READ_NEW, NOTHING_NEW);
    answer(&links[1], READ_NEW, ENTRIES("1", ENTRY("2-0"))); /* nothing of its own is asked for */
    check_delivered(2, "2-0");
    assert_null(find_sent(&links[0], READ_OWN));
}

/* Once its ack was answered it is news like any other. */
static void what_comes_again_after_it_was_acked_is_delivered(void **state) {
    (void)state;
    bus_ack(held[0]);
    answer(&links[0], "XACK", ":1\r\n");
    answer(&links[1], READ_NEW, ENTRIES("1", ENTRY("1-0")));
    check_delivered(2, "1-0");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            what_came_again_while_it_was_being_acked_is_looked_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_ack_may_have_taken_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_ack_that_is_refused_leaves_it_to_the_next_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_came_again_in_hand_stays_there, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_comes_again_after_it_was_acked_is_delivered, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
