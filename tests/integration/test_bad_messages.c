/*
 * Bad input (design.md section 8), through the daemon: every kind goes into quarantine with its reason and is
 * acked; the good events around it go through as if nothing were; a date whose keys somebody has broken holds
 * up nobody else.
 */
#include "core/completion.h"
#include "redis/sync.h"
#include "support/check.h"
#include "support/system.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DATES = 12, BAD_MAX = 64 };

static const char phase3[] = "nba-phase3-complete";

#define GOOD "\"processor_name\":\"pgs\",\"game_date\":\"2021-11-17\",\"status\":\"success\""
#define WITHOUT_DATE "\"processor_name\":\"pgs\",\"status\":\"success\""

static const struct bad {
    const char *data;
    const char *reason; /* a part of it */
    struct attribute attribute;
} bad[] = {
    {"", "the message is empty", {0}},
    {"not even close", "not JSON", {0}},
    {"{\"processor_name\":\"pgs\"", "not JSON", {0}},
    {"[{" GOOD "}]", "not a JSON object but ", {0}},
    {"\"success\"", "not a JSON object but ", {0}},
    {"{\"processor_name\":\"p\xff\xfegs\"}", "not JSON", {0}},
    {"{" GOOD "," GOOD "}", "processor_name comes twice; expected once", {0}},
    {"{" GOOD "}", "protobuf", {"googclient_schemaencoding", "BINARY"}},
    {"{" GOOD ",\"record_count\":-5}", "record_count is the number -5; expected a whole number, 0 or more",
        {0}},
    {"{" GOOD ",\"record_count\":\"many\"}", "record_count is", {0}},
    {"{" GOOD ",\"record_count\":1e15}", "no more than 1000000000000", {0}},
    {"{" GOOD ",\"records_failed\":-1}", "records_failed is", {0}},
    {"{" GOOD ",\"execution_id\":{\"id\":1}}", "execution_id is an object", {0}},
    {"{" GOOD ",\"metadata\":7}", "metadata is the number 7; expected an object", {0}},
    {"{" GOOD ",\"timestamp\":\"yesterday\"}", "timestamp", {0}},
    {"{\"processor_name\":\"pgs\",\"game_date\":\"2021-11-17\"}", "no status", {0}},
    {"{\"processor_name\":\"pgs\",\"game_date\":\"2021-11-17\",\"status\":\"fine\"}",
        "status \"fine\" is not known", {0}},
    {"{\"processor_name\":\"player_game_sumary\",\"game_date\":\"2021-11-17\",\"status\":\"success\"}",
        "the closest is player_game_summary", {0}},
    {"{\"processor_name\":\"weather\",\"game_date\":\"2021-11-17\",\"status\":\"success\"}",
        "\"weather\" is not known to pipeline nba", {0}},
    {"{\"game_date\":\"2021-11-17\",\"status\":\"success\"}", "no processor_name or output_table", {0}},
    {"{" GOOD ",\"pipeline\":\"nfl\"}", "says pipeline \"nfl\"", {0}},
    {"{" GOOD "}", "says pipeline \"nfl\"", {"pipeline", "nfl"}},
    {"{" GOOD "}", "attribute backfill is \"perhaps\"; expected true or false", {"backfill", "perhaps"}},
    {"{" WITHOUT_DATE "}", "no game_date or analysis_date", {0}},
    {"{" WITHOUT_DATE ",\"game_date\":\"YESTERDAY\"}", "game_date \"YESTERDAY\"", {0}},
    {"{" WITHOUT_DATE ",\"game_date\":\"2021-02-30\"}", "game_date 2021-02-30 does not exist", {0}},
    {"{" WITHOUT_DATE ",\"game_date\":\"2021-11-17T00:00:00\"}", "game_date", {0}},
    {"{" WITHOUT_DATE ",\"game_date\":\"0001-01-01\"}", "game_date", {0}},
    {"{" WITHOUT_DATE ",\"analysis_date\":\"9021-11-17\"}", "analysis_date", {0}},
    {"{" WITHOUT_DATE ",\"game_date\":20211117}", "game_date is the number 20211117; expected a text", {0}},
};

enum { BAD = sizeof bad / sizeof *bad, MADE = 2 /* too large, too deep */ };

struct fixture {
    enum system_bus bus;
    struct system system;
};

/* --- Publishing ----------------------------------------------------------------------------------------- */

static void publish_good(struct fixture *fixture, int index, int processor) {
    char execution[32];
    snprintf(execution, sizeof execution, "good-%d-%d", index, processor);
    player_publish(fixture->system.player,
        &(struct event){.processor = processor,
            .date = SYSTEM_FIRST_DATE + index,
            .rows = event_rows(processor, SYSTEM_FIRST_DATE + index),
            .execution = execution,
            .correlation = "good",
            .timestamp_ms = INT64_C(1764502927104)});
}

