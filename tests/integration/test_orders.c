/*
 * All 120 orders in which the five completions of Phase 3 can come, each on a date of its own, live and
 * tagged as backfill, each event several times, in every form that publishers use: exactly four triggers per
 * date, in order, none before the fifth completion. Over Redis Streams, the fake Pub/Sub and Google's
 * emulator.
 */
#include "support/check.h"
#include "support/system.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { UPSTREAM = 5, ORDERS = 120, ID_MAX = 64 };

struct fixture {
    enum system_bus bus;
    struct system system;
    int orders[ORDERS][UPSTREAM]; /* processors, PGS to TDGS; date i of the system has order i */
};

/* --- The events ----------------------------------------------------------------------------------------- */

/* The index-th permutation, by the factorial number system. */
static void permutation(int index, int order[UPSTREAM]) {
    int left[UPSTREAM] = {PGS, UPGC, UTGC, TOGS, TDGS};
    for (int i = 0, count = UPSTREAM; i < UPSTREAM; i++, count--) {
        int chosen = index % count;
        index /= count;
        order[i] = left[chosen];
        memmove(&left[chosen], &left[chosen + 1], (size_t)(count - 1 - chosen) * sizeof *left);
    }
}

static game_date date_of(int index) {
    return SYSTEM_FIRST_DATE + index;
}

static bool is_backfill(int index) {
    return index % 2 == 1;
}

/* One completion of a backfill date is tagged, each way in turn; the other four are not. */
static enum event_tag tag_of(int index, int place) {
    bool tagged = is_backfill(index) && place == index / 2 % UPSTREAM;
    return tagged ? (enum event_tag)(1 + index / 2 % (EVENT_TAGS - 1)) : EVENT_LIVE;
}

static void publish(struct fixture *fixture, int index, int place) {
    int processor = fixture->orders[index][place];
    char execution[ID_MAX], correlation[ID_MAX];
    snprintf(execution, sizeof execution, "run-%d-%d", index, processor);
    snprintf(correlation, sizeof correlation, "morning-%d-%d", index, processor);
    player_publish(fixture->system.player,
        &(struct event){.processor = processor,
            .date = date_of(index),
            .form = (enum event_form)((index + place) % EVENT_FORMS),
            .tag = tag_of(index, place),
            .rows = event_rows(processor, date_of(index)),
            .execution = execution,
            .correlation = correlation,
            .timestamp_ms = INT64_C(1764502927104) + 1000 * place});
}

/* --- What the store shows ------------------------------------------------------------------------------- */

static int counted(const struct date_state *state) {
    int count = 0;
    for (int p = PGS; p <= TDGS; p++)
        count += state->records[p].mark == RECORD_COUNTS;
    return count;
}

static bool has_four(const struct date_state *state) {
    return counted(state) == UPSTREAM - 1;
}

static bool has_not_started(const struct date_state *state) {
    return state->run == 0 && state->groups[0].phase == GROUP_WAITING;
}

/* Duplicates that the date's history tells of. */
static int64_t duplicates(struct reader *reader, struct arena *arena, game_date date) {
    struct history_entry *entries;
    size_t count;
    int64_t dropped, sum = 0;
    check_ok(reader_history(reader, nba_pipeline(), date, arena, &entries, &count, &dropped));
    for (size_t i = 0; i < count; i++)
        if (entries[i].kind == HISTORY_COMPLETION && strcmp(entries[i].verdict, "duplicate") == 0)
            sum += entries[i].times;
    return sum;
}

struct duplicates_wanted {
    const struct system *system;
    int64_t of_each_date;
    int known; /* dates before this one have theirs */
};

static bool all_duplicates_recorded(void *context) {
    struct duplicates_wanted *wanted = context;
    struct redis_settings redis = system_redis(wanted->system);
    struct reader *reader;
    struct arena *arena = arena_new(1 << 20);
    check_ok(reader_open(&redis, &reader));
    while (
        wanted->known < ORDERS && duplicates(reader, arena, date_of(wanted->known)) >= wanted->of_each_date) {
        wanted->known++;
        arena_reset(arena);
    }
    reader_close(&reader);
    arena_free(&arena);
    return wanted->known == ORDERS;
}

static void until_duplicates(struct fixture *fixture, int64_t of_each_date) {
    struct duplicates_wanted wanted = {&fixture->system, of_each_date, 0};
    player_until(fixture->system.player, all_duplicates_recorded, &wanted, SYSTEM_DEADLINE_MS,
        "all duplicates to be recorded");
}

/* --- What the triggers say ------------------------------------------------------------------------------ */

