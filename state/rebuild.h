/*
 * Rebuilding a pipeline's state from the messages that the bus still has, after the store forgot.
 *
 * While a rebuild is under way daemons keep the messages that they receive, in the order in which they were
 * published, and decide and publish nothing. The command that began it (cli/rebuild.h) then takes them one
 * after the other, each as if it came when it was published; so whatever order the bus delivers them in, the
 * same comes out, and what happened between two of them (a new run after a settle time) happens again.
 *
 * Triggers that are known to be sent are not published again: those that the trigger stream still has, and
 * those that a completion answers.
 */
#ifndef PHASEGATE_STATE_REBUILD_H
#define PHASEGATE_STATE_REBUILD_H

#include "state/reader.h"
#include "state/store.h"

enum {
    REBUILD_MESSAGES_MAX = 1000000, /* kept at once */
    REBUILD_REPLICAS_MAX = 256,
};

typedef void store_rebuild_begun_fn(void *context, struct result result, int64_t since_ms);

/* Begins, or goes on with the one that is under way. seek_ms: since when messages come again. */
void store_rebuild_begin(struct store *store, const struct pipeline *pipeline, int64_t now_ms,
    int64_t seek_ms, store_rebuild_begun_fn *begun, void *context);

enum kept {
    KEPT_OVER, /* not kept: no rebuild is under way any more */
    KEPT_STORED,
    KEPT_FULL, /* not kept: there are REBUILD_MESSAGES_MAX already */
};
typedef void store_kept_fn(void *context, struct result result, enum kept kept);

/* Keeps a message that was received. Harmless when repeated. */
void store_rebuild_keep(struct store *store, const struct pipeline *pipeline, const struct message *message,
    int64_t now_ms, store_kept_fn *kept, void *context);

/* As store_apply, at the time when the message was published; a completion that counts for a group shows that
 * the group's trigger was sent. */
void store_rebuild_apply(struct store *store, const struct pipeline *pipeline,
    const struct completion *completion, int64_t published_ms, store_applied_fn *applied, void *context);

typedef void store_sent_fn(void *context, struct result result, bool has_place);

/* A trigger (date, group and run are read) was published then, as this message. It has no place yet when the
 * date has not come so far. */
void store_rebuild_sent(struct store *store, const struct pipeline *pipeline, const struct trigger *trigger,
    int64_t published_ms, const char *bus_message_id, store_sent_fn *sent, void *context);

/* A backfill trigger is in flight until then: it has a slot. */
void store_rebuild_slot(struct store *store, const struct pipeline *pipeline, const struct trigger *trigger,
    int64_t until_ms, store_done_fn *done, void *context);

/* A kept message was taken into the state: it is kept no more. */
struct kept_message;
void store_rebuild_taken(struct store *store, const struct pipeline *pipeline,
    const struct kept_message *kept, store_done_fn *done, void *context);

typedef void store_rebuild_ended_fn(void *context, struct result result, bool ended);

/* Ends it, and with it the loss that was noted; not while messages are kept. */
void store_rebuild_end(
    struct store *store, const struct pipeline *pipeline, store_rebuild_ended_fn *ended, void *context);

/* --- Reading -------------------------------------------------------------------------------------------- */

/* How often a replica has raised the epoch, and when last. */
struct replica_raises {
    char name[64];
    int64_t count;
    int64_t at_ms;
};

struct rebuild_state {
    int64_t since_ms;     /* 0: none is under way */
    int64_t last_kept_ms; /* when the last message of before since_ms was kept; 0: none was */
    int64_t waiting;      /* messages kept */
    struct replica_raises replicas[REBUILD_REPLICAS_MAX];
    size_t replica_count;
};

struct result reader_rebuild(
    struct reader *reader, const struct pipeline *pipeline, struct rebuild_state *state) MUST_CHECK;

struct kept_message {
    struct message message;
    const char *form; /* as the store has it */
    size_t form_size;
};

/* The oldest most messages that are kept, by when they were published; in the arena. */
struct result reader_rebuild_messages(struct reader *reader, const struct pipeline *pipeline, size_t most,
    struct arena *arena, struct kept_message **messages, size_t *count) MUST_CHECK;

#endif
