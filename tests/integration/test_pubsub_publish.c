/* Publishing to Pub/Sub: batches, order under a key, refusals, and what is under way when the bus closes. */
#include "support/check.h"
#include "support/fake_pubsub.h"
#include "support/loop.h"
#include "support/pubsub_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOPIC "projects/p/topics/triggers"

static struct fake_pubsub *fake;
static struct world world;

static int set_up(void **state) {
    (void)state;
    check_ok(fake_pubsub_start(NULL, &fake));
    check_ok(fake_pubsub_create(fake, TOPIC, NULL, false));
    world_open(&world, fake_pubsub_address(fake), 0);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    world_close(&world);
    fake_pubsub_free(&fake);
    return 0;
}

static bool called(void *context) {
    return fake_pubsub_calls(fake, FAKE_PUBLISH) >= *(const size_t *)context;
}

static void await_calls(size_t count) {
    loop_until(&world.loop, called, &count, WORLD_WAIT_MS, "publishes to arrive");
}

static void check_published(size_t index, const char *text, const char *key) {
    const struct message *message = fake_pubsub_message(fake, TOPIC, index);
    assert_non_null(message);
    assert_int_equal(message->size, strlen(text));
    assert_memory_equal(message->data, text, strlen(text));
    if (key)
        assert_string_equal(message->ordering_key, key);
}

static void a_message_leaves_whole(void **state) {
    (void)state;
    char data[] = "{}", name[] = "trigger_id", value[] = "nba/2021-11-17/g1/r1", key[] = "nba/2021-11-17";
    struct attribute attribute = {name, value};
    struct message message = {
        .data = data, .size = 2, .attributes = &attribute, .attribute_count = 1, .ordering_key = key};
    world_publish_message(&world, "triggers", &message);
    memset(data, 'x', 2); /* it was copied */
    memset(name, 'x', 4);
    memset(value, 'x', 4);
    memset(key, 'x', 4);
    world_await_outcomes(&world, 1);
    check_ok(world.outcomes[0].result);
    const struct message *got = fake_pubsub_message(fake, TOPIC, 0);
    assert_int_equal(got->size, 2);
    assert_memory_equal(got->data, "{}", 2);
    assert_string_equal(message_attribute(got, "trigger_id"), "nba/2021-11-17/g1/r1");
    assert_string_equal(got->ordering_key, "nba/2021-11-17");
    assert_string_equal(world.outcomes[0].id, got->id);
    char header[128];
    assert_true(fake_pubsub_header(fake, FAKE_PUBLISH, "x-goog-request-params", header, sizeof header));
    assert_string_equal(header, "topic=" TOPIC);
}

static void messages_without_a_key_travel_together(void **state) {
    (void)state;
    for (int i = 0; i < 2500; i++)
        world_publish(&world, "triggers", "x", NULL);
    world_await_outcomes(&world, 2500);
    assert_int_equal(fake_pubsub_published(fake, TOPIC), 2500);
    assert_int_equal(fake_pubsub_calls(fake, FAKE_PUBLISH), 3);
}

static void large_messages_fit_their_requests(void **state) {
    (void)state;
    enum { SIZE = 3000000, COUNT = 10 };
    char *large = calloc(1, SIZE);
    assert_non_null(large);
    for (int i = 0; i < COUNT; i++)
        world_publish_message(&world, "triggers", &(struct message){.data = large, .size = SIZE});
    free(large);
    world_await_outcomes(&world, COUNT);
    for (size_t i = 0; i < COUNT; i++)
        check_ok(world.outcomes[i].result);
    assert_int_equal(fake_pubsub_calls(fake, FAKE_PUBLISH), 5);
}

static void a_key_keeps_its_order(void **state) {
    (void)state;
    enum { KEYS = 20, EACH = 50 };
    char text[16], key[16];
    for (int i = 0; i < EACH; i++) {
        for (int k = 0; k < KEYS; k++) {
            snprintf(text, sizeof text, "%d", i);
            snprintf(key, sizeof key, "key-%d", k);
            world_publish(&world, "triggers", text, key);
        }
        if (i % 10 == 0) /* some leave before the next are published */
            world_await_outcomes(&world, world.publish_count - KEYS);
    }
    world_await_outcomes(&world, KEYS * EACH);
    int next[KEYS] = {0};
    for (size_t i = 0; i < KEYS * EACH; i++) {
        const struct message *message = fake_pubsub_message(fake, TOPIC, i);
        int k = atoi(message->ordering_key + 4);
        snprintf(text, sizeof text, "%.*s", (int)message->size, (const char *)message->data);
        assert_int_equal(atoi(text), next[k]++);
    }
    assert_true(fake_pubsub_calls(fake, FAKE_PUBLISH) < KEYS * EACH);
}

