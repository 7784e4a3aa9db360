#include "support/bus_suite.h"

#include "support/bus_inbox.h"
#include "support/bus_victim.h"
#include "support/check.h"
#include "support/log_capture.h"
#include "support/loop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WAIT_MS = 15000, NEVER_MS = 700, MANY = 5000 };

/* One test: a loop, a bus, another where a second receiver is needed, and a topic of its own. */
struct suite {
    const struct bus_fixture *fixture;
    struct bus_victim victim;
    uv_loop_t loop;
    struct log_capture capture;
    struct bus *bus, *other;
    struct inbox inbox, other_inbox;
    struct source source;
    char topic[64], subscription[96];
    int number;
};

static struct bus *open_bus(struct suite *suite, const char *consumer) {
    struct bus *bus = NULL;
    check_ok(
        suite->fixture->open(suite->fixture->context, &suite->loop, &suite->capture.log, consumer, &bus));
    return bus;
}

static int setup(void **state) {
    struct suite *suite = *state;
    suite->number++;
    snprintf(suite->topic, sizeof suite->topic, "suite-%ld-%d", (long)getpid(), suite->number);
    snprintf(suite->subscription, sizeof suite->subscription, "%s-reader", suite->topic);
    suite->source = (struct source){.topic = suite->topic, .subscription = suite->subscription};
    uv_loop_init(&suite->loop);
    log_capture_open(&suite->capture);
    inbox_open(&suite->inbox, INBOX_ACK);
    inbox_open(&suite->other_inbox, INBOX_ACK);
    suite->bus = open_bus(suite, "first");
    return 0;
}

static int teardown(void **state) {
    struct suite *suite = *state;
    close_and_wait(&suite->loop, &suite->bus);
    close_and_wait(&suite->loop, &suite->other);
    loop_close(&suite->loop);
    inbox_close(&suite->inbox);
    inbox_close(&suite->other_inbox);
    log_capture_close(&suite->capture);
    return 0;
}

static struct subscription *subscribe(
    struct suite *suite, struct bus *bus, struct inbox *inbox, size_t in_hand_max) {
    struct subscription *subscription = NULL;
    check_ok(bus_subscribe(bus, &suite->source, inbox_receiver(inbox, in_hand_max), &subscription));
    return subscription;
}

/* Topic and subscription made, and somebody receiving. */
static struct subscription *start(struct suite *suite, enum inbox_policy policy, size_t in_hand_max) {
    create_and_wait(&suite->loop, suite->bus, &suite->source);
    suite->inbox.policy = policy;
    return subscribe(suite, suite->bus, &suite->inbox, in_hand_max);
}

static void publish(struct suite *suite, const char *text) {
    publish_and_wait(&suite->loop, suite->bus, suite->topic, NULL, text);
}

static void await_count(struct suite *suite, struct inbox *inbox, size_t count, int deadline_ms) {
    char what[100];
    snprintf(what, sizeof what, "%zu messages (%zu deliveries so far)", count, inbox->deliveries);
    inbox->awaited = count;
    loop_until(&suite->loop, inbox_is_full, inbox, deadline_ms, what);
}

static void await_deliveries(struct suite *suite, struct inbox *inbox, size_t deliveries, int deadline_ms) {
    inbox->awaited = deliveries;
    loop_until(&suite->loop, inbox_has_deliveries, inbox, deadline_ms, "deliveries");
}

static void expect_no_more(struct suite *suite, struct inbox *inbox, int duration_ms) {
    inbox->awaited = inbox->deliveries + 1;
    loop_never(&suite->loop, inbox_has_deliveries, inbox, duration_ms, "a delivery that should not come");
}

/* --- What comes is what was published ------------------------------------------------------------------- */

