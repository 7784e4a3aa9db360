/*
 * What one event costs the daemon, counted in instructions: from the message that the bus hands over to the
 * command for Redis, and from Redis' answer to the ack and the trigger's message. Messages and answers are
 * recorded; the bus, the socket and the clock are stand-ins, everything between them is the daemon's.
 *
 * Each event happens once uncounted, so that what is made once is there, and then once while callgrind counts
 * (check).
 */
#include "bus/bus_ops.h"
#include "core/trigger.h"
#include "engine/intake.h"
#include "engine/outbound.h"
#include "redis/command.h"
#include "redis/link.h"
#include "support/check.h"
#include "support/event.h"
#include "support/nba.h"

#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <valgrind/callgrind.h>

enum {
    MESSAGE_BYTES_MAX = 64 * 1024,
    READ_BYTES_MAX = 64 * 1024,
    ANSWER_BYTES_MAX = 1024,
    ANSWERS_MAX = 3,
    ROWS = 241,
};

/* 2025-12-04T19:02:12Z: after all that is recorded. */
#define NOW_MS ((int64_t)1764874932000)

/* A date of EVENT_BINARY's, 2021-11-17. */
#define DATE ((game_date)18948)

/* Of pg_apply_all, without the count of the month's calls that stands before it, which is another each time
 * (recorded_answer). */
#define APPLIED ":0\r\n"
#define DUPLICATE ":1\r\n"
#define DONE "*8\r\n:0\r\n:0\r\n:4\r\n:1\r\n$4\r\ndone\r\n:0\r\n$0\r\n\r\n$0\r\n\r\n"
#define DUE                                                                                                  \
    "*8\r\n:0\r\n:0\r\n:0\r\n:0\r\n$0\r\n\r\n:0\r\n$16\r\n2021-11-17/g1/r1\r\n$128\r\n"                      \
    "{\"at\":1764874932000,\"backfill\":true,\"correlation\":\"bf-20251204\",\"upstream\":{\"pgs\":241,"     \
    "\"upgc\":241,\"utgc\":30,\"togs\":22,\"tdgs\":22}}\r\n"
#define QUARANTINED "*4\r\n:1\r\n:0\r\n:0\r\n:0\r\n"

struct occurrence {
    const char *name;
    const char *message; /* a file of tests/data, a text, or "binary" */
    const char *answer;  /* Redis' */
};

static const struct occurrence occurrences[] = {
    {"live", "completion-live.json", APPLIED},
    {"backfill", "completion-backfill.json", APPLIED},
    {"phase4", "completion-phase4.json", DONE},
    {"protobuf", "binary", APPLIED},
    {"duplicate", "completion-live.json", DUPLICATE},
    {"trigger", "completion-backfill.json", DUE},
    {"quarantined", "{\"processor_name\": \"pgs\", \"game_date\": \"YESTERDAY\"}", QUARANTINED},
};

enum { OCCURRENCES = sizeof occurrences / sizeof *occurrences };

static struct world {
    uv_loop_t *loop;
    struct bus bus;
    struct subscription subscription;
    struct receiver receiver;
    struct delivery delivery; /* the one in hand */
    struct redis_link_events link;
    redis_reply_fn *reply; /* who waits for Redis' answer */
    void *context;
    redisReader *reader;
    struct arena *messages;
    struct arena *reading;
    struct message *recorded[OCCURRENCES];
    struct replica_work work;
    size_t acks, steps;
} world;

/* --- Stand-ins: Redis ----------------------------------------------------------------------------------- */

/* Put in the place of the link's functions by the linker (--wrap). */
struct result __wrap_redis_link_open(uv_loop_t *loop, const struct redis_settings *settings,
    const struct log *log, struct redis_link_events events, struct redis_link **link);
struct result __wrap_redis_link_send(struct redis_link *link, redis_reply_fn *reply, void *context, int argc,
    const char *const *argv, const size_t *lengths);
void __wrap_redis_link_flush(struct redis_link *link);

