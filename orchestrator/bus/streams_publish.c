#include "bus/streams_internal.h"

#include <stdlib.h>
#include <string.h>

enum { REQUESTS_MAX = 100000, REQUEST_BYTES_MAX = 256 * 1024 * 1024 };

/* Something asked by the caller: a publish, or an order of another kind. It has one of published and done. */
struct request {
    struct request *next;
    struct streams_bus *bus;
    struct command *command; /* NULL once sent */
    size_t bytes;
    struct lane *lane; /* NULL: no ordering key */
    struct stream *stream;
    struct flush_round *round;
    uint64_t ready_at;      /* the loop's time when its turn came */
    struct result *failure; /* of those in bus->failed */
    bus_published_fn *published;
    bus_done_fn *done;
    streams_read_fn *read; /* of an order */
    void *context;
};

/*
 * The messages of one ordering key: one is under way, the others wait for it. When one fails, those that wait
 * fail with it; until the caller has heard of all of them, so does what it publishes under that key. So
 * nothing overtakes a message that failed.
 */
struct lane {
    struct lane *sibling;
    struct request_queue waiting;
    bool busy;
    size_t unheard;
    char key[];
};

static void push(struct request_queue *queue, struct request *request) {
    request->next = NULL;
    if (queue->last)
        queue->last->next = request;
    else
        queue->first = request;
    queue->last = request;
}

static struct request *pop(struct request_queue *queue) {
    struct request *request = queue->first;
    if (!request)
        return NULL;
    queue->first = request->next;
    if (!queue->first)
        queue->last = NULL;
    return request;
}

/* --- Lanes ---------------------------------------------------------------------------------------------- */

static struct lane **lane_place(struct streams_bus *bus, const char *key) {
    uint32_t hash = 2166136261u; /* FNV-1a */
    for (const char *at = key; *at; at++)
        hash = (hash ^ (unsigned char)*at) * 16777619u;
    struct lane **place = &bus->lanes[hash % LANE_BUCKETS];
    while (*place && strcmp((*place)->key, key) != 0)
        place = &(*place)->sibling;
    return place;
}

/* NULL when out of memory. */
static struct lane *lane_get(struct streams_bus *bus, const char *key) {
    struct lane **place = lane_place(bus, key);
    if (*place)
        return *place;
    struct lane *lane = calloc(1, sizeof *lane + strlen(key) + 1);
    if (!lane)
        return NULL;
    strcpy(lane->key, key);
    *place = lane;
    return lane;
}

static void lane_release(struct streams_bus *bus, struct lane *lane) {
    if (!lane || lane->busy || lane->unheard > 0)
        return;
    struct lane **place = lane_place(bus, lane->key);
    *place = lane->sibling;
    free(lane);
}

/* --- The end of a request ------------------------------------------------------------------------------- */

static void request_drop(struct request *request) {
    request->bus->requests--;
    request->bus->request_bytes -= request->bytes;
    free(request->command);
    free(request->failure);
    free(request);
}

static void request_end(struct request *request, struct result result, const char *id) {
    struct streams_bus *bus = request->bus;
    struct request ended = *request;
    flush_leave(request->round, is_ok(result) || !result.retryable);
    request_drop(request);
    if (ended.published)
        ended.published(ended.context, result, id);
    else
        ended.done(ended.context, result);
    streams_wake(bus); /* somebody may wait for the flush */
}

static void fail_later(struct request *request, struct result reason) {
    free(request->command);
    request->command = NULL;
    request->failure = malloc(sizeof reason);
    if (request->failure)
        *request->failure = reason;
    if (request->lane)
        request->lane->unheard++;
    push(&request->bus->failed, request);
    streams_wake(request->bus);
}

void streams_tell_failed(struct streams_bus *bus) {
    struct request_queue failed = bus->failed;
    bus->failed = (struct request_queue){0};
    for (struct request *request; (request = pop(&failed));) {
        struct result reason =
            request->failure ? *request->failure : fail(CODE_UNAVAILABLE, "out of memory for a message");
        if (request->lane) {
            request->lane->unheard--;
            lane_release(bus, request->lane);
        }
        request_end(request, reason, NULL);
    }
}

static void get_ready(struct request *request) {
    request->ready_at = uv_now(request->bus->loop);
    push(&request->bus->ready, request);
}

/* The one under way has ended: the next one's turn, or the failure of all that wait. */
static void lane_advance(struct streams_bus *bus, struct lane *lane, bool good) {
    lane->busy = good && lane->waiting.first;
    if (lane->busy)
        get_ready(pop(&lane->waiting));
    for (struct request *request; !good && (request = pop(&lane->waiting));)
        fail_later(request,
            fail(
                CODE_UNAVAILABLE, "the message before it, of the same ordering key, could not be published"));
    lane_release(bus, lane);
}

/* What was sent, or was to be, has its answer. */
static void conclude(struct request *request, struct result result, const char *id) {
    struct streams_bus *bus = request->bus;
    if (request->lane)
        lane_advance(bus, request->lane, is_ok(result));
    if (request->published && is_ok(result))
        streams_active(request->stream, 1);
    request_end(request, result, id);
}

static struct result read_published(const redisReply *reply) {
    struct result result = redis_reply_result(reply);
    if (is_ok(result) && reply->type != REDIS_REPLY_STRING)
        return fail(CODE_INTERNAL, "Redis did not answer XADD with an id");
    return result;
}

static struct result read_created(void *context, const redisReply *reply) {
    (void)context;
    bool exists = reply && reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, "BUSYGROUP ", 10) == 0;
    return exists ? ok() : redis_reply_result(reply);
}