static void a_message_comes_as_it_was_published(void **state) {
    struct suite *suite = *state;
    start(suite, INBOX_ACK, 0);
    const char data[] = "\x00\xff{\"a\":\n1}\x00\r";
    const struct attribute attributes[] = {{"pipeline", "nba"}, {"empty", ""}, {"name", "Jokić\n"}};
    struct message message = {.data = data,
        .size = sizeof data,
        .attributes = attributes,
        .attribute_count = 3,
        .ordering_key = "nba/2021-11-17"};
    struct outcome outcome = {0};
    int64_t before = clock_system().now_ms(NULL);
    bus_publish(suite->bus, suite->topic, &message, outcome_published, &outcome);
    await_count(suite, &suite->inbox, 1, WAIT_MS);
    loop_until(&suite->loop, outcome_is_there, &outcome, WAIT_MS, "the confirmation");
    check_ok(outcome.result);
    const struct received *item = &suite->inbox.items[0];
    assert_string_equal(item->id, outcome.id);
    assert_int_equal(item->size, sizeof data);
    assert_memory_equal(item->data, data, sizeof data);
    assert_string_equal(item->key, "nba/2021-11-17");
    assert_string_equal(suite->inbox.attributes, "empty=;name=Jokić\n;pipeline=nba;");
    assert_in_range(item->published_ms, before - 2000, clock_system().now_ms(NULL) + 2000);
}

static void a_message_may_be_without_data(void **state) {
    struct suite *suite = *state;
    start(suite, INBOX_ACK, 0);
    const struct attribute attributes[] = {{"only", "this"}};
    struct message message = {.attributes = attributes, .attribute_count = 1};
    struct outcome outcome = {0};
    bus_publish(suite->bus, suite->topic, &message, outcome_published, &outcome);
    await_count(suite, &suite->inbox, 1, WAIT_MS);
    assert_int_equal(suite->inbox.items[0].size, 0);
    assert_string_equal(suite->inbox.items[0].key, "");
    assert_string_equal(suite->inbox.attributes, "only=this;");
    loop_until(&suite->loop, outcome_is_there, &outcome, WAIT_MS, "the confirmation");
}

static void a_large_message_comes_whole(void **state) {
    struct suite *suite = *state;
    start(suite, INBOX_ACK, 0);
    size_t size = 3000000;
    char *data = malloc(size);
    assert_non_null(data);
    for (size_t i = 0; i < size; i++)
        data[i] = (char)(i * 7);
    struct message message = {.data = data, .size = size};
    struct outcome outcome = {0};
    bus_publish(suite->bus, suite->topic, &message, outcome_published, &outcome);
    await_count(suite, &suite->inbox, 1, WAIT_MS);
    assert_int_equal(suite->inbox.items[0].size, size);
    assert_memory_equal(suite->inbox.items[0].data, data, size);
    loop_until(&suite->loop, outcome_is_there, &outcome, WAIT_MS, "the confirmation");
    free(data);
}

static void a_message_that_is_too_large_is_refused_for_good(void **state) {
    struct suite *suite = *state;
    create_and_wait(&suite->loop, suite->bus, &suite->source);
    size_t size = 11000000;
    char *data = calloc(1, size);
    assert_non_null(data);
    struct message message = {.data = data, .size = size};
    struct outcome outcome = {0};
    bus_publish(suite->bus, suite->topic, &message, outcome_published, &outcome);
    loop_until(&suite->loop, outcome_is_there, &outcome, WAIT_MS, "the refusal");
    free(data);
    assert_false(is_ok(outcome.result));
    assert_false(outcome.result.retryable);
    publish(suite, "the next one goes");
}

/* --- Each once, and again when it has to ---------------------------------------------------------------- */

static bool all_there(void *context) {
    const struct outcome *outcomes = context;
    for (size_t i = 0; i < MANY; i++) {
        if (outcomes[i].calls == 0)
            return false;
    }
    return true;
}

static int compare_ids(const void *a, const void *b) {
    return strcmp(((const struct outcome *)a)->id, ((const struct outcome *)b)->id);
}

static void many_messages_come_exactly_once_when_acked(void **state) {
    struct suite *suite = *state;
    start(suite, INBOX_ACK, 0);
    struct outcome *outcomes = calloc(MANY, sizeof *outcomes);
    assert_non_null(outcomes);
    char text[32];
    for (size_t i = 0; i < MANY; i++) {
        snprintf(text, sizeof text, "message %zu", i);
        publish_text(suite->bus, suite->topic, NULL, text, &outcomes[i]);
    }
    loop_until(&suite->loop, all_there, outcomes, 4 * WAIT_MS, "the confirmations of all messages");
    await_count(suite, &suite->inbox, MANY, 4 * WAIT_MS);
    flush_and_wait(&suite->loop, suite->bus);
    expect_no_more(suite, &suite->inbox, NEVER_MS);
    assert_int_equal(suite->inbox.deliveries, MANY);
    qsort(outcomes, MANY, sizeof *outcomes, compare_ids);
    for (size_t i = 0; i < MANY; i++) {
        check_ok(outcomes[i].result);
        assert_int_equal(outcomes[i].calls, 1);
        assert_true(i == 0 || strcmp(outcomes[i - 1].id, outcomes[i].id) != 0);
    }
    free(outcomes);
}