static void a_failure_takes_along_what_is_behind_it(void **state) {
    (void)state;
    world_publish(&world, "triggers", "a", "key");
    world_await_outcomes(&world, 1);
    fake_pubsub_delay(fake, 200);
    fake_pubsub_answer_next(fake, FAKE_PUBLISH, 1, GRPC_STATUS_UNAVAILABLE);
    world_publish(&world, "triggers", "b", "key");
    await_calls(2);
    world_publish(&world, "triggers", "c", "key"); /* wait behind b */
    world_publish(&world, "triggers", "d", "key");
    world_publish(&world, "triggers", "other", "another key");
    world_await_outcomes(&world, 5);
    for (size_t i = 0; i < 5; i++) {
        const struct world_outcome *outcome = &world.outcomes[i];
        if (outcome->number == 0 || outcome->number == 4)
            check_ok(outcome->result);
        else
            check_fails(outcome->result, CODE_UNAVAILABLE, TOPIC);
        if (outcome->number == 1)
            assert_int_equal(world.outcomes[i + 1].number, 2);
        if (outcome->number == 2)
            assert_int_equal(world.outcomes[i + 1].number, 3);
    }
    assert_int_equal(fake_pubsub_published(fake, TOPIC), 2);
    world_publish(&world, "triggers", "e", "key");
    world_await_outcomes(&world, 6);
    check_ok(world.outcomes[5].result);
    check_published(2, "e", "key");
}

static void one_refused_message_spoils_no_other(void **state) {
    (void)state;
    static const char *const keys[] = {NULL, "key"};
    for (size_t k = 0; k < 2; k++) {
        for (int i = 0; i < 10; i++) {
            char text[8] = "";
            if (i != 4) /* an empty message is refused */
                snprintf(text, sizeof text, "%d", i);
            world_publish(&world, "triggers", text, keys[k]);
        }
    }
    world_await_outcomes(&world, 20);
    for (size_t i = 0; i < 20; i++) {
        struct result result = world.outcomes[i].result;
        if (world.outcomes[i].number % 10 == 4) {
            check_fails(result, CODE_INVALID, "a message needs data");
            assert_false(result.retryable);
        } else {
            check_ok(result);
        }
    }
    assert_int_equal(fake_pubsub_published(fake, TOPIC), 18);
    int last = -1;
    for (size_t i = 0; i < 18; i++) {
        const struct message *message = fake_pubsub_message(fake, TOPIC, i);
        int number = *(const char *)message->data - '0';
        if (message->ordering_key) {
            assert_true(number > last);
            last = number;
        }
    }
}

static void a_message_that_is_too_large_is_refused(void **state) {
    (void)state;
    enum { SIZE = 10000000 };
    char *large = calloc(1, SIZE);
    assert_non_null(large);
    world_publish(&world, "triggers", "before", "key");
    world_publish_message(
        &world, "triggers", &(struct message){.data = large, .size = SIZE, .ordering_key = "key"});
    world_publish(&world, "triggers", "behind", "key");
    free(large);
    world_await_outcomes(&world, 3);
    check_ok(world.outcomes[0].result);
    check_fails(world.outcomes[1].result, CODE_LIMIT, "10000000");
    assert_false(world.outcomes[1].result.retryable);
    check_ok(world.outcomes[2].result);
    assert_int_equal(fake_pubsub_published(fake, TOPIC), 2);
}

static void too_many_that_wait_are_turned_away_in_order(void **state) {
    (void)state;
    enum { LIMIT = 100000, MORE = 10 };
    for (int i = 0; i < LIMIT + MORE; i++)
        world_publish(&world, "triggers", "x", i % 2 ? "key" : NULL);
    world_await_outcomes(&world, LIMIT + MORE);
    size_t failed = 0;
    for (size_t i = 0; i < LIMIT + MORE; i++) {
        if (world.outcomes[i].number >= LIMIT) {
            check_fails(world.outcomes[i].result, CODE_UNAVAILABLE, "wait to be published already");
            failed++;
        } else {
            check_ok(world.outcomes[i].result);
        }
    }
    assert_int_equal(failed, MORE);
    world_publish(&world, "triggers", "again", "key");
    world_await_outcomes(&world, LIMIT + MORE + 1);
    check_ok(world.outcomes[LIMIT + MORE].result);
}

