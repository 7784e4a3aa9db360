/*
 * Reading the store for people: what is recorded of a date, what happened to it, what is in quarantine.
 * Blocking, for commands; it never writes. Everything returned lives in the arena that the caller passes.
 */
#ifndef PHASEGATE_STATE_READER_H
#define PHASEGATE_STATE_READER_H

#include "base/arena.h"
#include "base/result.h"
#include "core/completion.h"
#include "core/pipeline.h"
#include "core/trigger.h"
#include "redis/settings.h"
#include "state/replicas.h"

struct reader;

/* Connects. CODE_UNAVAILABLE names the address and what to do. */
struct result reader_open(const struct redis_settings *settings, struct reader **reader) MUST_CHECK;
void reader_close(struct reader **reader);

enum record_mark {
    RECORD_NONE,      /* nothing came yet */
    RECORD_COUNTS,    /* satisfies its processor, in this run */
    RECORD_SHORT,     /* does not */
    RECORD_PREMATURE, /* came before its group was ready */
    RECORD_OLD,       /* of an earlier run; its group has to do it again */
};

/* The newest completion of one processor for one date. */
struct record {
    enum record_mark mark;
    bool set_aside; /* short, and its group was triggered again since: it does not make it failed */
    enum status status;
    int64_t record_count; /* or ROWS_UNKNOWN */
    int64_t records_failed;
    int64_t timestamp_ms;
    int64_t arrived_ms;
    bool backfill;
    int run; /* the run it belongs to */
    const char *execution_id;
    const char *correlation_id; /* or NULL */
    const char *error_message;  /* or NULL */
};

enum group_phase {
    GROUP_WAITING,
    GROUP_READY, /* its trigger is in the outbox */
    GROUP_TRIGGERED,
    GROUP_DONE,
    GROUP_FAILED,
    GROUP_CANCELLED, /* an operator took its trigger out of the outbox; a replay puts it back */
};

/* "waiting", "ready" … */
const char *group_phase_name(enum group_phase phase);

struct group_state {
    enum group_phase phase;
    int run;              /* of its trigger: less than the date's when it was carried over */
    int64_t ready_ms;     /* 0 while waiting, like the rest */
    int64_t triggered_ms; /* 0 until the bus confirmed */
    int64_t ended_ms;     /* when it became done, failed or cancelled */
    bool backfill;
    const char *bus_message_id; /* of the trigger, or NULL */
    const char *correlation_id; /* of the trigger, or NULL */
};

/* A re-run came for something that a group rests on, and no new run is open yet. */
struct stale {
    int group;                         /* the first stale group; 0: nothing is stale */
    int64_t since_ms;                  /* of the first such re-run */
    int64_t due_ms;                    /* when the new run opens; 0: when an operator opens it */
    const struct processor *processor; /* of the last such re-run; NULL when the pipeline has it no more */
};

/* A deadline passed, and the date has not moved since. */
struct stall {
    int group;     /* whose deadline, or the group that could not start; 0: nothing is stalled */
    int times;     /* how often */
    int64_t at_ms; /* when last */
};

struct date_state {
    game_date date;
    const char *broken; /* of reader_dates_apart: what is wrong with its keys, and what to do; else NULL. With
                           it nothing else is set */
    bool known;         /* something was recorded */
    int run;            /* 0 until group 1 is ready */
    int64_t no_games_ms; /* when the date was closed as no_games; 0 when it is not */
    int64_t since_ms;    /* first upstream completion, or new run; 0 once group 1 has started */
    struct stale stale;
    struct stall stall;
    struct record records[PIPELINE_PROCESSORS_MAX]; /* by processor index */
    struct group_state groups[PIPELINE_GROUPS_MAX]; /* groups[g - 1] */
};

/* The state of dates[0..count-1], in one round trip; states is an array of count. CODE_INTERNAL names the key
 * and what is wrong with it when one of them cannot be read. */
struct result reader_dates(struct reader *reader, const struct pipeline *pipeline, const game_date *dates,
    size_t count, struct arena *arena, struct date_state *states) MUST_CHECK;

/* The same, where one that cannot be read shall not keep the others from being shown: it is `broken`. */
struct result reader_dates_apart(struct reader *reader, const struct pipeline *pipeline,
    const game_date *dates, size_t count, struct arena *arena, struct date_state *states) MUST_CHECK;

