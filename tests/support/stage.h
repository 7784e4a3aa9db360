/*
 * The stage around one engine, for tests of what it does over hours: publishers of completions, Phase 4
 * processors that answer when the test says so, an operator with a store of his own, and the time. The engine
 * runs in the test's process, on a clock that only the test moves, or as a daemon, which has the system's.
 * Redis is the store and, as Redis Streams, the bus.
 *
 * What may never be is checked with each trigger that comes: more backfill triggers of a group published and
 * not answered than the cap. The first violation fails the test in the next call that waits.
 */
#ifndef PHASEGATE_TESTS_SUPPORT_STAGE_H
#define PHASEGATE_TESTS_SUPPORT_STAGE_H

#include "alerts/alerts.h"
#include "core/game_calendar.h"
#include "state/reader.h"
#include "state/store.h"
#include "support/event.h"
#include "support/loop.h"
#include "support/nba.h"
#include "support/redis_server.h"

struct stage;

/* A key of the pipeline in the configuration, instead of the built-in value. */
struct stage_setting {
    const char *key; /* NULL: the end */
    const char *value;
};

struct stage_options {
    const char *daemon;                   /* PHASEGATE_BINARY: as a process; NULL: in this one */
    int backfill_cap;                     /* of each group; 0: the default */
    const struct stage_setting *settings; /* NULL: none */
    const struct alerts_settings *alerts; /* of the engine in this process; NULL: none */
};

enum {
    STAGE_DEADLINE_MS = 40000,
    STAGE_SWEEP_MS = 20,
    STAGE_QUIET_MS = 12 * STAGE_SWEEP_MS, /* long enough for what must not happen to happen */
};

/* When the stage's clock starts: 2025-12-04 18:00 UTC; and a date to play with, 2025-12-04. */
#define STAGE_START_MS ((int64_t)1764871200000)
#define STAGE_DATE ((game_date)20426)

/* Store and bus; nothing runs yet. */
struct stage *stage_open(struct stage_options options);
void stage_close(struct stage **stage);

/* Starts it and waits until it is running; stops it, which has to drain within its time. */
void stage_start(struct stage *stage);
void stage_stop(struct stage *stage);

/* SIGKILL; of a daemon. */
void stage_kill(struct stage *stage);

const struct pipeline *stage_pipeline(const struct stage *stage);
struct store *stage_store(struct stage *stage); /* the operator's, ready */
struct daemon *stage_daemon(struct stage *stage);

int64_t stage_now_ms(const struct stage *stage);
void stage_advance(struct stage *stage, int64_t ms);

/* The in-process engine's. */
void stage_set_calendar(struct stage *stage, const struct game_calendar *calendar);

/* --- Completions ---------------------------------------------------------------------------------------- */

/* A success of now, with rows, as a new execution. Tagged as backfill or live. */
void stage_complete(struct stage *stage, int processor, game_date date, bool backfill);

/* The same with this status (and no rows, unless it is success), for the trigger of this id (NULL: none). */
void stage_tell(struct stage *stage, int processor, game_date date, bool backfill, const char *status,
    const char *trigger_id);

/* All five of Phase 3. */
void stage_phase3(struct stage *stage, game_date date, bool backfill);

/* Waits until every completion published so far has been handled and acked. */
void stage_until_handled(struct stage *stage);

/* The same, and until every trigger that follows, by now also from settle times and deadlines, has come. */
void stage_until_calm(struct stage *stage);

/* --- Triggers ------------------------------------------------------------------------------------------- */

/* One trigger that came, by id; the same one published again is counted there. */
struct seen {
    game_date date;
    int group;
    int run;
    bool backfill;
    size_t times;     /* it was published */
    bool in_flight;   /* published and not answered */
    bool succeeded;   /* answered so: published again, it is dropped, as consumers do */
    uint64_t seen_ms; /* uv_hrtime, of the first */
    char id[64];
};

size_t stage_seen(const struct stage *stage);
const struct seen *stage_trigger(const struct stage *stage, size_t index); /* in the order of coming */

/* NULL when it has not come. */
const struct seen *stage_find(const struct stage *stage, game_date date, int group, int run);

/* Distinct triggers of the group, of all dates and runs. */
size_t stage_count(const struct stage *stage, int group);

/* Its processors say this status of it, naming its id. */
void stage_answer(struct stage *stage, const struct seen *trigger, const char *status);

/* Those in flight are answered with success; and from now on every trigger as it comes. */
void stage_answer_all(struct stage *stage);
void stage_answer_always(struct stage *stage);

/* Published and not answered, of backfill. */
size_t stage_in_flight(const struct stage *stage, int group);

/* It is answered no more: its deadline has passed. */
void stage_give_up(struct stage *stage, const struct seen *trigger);

/* --- Waiting and looking -------------------------------------------------------------------------------- */

void stage_until(struct stage *stage, loop_condition *condition, void *context, const char *waited_for);
void stage_never(struct stage *stage, loop_condition *condition, void *context, const char *what_happened);

/* Waits until this trigger has come, published so often. */
const struct seen *stage_until_trigger(struct stage *stage, game_date date, int group, int run, size_t times);

/* Waits until so many distinct triggers of the group have come. */
void stage_until_count(struct stage *stage, int group, size_t count);

/* Runs for STAGE_QUIET_MS; fails the test when a trigger comes. */
void stage_quiet(struct stage *stage);

/* Waits until the log has a line with the part; how many such lines there are. */
void stage_until_said(struct stage *stage, const char *part);
size_t stage_said(struct stage *stage, const char *part);

/* What the store has of the date; valid until the next call. */
const struct date_state *stage_state(struct stage *stage, game_date date);

/* Waits until the group is so. */
void stage_until_phase(struct stage *stage, game_date date, int group, enum group_phase phase);

/* The store's and the bus's server. */
struct redis_server *stage_server(struct stage *stage);

#endif
