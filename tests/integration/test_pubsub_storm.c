/*
 * Pub/Sub failing in every way at random, while messages come in and go out. When the storm is over, every
 * message has been received and acked, every publish has been confirmed, and under each key the first copies
 * stand in order. The order of faults comes from a seed, so that a storm can be had again; the timing does
 * not.
 */
#include "support/check.h"
#include "support/fake_pubsub.h"
#include "support/loop.h"
#include "support/pubsub_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INCOMING "projects/p/topics/completions"
#define OUTGOING "projects/p/topics/triggers"
#define SUBSCRIPTION "projects/p/subscriptions/phasegate"

enum {
    STEPS = 250,
    STEP_MS = 20,
    RETRY_MS = 20,   /* afterwards: how often the outboxes are looked at */
    CALM_MS = 90000, /* for back-offs to run out, afterwards */
    QUIET_MS = 200,
    KEYS = 8,
    MESSAGES_PER_KEY = 60,
    INCOMING_PER_STEP = 10,
    PUBLISHES_MAX = 100000,
};

/* An outbox: what is to be published under one key, in order, and again until it is confirmed. */
struct outbox {
    char key[16];
    int next; /* the first that is not on its way */
    int on_the_way;
    bool failing; /* one failed: all that are on the way have to fail too */
    bool confirmed[MESSAGES_PER_KEY];
};

struct storm {
    struct fake_pubsub *fake;
    struct world world;
    uint32_t random;
    bool stopped;
    bool losing;
    size_t incoming;
    size_t looked_at; /* of the world's deliveries */
    size_t told;      /* of the world's outcomes */
    uint64_t next_try_ms;
    struct outbox outboxes[KEYS];
    struct publish {
        struct outbox *outbox;
        int number;
    } * publishes; /* by the world's number of the publish */
};

/* xorshift32 */
static uint32_t draw(struct storm *storm, uint32_t below) {
    storm->random ^= storm->random << 13;
    storm->random ^= storm->random >> 17;
    storm->random ^= storm->random << 5;
    return storm->random % below;
}

/* --- The publisher -------------------------------------------------------------------------------------- */

static int first_unconfirmed(const struct outbox *outbox) {
    int number = 0;
    while (number < MESSAGES_PER_KEY && outbox->confirmed[number])
        number++;
    return number;
}

static void publish_more(struct storm *storm, struct outbox *outbox, int count) {
    for (; count > 0 && !outbox->failing && outbox->next < MESSAGES_PER_KEY; count--) {
        char text[16];
        snprintf(text, sizeof text, "%d", outbox->next);
        assert_in_range(storm->world.publish_count, 0, PUBLISHES_MAX - 1);
        storm->publishes[storm->world.publish_count] = (struct publish){outbox, outbox->next};
        world_publish(&storm->world, "triggers", text, outbox->key);
        outbox->next++;
        outbox->on_the_way++;
    }
}

/* Takes in how publishes ended. What a failure leaves behind goes again once nothing is on the way any more.
 */
static void learn_outcomes(struct storm *storm) {
    for (; storm->told < storm->world.outcome_count; storm->told++) {
        const struct world_outcome *outcome = &storm->world.outcomes[storm->told];
        const struct publish *publish = &storm->publishes[outcome->number];
        struct outbox *outbox = publish->outbox;
        if (is_ok(outcome->result) && outbox->failing)
            fail_msg("%s/%d was published although one before it failed", outbox->key, publish->number);
        if (!is_ok(outcome->result) && outcome->result.code != CODE_UNAVAILABLE)
            fail_msg("%s/%d failed for good: %s", outbox->key, publish->number, outcome->result.text);
        outbox->confirmed[publish->number] = is_ok(outcome->result);
        outbox->failing = !is_ok(outcome->result);
        outbox->on_the_way--;
        if (outbox->failing && outbox->on_the_way == 0) {
            outbox->failing = false;
            outbox->next = first_unconfirmed(outbox);
        }
    }
}

/* --- The receiver --------------------------------------------------------------------------------------- */

