/*
 * The store: every date's state, in Redis. This is the client that changes it; each change is one call of a
 * function of the library in phasegate.lua, which Redis runs as one atomic step. Reading for people is
 * reader.h.
 *
 * Asynchronous and pipelined: calls are sent at once and answered in order, on the loop's thread. Nothing
 * blocks. When the connection breaks, what was under way ends as CODE_UNAVAILABLE; it may or may not have
 * happened, and doing it again is harmless. While the store is away a call ends so before it returns: its
 * callback runs inside it.
 */
#ifndef PHASEGATE_STATE_STORE_H
#define PHASEGATE_STATE_STORE_H

#include "base/log.h"
#include "base/result.h"
#include "core/completion.h"
#include "core/pipeline.h"
#include "core/trigger.h"
#include "redis/settings.h"

#include <uv.h>

struct store;

/* What became of a completion. Only VERDICT_APPLIED changed anything but the history. */
enum verdict {
    VERDICT_APPLIED,
    VERDICT_DUPLICATE, /* same execution, same or worse outcome */
    VERDICT_LATE,      /* older than the one recorded */
    VERDICT_PREMATURE, /* of a group that is not ready yet: kept, does not count */
    VERDICT_OTHER_RUN, /* answers a trigger of another run, or of another group */
};

enum { VERDICT_COUNT = VERDICT_OTHER_RUN + 1 };

/* "applied", "duplicate" … */
const char *verdict_name(enum verdict verdict);

/* The answer to store_apply; valid during the call. */
struct applied {
    enum verdict verdict;
    bool closed_no_games;     /* this completion closed the date */
    int group;                /* the group that this completion moved, or 0 */
    const char *group_state;  /* what it is now: "done", "failed" …; NULL when group is 0 */
    const char *outbox_field; /* "2021-11-17/g2/r1": the trigger it made due; NULL when none */
    const char *outbox_facts; /* for trigger_from_outbox */
};

/* None may be NULL. */
struct store_events {
    void (*on_ready)(void *context); /* connected, library in place: calls succeed from here on */
    void (*on_lost)(void *context);  /* calls fail until on_ready */
    /*
     * The server runs a newer library, or is too old to have one: retrying cannot help. At start the daemon
     * leaves with this text; later it logs it and the store keeps trying. (A wrong password is not told here:
     * the connection logs it and goes on trying, since it is mended on the server.)
     */
    void (*on_refused)(void *context, struct result reason);
    void *context;
};

struct result store_open(uv_loop_t *loop, const struct redis_settings *settings, const struct log *log,
    struct store_events events, struct store **store) MUST_CHECK;

bool store_is_ready(const struct store *store);

typedef void store_applied_fn(void *context, struct result result, const struct applied *applied);
typedef void store_done_fn(void *context, struct result result);
typedef void store_outbox_fn(void *context, struct result result, const char *field, const char *facts);

/* Records the completion and decides what follows from it, in one step. message_id and now_ms go into the
 * history. */
void store_apply(struct store *store, const struct pipeline *pipeline, const struct completion *completion,
    int64_t now_ms, store_applied_fn *applied, void *context);

/* The bus confirmed the trigger: takes it out of the outbox and marks the group triggered. Harmless when
 * repeated. */
void store_confirm(struct store *store, const struct pipeline *pipeline, const struct trigger *trigger,
    const char *bus_message_id, int64_t now_ms, store_done_fn *done, void *context);

/*
 * Everything in the pipeline's outbox, month by month: entry is called once per trigger, oldest date and
 * lowest group first within a month, and a last time with field NULL.
 */
void store_outbox(
    struct store *store, const struct pipeline *pipeline, store_outbox_fn *entry, void *context);

/* Keeps a message that could not be understood, with the reason; one entry per message id, the oldest go past
 * the maximum (QUARANTINE_ENTRIES_MAX). */
enum { QUARANTINE_ENTRIES_MAX = 10000, QUARANTINE_BYTES_MAX = 64 * 1024 };
void store_quarantine(struct store *store, const struct pipeline *pipeline, const struct message *message,
    const char *topic, const char *reason, int64_t now_ms, store_done_fn *done, void *context);

/* Removes entries: after a retry was published, or because an operator drops them. */
void store_quarantine_drop(struct store *store, const struct pipeline *pipeline, const char *message_id,
    store_done_fn *done, void *context);

/* Calls under way end as CODE_UNAVAILABLE; closed (may be NULL) when the last handle has left the loop. */
void store_close(struct store *store, void (*closed)(void *context), void *context);

#endif
