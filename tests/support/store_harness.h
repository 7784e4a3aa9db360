/*
 * The store against a real redis-server, as plain calls: each runs the loop until the store has answered. For
 * tests of what the store decides and keeps; whoever tests the client's own ways (pipelining, loss) takes
 * store.h.
 *
 * Texts, triggers and states that come back live in the harness' arena, until harness_forget or the end.
 */
#ifndef PHASEGATE_TESTS_SUPPORT_STORE_HARNESS_H
#define PHASEGATE_TESTS_SUPPORT_STORE_HARNESS_H

#include "state/reader.h"
#include "state/store.h"
#include "support/log_capture.h"
#include "support/redis_server.h"

/* A copy of the answer to store_apply, and the trigger that the outbox entry stands for. */
struct applied_copy {
    enum verdict verdict;
    bool closed_no_games;
    int group;
    int group_run;
    const char *group_state;
    int stale_from;
    const char *field; /* NULL: no trigger is due, like the rest */
    const char *facts;
    struct trigger trigger;
    struct lease lease;
};

/* The same of store_tick: the texts of the answer are copies, and trigger is set when a trigger is due. */
struct ticked_copy {
    struct ticked ticked;
    struct trigger trigger;
};

/* And of store_replay. */
struct replayed_copy {
    struct replayed replayed;
    struct trigger trigger;
};

/* What a call under way was answered. Here, and not on the stack, since a failed test leaves the stack. */
struct store_answer {
    size_t waiting;
    struct result result;
    const struct pipeline *pipeline;
    struct applied_copy applied;
    struct ticked_copy ticked;
    struct replayed_copy replayed;
    enum claim claim;
    enum leasing leasing;
    struct lease lease;
    bool cancelled;
    int freed;
    struct quarantine_drops drops;
    struct trigger *triggers;
    size_t trigger_count;
    game_date *dates;
    size_t date_count;
};

/* Fields are for reading. */
struct store_harness {
    struct redis_server *server;    /* NULL over somebody else's Redis */
    struct redis_settings settings; /* of the store */
    struct store *store;            /* NULL while disconnected */
    struct reader *reader;          /* NULL while disconnected */
    struct arena *arena;
    uv_loop_t loop;
    struct log_capture capture;
    struct result refused; /* ok until the store was refused */
    struct store_answer answer;
    int64_t uptime_ms; /* of harness_be; the test sets it */
    bool closed;
};

/* Starts a server; with connect also the store, ready, and a reader. */
struct store_harness *harness_start(struct redis_server_options options);
struct store_harness *harness_open(struct redis_server_options options);

/* Connected to somebody else's Redis: sentinels, a Cluster. */
struct store_harness *harness_open_over(const struct redis_settings *settings);

/* Opens store and reader, and waits until the store is ready; and closes them. */
void harness_connect(struct store_harness *harness);
void harness_disconnect(struct store_harness *harness);

/* Opens the store and waits until it is refused; the reason is in harness->refused. */
void harness_connect_refused(struct store_harness *harness);

/* Waits until the store is ready again, after a loss. */
void harness_await_ready(struct store_harness *harness);

/* The reader keeps one connection, which a restart of the server ends. */
void harness_reopen_reader(struct store_harness *harness);

/* An empty store and a new connection to it. */
void harness_reset(struct store_harness *harness);

/* Frees what earlier calls returned. */
void harness_forget(struct store_harness *harness);

/* Ends everything and sets the pointer to NULL; safe on NULL. */
void harness_close(struct store_harness **harness);

/* cmocka's set-up and tear-down; *state is the harness. */
int open_harness(void **state);
int close_harness(void **state);

/* --- The store's calls; a failure of the store fails the test, except in those that return a result. ---- */

struct applied_copy harness_apply(struct store_harness *harness, const struct pipeline *pipeline,
    const struct completion *completion, int64_t now_ms);
struct result harness_try_apply(struct store_harness *harness, const struct pipeline *pipeline,
    const struct completion *completion, int64_t now_ms, struct applied_copy *applied) MUST_CHECK;

/* The same completion many times, pipelined; the last answer. */
struct applied_copy harness_apply_times(struct store_harness *harness, const struct pipeline *pipeline,
    const struct completion *completion, int64_t now_ms, size_t times);

void harness_confirm(struct store_harness *harness, const struct pipeline *pipeline,
    const struct trigger *trigger, const char *bus_message_id, int64_t now_ms);