static void check_upstream(const json_t *upstream, game_date date) {
    const char *name;
    json_t *rows;
    json_object_foreach((json_t *)upstream, name, rows) {
        int processor = pipeline_processor(nba_pipeline(), name)->index;
        assert_int_equal(json_integer_value(rows), event_rows(processor, date));
    }
}

/* The completion that made the group ready: of Phase 3 the fifth, else one of the group before. */
static void check_correlation(const struct fixture *fixture, int index, int group, const char *correlation) {
    char wanted[ID_MAX];
    bool found = false;
    if (group == 1) {
        snprintf(wanted, sizeof wanted, "morning-%d-%d", index, fixture->orders[index][UPSTREAM - 1]);
        assert_string_equal(correlation, wanted);
        return;
    }
    for (int p = 0; p < NBA_PROCESSORS; p++) {
        snprintf(wanted, sizeof wanted, "answer-%d-%d", (int)date_of(index), p);
        found =
            found || (nba_pipeline()->groups[group - 2].members & SET(p) && strcmp(correlation, wanted) == 0);
    }
    assert_true(found);
}

/* The shape and the names were checked when it came. */
static void check_trigger(const struct fixture *fixture, int index, int group) {
    const struct player_trigger *trigger = player_trigger(fixture->system.player, date_of(index), group);
    assert_int_equal(trigger->published, 1);
    json_t *body = json_loadb(trigger->message->data, trigger->message->size, 0, NULL);
    check_upstream(json_object_get(body, "upstream"), date_of(index));
    check_correlation(fixture, index, group, json_string_value(json_object_get(body, "correlation_id")));
    assert_int_equal(json_is_true(json_object_get(body, "backfill_mode")), is_backfill(index));
    json_decref(body);
}

/* --- The test ------------------------------------------------------------------------------------------- */

static void publish_four_of_each(struct fixture *fixture) {
    for (int place = 0; place < UPSTREAM - 1; place++)
        for (int i = 0; i < ORDERS; i++) {
            publish(fixture, i, place);
            publish(fixture, i, place); /* at once */
            if (place > 0)
                publish(fixture, i, place - 1); /* later */
        }
}

static void nothing_has_started(struct fixture *fixture) {
    system_until_dates(&fixture->system, has_four, "four completions of each date to be recorded");
    until_duplicates(fixture, 7);
    system_until_dates(&fixture->system, has_not_started, "no date to have started");
    assert_int_equal(system_outbox(&fixture->system), 0);
    assert_int_equal(player_triggers(fixture->system.player), 0);
}

static void all_orders(void **state) {
    struct fixture *fixture = *state;
    struct system *system = &fixture->system;
    system_open(system,
        (struct system_options){
            .bus = fixture->bus, .binary = PHASEGATE_BINARY, .first = SYSTEM_FIRST_DATE, .count = ORDERS});
    system_start(system);
    publish_four_of_each(fixture);
    nothing_has_started(fixture);

    player_answer(system->player, 2);
    for (int i = 0; i < ORDERS; i++) {
        publish(fixture, i, UPSTREAM - 1);
        publish(fixture, i, UPSTREAM - 1);
    }
    system_until_dates(system, date_is_done, "all dates to be done");

    for (int place = 0; place < UPSTREAM; place++)
        for (int i = 0; i < ORDERS; i++)
            publish(fixture, i, place);
    until_duplicates(fixture, 7 + 1 + UPSTREAM + UPSTREAM); /* and one of each answer */
    system_check_triggers(system);
    for (int i = 0; i < ORDERS; i++)
        for (int g = 1; g <= PLAYER_GROUPS; g++)
            check_trigger(fixture, i, g);
    system_until_outbox_empty(system);
    assert_int_equal(daemon_said(system->daemon, "\"severity\":\"WARNING\""), 0);
    assert_int_equal(daemon_said(system->daemon, "\"severity\":\"ERROR\""), 0);
    daemon_stop(system->daemon);
}

static int setup(void **state, enum system_bus bus) {
    struct fixture *fixture = calloc(1, sizeof *fixture);
    if (!fixture)
        return -1;
    fixture->bus = bus;
    *state = fixture;
    for (int i = 0; i < ORDERS; i++)
        permutation(i, fixture->orders[i]);
    return 0;
}

static int streams(void **state) {
    return setup(state, SYSTEM_STREAMS);
}

static int fake(void **state) {
    return setup(state, SYSTEM_FAKE);
}

static int emulator(void **state) {
    return setup(state, SYSTEM_EMULATOR);
}

static int teardown(void **state) {
    struct fixture *fixture = *state;
    system_close(&fixture->system);
    free(fixture);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        {"over Redis Streams", all_orders, streams, teardown, NULL},
        {"over the fake Pub/Sub", all_orders, fake, teardown, NULL},
        {"over Google's emulator", all_orders, emulator, teardown, NULL},
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