struct result __wrap_redis_link_open(uv_loop_t *loop, const struct redis_settings *settings,
    const struct log *log, struct redis_link_events events, struct redis_link **link) {
    (void)loop;
    (void)settings;
    (void)log;
    world.link = events;
    *link = NULL;
    return ok();
}

struct result __wrap_redis_link_send(struct redis_link *link, redis_reply_fn *reply, void *context, int argc,
    const char *const *argv, const size_t *lengths) {
    size_t size;
    (void)link;
    world.reply = reply;
    world.context = context;
    char *command = redis_command(argc, argv, lengths, &size);
    if (!command)
        return fail(CODE_UNAVAILABLE, "out of memory");
    free(command);
    return ok();
}

void __wrap_redis_link_flush(struct redis_link *link) {
    (void)link;
}

static void answer(const char *text) {
    void *reply = NULL;
    redisReaderFeed(world.reader, text, strlen(text));
    if (redisReaderGetReply(world.reader, &reply) != REDIS_OK || !reply)
        fail_msg("a recorded answer is none: %s", text);
    world.reply(world.context, reply);
    freeReplyObject(reply);
}

/* --- Stand-ins: the bus and the rest of the engine ------------------------------------------------------ */

static struct result subscribe(struct bus *bus, const struct source *source, struct receiver receiver,
    struct subscription **subscription) {
    (void)source;
    world.receiver = receiver;
    world.subscription.bus = bus;
    *subscription = &world.subscription;
    return ok();
}

static void take_ack(struct delivery *delivery) {
    (void)delivery;
    world.acks++;
}

static void take_state(struct subscription *subscription) {
    (void)subscription;
}

static const struct bus_ops bus_ops = {.subscribe = subscribe,
    .ack = take_ack,
    .nack = take_ack,
    .pause = take_state,
    .resume = take_state,
    .unsubscribe = take_state};

static void ignore(void *context) {
    (void)context;
}

static void ignore_stored(void *context, const struct pipeline *pipeline) {
    (void)context;
    (void)pipeline;
}

static void ignore_over(void *context, const struct pipeline *pipeline, game_date date, int group, int run) {
    (void)context;
    (void)pipeline;
    (void)date;
    (void)group;
    (void)run;
}

static void ignore_refused(void *context, struct result reason) {
    (void)context;
    check_ok(reason);
}

/* What the dispatcher makes of an entry of the outbox until it is published. */
static void on_due(void *context, const struct pipeline *pipeline, const char *field, const char *facts,
    struct lease lease) {
    struct trigger trigger;
    (void)context;
    (void)lease;
    arena_reset(world.reading);
    check_ok(trigger_from_outbox(pipeline, field, facts, world.reading, &trigger));
    struct outbound *outbound = outbound_new(pipeline, field, &trigger);
    check_ok(outbound_prepare(outbound));
    outbound_free(outbound);
}

static int64_t now(void *context) {
    (void)context;
    return NOW_MS;
}

/* --- Events --------------------------------------------------------------------------------------------- */

static void *read_data(const char *name, size_t *size) {
    char path[512];
    char *data = arena_alloc(world.messages, MESSAGE_BYTES_MAX / 8);
    snprintf(path, sizeof path, "%s/%s", TEST_DATA, name);
    FILE *file = fopen(path, "re");
    if (!file || !data)
        fail_msg("%s cannot be read", path);
    *size = fread(data, 1, MESSAGE_BYTES_MAX / 8, file);
    fclose(file);
    return data;
}

static struct message *record(const struct occurrence *occurrence) {
    struct message *message = arena_alloc(world.messages, sizeof *message);
    if (strcmp(occurrence->message, "binary") == 0) {
        message = event_encode(&(struct event){.processor = PGS,
                                   .date = DATE,
                                   .form = EVENT_BINARY,
                                   .tag = EVENT_METADATA,
                                   .rows = ROWS,
                                   .execution = "4f0c7f0e-9a3d-4a53-8f4f-0d5f2f3c9f10",
                                   .correlation = "bf-20251204",
                                   .timestamp_ms = NOW_MS - 900},
            world.messages);
    } else if (occurrence->message[0] == '{') {
        message->data = occurrence->message;
        message->size = strlen(occurrence->message);
    } else {
        message->data = read_data(occurrence->message, &message->size);
    }
    message->id = "10987654321001";
    message->published_ms = NOW_MS - 100;
    return message;
}

