#include "bus/streams_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    IN_HAND_DEFAULT = 1000,
    RETURNS_MAX = 65536, /* given back, and not yet confirmed: then nothing new is asked for */
    READ_COUNT_MAX = 200,
    BLOCK_MS = 2000, /* far below REDIS_LINK_SILENCE_MS */
    CLAIM_INTERVAL_MS = 1000,
};

static const char from_the_start[] = "0-0";

/* How many entries may be asked for now. */
static size_t room(const struct streams_subscription *sub) {
    size_t used = sub->out + sub->held.count;
    if (used >= sub->receiver.in_hand_max || sub->table.count - used >= RETURNS_MAX)
        return 0;
    size_t free_places = sub->receiver.in_hand_max - used;
    return free_places < READ_COUNT_MAX ? free_places : READ_COUNT_MAX;
}

static bool may_ask(const struct streams_subscription *sub) {
    return !sub->ended && !sub->paused && uv_now(sub->bus->loop) >= sub->retry_at && room(sub) > 0;
}

/* --- Handing out ---------------------------------------------------------------------------------------- */

/* A question about new entries and one about old ones may be under way at once: together they may bring too
 * many. */
static bool may_hand_out(const struct streams_subscription *sub) {
    return !sub->paused && !sub->ended && sub->bus->state == BUS_OPEN && sub->out < sub->receiver.in_hand_max;
}

static void deliver(struct streams_subscription *sub, struct entry *entry) {
    entry->state = ENTRY_OUT;
    sub->out++;
    sub->receiver.on_delivery(sub->receiver.context, &entry->delivery);
}

void streams_deliver_held(struct streams_subscription *sub) {
    while (may_hand_out(sub) && sub->held.first)
        deliver(sub, entry_pop(&sub->held));
}

/* Redis keeps a removed entry among the pending ones until it is acked. */
static void drop_deleted(struct streams_subscription *sub, const char *id) {
    log_warning(&sub->log,
        "entry %s of stream %s was removed before it was handled: it is lost, and left out", id,
        sub->stream->key);
    struct result r =
        redis_link_sendv(sub->bus->link, NULL, NULL, "XACK", sub->stream->key, sub->group, id, NULL);
    (void)r; /* not connected: it is met again when it is */
}

/*
 * False when the element is no entry. What there is no memory for stays pending, and is read again soon. Of
 * an entry that we have, a fresh reading is news only while it is being acked: it may be pending anew.
 */
static bool take(struct streams_subscription *sub, const redisReply *element, bool fresh) {
    struct stream_id id;
    enum entry_shape shape = entry_read(element, &id);
    if (shape == ENTRY_STRANGE)
        return false;
    struct entry *known = table_find(&sub->table, id);
    if (known) {
        known->came_again |= fresh && known->state == ENTRY_ACK;
        return true;
    }
    if (shape == ENTRY_DELETED) {
        drop_deleted(sub, element->element[0]->str);
        return true;
    }
    struct entry *entry = entry_new(element, id, &sub->base);
    if (!entry || !table_add(&sub->table, entry)) {
        free(entry);
        sub->starved = true;
        log_error(
            &sub->log, "out of memory for entry %s of stream %s", element->element[0]->str, sub->stream->key);
        return true;
    }
    if (may_hand_out(sub) && !sub->held.first)
        deliver(sub, entry);
    else
        entry_push(&sub->held, entry);
    return true;
}

/* entries: a list of them, or NULL when the answer had none where it should. */
static void take_all(struct streams_subscription *sub, const redisReply *entries, struct redis_link *link) {
    bool good = entries && entries->type == REDIS_REPLY_ARRAY;
    for (size_t i = 0; good && i < entries->elements; i++)
        good = take(sub, entries->element[i], link == sub->reader);
    if (!good) {
        log_error(&sub->log, "Redis answers something about stream %s that is not a list of entries",
            sub->stream->key);
        redis_link_drop(link);
    }
    if (sub->ended)
        streams_give_back_all(sub);
}

/* --- Answers -------------------------------------------------------------------------------------------- */

static bool is_about_group(const redisReply *reply) {
    return strncmp(reply->str, "NOGROUP", strlen("NOGROUP")) == 0;
}

static void on_failure(struct streams_subscription *sub, const redisReply *reply) {
    sub->retry_at = uv_now(sub->bus->loop) + backoff_next_ms(&sub->backoff);
    sub->answered_since = 0;
    if (sub->told)
        return;
    sub->told = true;
    if (is_about_group(reply))
        log_error(&sub->log,
            "stream %s has no consumer group %s, trying again: make it with `phasegate serve --create` (with "
            "--embedded "
            "it is made by itself)",
            sub->stream->key, sub->group);
    else
        log_error(&sub->log, "cannot read stream %s, trying again: %s", sub->stream->key, reply->str);
}