static void a_missing_topic_can_be_mended(void **state) {
    (void)state;
    world_publish(&world, "missing", "x", NULL);
    world_await_outcomes(&world, 1);
    struct result result = world.outcomes[0].result;
    check_fails(result, CODE_NOT_FOUND, "projects/p/topics/missing does not exist; create it, or start with");
    assert_true(result.retryable);
    fake_pubsub_answer_next(fake, FAKE_PUBLISH, 1, GRPC_STATUS_PERMISSION_DENIED);
    world_publish(&world, "triggers", "x", NULL);
    world_await_outcomes(&world, 2);
    check_fails(world.outcomes[1].result, CODE_REFUSED, "forbids");
    assert_true(world.outcomes[1].result.retryable);
}

static void a_name_that_cannot_be_is_told_later(void **state) {
    (void)state;
    world_publish(&world, "", "x", NULL);
    assert_int_equal(world.outcome_count, 0);
    world_await_outcomes(&world, 1);
    check_fails(world.outcomes[0].result, CODE_INVALID, "empty");
    check_fails(world_create(&world, "", NULL), CODE_INVALID, "empty");
}

static void what_was_not_confirmed_is_not_called_published(void **state) {
    (void)state;
    fake_pubsub_publish_unconfirmed(fake, 1, GRPC_STATUS_DEADLINE_EXCEEDED);
    world_publish(&world, "triggers", "x", "key");
    world_await_outcomes(&world, 1);
    check_fails(world.outcomes[0].result, CODE_UNAVAILABLE, "DEADLINE_EXCEEDED");
    assert_int_equal(fake_pubsub_published(fake, TOPIC), 1);
}

static void a_flush_waits_for_publishes(void **state) {
    (void)state;
    fake_pubsub_delay(fake, 100);
    for (int i = 0; i < 5; i++)
        world_publish(&world, "triggers", "x", i % 2 ? "key" : NULL);
    check_ok(world_flush(&world));
    assert_int_equal(world.outcome_count, 5);
    fake_pubsub_answer_next(fake, FAKE_PUBLISH, 1, GRPC_STATUS_UNAVAILABLE);
    world_publish(&world, "triggers", "x", NULL);
    check_fails(world_flush(&world), CODE_UNAVAILABLE, "");
    assert_int_equal(world.outcome_count, 6);
    check_ok(world_flush(&world));
}

static void a_server_that_is_away_fails_a_publish_soon(void **state) {
    (void)state;
    fake_pubsub_stop(fake);
    world_publish(&world, "triggers", "x", "key");
    world_await_outcomes(&world, 1);
    check_fails(world.outcomes[0].result, CODE_UNAVAILABLE, TOPIC);
    check_ok(fake_pubsub_restart(fake));
    while (world.outcomes[world.outcome_count - 1].result.code != CODE_OK && world.publish_count < 10000) {
        world_publish(&world, "triggers", "x", "key");
        world_await_outcomes(&world, world.publish_count);
    }
    check_ok(world.outcomes[world.outcome_count - 1].result);
}

static void a_close_ends_what_is_under_way(void **state) {
    (void)state;
    set_up(state);
    fake_pubsub_delay(fake, 10 * WORLD_WAIT_MS);
    world_publish(&world, "triggers", "under way", "key");
    await_calls(1);
    world_publish(&world, "triggers", "behind", "key");
    world_publish(&world, "triggers", "waiting", NULL);
    world_close_bus(&world);
    assert_int_equal(world.outcome_count, 3);
    for (size_t i = 0; i < 3; i++)
        check_fails(world.outcomes[i].result, CODE_UNAVAILABLE, "clos");
    world_free(&world);
    fake_pubsub_free(&fake);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_message_leaves_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(messages_without_a_key_travel_together, set_up, tear_down),
        cmocka_unit_test_setup_teardown(large_messages_fit_their_requests, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_key_keeps_its_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_failure_takes_along_what_is_behind_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_refused_message_spoils_no_other, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_message_that_is_too_large_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(too_many_that_wait_are_turned_away_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_missing_topic_can_be_mended, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_name_that_cannot_be_is_told_later, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_not_confirmed_is_not_called_published, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_flush_waits_for_publishes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_server_that_is_away_fails_a_publish_soon, set_up, tear_down),
        cmocka_unit_test(a_close_ends_what_is_under_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
