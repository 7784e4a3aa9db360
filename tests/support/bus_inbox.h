/* What tests of the bus share: a receiver that remembers what came, and publishing with an outcome to look
 * at. */
#ifndef PHASEGATE_TESTS_SUPPORT_BUS_INBOX_H
#define PHASEGATE_TESTS_SUPPORT_BUS_INBOX_H

#include "bus/bus.h"

enum { INBOX_MAX = 20000 };

enum inbox_policy {
    INBOX_ACK,
    INBOX_HOLD,      /* keep in hand until inbox_ack_all or inbox_ack_one */
    INBOX_NACK_ONCE, /* nack what comes for the first time */
};

struct received {
    char *id, *data, *key; /* key: "" when there was none */
    size_t size;
    int64_t published_ms;
    size_t times; /* how often it came */
};

struct inbox {
    enum inbox_policy policy;
    const bool *forbidden;  /* while it is true, nothing may come; NULL: none */
    struct received *items; /* one for each id, in the order of their first coming */
    size_t count, deliveries;
    struct delivery **held;
    size_t held_count;
    size_t awaited;       /* for inbox_is_full */
    char attributes[512]; /* of the newest delivery: "name=value;name=value;" sorted by name */
};

void inbox_open(struct inbox *inbox, enum inbox_policy policy);
void inbox_close(struct inbox *inbox);

struct receiver inbox_receiver(struct inbox *inbox, size_t in_hand_max);

/* The message with these data, or NULL. */
const struct received *inbox_find(const struct inbox *inbox, const char *data);

void inbox_ack_one(struct inbox *inbox);
void inbox_ack_all(struct inbox *inbox);

/* Conditions for loop_until and loop_never; the context is the inbox. */
bool inbox_is_full(void *inbox);        /* count >= awaited */
bool inbox_has_deliveries(void *inbox); /* deliveries >= awaited */

/* What became of one call. */
struct outcome {
    size_t calls;
    struct result result;
    char id[64];
    size_t turn; /* the how-manieth of all outcomes, from 1 */
    const bool *forbidden;
};

void outcome_published(void *outcome, struct result result, const char *message_id);
void outcome_done(void *outcome, struct result result);
bool outcome_is_there(void *outcome);

/* bus_publish of a text; key may be NULL. */
void publish_text(
    struct bus *bus, const char *topic, const char *key, const char *text, struct outcome *outcome);

/* Runs the loop until the message is confirmed; fails the test when it is not. */
void publish_and_wait(uv_loop_t *loop, struct bus *bus, const char *topic, const char *key, const char *text);

/* The same, publishing again while the bus is unavailable: for when it has just come back. */
void publish_in_the_end(
    uv_loop_t *loop, struct bus *bus, const char *topic, const char *key, const char *text);

/* bus_create, bus_flush and bus_close, and the loop until they are done. */
void create_and_wait(uv_loop_t *loop, struct bus *bus, const struct source *source);

/* The same, again while the bus is unavailable: it may be so for a while after it has come back. */
void create_in_the_end(uv_loop_t *loop, struct bus *bus, const struct source *source);

void flush_and_wait(uv_loop_t *loop, struct bus *bus);
void close_and_wait(uv_loop_t *loop, struct bus **bus);

#endif