/* The newest most dates that anything is recorded of, oldest first; *count of them. */
struct result reader_newest(struct reader *reader, const struct pipeline *pipeline, size_t most,
    struct arena *arena, game_date **dates, size_t *count) MUST_CHECK;

/* Does the group have everything it needs, by the records? The needs that it does not have yet. */
processor_set date_state_missing(const struct pipeline *pipeline, const struct date_state *state, int group);

enum history_kind {
    HISTORY_COMPLETION, /* record, processor, verdict say which and what became of it */
    HISTORY_READY,
    HISTORY_TRIGGERED,
    HISTORY_DONE,
    HISTORY_FAILED,
    HISTORY_CANCELLED,
    HISTORY_NO_GAMES,
    HISTORY_STALLED,  /* a deadline passed; times says how often by then */
    HISTORY_REPLAYED, /* the group was triggered again; verdict: "operator" or "stall" */
    HISTORY_STALE,    /* the first re-run of those that led, or will lead, to a new run */
    HISTORY_RUN,      /* a new run: run, its first group; verdict: "rerun" or "operator" */
};

struct history_entry {
    int64_t at_ms;
    enum history_kind kind;
    int group; /* of the group kinds */
    int run;
    const char *verdict; /* of a completion: "applied", "duplicate", "late", "premature", "other_run" */
    int64_t times;       /* of a completion: how often it came in a row, of a stall: how often it has stalled;
                            at_ms is the last time */
    const struct processor *processor;
    struct record record;
    const char *bus_message_id;
};

/* Everything that is kept of a date, oldest first. *dropped: how many older entries are no longer kept. */
struct result reader_history(struct reader *reader, const struct pipeline *pipeline, game_date date,
    struct arena *arena, struct history_entry **entries, size_t *count, int64_t *dropped) MUST_CHECK;

/* Backfill under rule 8: what is in flight, and what waits for its turn. */
struct backfill_state {
    int64_t paused_ms;                  /* since when an operator has paused it; 0: not */
    int in_flight[PIPELINE_GROUPS_MAX]; /* slots taken, by group */
    const struct trigger *waiting; /* backfill triggers in the outbox without a slot, oldest date first */
    size_t waiting_count;
};

struct result reader_backfill(struct reader *reader, const struct pipeline *pipeline, struct arena *arena,
    struct backfill_state *state) MUST_CHECK;

/* The outbox of the pipeline: every trigger decided and not yet confirmed, oldest date first. */
struct result reader_outbox(struct reader *reader, const struct pipeline *pipeline, struct arena *arena,
    struct trigger **triggers, size_t *count) MUST_CHECK;

/* The replicas that were heard of in the last hour, of all pipelines; the longest at work first. */
struct result reader_replicas(
    struct reader *reader, struct arena *arena, struct replica_report **replicas, size_t *count) MUST_CHECK;

struct quarantined {
    const char *id; /* the bus's message id */
    int64_t at_ms;
    const char *reason;
    const char *topic;
    const void *data;
    size_t size;      /* of what was kept */
    size_t full_size; /* of the message; more than size when it was cut */
    const struct attribute *attributes;
    size_t attribute_count;
};

/* The newest most entries, newest first, and how many there are in all. */
struct result reader_quarantine(struct reader *reader, const struct pipeline *pipeline, size_t most,
    struct arena *arena, struct quarantined **entries, size_t *count, int64_t *total) MUST_CHECK;

struct quarantine_totals {
    int64_t entries;         /* there now, … */
    int64_t bytes;           /* … and what they take, about */
    int64_t received;        /* ever */
    int64_t dropped;         /* by the limits of state/store.h, not by an operator, … */
    int64_t dropped_for_age; /* … of these for their age, the others to make room */
};

struct result reader_quarantine_totals(
    struct reader *reader, const struct pipeline *pipeline, struct quarantine_totals *totals) MUST_CHECK;

/* One entry; CODE_NOT_FOUND when there is none of that id. */
struct result reader_quarantined(struct reader *reader, const struct pipeline *pipeline, const char *id,
    struct arena *arena, struct quarantined *entry) MUST_CHECK;

#endif
