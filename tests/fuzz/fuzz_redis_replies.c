/*
 * Replies as they come over the wire, to everything that the store asks. The first byte of the input says
 * what is asked; what follows are the replies, one after the other. When there are no more, the connection
 * has broken.
 */
#include "bus/streams_entry.h"
#include "fuzz/fuzz.h"
#include "redis/bounds.h"
#include "redis/link.h"
#include "redis/sentinel.h"
#include "redis/slot_map.h"
#include "state/library.h"
#include "state/reader_parse.h"
#include "state/store.h"
#include "support/nba.h"

#include <stdlib.h>
#include <string.h>

enum { PENDING_MAX = 256, ARENA_BYTES = 8 << 20 };

/* --- A connection that answers what the input says; stands before the library's ------------------------- */

struct pending {
    redis_reply_fn *reply;
    void *context;
};

struct redis_link {
    struct redis_link_events events;
    struct pending pending[PENDING_MAX];
    size_t first, count;
    redisReader *wire;
    bool broken;
};

static struct redis_link the_link;

struct result redis_link_open(uv_loop_t *loop, const struct redis_settings *settings, const struct log *log,
    struct redis_link_events events, struct redis_link **link) {
    (void)loop;
    (void)settings;
    (void)log;
    the_link.events = events;
    *link = &the_link;
    return ok();
}

bool redis_link_connected(const struct redis_link *link) {
    return !link->broken;
}

bool redis_link_is_cluster(const struct redis_link *link) {
    (void)link;
    return false;
}

struct result redis_link_send(struct redis_link *link, redis_reply_fn *reply, void *context, int argc,
    const char *const *argv, const size_t *lengths) {
    (void)lengths;
    for (int i = 0; i < argc; i++)
        fuzz_check(argv[i]);
    if (link->broken || link->first + link->count >= PENDING_MAX)
        return fail(CODE_UNAVAILABLE, "not connected");
    link->pending[link->first + link->count++] = (struct pending){reply, context};
    return ok();
}

struct result redis_link_sendv(struct redis_link *link, redis_reply_fn *reply, void *context, ...) {
    return redis_link_send(link, reply, context, 0, NULL, NULL);
}

void redis_link_admit(struct redis_link *link, struct redis_link *master) {
    fuzz_check(link == master);
    link->events.on_connect(link->events.context);
}

void redis_link_flush(struct redis_link *link) {
    (void)link;
}

void redis_link_drop(struct redis_link *link) {
    link->broken = true;
}

void redis_link_close(struct redis_link *link, void (*closed)(void *context), void *context) {
    (void)link;
    closed(context);
}

static redisReply *next_reply(struct redis_link *link) {
    void *reply = NULL;
    if (link->broken || redisReaderGetReply(link->wire, &reply) != REDIS_OK)
        reply = NULL;
    link->broken |= !reply;
    return reply;
}

/* Answers all that was asked, and all that is asked meanwhile. */
static void answer_all(struct redis_link *link) {
    while (link->count > 0) {
        struct pending *pending = &link->pending[link->first++];
        redisReply *reply = next_reply(link);
        link->count--;
        if (pending->reply)
            pending->reply(pending->context, reply);
        if (reply)
            freeReplyObject(reply);
    }
    if (link->broken)
        link->events.on_lost(link->events.context);
}

/* --- What is asked, and what has to be true of the answers ---------------------------------------------- */

static const struct trigger a_trigger = {.date = 18948, .group = 2, .run = 1, .backfill = true};
static size_t answers; /* each question is answered once */

static void on_done(void *context, struct result result) {
    (void)context;
    (void)result;
    answers++;
}

static void on_quarantined(void *context, struct result result, const struct quarantine_drops *drops) {
    (void)context;
    answers++;
    fuzz_check(is_ok(result) == (drops != NULL));
}

static void check_entry(const char *field, const char *facts) {
    struct arena *arena = fuzz_arena(ARENA_BYTES);
    struct trigger trigger;
    struct result result = trigger_from_outbox(nba_pipeline(), field, facts, arena, &trigger);
    (void)result;
    arena_free(&arena);
}

static void on_applied(void *context, struct result result, const struct applied *applied) {
    (void)context;
    answers++;
    fuzz_check(is_ok(result) == (applied != NULL));
    if (!applied)
        return;
    fuzz_check(verdict_name(applied->verdict));
    if (applied->outbox_field)
        check_entry(applied->outbox_field, applied->outbox_facts);
}