/* Each call is counted by the store; an answer that counts no more would say that it forgot. */
static const char *recorded_answer(int i, char text[ANSWER_BYTES_MAX]) {
    const char *recorded = occurrences[i].answer;
    if (strcmp(recorded, QUARANTINED) == 0)
        return recorded;
    snprintf(text, ANSWER_BYTES_MAX, "*2\r\n:%zu\r\n%s", ++world.steps, recorded);
    return text;
}

static void deliver(int i) {
    world.delivery = (struct delivery){.message = *world.recorded[i], .subscription = &world.subscription};
    world.receiver.on_delivery(world.receiver.context, &world.delivery);
}

/* Completions leave for the store at the end of the loop's turn. */
static void end_turn(void) {
    uv_run(world.loop, UV_RUN_NOWAIT);
}

static void count(int i) {
    char text[ANSWER_BYTES_MAX];
    const char *recorded = recorded_answer(i, text);
    CALLGRIND_TOGGLE_COLLECT;
    deliver(i);
    end_turn();
    answer(recorded);
    CALLGRIND_TOGGLE_COLLECT;
    CALLGRIND_DUMP_STATS_AT(occurrences[i].name);
}

/* Uncounted. The first completion of a month asks for the month before, which is answered by anything. */
static void happen_once(int i) {
    char text[ANSWER_BYTES_MAX];
    size_t acks = world.acks;
    deliver(i);
    for (int answers = 0; world.acks == acks; answers++) {
        if (answers == ANSWERS_MAX)
            fail_msg(
                "%s is not acked: is the recorded answer what the store answers today?", occurrences[i].name);
        end_turn();
        answer(recorded_answer(i, text));
    }
}

static void open_world(uv_loop_t *loop, struct log *log, const struct game_calendar **calendar) {
    struct store *store;
    const struct redis_settings settings = {.path = "/nowhere"};
    const struct store_events events = {.on_ready = ignore, .on_lost = ignore, .on_refused = ignore_refused};
    check_ok(store_open(loop, &settings, log, events, &store));
    store_set_replica(store, (struct store_replica){"bench-71-5e1fa0c4", 30000, {now, NULL}});
    world.link.on_connect(world.link.context);
    world.bus.ops = &bus_ops;
    struct intake *intake = intake_new((struct intake_parts){.loop = loop,
        .clock = {now, NULL},
        .log = log,
        .store = store,
        .bus = &world.bus,
        .quarantine = {.age_ms = INT64_C(1) << 40, .bytes = INT64_C(1) << 40},
        .work = &world.work,
        .on_stored = ignore_stored,
        .on_due = on_due,
        .on_over = ignore_over,
        .on_idle = ignore});
    check_ok(intake_open(intake, nba_pipeline(), &nba_pipeline()->completions[0], calendar));
    intake_store_ready(intake);
}

int main(void) {
    uv_loop_t loop;
    struct log_sink sink = {
        .fd = open("/dev/null", O_WRONLY | O_CLOEXEC), .least = LOG_INFO, .clock = {now, NULL}};
    struct log log = log_root(&sink);
    const struct game_calendar *calendar = NULL;
    uv_loop_init(&loop);
    json_object_seed(1); /* the order in which jansson hashes would differ each time */
    world.loop = &loop;
    world.reader = redisReaderCreate();
    world.messages = arena_new(MESSAGE_BYTES_MAX);
    world.reading = arena_new(READ_BYTES_MAX);
    open_world(&loop, &log, &calendar);
    for (int i = 0; i < OCCURRENCES; i++)
        world.recorded[i] = record(&occurrences[i]);
    for (int i = 0; i < OCCURRENCES; i++)
        happen_once(i);
    for (int i = 0; i < OCCURRENCES; i++)
        count(i);
    printf("%d events\n", OCCURRENCES);
    return 0;
}