/* Reading goes on; a missing group is met, and told, by reading. */
static void on_claim_failure(struct streams_subscription *sub, const redisReply *reply) {
    if (sub->told_claim || is_about_group(reply))
        return;
    sub->told_claim = true;
    log_error(&sub->log, "cannot take over what silent consumers hold in stream %s: %s", sub->stream->key,
        reply->str);
}

static void on_success(struct streams_subscription *sub) {
    if (sub->told)
        log_notice(&sub->log, "reading stream %s again", sub->stream->key);
    sub->told = false;
    sub->backoff.failures = 0;
    if (sub->answered_since == 0)
        sub->answered_since = uv_now(sub->bus->loop);
}

/* The entries in XREADGROUP's answer about one stream; NULL when there are none. */
static const redisReply *entries_of(const redisReply *reply) {
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 1)
        return NULL;
    const redisReply *stream = reply->element[0];
    return stream->type == REDIS_REPLY_ARRAY && stream->elements == 2 ? stream->element[1] : NULL;
}

static void on_new(void *context, const redisReply *reply) {
    struct streams_subscription *sub = context;
    sub->reading = false;
    if (!reply) {
        sub->answered_since = 0;
        return;
    }
    if (reply->type == REDIS_REPLY_ERROR) {
        on_failure(sub, reply);
    } else {
        on_success(sub);
        if (reply->type != REDIS_REPLY_NIL) /* nothing came while it blocked */
            take_all(sub, entries_of(reply), sub->reader);
    }
    streams_ask(sub);
}

static void on_own(void *context, const redisReply *reply) {
    struct streams_subscription *sub = context;
    sub->asking = false;
    sub->in_flight--;
    if (!reply)
        return;
    const redisReply *entries = entries_of(reply);
    if (reply->type == REDIS_REPLY_ERROR) {
        on_failure(sub, reply);
    } else if (entries && entries->type == REDIS_REPLY_ARRAY && entries->elements == 0) {
        on_success(sub);
        sub->recover = false;
    } else {
        struct stream_id last;
        const redisReply *element =
            entries && entries->elements > 0 ? entries->element[entries->elements - 1] : reply;
        if (entry_read(element, &last) != ENTRY_STRANGE)
            snprintf(sub->recovered_to, sizeof sub->recovered_to, "%s", element->element[0]->str);
        take_all(sub, entries, sub->bus->link);
    }
    streams_ask(sub);
}

static void on_claimed(void *context, const redisReply *reply) {
    struct streams_subscription *sub = context;
    sub->asking = false;
    sub->in_flight--;
    if (!reply)
        return;
    if (reply->type == REDIS_REPLY_ERROR) {
        on_claim_failure(sub, reply);
        return;
    }
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements < 2
        || reply->element[0]->type != REDIS_REPLY_STRING) {
        redis_link_drop(sub->bus->link);
        return;
    }
    snprintf(sub->claim_cursor, sizeof sub->claim_cursor, "%s", reply->element[0]->str);
    if (reply->elements > 2 && reply->element[2]->elements > 0)
        log_warning(&sub->log,
            "%zu entries of stream %s were removed before they were handled: they are lost",
            reply->element[2]->elements, sub->stream->key);
    take_all(sub, reply->element[1], sub->bus->link);
    if (strcmp(sub->claim_cursor, from_the_start) != 0)
        sub->next_claim = 0;
    streams_claim(sub);
}

/* --- Questions ------------------------------------------------------------------------------------------ */

static void ask_new(struct streams_subscription *sub) {
    if (sub->reading)
        return;
    char count[24], block[24];
    snprintf(count, sizeof count, "%zu", room(sub));
    snprintf(block, sizeof block, "%d", BLOCK_MS);
    struct result sent = redis_link_sendv(sub->reader, on_new, sub, "XREADGROUP", "GROUP", sub->group,
        sub->bus->consumer, "COUNT", count, "BLOCK", block, "STREAMS", sub->stream->key, ">", NULL);
    sub->reading = is_ok(sent); /* else its connecting asks again */
}

static void ask_own(struct streams_subscription *sub) {
    if (sub->asking)
        return;
    char count[24];
    snprintf(count, sizeof count, "%zu", room(sub));
    struct result sent = redis_link_sendv(sub->bus->link, on_own, sub, "XREADGROUP", "GROUP", sub->group,
        sub->bus->consumer, "COUNT", count, "STREAMS", sub->stream->key, sub->recovered_to, NULL);
    sub->asking = is_ok(sent);
    sub->in_flight += sub->asking ? 1 : 0;
}

void streams_ask(struct streams_subscription *sub) {
    if (!may_ask(sub))
        return;
    if (!sub->recover)
        ask_new(sub);
    else if (!sub->reading) /* else it may bring what would be found here, after that was acked */
        ask_own(sub);
}