/* Acks most of what came, nacks some, and keeps some for later, when all != 0 nothing. */
static void give_back(struct storm *storm, bool all) {
    size_t first_kept = storm->world.received_count;
    for (size_t i = storm->looked_at; i < storm->world.received_count; i++) {
        uint32_t lot = all ? 0 : draw(storm, 10);
        if (!storm->world.received[i].delivery)
            continue;
        if (lot < 6)
            world_ack(&storm->world, i);
        else if (lot < 7)
            world_nack(&storm->world, i);
        else if (first_kept == storm->world.received_count)
            first_kept = i;
    }
    storm->looked_at = first_kept;
}

static void inject(struct storm *storm, int count) {
    for (; count > 0; count--) {
        char text[24];
        snprintf(text, sizeof text, "%zu", storm->incoming++);
        const struct message message = {.data = text, .size = strlen(text)};
        check_ok(fake_pubsub_publish(storm->fake, INCOMING, &message));
    }
}

/* --- The storm ------------------------------------------------------------------------------------------ */

static grpc_status_code draw_status(struct storm *storm) {
    static const grpc_status_code statuses[] = {GRPC_STATUS_UNAVAILABLE, GRPC_STATUS_INTERNAL,
        GRPC_STATUS_RESOURCE_EXHAUSTED, GRPC_STATUS_DEADLINE_EXCEEDED, GRPC_STATUS_ABORTED,
        GRPC_STATUS_UNKNOWN};
    return statuses[draw(storm, sizeof statuses / sizeof *statuses)];
}

static enum fake_method draw_method(struct storm *storm) {
    static const enum fake_method methods[] = {
        FAKE_PUBLISH, FAKE_STREAMING_PULL, FAKE_ACKNOWLEDGE, FAKE_MODIFY_ACK_DEADLINE};
    return methods[draw(storm, sizeof methods / sizeof *methods)];
}

static void refuse_some(struct storm *storm) {
    fake_pubsub_answer_next(storm->fake, draw_method(storm), 1 + (int)draw(storm, 3), draw_status(storm));
}

/* Gone until the next step: longer, and the client's back-off would leave nothing to storm against. */
static void stop(struct storm *storm) {
    fake_pubsub_stop(storm->fake);
    storm->stopped = true;
}

static void lose_acks_or_not(struct storm *storm) {
    storm->losing = !storm->losing;
    fake_pubsub_lose_acks(storm->fake, storm->losing);
}

static void strike(struct storm *storm) {
    uint32_t lot = draw(storm, 40);
    if (storm->stopped)
        check_ok(fake_pubsub_restart(storm->fake));
    storm->stopped = false;
    if (lot < 3)
        fake_pubsub_break_streams(storm->fake, draw_status(storm));
    else if (lot < 12)
        refuse_some(storm);
    else if (lot < 15)
        fake_pubsub_publish_unconfirmed(storm->fake, 1 + (int)draw(storm, 2), draw_status(storm));
    else if (lot < 18)
        fake_pubsub_duplicate(storm->fake, 1 + (int)draw(storm, 3));
    else if (lot < 21)
        lose_acks_or_not(storm);
    else if (lot < 23)
        fake_pubsub_expire_leases(storm->fake);
    else if (lot < 26)
        fake_pubsub_delay(storm->fake, (int)draw(storm, 30));
    else if (lot < 29)
        fake_pubsub_break_streams_every(storm->fake, (int)draw(storm, 3) * 10);
    else if (lot < 30)
        stop(storm);
}

static void calm(struct storm *storm) {
    if (storm->stopped)
        check_ok(fake_pubsub_restart(storm->fake));
    for (enum fake_method method = 0; method < FAKE_METHODS; method++)
        fake_pubsub_answer_next(storm->fake, method, 0, GRPC_STATUS_OK);
    fake_pubsub_publish_unconfirmed(storm->fake, 0, GRPC_STATUS_OK);
    fake_pubsub_break_streams_every(storm->fake, 0);
    fake_pubsub_duplicate(storm->fake, 1);
    fake_pubsub_lose_acks(storm->fake, false);
    fake_pubsub_delay(storm->fake, 0);
    fake_pubsub_expire_leases(storm->fake); /* the acks that were lost are not missed before */
}