static void on_answer(void *context, const redisReply *reply) {
    struct request *request = context;
    struct streams_bus *bus = request->bus;
    struct result result =
        request->published ? read_published(reply) : request->read(request->context, reply);
    const char *id = request->published && is_ok(result) ? reply->str : NULL;
    if (request->done)
        streams_retry_now(bus);
    conclude(request, fail_within(result, "stream %s", request->stream->key), id);
    streams_send_ready(bus);
}

/* --- Sending -------------------------------------------------------------------------------------------- */

void streams_send_ready(struct streams_bus *bus) {
    for (struct request *request; (request = bus->ready.first) && redis_link_connected(bus->link);) {
        const struct command *command = request->command;
        struct result sent =
            redis_link_send(bus->link, on_answer, request, command->argc, command->argv, command->lengths);
        if (!is_ok(sent))
            return; /* too much waits for answers: the next answer, or the next tick, goes on */
        pop(&bus->ready);
        free(request->command);
        request->command = NULL;
    }
}

static void fail_ready(struct streams_bus *bus, const char *why) {
    struct request *request = pop(&bus->ready);
    char address[KEY_TEXT_MAX];
    redis_settings_describe(&bus->redis, address, sizeof address);
    conclude(request, fail(CODE_UNAVAILABLE, "Redis at %s: %s", address, why), NULL);
}

void streams_expire(struct streams_bus *bus) {
    while (!redis_link_connected(bus->link) && bus->ready.first
        && uv_now(bus->loop) - bus->ready.first->ready_at >= PATIENCE_MS)
        fail_ready(bus, "no connection, see the log for why");
}

void streams_fail_waiting(struct streams_bus *bus) {
    while (bus->ready.first)
        fail_ready(bus, "the bus is being closed");
}

/* NULL when out of memory. */
static struct request *request_new(struct streams_bus *bus, struct command *command, void *context) {
    struct request *request = command ? calloc(1, sizeof *request) : NULL;
    if (!request) {
        free(command);
        return NULL;
    }
    request->bus = bus;
    request->command = command;
    for (int i = 0; i < command->argc; i++)
        request->bytes += command->lengths[i];
    request->context = context;
    request->round = flush_join(&bus->flushes);
    bus->requests++;
    bus->request_bytes += request->bytes;
    return request;
}

static struct result admit(const struct streams_bus *bus, const struct lane *lane) {
    if (bus->state != BUS_OPEN)
        return fail(CODE_UNAVAILABLE, "the bus is being closed");
    if (bus->requests > REQUESTS_MAX || bus->request_bytes > REQUEST_BYTES_MAX)
        return fail(CODE_UNAVAILABLE, "%zu messages already wait to be published", bus->requests - 1);
    if (lane && lane->unheard > 0)
        return fail(
            CODE_UNAVAILABLE, "a message before it, of the same ordering key, could not be published");
    return ok();
}

static void enter(struct request *request) {
    struct lane *lane = request->lane;
    if (lane && lane->busy) {
        push(&lane->waiting, request);
        return;
    }
    if (lane)
        lane->busy = true;
    get_ready(request);
    streams_send_ready(request->bus);
}

void streams_publish(struct bus *base, const char *topic, const struct message *message,
    bus_published_fn *published, void *context) {
    struct streams_bus *bus = (struct streams_bus *)base;
    struct stream *stream = streams_stream(bus, topic);
    struct result checked = message_check(message);
    struct command *command =
        stream && is_ok(checked) ? command_xadd(stream->key, message) : command_new(0, NULL);
    struct lane *lane = command && message_has_key(message) ? lane_get(bus, message->ordering_key) : NULL;
    struct request *request = request_new(bus, command, context);
    if (!request || !stream || (!lane && message_has_key(message))) {
        if (request) {
            flush_leave(request->round, false);
            request_drop(request);
        }
        if (lane)
            lane_release(bus, lane);
        /* Inside the call after all: there is no memory to remember it. */
        published(context,
            fail(CODE_UNAVAILABLE, "out of memory, or too many topics, for a message to %s", topic), NULL);
        return;
    }
    request->published = published;
    request->stream = stream;
    request->lane = lane;
    struct result admitted = is_ok(checked) ? admit(bus, lane) : checked;
    if (is_ok(admitted))
        enter(request);
    else
        fail_later(request, admitted);
}

void streams_order(struct streams_bus *bus, const struct source *source, struct result checked,
    struct command *command, streams_read_fn *read, bus_done_fn *done, void *context) {
    struct stream *stream = streams_stream(bus, source->topic);
    struct request *request = request_new(bus, command, context);
    if (!request) {
        done(context, fail(CODE_UNAVAILABLE, "out of memory, or too many topics, for %s", source->topic));
        return;
    }
    request->done = done;
    request->read = read;
    request->stream = stream;
    if (is_ok(checked) && bus->state != BUS_OPEN)
        checked = fail(CODE_UNAVAILABLE, "the bus is being closed");
    if (!is_ok(checked)) {
        fail_later(request, checked);
        return;
    }
    get_ready(request);
    streams_send_ready(bus);
}

/* A stream without a group comes into being with its first entry; asking for it only shows that Redis is
 * there. */
void streams_create(struct bus *base, const struct source *source, bus_done_fn *done, void *context) {
    struct streams_bus *bus = (struct streams_bus *)base;
    struct stream *stream = streams_stream(bus, source->topic);
    struct command *command = NULL;
    if (stream && source->subscription)
        command = command_new(
            6, (const char *[]){"XGROUP", "CREATE", stream->key, source->subscription, "0", "MKSTREAM"});
    else if (stream)
        command = command_new(2, (const char *[]){"EXISTS", stream->key});
    streams_order(bus, source, ok(), command, read_created, done, context);
}