static void a_nacked_message_comes_again(void **state) {
    struct suite *suite = *state;
    start(suite, INBOX_NACK_ONCE, 0);
    publish(suite, "one");
    publish(suite, "two");
    await_deliveries(suite, &suite->inbox, 4, WAIT_MS);
    assert_int_equal(suite->inbox.count, 2);
    assert_int_equal(inbox_find(&suite->inbox, "one")->times, 2);
    flush_and_wait(&suite->loop, suite->bus);
    expect_no_more(suite, &suite->inbox, NEVER_MS);
}

static void an_unacked_message_comes_again_after_its_receiver_left(void **state) {
    struct suite *suite = *state;
    start(suite, INBOX_HOLD, 0);
    publish(suite, "in hand");
    await_count(suite, &suite->inbox, 1, WAIT_MS);
    suite->other = open_bus(suite, "second");
    close_and_wait(&suite->loop, &suite->bus);
    subscribe(suite, suite->other, &suite->other_inbox, 0);
    await_count(suite, &suite->other_inbox, 1, suite->fixture->redelivery_ms);
    assert_string_equal(suite->other_inbox.items[0].data, "in hand");
}

static void an_acked_message_does_not_come_again_after_its_receiver_left(void **state) {
    struct suite *suite = *state;
    start(suite, INBOX_ACK, 0);
    publish(suite, "done");
    await_count(suite, &suite->inbox, 1, WAIT_MS);
    flush_and_wait(&suite->loop, suite->bus);
    close_and_wait(&suite->loop, &suite->bus);
    suite->bus = open_bus(suite, "first");
    subscribe(suite, suite->bus, &suite->other_inbox, 0);
    expect_no_more(suite, &suite->other_inbox, NEVER_MS + suite->fixture->lease_ms);
}

static void what_a_killed_receiver_held_comes_again(void **state) {
    struct suite *suite = *state;
    create_and_wait(&suite->loop, suite->bus, &suite->source);
    publish(suite, "one");
    publish(suite, "two");
    publish(suite, "three");
    bus_victim_hold(&suite->victim, &suite->source, 3, WAIT_MS);
    bus_victim_kill(&suite->victim);
    subscribe(suite, suite->bus, &suite->inbox, 0);
    await_count(suite, &suite->inbox, 3, suite->fixture->redelivery_ms);
}

static bool both_have_everything(void *context) {
    const struct suite *suite = context;
    return suite->inbox.count + suite->other_inbox.count >= 40;
}

static void two_receivers_share_the_messages(void **state) {
    struct suite *suite = *state;
    enum inbox_policy policy = suite->fixture->greedy ? INBOX_ACK : INBOX_HOLD;
    start(suite, policy, 20);
    suite->other = open_bus(suite, "second");
    suite->other_inbox.policy = policy;
    subscribe(suite, suite->other, &suite->other_inbox, 20);
    char text[32];
    for (int i = 0; i < 40; i++) {
        snprintf(text, sizeof text, "message %d", i);
        publish(suite, text);
    }
    loop_until(&suite->loop, both_have_everything, suite, WAIT_MS, "40 messages, between two receivers");
    assert_int_equal(suite->inbox.deliveries + suite->other_inbox.deliveries, 40);
    if (!suite->fixture->greedy)
        assert_int_equal(suite->inbox.count, 20);
    for (size_t i = 0; i < suite->other_inbox.count; i++)
        assert_null(inbox_find(&suite->inbox, suite->other_inbox.items[i].data));
    inbox_ack_all(&suite->inbox);
    inbox_ack_all(&suite->other_inbox);
}

