/*
 * One call of a function of the library: its keys and arguments while they are put together, and whom to tell
 * when it is answered. What the files of the store's client share; nobody else includes it.
 */
#ifndef PHASEGATE_STATE_CALL_H
#define PHASEGATE_STATE_CALL_H

#include "redis/link.h"
#include "state/alert_ledger.h"
#include "state/keys.h"
#include "state/month_memory.h"
#include "state/months.h"
#include "state/rebuild.h"
#include "state/store.h"

/* As much as the largest call takes: completions for as many dates (turn.c). */
enum {
    CALL_ARGUMENTS_MAX = 640,
    CALL_TEXTS_MAX = 80 * KEY_MAX,
    CALL_KEYS_OF_MONTH = 4,
    CALL_KEYS_OF_DAY = 2,
    CALL_KEYS_OF_DATE = CALL_KEYS_OF_MONTH + CALL_KEYS_OF_DAY,
};

struct call {
    bool proves_room; /* a server that takes no writes, or has no memory, would refuse it; false after
                         call_begin */
    struct month_memory *month;      /* that the answer tells the lane's count of; NULL after call_begin */
    const struct pipeline *pipeline; /* whose month's keys it has, and so may change; NULL: none's */
    game_date date;                  /* in that month */
    const char *values[CALL_ARGUMENTS_MAX];
    size_t lengths[CALL_ARGUMENTS_MAX];
    int count;
    char texts[CALL_TEXTS_MAX]; /* of keys and numbers */
    size_t used;
};

void call_begin(struct call *call, const char *function, int key_count);

/* Keys; then the arguments, which have to live until the call is sent. */
void call_key(struct call *call, const char *key); /* copied */
void call_keys_of_date(struct call *call, const struct pipeline *pipeline, game_date date);
void call_keys_of_month(struct call *call, const struct pipeline *pipeline, game_date date);
void call_keys_of_day(struct call *call, const struct pipeline *pipeline, game_date date);
void call_text(struct call *call, const char *text); /* NULL is passed as "" */
void call_bytes(struct call *call, const void *data, size_t length);
void call_number(struct call *call, int64_t value);
void call_date(struct call *call, game_date date);
void call_outbox_field(struct call *call, const struct trigger *trigger); /* "2021-11-17/g2/r1" */

/* Whose step it is, for leases: "host-71-5e1f 30000"; "" when the store is no replica's. */
void call_lessee(struct call *call, struct store *store);

/* In which lane a step is counted (month_memory.h): the last argument of each call that changes a date. */
void call_lane(struct call *call, struct store *store);

/* The function that the store's user passed. */
union told {
    store_done_fn *done;
    store_ticked_fn *ticked;
    store_claimed_fn *claimed;
    store_cancelled_fn *cancelled;
    store_replayed_fn *replayed;
    store_rebuild_begun_fn *begun;
    store_rebuild_ended_fn *ended;
    store_kept_fn *kept;
    store_sent_fn *sent;
    store_quarantined_fn *quarantined;
    ledger_answer_fn *ledger_answer;
    ledger_sum_fn *ledger_sum;
    ledger_quarantine_fn *ledger_quarantine;
    ledger_open_fn *ledger_open;
    ledger_look_fn *ledger_look;
    store_leased_fn *leased;
};

/* Tells the user what came; reply is NULL unless result is ok. Called once for each call. */
typedef void call_answered_fn(
    struct store *store, struct result result, const redisReply *reply, union told tell, void *context);

/* Sends it. While the store is away, or when out of memory, answered is called before this returns. */
void call_send(
    struct store *store, const struct call *call, call_answered_fn *answered, union told tell, void *context);

/*
 * What the reply to a function of the library stands for. A server whose functions were flushed behind our
 * back gets them again, on a new connection.
 */
struct result call_result(struct store *store, const redisReply *reply) MUST_CHECK;

/* For answers of which only the result matters: tells tell.done. */
void call_answer_done(
    struct store *store, struct result result, const redisReply *reply, union told tell, void *context);

/* The text of an array's element, or NULL when it is empty; its whole number. */
const char *reply_text(const redisReply *reply, size_t index);
int reply_int(const redisReply *reply, size_t index);

/* CODE_INTERNAL unless the reply is an array of so many elements. */
struct result reply_check(const redisReply *reply, size_t elements, const char *function) MUST_CHECK;

/* The reply to a call has come. */
void store_note_reply(struct store *store, bool proves_room, const redisReply *reply);

/* The store's connection. */
struct redis_link *store_link(struct store *store);

/* Now, by the clock that leases are reckoned by; and the answer of a call that was sent then comes next. */
int64_t store_uptime_ms(const struct store *store);
void store_note_answer(struct store *store, int64_t sent_ms, struct month_step step);

/* The call that is being answered was counted as this one of its lane. */
void store_note_step(struct store *store, int64_t count);

struct months *store_known_months(struct store *store);

/* The loop's turn, and what waits for its end. */
struct turn;
struct applies;
struct turn *store_turn(struct store *store);
struct applies *store_applies(struct store *store);

/* What is remembered of the months, and the lane in which this store's steps are counted. */
struct month_memories *store_months(struct store *store);
int store_lane(const struct store *store);

/* The replica whose store it is; id "" when it is nobody's. */
const struct store_replica *store_replica(const struct store *store);

/* A lease that the call which is being answered got: it began, at the latest, when that was sent. */
struct lease store_new_lease(const struct store *store, bool taken_over);

#endif