static void on_ticked(void *context, struct result result, const struct ticked *ticked) {
    (void)context;
    answers++;
    fuzz_check(is_ok(result) == (ticked != NULL));
    if (ticked && ticked->outbox_field)
        check_entry(ticked->outbox_field, ticked->outbox_facts);
}

static void on_replayed(void *context, struct result result, const struct replayed *replayed) {
    (void)context;
    answers++;
    fuzz_check(is_ok(result) == (replayed != NULL));
    if (!replayed)
        return;
    fuzz_check(replayed->what >= REPLAYED_NOTHING && replayed->what <= REPLAYED_RUN);
    if (replayed->outbox_field)
        check_entry(replayed->outbox_field, replayed->outbox_facts);
}

static void on_claimed(void *context, struct result result, enum claim claim, struct lease lease) {
    (void)context;
    (void)lease;
    (void)result;
    answers++;
    fuzz_check(claim >= CLAIM_FULL && claim <= CLAIM_AWAY);
}

static void on_slot(void *context, struct result result, const struct trigger *trigger) {
    (void)context;
    answers += !trigger;
    if (trigger)
        fuzz_check(is_ok(result) && trigger->group >= 1 && trigger->run >= 1);
}

static void on_freed(void *context, struct result result, int freed) {
    (void)context;
    (void)result;
    answers++;
    fuzz_check(freed >= 0);
}

static void on_cancelled(void *context, struct result result, bool cancelled) {
    (void)context;
    answers++;
    fuzz_check(is_ok(result) || !cancelled);
}

static void on_entry(void *context, struct result result, const char *field, const char *facts) {
    (void)context;
    answers += !field;
    if (field) {
        fuzz_check(is_ok(result) && facts);
        check_entry(field, facts);
    }
}

static void on_due(void *context, struct result result, const game_date *date) {
    char text[DATE_TEXT_MAX];
    game_date again;
    (void)context;
    answers += !date;
    if (!date)
        return;
    fuzz_check(is_ok(result));
    date_format(*date, text);
    fuzz_check(is_ok(date_parse(text, strlen(text), &again)) && again == *date);
}

static void on_leased(void *context, struct result result, enum leasing leasing, struct lease lease) {
    (void)context;
    (void)result;
    (void)lease;
    answers++;
    fuzz_check(leasing >= LEASE_GONE && leasing <= LEASE_OURS);
}

/* Completions of one date, which go in one call; they live until the answer. Returns how many. */
static size_t apply_some(struct store *store) {
    enum { SOME = 2 };
    static struct completion completions[SOME];
    for (int i = 0; i < SOME; i++) {
        completions[i] = (struct completion){.processor = &nba_pipeline()->processors[PGS + i],
            .date = 18948,
            .status = STATUS_SUCCESS,
            .record_count = 241,
            .execution_id = "x"};
        store_apply(store, nba_pipeline(), &completions[i], FUZZ_NOW_MS, on_applied, NULL);
    }
    return SOME;
}

/* Returns how many answers there will be. */
static size_t ask(struct store *store, uint8_t what) {
    const struct pipeline *nba = nba_pipeline();
    static const struct quarantine_limits limits;
    static const struct message message = {.id = "9188", .data = "x", .size = 1};
    switch (what) {
    case 'a':
        return apply_some(store);
    case 'c':
        store_confirm(store, nba, &a_trigger, "9188", FUZZ_NOW_MS, on_done, NULL);
        break;
    case 't':
        store_tick(store, nba, 18948, FUZZ_NOW_MS, on_ticked, NULL);
        break;
    case 'r':
        store_replay(store, nba, 18948, REPLAY_AGAIN, 0, FUZZ_NOW_MS, on_replayed, NULL);
        break;
    case 'l':
        store_claim(store, nba, &a_trigger, FUZZ_NOW_MS, on_claimed, NULL);
        break;
    case 's':
        store_slots(store, nba, 2, on_slot, NULL);
        break;
    case 'f':
        store_reclaim(store, nba, 2, FUZZ_NOW_MS, on_freed, NULL);
        break;
    case 'x':
        store_cancel(store, nba, &a_trigger, FUZZ_NOW_MS, on_cancelled, NULL);
        break;
    case 'e':
        store_lease(store, nba, &a_trigger, on_leased, NULL);
        break;
    case 'o':
        store_outbox(store, nba, on_entry, NULL);
        break;
    case 'd':
        store_due(store, nba, FUZZ_NOW_MS, on_due, NULL);
        break;
    default:
        store_quarantine(store, nba, &message, "topic", "reason", limits, FUZZ_NOW_MS, on_quarantined, NULL);
        break;
    }
    return 1;
}