void streams_claim(struct streams_subscription *sub) {
    uint64_t now = uv_now(sub->bus->loop);
    if (!may_ask(sub) || sub->asking || sub->recover || now < sub->next_claim)
        return;
    sub->next_claim = now + CLAIM_INTERVAL_MS;
    if (sub->starved) {
        sub->starved = false;
        streams_recover(sub);
        return;
    }
    char idle[24], count[24];
    snprintf(idle, sizeof idle, "%lld", (long long)sub->bus->claim_after_ms);
    snprintf(count, sizeof count, "%zu", room(sub));
    struct result sent = redis_link_sendv(sub->bus->link, on_claimed, sub, "XAUTOCLAIM", sub->stream->key,
        sub->group, sub->bus->consumer, idle, sub->claim_cursor, "COUNT", count, NULL);
    sub->asking = is_ok(sent);
    sub->in_flight += sub->asking ? 1 : 0;
}

/* --- Beginning and end ---------------------------------------------------------------------------------- */

void streams_recover(struct streams_subscription *sub) {
    sub->recover = true;
    snprintf(sub->recovered_to, sizeof sub->recovered_to, "%s", from_the_start);
    streams_ask(sub);
}

static void on_reader_connect(void *context) {
    streams_recover(context);
}

static void on_reader_closed(void *context) {
    struct streams_subscription *sub = context;
    sub->reader_open = false;
    streams_handle_closed(sub->bus);
}

static struct result subscription_new(struct streams_bus *bus, const struct source *source,
    struct receiver receiver, struct streams_subscription **subscription) {
    struct streams_subscription *sub = calloc(1, sizeof *sub);
    char *group = strdup(source->subscription);
    struct stream *stream = streams_stream(bus, source->topic);
    if (!sub || !group || !stream) {
        free(group);
        free(sub);
        return fail(
            CODE_INTERNAL, "out of memory, or too many topics, for a subscription to %s", source->topic);
    }
    *sub = (struct streams_subscription){.base = {.bus = &bus->base},
        .bus = bus,
        .group = group,
        .stream = stream,
        .receiver = receiver,
        .backoff = {.first_ms = 100, .max_ms = 5000}};
    sub->log = log_with(bus->log, "subscription", group);
    if (sub->receiver.in_hand_max == 0)
        sub->receiver.in_hand_max = IN_HAND_DEFAULT;
    snprintf(sub->claim_cursor, sizeof sub->claim_cursor, "%s", from_the_start);
    *subscription = sub;
    return ok();
}

struct result streams_subscribe(struct bus *base, const struct source *source, struct receiver receiver,
    struct subscription **subscription) {
    struct streams_bus *bus = (struct streams_bus *)base;
    struct streams_subscription *sub = NULL;
    if (!source->subscription)
        return fail(CODE_INVALID, "topic %s has no subscription to receive from", source->topic);
    struct result r = subscription_new(bus, source, receiver, &sub);
    if (!is_ok(r))
        return r;
    struct redis_link_events events = {.on_connect = on_reader_connect, .context = sub};
    r = redis_link_open(bus->loop, &bus->redis, &sub->log, events, &sub->reader);
    if (!is_ok(r)) {
        streams_subscription_free(sub);
        return r;
    }
    sub->reader_open = true;
    bus->handles++;
    sub->next = bus->subscriptions;
    bus->subscriptions = sub;
    *subscription = &sub->base;
    return ok();
}

void streams_retry_now(struct streams_bus *bus) {
    for (struct streams_subscription *sub = bus->subscriptions; sub; sub = sub->next)
        sub->retry_at = 0;
    streams_wake(bus);
}

void streams_pause(struct subscription *subscription) {
    ((struct streams_subscription *)subscription)->paused = true;
}

void streams_resume(struct subscription *subscription) {
    struct streams_subscription *sub = (struct streams_subscription *)subscription;
    sub->paused = false;
    streams_wake(sub->bus);
}

int64_t streams_receiving_ms(struct subscription *subscription) {
    const struct streams_subscription *sub = (struct streams_subscription *)subscription;
    if (sub->answered_since == 0 || sub->ended)
        return 0;
    return (int64_t)(uv_now(sub->bus->loop) - sub->answered_since);
}

void streams_unsubscribe(struct subscription *subscription) {
    struct streams_subscription *sub = (struct streams_subscription *)subscription;
    if (sub->ended)
        return;
    sub->ended = true;
    struct redis_link *reader = sub->reader;
    sub->reader = NULL;
    redis_link_close(reader, on_reader_closed, sub);
    while (sub->held.first)
        streams_give_back(sub, entry_pop(&sub->held));
    streams_wake(sub->bus);
}

bool streams_is_over(const struct streams_subscription *sub) {
    return sub->ended && !sub->reader_open && sub->in_flight == 0 && sub->table.count == 0;
}

void streams_subscription_free(struct streams_subscription *sub) {
    table_free_all(&sub->table);
    free(sub->group);
    free(sub);
}