static void hold_for_long(struct suite *suite, bool paused) {
    struct subscription *subscription = start(suite, INBOX_HOLD, 0);
    publish(suite, "slow");
    await_count(suite, &suite->inbox, 1, WAIT_MS);
    if (paused)
        bus_pause(subscription);
    suite->other = open_bus(suite, "second");
    subscribe(suite, suite->other, &suite->other_inbox, 0);
    expect_no_more(suite, &suite->other_inbox, 3 * suite->fixture->lease_ms);
    assert_int_equal(suite->inbox.deliveries, 1);
    inbox_ack_all(&suite->inbox);
    flush_and_wait(&suite->loop, suite->bus);
}

static void a_lease_is_kept_for_as_long_as_it_takes(void **state) {
    hold_for_long(*state, false);
}

static void a_paused_receiver_keeps_its_leases(void **state) {
    hold_for_long(*state, true);
}

/* --- Flow ----------------------------------------------------------------------------------------------- */

static void no_more_than_allowed_are_in_hand(void **state) {
    struct suite *suite = *state;
    start(suite, INBOX_HOLD, 7);
    char text[32];
    for (int i = 0; i < 30; i++) {
        snprintf(text, sizeof text, "message %d", i);
        publish(suite, text);
    }
    await_deliveries(suite, &suite->inbox, 7, WAIT_MS);
    expect_no_more(suite, &suite->inbox, NEVER_MS);
    inbox_ack_one(&suite->inbox);
    await_deliveries(suite, &suite->inbox, 8, WAIT_MS);
    expect_no_more(suite, &suite->inbox, NEVER_MS);
    while (suite->inbox.count < 30) {
        inbox_ack_all(&suite->inbox);
        await_deliveries(suite, &suite->inbox, suite->inbox.deliveries + 1, WAIT_MS);
        assert_in_range(suite->inbox.held_count, 1, 7);
    }
    inbox_ack_all(&suite->inbox);
}

static void a_paused_receiver_gets_nothing_until_it_goes_on(void **state) {
    struct suite *suite = *state;
    struct subscription *subscription = start(suite, INBOX_HOLD, 0);
    publish(suite, "before");
    await_count(suite, &suite->inbox, 1, WAIT_MS);
    bus_pause(subscription);
    bus_pause(subscription);
    publish(suite, "while paused");
    publish(suite, "while paused, too");
    expect_no_more(suite, &suite->inbox, NEVER_MS + 2 * suite->fixture->lease_ms);
    assert_int_equal(suite->inbox.deliveries, 1);
    bus_resume(subscription);
    bus_resume(subscription);
    await_count(suite, &suite->inbox, 3, suite->fixture->redelivery_ms);
    assert_int_equal(suite->inbox.deliveries, 3); /* what was in hand stayed there */
    inbox_ack_all(&suite->inbox);
}

static void after_unsubscribing_nothing_comes_and_acks_still_go(void **state) {
    struct suite *suite = *state;
    struct subscription *subscription = start(suite, INBOX_HOLD, 0);
    publish(suite, "in hand");
    await_count(suite, &suite->inbox, 1, WAIT_MS);
    bus_unsubscribe(subscription);
    publish(suite, "later");
    expect_no_more(suite, &suite->inbox, NEVER_MS);
    inbox_ack_all(&suite->inbox);
    flush_and_wait(&suite->loop, suite->bus);
    suite->other = open_bus(suite, "second");
    subscribe(suite, suite->other, &suite->other_inbox, 0);
    await_count(suite, &suite->other_inbox, 1, suite->fixture->redelivery_ms);
    expect_no_more(suite, &suite->other_inbox, NEVER_MS);
    assert_string_equal(suite->other_inbox.items[0].data, "later");
}

/* --- Publishing ----------------------------------------------------------------------------------------- */

static void messages_of_one_key_are_confirmed_in_order(void **state) {
    enum { KEYS = 5, EACH = 60 };
    struct suite *suite = *state;
    start(suite, INBOX_ACK, 0);
    static struct outcome outcomes[KEYS][EACH];
    memset(outcomes, 0, sizeof outcomes);
    char key[32], text[32];
    for (int i = 0; i < EACH; i++) {
        for (int k = 0; k < KEYS; k++) {
            snprintf(key, sizeof key, "nba/2021-11-%02d", k + 1);
            snprintf(text, sizeof text, "%d of %d", i, k);
            publish_text(suite->bus, suite->topic, key, text, &outcomes[k][i]);
        }
    }
    await_count(suite, &suite->inbox, (size_t)KEYS * EACH, WAIT_MS);
    flush_and_wait(&suite->loop, suite->bus);
    for (int k = 0; k < KEYS; k++) {
        for (int i = 0; i < EACH; i++) {
            check_ok(outcomes[k][i].result);
            assert_true(i == 0 || outcomes[k][i].turn > outcomes[k][i - 1].turn);
        }
    }
}