/* The fake takes what a Pub/Sub client could not send, too: an empty message. */
static void publish_raw(struct fixture *fixture, const struct message *message) {
    if (fixture->system.fake)
        check_ok(fake_pubsub_publish(
            fixture->system.fake, "projects/" DAEMON_PROJECT "/topics/nba-phase3-complete", message));
    else
        player_publish_message(fixture->system.player, phase3, message);
}

static void publish_bad(struct fixture *fixture, const struct bad *one) {
    publish_raw(fixture,
        &(struct message){.data = one->data,
            .size = strlen(one->data),
            .attributes = &one->attribute,
            .attribute_count = one->attribute.key ? 1 : 0});
}

static void publish_made(struct fixture *fixture) {
    size_t size = COMPLETION_BYTES_MAX + 1;
    char *data = malloc(size);
    assert_non_null(data);
    memset(data, ' ', size);
    publish_raw(fixture, &(struct message){.data = data, .size = size});
    memset(data, '[', 1000);
    publish_raw(fixture, &(struct message){.data = data, .size = 1000});
    free(data);
}

/* Good and bad in turn, so that every good one has bad ones around it. */
static void publish_all(struct fixture *fixture) {
    for (int i = 0; i < DATES * 5; i++) {
        publish_good(fixture, i % DATES, PGS + i / DATES);
        if (i < BAD)
            publish_bad(fixture, &bad[i]);
        else if (i == BAD)
            publish_made(fixture);
    }
}

/* --- The quarantine ------------------------------------------------------------------------------------- */

struct quarantine {
    struct arena *arena;
    struct quarantined *entries;
    size_t count;
    int64_t total;
};

static struct quarantine read_quarantine(const struct system *system) {
    struct redis_settings redis = system_redis(system);
    struct quarantine read = {.arena = arena_new(16 << 20)};
    struct reader *reader;
    check_ok(reader_open(&redis, &reader));
    check_ok(reader_quarantine(
        reader, nba_pipeline(), BAD_MAX, read.arena, &read.entries, &read.count, &read.total));
    reader_close(&reader);
    return read;
}

struct quarantine_wanted {
    const struct system *system;
    int64_t total;
};

static bool has_enough(void *context) {
    const struct quarantine_wanted *wanted = context;
    struct quarantine read = read_quarantine(wanted->system);
    arena_free(&read.arena);
    return read.total >= wanted->total;
}

static void until_quarantined(struct fixture *fixture, int64_t total) {
    struct quarantine_wanted wanted = {&fixture->system, total};
    player_until(
        fixture->system.player, has_enough, &wanted, SYSTEM_DEADLINE_MS, "bad messages to be in quarantine");
}

static bool holds(
    const struct quarantined *entry, const char *data, size_t size, const struct attribute *attribute) {
    bool tagged = !attribute->key
        || (entry->attribute_count == 1 && strcmp(entry->attributes[0].key, attribute->key) == 0
            && strcmp(entry->attributes[0].value, attribute->value) == 0);
    return entry->full_size == size && memcmp(entry->data, data, entry->size) == 0 && tagged
        && entry->attribute_count == (attribute->key ? 1 : 0);
}

static void check_one(const struct quarantine *quarantine, const struct bad *one) {
    size_t found = 0;
    for (size_t i = 0; i < quarantine->count; i++) {
        const struct quarantined *entry = &quarantine->entries[i];
        if (!holds(entry, one->data, strlen(one->data), &one->attribute))
            continue;
        found++;
        if (!strstr(entry->reason, one->reason))
            fail_msg("%s: expected \"%s\", got: %s", one->data, one->reason, entry->reason);
        assert_string_equal(entry->topic, phase3);
    }
    if (found != 1)
        fail_msg("%zu entries in quarantine for: %s", found, one->data);
}

static size_t count_reason(const struct quarantine *quarantine, const char *part) {
    size_t count = 0;
    for (size_t i = 0; i < quarantine->count; i++)
        count += strstr(quarantine->entries[i].reason, part) ? 1 : 0;
    return count;
}

static void check_quarantine(struct fixture *fixture) {
    until_quarantined(fixture, BAD + MADE);
    struct quarantine quarantine = read_quarantine(&fixture->system);
    assert_int_equal(quarantine.total, BAD + MADE);
    for (size_t i = 0; i < BAD; i++)
        check_one(&quarantine, &bad[i]);
    assert_int_equal(count_reason(&quarantine, "at most 1048576 are taken"), 1);
    assert_int_equal(count_reason(&quarantine, "nested deeper than 32 levels"), 1);
    arena_free(&quarantine.arena);
}