static void on_event(void *context) {
    (void)context;
}

static void on_refused(void *context, struct result reason) {
    (void)context;
    fuzz_check_reason(reason);
}

/* The answers to looking for the library: it is there, or, for 'L', whatever the input says. */
static void find_library(struct redis_link *link, uint8_t what) {
    link->events.on_master(link->events.context, link);
    if (what == 'L') {
        answer_all(link);
        return;
    }
    redisReply version = {.type = REDIS_REPLY_INTEGER, .integer = LIBRARY_VERSION};
    redisReply empty = {.type = REDIS_REPLY_ARRAY};
    for (int i = 0; link->count > 0; i++) {
        struct pending *pending = &link->pending[link->first++];
        link->count--;
        if (pending->reply)
            pending->reply(pending->context, i == 0 ? &version : &empty);
    }
}

static int64_t no_time(void *context) {
    (void)context;
    return 0;
}

static void play_store(uint8_t what) {
    const struct log log = {.sink = NULL};
    const struct store_events events = {.on_ready = on_event, .on_lost = on_event, .on_refused = on_refused};
    const struct redis_settings settings = {.host = "127.0.0.1", .port = 6379};
    struct store *store;
    uv_loop_t loop;
    uv_loop_init(&loop);
    fuzz_check(is_ok(store_open(&loop, &settings, &log, events, &store)));
    store_set_replica(store,
        (struct store_replica){.id = "host-71-5e1fa0c4", .lease_ms = 30000, .uptime = {no_time, NULL}});
    find_library(&the_link, what);
    answers = 0;
    size_t expected = ask(store, what);
    do {
        uv_run(&loop, UV_RUN_NOWAIT);
        answer_all(&the_link);
    } while (uv_loop_alive(&loop));
    fuzz_check(answers == expected);
    store_close(store, NULL, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    fuzz_check(uv_loop_close(&loop) == 0);
}

/* --- Replies to questions that are not the store's ------------------------------------------------------ */

static void play_stream(void) {
    for (redisReply *reply; (reply = next_reply(&the_link)); freeReplyObject(reply)) {
        struct stream_id id;
        if (entry_read(reply, &id) != ENTRY_FULL)
            continue;
        struct entry *entry = entry_new(reply, id, NULL);
        fuzz_check(entry && entry->delivery.message.id && entry->delivery.message.data);
        free(entry);
    }
}

/* Where a Cluster's keys are, redirections, and what a server says of its role. */
static void play_cluster(void) {
    static struct slot_map map;
    for (redisReply *reply; (reply = next_reply(&the_link)); freeReplyObject(reply)) {
        struct redirection redirection;
        if (is_ok(slot_map_read(reply, "127.0.0.1", &map))) {
            fuzz_check(map.count >= 1 && map.count <= SLOT_MASTERS_MAX);
            for (int slot = 0; slot < SLOT_COUNT; slot++)
                fuzz_check(map.owner[slot] < map.count || map.owner[slot] == SLOT_UNKNOWN);
        }
        if (redirection_read(reply, "127.0.0.1", &redirection))
            fuzz_check(redirection.slot >= 0 && redirection.slot < SLOT_COUNT && redirection.to.port > 0
                && redirection.to.port <= 65535 && redirection.to.host[0]);
        struct result role = sentinel_check_role(reply);
        fuzz_check(is_ok(role) || role.text[0]);
        if (reply->type == REDIS_REPLY_STRING) {
            int slot = slot_of(reply->str, reply->len);
            fuzz_check(slot >= 0 && slot < SLOT_COUNT);
        }
    }
}

/* --- One input ------------------------------------------------------------------------------------------ */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0)
        return 0;
    the_link = (struct redis_link){.wire = redisReaderCreate()};
    fuzz_check(the_link.wire);
    redis_bound(the_link.wire);
    if (redisReaderFeed(the_link.wire, (const char *)data + 1, size - 1) != REDIS_OK)
        the_link.broken = true;
    if (data[0] == 'b')
        play_stream();
    else if (data[0] == 'k')
        play_cluster();
    else
        play_store(data[0]);
    redisReaderFree(the_link.wire);
    return 0;
}