static void a_flush_comes_after_all_that_went_before(void **state) {
    struct suite *suite = *state;
    start(suite, INBOX_HOLD, 0);
    publish(suite, "in hand");
    await_count(suite, &suite->inbox, 1, WAIT_MS);
    struct outcome published[50] = {0}, flushed = {0}, again = {0};
    for (int i = 0; i < 50; i++)
        publish_text(suite->bus, suite->topic, i % 2 ? "key" : NULL, "text", &published[i]);
    inbox_ack_all(&suite->inbox);
    bus_flush(suite->bus, outcome_done, &flushed);
    bus_flush(suite->bus, outcome_done, &again);
    loop_until(&suite->loop, outcome_is_there, &again, WAIT_MS, "the flush");
    check_ok(flushed.result);
    check_ok(again.result);
    for (int i = 0; i < 50; i++) {
        assert_int_equal(published[i].calls, 1);
        assert_true(published[i].turn < flushed.turn);
    }
    assert_true(flushed.turn < again.turn);
    await_deliveries(suite, &suite->inbox, 51, WAIT_MS);
    inbox_ack_all(&suite->inbox);
}

static void a_flush_of_nothing_is_done(void **state) {
    struct suite *suite = *state;
    flush_and_wait(&suite->loop, suite->bus);
}

/* --- Beginning and end ---------------------------------------------------------------------------------- */

static void creating_again_is_fine(void **state) {
    struct suite *suite = *state;
    start(suite, INBOX_ACK, 0);
    create_and_wait(&suite->loop, suite->bus, &suite->source);
    create_and_wait(&suite->loop, suite->bus, &(struct source){.topic = suite->topic});
    publish(suite, "one");
    await_count(suite, &suite->inbox, 1, WAIT_MS);
    create_and_wait(&suite->loop, suite->bus, &suite->source);
    expect_no_more(suite, &suite->inbox, NEVER_MS);
}

static void a_topic_alone_can_be_made(void **state) {
    struct suite *suite = *state;
    create_and_wait(&suite->loop, suite->bus, &(struct source){.topic = suite->topic});
    publish(suite, "into the void");
}

static void a_missing_subscription_is_found_when_it_is_made(void **state) {
    struct suite *suite = *state;
    subscribe(suite, suite->bus, &suite->inbox, 0);
    expect_no_more(suite, &suite->inbox, NEVER_MS);
    if (log_capture_count(&suite->capture, suite->subscription) == 0)
        fail_msg("nothing was logged about the missing subscription");
    create_and_wait(&suite->loop, suite->bus, &suite->source);
    publish(suite, "at last");
    await_count(suite, &suite->inbox, 1, 2 * WAIT_MS);
}

static void closing_ends_everything_under_way(void **state) {
    struct suite *suite = *state;
    start(suite, INBOX_HOLD, 0);
    publish(suite, "one");
    publish(suite, "two");
    await_count(suite, &suite->inbox, 2, WAIT_MS);
    struct outcome published[100] = {0}, flushed = {0}, created = {0}, closed = {0};
    for (int i = 0; i < 100; i++)
        publish_text(suite->bus, suite->topic, i % 3 ? "key" : NULL, "text", &published[i]);
    bus_flush(suite->bus, outcome_done, &flushed);
    bus_create(suite->bus, &suite->source, outcome_done, &created);
    inbox_ack_one(&suite->inbox);
    bus_close(suite->bus, outcome_done, &closed);
    suite->bus = NULL;
    loop_until(&suite->loop, outcome_is_there, &closed, WAIT_MS, "the end of the bus");
    for (int i = 0; i < 100; i++) {
        assert_int_equal(published[i].calls, 1);
        assert_true(is_ok(published[i].result) || published[i].result.code == CODE_UNAVAILABLE);
        assert_true(published[i].turn < closed.turn);
    }
    assert_int_equal(flushed.calls, 1);
    assert_int_equal(created.calls, 1);
    loop_close(&suite->loop); /* no handle is left */
    uv_loop_init(&suite->loop);
}