static bool never(void *context) {
    (void)context;
    return false;
}

static bool settled(void *context) {
    struct storm *storm = context;
    bool confirmed = true, due = uv_now(&storm->world.loop) >= storm->next_try_ms;
    give_back(storm, true);
    learn_outcomes(storm);
    if (due)
        storm->next_try_ms = uv_now(&storm->world.loop) + RETRY_MS;
    for (int i = 0; i < KEYS; i++) {
        publish_more(storm, &storm->outboxes[i], due ? MESSAGES_PER_KEY : 0);
        confirmed = confirmed && first_unconfirmed(&storm->outboxes[i]) == MESSAGES_PER_KEY;
    }
    return confirmed && fake_pubsub_counts(storm->fake, SUBSCRIPTION).acked == storm->incoming;
}

/* Under each key: no first copy before that of the one before it, and none missing. */
static void check_order(struct storm *storm) {
    int next[KEYS] = {0};
    const struct message *message;
    for (size_t i = 0; (message = fake_pubsub_message(storm->fake, OUTGOING, i)); i++) {
        int key = atoi(message->ordering_key + 1);
        char text[16];
        snprintf(text, sizeof text, "%.*s", (int)message->size, (const char *)message->data);
        int number = atoi(text);
        if (number > next[key])
            fail_msg("%s/%d has overtaken %d", message->ordering_key, number, next[key]);
        if (number == next[key])
            next[key]++;
    }
    for (int key = 0; key < KEYS; key++)
        assert_int_equal(next[key], MESSAGES_PER_KEY);
}

static void run(struct storm *storm) {
    world_subscribe(&storm->world, "phasegate", 0);
    for (int step = 0; step < STEPS; step++) {
        strike(storm);
        inject(storm, (int)draw(storm, INCOMING_PER_STEP));
        publish_more(storm, &storm->outboxes[draw(storm, KEYS)], 1 + (int)draw(storm, 5));
        loop_never(&storm->world.loop, never, NULL, STEP_MS, "");
        give_back(storm, false);
        learn_outcomes(storm);
    }
    calm(storm);
    loop_until(&storm->world.loop, settled, storm, CALM_MS, "everything to be acked and confirmed");
    check_order(storm);

    size_t deliveries = fake_pubsub_counts(storm->fake, SUBSCRIPTION).deliveries;
    loop_never(&storm->world.loop, never, NULL, QUIET_MS, "");
    fake_pubsub_expire_leases(storm->fake);
    struct fake_counts counts = fake_pubsub_counts(storm->fake, SUBSCRIPTION);
    assert_int_equal(counts.acked, storm->incoming); /* what is acked stays acked */
    assert_int_equal(counts.deliveries, deliveries);
}

static void storm_of_seed(uint32_t seed) {
    struct storm *storm = calloc(1, sizeof *storm);
    assert_non_null(storm);
    storm->publishes = calloc(PUBLISHES_MAX, sizeof *storm->publishes);
    assert_non_null(storm->publishes);
    storm->random = seed;
    for (int i = 0; i < KEYS; i++)
        snprintf(storm->outboxes[i].key, sizeof storm->outboxes[i].key, "k%d", i);
    check_ok(fake_pubsub_start(NULL, &storm->fake));
    check_ok(fake_pubsub_create(storm->fake, INCOMING, SUBSCRIPTION, false));
    check_ok(fake_pubsub_create(storm->fake, OUTGOING, NULL, false));
    world_open(&storm->world, fake_pubsub_address(storm->fake), 3);
    run(storm);
    world_close(&storm->world);
    fake_pubsub_free(&storm->fake);
    free(storm->publishes);
    free(storm);
}

static void storm_one(void **state) {
    (void)state;
    storm_of_seed(20211118);
}

static void storm_two(void **state) {
    (void)state;
    storm_of_seed(20211125);
}

static void storm_three(void **state) {
    (void)state;
    storm_of_seed(20211130);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(storm_one),
        cmocka_unit_test(storm_two),
        cmocka_unit_test(storm_three),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