/* --- Acked ---------------------------------------------------------------------------------------------- */

static bool nothing_unacked(void *context) {
    const struct system *system = context;
    if (!system->fake)
        return system_unacked(system) == 0;
    struct fake_counts counts =
        fake_pubsub_counts(system->fake, "projects/" DAEMON_PROJECT "/subscriptions/phasegate-nba-phase3");
    return counts.acked == DATES * 5 + BAD + MADE && counts.waiting == 0 && counts.leased == 0;
}

/* --- The tests ------------------------------------------------------------------------------------------ */

static void open_system(struct fixture *fixture) {
    system_open(&fixture->system,
        (struct system_options){
            .bus = fixture->bus, .binary = PHASEGATE_BINARY, .first = SYSTEM_FIRST_DATE, .count = DATES});
    system_start(&fixture->system);
    player_answer(fixture->system.player, 1);
}

static void bad_among_good(void **state) {
    struct fixture *fixture = *state;
    struct system *system = &fixture->system;
    open_system(fixture);
    publish_all(fixture);
    system_until_dates(system, date_is_done, "the good events' dates to be done");
    system_check_triggers(system);
    check_quarantine(fixture);
    player_until(
        system->player, nothing_unacked, system, SYSTEM_DEADLINE_MS, "good and bad messages to be acked");
    assert_int_equal(daemon_said(system->daemon, "quarantined: "), BAD + MADE);
    daemon_stop(system->daemon);
}

static void set_key(const struct system *system, const char *key) {
    struct redis_settings redis = system_redis(system);
    redisContext *connection;
    redisReply *reply;
    check_ok(redis_connect(&redis, 1000, &connection));
    const char *words[] = {"SET", key, "somebody was here"};
    check_ok(redis_ask(connection, &reply, 3, words, (size_t[]){3, strlen(key), strlen(words[2])}));
    freeReplyObject(reply);
    redisFree(connection);
}

static void set_field(const struct system *system, const char *key, const char *field) {
    struct redis_settings redis = system_redis(system);
    redisContext *connection;
    redisReply *reply;
    check_ok(redis_connect(&redis, 1000, &connection));
    const char *words[] = {"HSET", key, field, "somebody was here"};
    check_ok(redis_ask(connection, &reply, 4, words, NULL));
    freeReplyObject(reply);
    redisFree(connection);
}

/* The first date's key is a string, the second's has a value that is none: their events are kept in
 * quarantine, the other dates go on. */
static void a_broken_date(void **state) {
    struct fixture *fixture = *state;
    struct system *system = &fixture->system;
    open_system(fixture);
    set_key(system, "pg:{nba:2021-10}:19");
    set_field(system, "pg:{nba:2021-10}:20", ".g1");
    for (int i = 0; i < DATES * 5; i++)
        publish_good(fixture, i % DATES, PGS + i / DATES);
    until_quarantined(fixture, 10);
    struct quarantine quarantine = read_quarantine(system);
    assert_int_equal(quarantine.total, 10);
    assert_int_equal(count_reason(&quarantine, "WRONGTYPE"), 5);
    assert_int_equal(count_reason(&quarantine, "the store refused 2021-10-19; mend its keys"), 5);
    assert_int_equal(count_reason(&quarantine, "BROKEN key pg:{nba:2021-10}:20, field .g1 is no group"), 5);
    arena_free(&quarantine.arena);

    system->options.first += 2; /* the reader cannot read the broken ones either */
    system->options.count -= 2;
    system_until_dates(system, date_is_done, "the other dates to be done");
    system_check_triggers(system);
    assert_int_equal(player_triggers(system->player), (DATES - 2) * PLAYER_GROUPS);
    daemon_stop(system->daemon);
}

/* --- Programs ------------------------------------------------------------------------------------------- */

static int setup(void **state, enum system_bus bus) {
    struct fixture *fixture = calloc(1, sizeof *fixture);
    if (!fixture)
        return -1;
    fixture->bus = bus;
    *state = fixture;
    return 0;
}

static int streams(void **state) {
    return setup(state, SYSTEM_STREAMS);
}

static int fake(void **state) {
    return setup(state, SYSTEM_FAKE);
}

static int teardown(void **state) {
    struct fixture *fixture = *state;
    system_close(&fixture->system);
    free(fixture);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        {"bad among good, over Redis Streams", bad_among_good, streams, teardown, NULL},
        {"bad among good, over the fake Pub/Sub", bad_among_good, fake, teardown, NULL},
        {"a broken date, over Redis Streams", a_broken_date, streams, teardown, NULL},
        {"a broken date, over the fake Pub/Sub", a_broken_date, fake, teardown, NULL},
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