static void a_bus_can_be_closed_at_once(void **state) {
    struct suite *suite = *state;
    subscribe(suite, suite->bus, &suite->inbox, 0);
    bus_close(suite->bus, NULL, NULL);
    suite->bus = NULL;
    loop_close(&suite->loop);
    uv_loop_init(&suite->loop);
}

static void no_callback_runs_inside_the_call_that_caused_it(void **state) {
    struct suite *suite = *state;
    bool inside = false;
    struct outcome created = {.forbidden = &inside},
                   published[3] = {{.forbidden = &inside}, {.forbidden = &inside}, {.forbidden = &inside}},
                   flushed = {.forbidden = &inside}, closed = {.forbidden = &inside};
    size_t huge = 11000000;
    char *data = calloc(1, huge);
    assert_non_null(data);
    suite->inbox.policy = INBOX_HOLD;
    suite->inbox.forbidden = &inside;
    create_and_wait(&suite->loop, suite->bus, &suite->source);
    inside = true;
    bus_create(suite->bus, &suite->source, outcome_done, &created);
    struct subscription *subscription = subscribe(suite, suite->bus, &suite->inbox, 0);
    publish_text(suite->bus, suite->topic, "key", "text", &published[0]);
    publish_text(suite->bus, suite->topic, "key", "more", &published[1]);
    bus_publish(suite->bus, suite->topic, &(struct message){.data = data, .size = huge}, outcome_published,
        &published[2]);
    bus_flush(suite->bus, outcome_done, &flushed);
    inside = false;
    await_count(suite, &suite->inbox, 2, WAIT_MS);
    loop_until(&suite->loop, outcome_is_there, &flushed, WAIT_MS, "the flush");
    inside = true;
    bus_pause(subscription);
    bus_resume(subscription);
    bus_nack(suite->inbox.held[--suite->inbox.held_count]);
    inbox_ack_one(&suite->inbox);
    inside = false;
    await_deliveries(suite, &suite->inbox, 3, suite->fixture->redelivery_ms);
    inside = true;
    bus_close(suite->bus, outcome_done, &closed);
    suite->bus = NULL;
    inside = false;
    loop_until(&suite->loop, outcome_is_there, &closed, WAIT_MS, "the end of the bus");
    free(data);
}

/* --- The other side goes away and comes back ------------------------------------------------------------ */

static void come_back(struct suite *suite) {
    suite->fixture->start(suite->fixture->context);
    if (suite->fixture->forgets)
        create_and_wait(&suite->loop, suite->bus, &suite->source);
}

static void expect_four_failures(struct suite *suite) {
    struct outcome failed[4] = {0};
    for (int i = 0; i < 4; i++)
        publish_text(suite->bus, suite->topic, i < 3 ? "key" : NULL, "lost", &failed[i]);
    for (int i = 0; i < 4; i++) {
        loop_until(&suite->loop, outcome_is_there, &failed[i], 6 * WAIT_MS, "the failure of a message");
        assert_int_equal(failed[i].result.code, CODE_UNAVAILABLE);
        assert_true(failed[i].result.retryable);
        assert_int_equal(failed[i].calls, 1);
    }
}

static void publishing_fails_while_the_other_side_is_away(void **state) {
    struct suite *suite = *state;
    start(suite, INBOX_ACK, 0);
    publish(suite, "before");
    await_count(suite, &suite->inbox, 1, WAIT_MS);
    suite->fixture->stop(suite->fixture->context);
    expect_four_failures(suite); /* nobody has noticed yet */
    expect_four_failures(suite); /* known to be away */
    come_back(suite);
    suite->inbox.awaited = suite->inbox.count + 1; /* it may come before its publish is known to be done */
    publish_in_the_end(&suite->loop, suite->bus, suite->topic, "key", "after");
    loop_until(
        &suite->loop, inbox_is_full, &suite->inbox, 4 * WAIT_MS, "a message after the other side came back");
    if (!inbox_find(&suite->inbox, "after"))
        fail_msg("a message that had failed came");
}

