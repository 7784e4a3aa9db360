/*
 * What a chaos run will do, all of it made from the seed before it begins: which completions are fed when,
 * how the workers behave, and which faults are done when. The same seed is the same plan; what comes of it
 * differs, since processes are never as punctual as a plan.
 */
#ifndef PHASEGATE_TESTS_CHAOS_PLAN_H
#define PHASEGATE_TESTS_CHAOS_PLAN_H

#include "chaos/pipeline.h"
#include "support/event.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum chaos_form { CHAOS_SINGLE, CHAOS_SENTINEL, CHAOS_CLUSTER };
enum chaos_bus { CHAOS_EMULATOR, CHAOS_FAKE, CHAOS_STREAMS };

enum { CHAOS_REPLICAS = 3 };

/* Every kind of fault. X(name, words, where it can be done) */
// clang-format off
#define CHAOS_FAULTS(X) \
    X(KILL_REPLICA,      "replica killed",                  true) \
    X(STOP_REPLICA,      "replica stopped",                 true) \
    X(FREEZE_REPLICA,    "replica frozen past its lease",   true) \
    X(HOLD_REPLICA,      "replica frozen for a moment",     true) \
    X(KILL_ALL,          "all replicas killed at once",     true) \
    X(KILL_REDIS,        "redis killed",                    true) \
    X(FREEZE_REDIS,      "redis frozen",                    true) \
    X(DROP_CLIENTS,      "redis connections cut",           true) \
    X(KILL_SENTINEL,     "sentinel killed",                 form == CHAOS_SENTINEL) \
    X(KILL_EMULATOR,     "emulator killed",                 bus == CHAOS_EMULATOR) \
    X(FREEZE_EMULATOR,   "emulator frozen",                 bus == CHAOS_EMULATOR) \
    X(STOP_FAKE,         "bus gone",                        bus == CHAOS_FAKE) \
    X(BREAK_STREAMS,     "streams broken",                  bus == CHAOS_FAKE) \
    X(BREAK_OFTEN,       "streams broken every 20 messages", bus == CHAOS_FAKE) \
    X(REFUSE_PUBLISH,    "publishes answered UNAVAILABLE",  bus == CHAOS_FAKE) \
    X(EXHAUST_PUBLISH,   "publishes answered RESOURCE_EXHAUSTED", bus == CHAOS_FAKE) \
    X(UNCONFIRM_PUBLISH, "publishes taken and not confirmed", bus == CHAOS_FAKE) \
    X(SLOW_BUS,          "answers of the bus late",         bus == CHAOS_FAKE) \
    X(DUPLICATE,         "every delivery twice",            bus == CHAOS_FAKE) \
    X(LOSE_ACKS,         "acks lost",                       bus == CHAOS_FAKE) \
    X(BLACK_HOLE,        "bus silent",                      bus == CHAOS_FAKE) \
    X(EXPIRE_LEASES,     "leases of messages run out",      bus == CHAOS_FAKE)
// clang-format on

enum chaos_fault {
#define CHAOS_FAULT_NAME(name, words, where) CHAOS_##name,
    CHAOS_FAULTS(CHAOS_FAULT_NAME)
#undef CHAOS_FAULT_NAME
        CHAOS_FAULT_COUNT
};

const char *chaos_fault_words(enum chaos_fault fault);

struct planned_fault {
    int at_ms; /* from the beginning, like all times here */
    enum chaos_fault fault;
    int target;      /* a number to choose a victim by */
    int duration_ms; /* until it is healed */
};

/* An upstream completion. */
struct planned_event {
    int at_ms;
    int said_ms; /* its own timestamp: several of a date and processor are told apart and ordered by it */
    game_date date;
    int processor;
    int times; /* it is published */
    enum event_form form;
    enum event_tag tag;
    bool satisfies;
};

struct plan_options {
    uint64_t seed;
    int seconds; /* of feeding and faults */
    enum chaos_form form;
    enum chaos_bus bus;
    bool store_only; /* only the store's servers are harmed, all the more often */
};

struct plan {
    struct plan_options options;
    struct chaos_pipeline made;   /* nba; by odd seeds the one whose groups need upstream only */
    struct planned_event *events; /* in order of time */
    size_t event_count, event_room;
    struct planned_fault *faults;
    size_t fault_count, fault_room;
};

/* Ends the program when out of memory. The plan stays where it is until it is freed. */
void plan_make(struct plan *plan, struct plan_options options);
void plan_free(struct plan *plan);

enum plan_answer { ANSWER_BY_TRIGGER_ID, ANSWER_BY_MESSAGE_ID, ANSWER_BY_ARRIVAL };

/* How a trigger's processors answer it. */
struct planned_answer {
    int after_ms;
    int times;
    bool fails_first; /* then it is repaired repair_ms later */
    int repair_ms;
    enum plan_answer
        how; /* of a date that is re-run always by trigger id: else nobody could tell whose it is */
};

struct planned_answer plan_answer(const struct plan *plan, game_date date, int group, int run, int processor);

#endif
