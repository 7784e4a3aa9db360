/* The Pub/Sub end over Google's own emulator: the suite of the bus, and what only Pub/Sub has. */
#include "support/bus_suite.h"
#include "support/check.h"
#include "support/crowd.h"
#include "support/emulator.h"
#include "support/loop.h"
#include "support/patience.h"
#include "support/pubsub_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LEASE_MS = 10000 };

/* Of the tests below; in each of their processes the only one. */
static struct emulator emulator;
static struct world world;

static int set_up(void **state) {
    static char names[2][32];
    snprintf(names[0], sizeof names[0], "topic-%ld", (long)getpid());
    snprintf(names[1], sizeof names[1], "subscription-%ld", (long)getpid());
    *state = names;
    world_open(&world, emulator.host, 8);
    check_ok(world_create(&world, names[0], names[1]));
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    world_close(&world);
    return 0;
}

static const char *topic_of(void **state) {
    return *state;
}

static const char *subscription_of(void **state) {
    return (const char *)*state + 32;
}

static void making_what_is_there_is_fine(void **state) {
    check_ok(world_create(&world, topic_of(state), subscription_of(state)));
    check_ok(world_create(&world, topic_of(state), NULL));
    check_fails(world_create(&world, "another-topic", subscription_of(state)), CODE_REFUSED,
        "is there, but on topic");
}

static void many_streams_bring_everything(void **state) {
    enum { COUNT = 3000 };
    bool seen[COUNT] = {0};
    world.acks = true;
    world_subscribe(&world, subscription_of(state), 500);
    for (int i = 0; i < COUNT; i++) {
        char text[16];
        snprintf(text, sizeof text, "%d", i);
        world_publish(&world, topic_of(state), text, NULL);
    }
    world_await_outcomes(&world, COUNT);
    world_await_received(&world, COUNT);
    for (size_t i = 0; i < world.received_count; i++)
        seen[atoi(world.received[i].text)] = true;
    for (int i = 0; i < COUNT; i++)
        assert_true(seen[i]);
    check_ok(world_flush(&world));
}

static bool came_again(void *context) {
    (void)context;
    return world.received_count > 5;
}

/* Three times as long as the lease. Some are out, some are held back; none comes a second time. */
static void a_lease_is_extended_for_as_long_as_it_takes(void **state) {
    for (int i = 0; i < 10; i++)
        world_publish(&world, topic_of(state), "x", NULL);
    world_subscribe(&world, subscription_of(state), 5);
    world_await_received(&world, 5);
    loop_never(&world.loop, came_again, NULL, 30000, "a message that is in hand came again");
    world.acks = true;
    world_ack_all(&world);
    world_await_received(&world, 10);
    check_ok(world_flush(&world));
    for (size_t i = 0; i < 10; i++)
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(world.received[i].id, world.received[j].id);
}

static void keys_keep_their_order(void **state) {
    enum { KEYS = 10, EACH = 40 };
    for (int i = 0; i < EACH; i++) {
        for (int k = 0; k < KEYS; k++) {
            char text[16], key[16];
            snprintf(text, sizeof text, "%d", i);
            snprintf(key, sizeof key, "key-%d", k);
            world_publish(&world, topic_of(state), text, key);
        }
    }
    world_await_outcomes(&world, KEYS * EACH);
    /* The emulator numbers messages as it takes them. */
    long last[KEYS] = {0};
    for (size_t i = 0; i < world.outcome_count; i++) {
        check_ok(world.outcomes[i].result);
        size_t key = world.outcomes[i].number % KEYS;
        assert_true(atol(world.outcomes[i].id) > last[key]);
        last[key] = atol(world.outcomes[i].id);
    }
}

static void what_is_nacked_or_lost_at_close_comes_again(void **state) {
    for (int i = 0; i < 20; i++)
        world_publish(&world, topic_of(state), "x", NULL);
    world_subscribe(&world, subscription_of(state), 10);
    world_await_received(&world, 10);
    world_nack(&world, 0);
    world_close(&world);
    world_open(&world, emulator.host, 1);
    world.acks = true;
    world_subscribe(&world, subscription_of(state), 0);
    world_await_received(&world, 20);
}

static struct result open_bus(
    void *context, uv_loop_t *loop, const struct log *log, const char *consumer, struct bus **bus) {
    (void)consumer; /* Pub/Sub knows no consumers: whoever reads gets messages */
    const struct emulator *server = context;
    struct pubsub_settings settings = {
        .project = "suite", .emulator = server->host, .lease_seconds = patient_ms(LEASE_MS) / 1000};
    return bus_open_pubsub(loop, &settings, log, bus);
}

static void stop(void *context) {
    emulator_kill(context);
}

static void start(void *context) {
    check_ok(emulator_restart(context));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown(a_lease_is_extended_for_as_long_as_it_takes, set_up, tear_down),
    cmocka_unit_test_setup_teardown(making_what_is_there_is_fine, set_up, tear_down),
    cmocka_unit_test_setup_teardown(many_streams_bring_everything, set_up, tear_down),
    cmocka_unit_test_setup_teardown(keys_keep_their_order, set_up, tear_down),
    cmocka_unit_test_setup_teardown(what_is_nacked_or_lost_at_close_comes_again, set_up, tear_down),
};

static int run(struct emulator *apart) {
    const struct bus_fixture fixture = {
        .name = "pubsub-emulator",
        .open = open_bus,
        .redelivery_ms = 90000, /* a lease is 10 s, but the emulator was seen to take 40 */
        .lease_ms = patient_ms(LEASE_MS),
        .stop = stop,
        .start = start,
        .greedy = true, /* the emulator knows no max_outstanding_messages */
        .forgets = true,
        .context = &emulator,
        .apart = apart,
    };
    struct crowd crowd = {0};
    crowd_add(&crowd, "pubsub-emulator", tests, sizeof tests / sizeof *tests);
    bus_suite_start(&fixture, &crowd);
    return bus_suite_finish(&fixture, &crowd);
}

/* Says what is missing; a failure where nothing may be. */
static void is_skipped(void **state) {
    (void)state;
    emulator_require(&emulator);
}

int main(void) {
    struct emulator apart = EMULATOR_NONE;
    emulator = EMULATOR_NONE;
    struct result r = emulator_start(&emulator);
    if (is_ok(r))
        r = emulator_start(&apart);
    if (r.code == CODE_NOT_FOUND) {
        const struct CMUnitTest skipped[] = {cmocka_unit_test(is_skipped)};
        return cmocka_run_group_tests(skipped, NULL, NULL);
    }
    if (!is_ok(r))
        fprintf(stderr, "%s\n", r.text);
    int failed = is_ok(r) ? run(&apart) : 1;
    emulator_stop(&apart);
    emulator_stop(&emulator);
    return failed;
}