static void what_is_in_hand_when_the_other_side_goes_is_acked_when_it_comes_back(void **state) {
    struct suite *suite = *state;
    start(suite, INBOX_HOLD, 0);
    publish(suite, "one");
    publish(suite, "two");
    await_count(suite, &suite->inbox, 2, WAIT_MS);
    suite->fixture->stop(suite->fixture->context);
    inbox_ack_one(&suite->inbox);
    come_back(suite);
    publish_in_the_end(&suite->loop, suite->bus, suite->topic, NULL, "three");
    suite->inbox.awaited = 3;
    loop_until(
        &suite->loop, inbox_is_full, &suite->inbox, 4 * WAIT_MS, "a message after the other side came back");
    inbox_ack_all(&suite->inbox);
    flush_and_wait(&suite->loop, suite->bus);
    if (!suite->fixture->forgets)
        assert_int_equal(suite->inbox.deliveries, 3);
    close_and_wait(&suite->loop, &suite->bus);
    suite->other = open_bus(suite, "second");
    subscribe(suite, suite->other, &suite->other_inbox, 0);
    expect_no_more(suite, &suite->other_inbox, NEVER_MS + suite->fixture->lease_ms);
}

static void it_can_be_closed_while_the_other_side_is_away(void **state) {
    struct suite *suite = *state;
    start(suite, INBOX_HOLD, 0);
    publish(suite, "in hand");
    await_count(suite, &suite->inbox, 1, WAIT_MS);
    suite->fixture->stop(suite->fixture->context);
    struct outcome published = {0};
    publish_text(suite->bus, suite->topic, NULL, "lost", &published);
    close_and_wait(&suite->loop, &suite->bus);
    assert_int_equal(published.calls, 1);
    assert_int_equal(published.result.code, CODE_UNAVAILABLE);
    suite->fixture->start(suite->fixture->context);
}

#define suite_test(function)                                                                                 \
    { #function, function, setup, teardown, &suite }

int bus_suite_run(const struct bus_fixture *fixture) {
    struct suite suite = {.fixture = fixture, .victim = bus_victim_fork(fixture)};
    const struct CMUnitTest always[] = {
        suite_test(a_message_comes_as_it_was_published),
        suite_test(a_message_may_be_without_data),
        suite_test(a_large_message_comes_whole),
        suite_test(a_message_that_is_too_large_is_refused_for_good),
        suite_test(many_messages_come_exactly_once_when_acked),
        suite_test(a_nacked_message_comes_again),
        suite_test(an_unacked_message_comes_again_after_its_receiver_left),
        suite_test(an_acked_message_does_not_come_again_after_its_receiver_left),
        suite_test(what_a_killed_receiver_held_comes_again),
        suite_test(two_receivers_share_the_messages),
        suite_test(a_lease_is_kept_for_as_long_as_it_takes),
        suite_test(a_paused_receiver_keeps_its_leases),
        suite_test(no_more_than_allowed_are_in_hand),
        suite_test(a_paused_receiver_gets_nothing_until_it_goes_on),
        suite_test(after_unsubscribing_nothing_comes_and_acks_still_go),
        suite_test(messages_of_one_key_are_confirmed_in_order),
        suite_test(a_flush_comes_after_all_that_went_before),
        suite_test(a_flush_of_nothing_is_done),
        suite_test(creating_again_is_fine),
        suite_test(a_topic_alone_can_be_made),
        suite_test(a_missing_subscription_is_found_when_it_is_made),
        suite_test(closing_ends_everything_under_way),
        suite_test(a_bus_can_be_closed_at_once),
        suite_test(no_callback_runs_inside_the_call_that_caused_it),
    };
    const struct CMUnitTest when_it_can_stop[] = {
        suite_test(publishing_fails_while_the_other_side_is_away),
        suite_test(what_is_in_hand_when_the_other_side_goes_is_acked_when_it_comes_back),
        suite_test(it_can_be_closed_while_the_other_side_is_away),
    };
    int failed = cmocka_run_group_tests_name(fixture->name, always, NULL, NULL);
    if (fixture->stop)
        failed += cmocka_run_group_tests_name(fixture->name, when_it_can_stop, NULL, NULL);
    bus_victim_kill(&suite.victim);
    return failed;
}