struct result harness_try_confirm(struct store_harness *harness, const struct pipeline *pipeline,
    const struct trigger *trigger, const char *bus_message_id, int64_t now_ms) MUST_CHECK;

/* The outbox in the order in which the store tells it; *triggers is an array of the count returned. */
size_t harness_outbox(
    struct store_harness *harness, const struct pipeline *pipeline, const struct trigger **triggers);
struct result harness_try_outbox(struct store_harness *harness, const struct pipeline *pipeline,
    const struct trigger **triggers, size_t *count) MUST_CHECK;

/* The dates that are due; *dates is an array of *count. */
struct result harness_try_due(struct store_harness *harness, const struct pipeline *pipeline, int64_t now_ms,
    const game_date **dates, size_t *count) MUST_CHECK;
struct result harness_try_tick(struct store_harness *harness, const struct pipeline *pipeline, game_date date,
    int64_t now_ms, struct ticked_copy *ticked) MUST_CHECK;
struct ticked_copy harness_tick(
    struct store_harness *harness, const struct pipeline *pipeline, game_date date, int64_t now_ms);

struct result harness_try_replay(struct store_harness *harness, const struct pipeline *pipeline,
    game_date date, enum replay replay, int from_group, int64_t now_ms,
    struct replayed_copy *replayed) MUST_CHECK;
struct replayed_copy harness_replay(struct store_harness *harness, const struct pipeline *pipeline,
    game_date date, enum replay replay, int from_group, int64_t now_ms);

struct result harness_try_cancel(struct store_harness *harness, const struct pipeline *pipeline,
    const struct trigger *trigger, int64_t now_ms, bool *cancelled) MUST_CHECK;
bool harness_cancel(struct store_harness *harness, const struct pipeline *pipeline,
    const struct trigger *trigger, int64_t now_ms);

struct result harness_try_claim(struct store_harness *harness, const struct pipeline *pipeline,
    const struct trigger *trigger, int64_t now_ms, enum claim *claim) MUST_CHECK;
enum claim harness_claim(struct store_harness *harness, const struct pipeline *pipeline,
    const struct trigger *trigger, int64_t now_ms);
struct result harness_try_release(
    struct store_harness *harness, const struct pipeline *pipeline, const struct trigger *trigger) MUST_CHECK;
struct result harness_try_reclaim(struct store_harness *harness, const struct pipeline *pipeline, int group,
    int64_t now_ms, int *freed) MUST_CHECK;
struct result harness_try_pause(
    struct store_harness *harness, const struct pipeline *pipeline, bool paused, int64_t now_ms) MUST_CHECK;

/* By default nothing goes for its age or its bytes. */
#define HARNESS_QUARANTINE_LIMITS                                                                            \
    ((struct quarantine_limits){.age_ms = INT64_C(1) << 40, .bytes = INT64_C(1) << 40})
struct result harness_try_quarantine(struct store_harness *harness, const struct pipeline *pipeline,
    const struct message *message, const char *topic, const char *reason, struct quarantine_limits limits,
    int64_t now_ms, struct quarantine_drops *drops) MUST_CHECK;
struct result harness_try_tidy_quarantine(struct store_harness *harness, const struct pipeline *pipeline,
    struct quarantine_limits limits, int64_t now_ms, struct quarantine_drops *drops) MUST_CHECK;
void harness_quarantine(struct store_harness *harness, const struct pipeline *pipeline,
    const struct message *message, const char *topic, const char *reason, int64_t now_ms);
void harness_quarantine_drop(
    struct store_harness *harness, const struct pipeline *pipeline, const char *message_id);

/*
 * From here on, until the next connection, the calls are this replica's, by the uptime of the harness. Of
 * length 0 a lease has run out when it is granted: so that a test need not wait for it.
 */
void harness_be(struct store_harness *harness, const char *replica, int lease_ms);
enum leasing harness_lease(struct store_harness *harness, const struct pipeline *pipeline,
    const struct trigger *trigger, struct lease *lease); /* lease: may be NULL */
void harness_unlease(
    struct store_harness *harness, const struct pipeline *pipeline, const struct trigger *trigger);
void harness_heartbeat(struct store_harness *harness, const struct replica_report *report);

/* --- What a reader sees. -------------------------------------------------------------------------------- */

const struct date_state *harness_date(
    struct store_harness *harness, const struct pipeline *pipeline, game_date date);

/* Oldest first; *entries is an array of the count returned. */
size_t harness_history(struct store_harness *harness, const struct pipeline *pipeline, game_date date,
    struct history_entry **entries, int64_t *dropped);

#endif
