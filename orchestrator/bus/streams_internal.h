/*
 * The Redis Streams end of the bus, as its files see it. A topic is the stream `pg:bus:{<topic>}`, a
 * subscription one of its consumer groups.
 *
 *   streams.c           the bus: opening, the loop's turns, closing
 *   streams_publish.c   what is sent for the caller: XADD, XGROUP CREATE
 *   streams_seek.c      moving a group back in time
 *   streams_look.c      what a group has left
 *   streams_receive.c   asking for entries and handing them out
 *   streams_return.c    acks, nacks and leases of what was handed out
 *   streams_trim.c      cutting streams, and leaving groups
 *
 * One connection (link) is for everything that does not block; each subscription has another (reader) for its
 * blocking reads, so that these never hold up acks. Whatever concerns entries already given to this consumer
 * goes over link, in order: an entry is looked for among those in hand when an answer comes, and one that was
 * acked before the question was sent is not in the answer.
 */
#ifndef PHASEGATE_BUS_STREAMS_INTERNAL_H
#define PHASEGATE_BUS_STREAMS_INTERNAL_H

#include "base/backoff.h"
#include "bus/bus_ops.h"
#include "bus/streams_entry.h"
#include "bus/streams_flush.h"
#include "bus/streams_table.h"
#include "redis/link.h"

enum {
    PATIENCE_MS = 5000, /* what is sent while not connected waits this long for the connection */
    LANE_BUCKETS = 1024,
    KEY_TEXT_MAX = 320,
};

/* Open; then bus_close was called; then the last commands are under way; then the connections are being
 * closed. */
enum bus_state { BUS_OPEN, BUS_CLOSING, BUS_LEAVING, BUS_CLOSED };

/* A stream that was published to or read from, to be cut now and then. Lives as long as the bus. */
struct stream {
    struct stream *next;
    struct streams_bus *bus;
    const char *topic;
    const char *key;
    uint64_t activity; /* entries published and acked since it was last looked at */
    bool trimming, told;
};

struct request;
struct lane;

struct request_queue {
    struct request *first, *last;
};

struct streams_bus {
    struct bus base;
    uv_loop_t *loop;
    const struct log *log;
    struct arena *arena;
    struct arena *settings; /* what redis points to; a private one */
    struct redis_settings redis;
    const char *consumer;
    int64_t claim_after_ms, max_length;

    enum bus_state state;
    struct redis_link *link;
    uint64_t offline_since; /* the loop's time; means something while link is not connected */
    uv_idle_t idle;         /* active while something is to be done in the loop's next turn */
    uv_timer_t tick;
    int handles; /* links, idle and tick that the loop still knows */
    uint64_t leave_by;
    bus_done_fn *closed;
    void *closed_context;

    struct request_queue ready;  /* to be sent, in this order, when connected */
    struct request_queue failed; /* to be told so in the loop's next turn */
    struct lane *lanes[LANE_BUCKETS];
    size_t requests, request_bytes; /* not yet ended */
    struct flush_queue flushes;

    struct streams_subscription *subscriptions;
    struct stream *streams;
    size_t stream_count;
    uint64_t next_trim;
};

struct streams_subscription {
    struct subscription base;
    struct streams_bus *bus;
    struct streams_subscription *next;
    struct log log;
    char *group;
    struct stream *stream;
    struct receiver receiver; /* in_hand_max is set */

    struct redis_link *reader; /* NULL once ended */
    bool reader_open;          /* the loop still knows it */
    bool paused, ended;
    bool reading; /* XREADGROUP of new entries is under way */
    bool asking;  /* a question over link about entries of the past is under way */
    bool starved; /* there was no memory for an entry, which is pending all the same */
    bool recover; /* our own pending entries, those after recovered_to, are to be read before new ones */
    bool told, told_claim, told_return; /* the log has heard why reading, claiming, giving back fails */
    char recovered_to[STREAM_ID_TEXT_MAX], claim_cursor[STREAM_ID_TEXT_MAX];
    struct backoff backoff;
    uint64_t retry_at, next_claim, next_extend; /* the loop's time */
    uint64_t answered_since;                    /* that reading is answered, 0: it is not */

    struct entry_table table; /* every entry of any state */
    struct entry_queue held, acks, agains;
    size_t out;       /* entries in the receiver's hands */
    size_t in_flight; /* commands over link whose answers come back to this subscription */
};

/* --- streams.c ------------------------------------------------------------------------------------------ */

/* The loop's next turn does what there is to do. */
void streams_wake(struct streams_bus *bus);

/* The topic's stream; NULL when there are too many, or no memory. */
struct stream *streams_stream(struct streams_bus *bus, const char *topic);

/* What a script about a group answered, which has to be a number and a text; CODE_NOT_FOUND when there is no
 * such group.
 */
struct result streams_group_answer(const redisReply *reply, const char *group) MUST_CHECK;

/* The loop has forgotten one of the bus's handles. */
void streams_handle_closed(void *bus);

/* --- streams_publish.c ---------------------------------------------------------------------------------- */

void streams_publish(struct bus *bus, const char *topic, const struct message *message,
    bus_published_fn *published, void *context);
void streams_create(struct bus *bus, const struct source *source, bus_done_fn *done, void *context);

/* What the answer (NULL: the connection broke first) to a command of the caller's means; context is done's.
 */
typedef struct result streams_read_fn(void *context, const redisReply *reply);

/*
 * Sends a command about the source's stream, in its turn, or else fails like a publish. It is taken over;
 * NULL stands for no memory, checked for why it is not to be sent. done is called once, in a later turn of
 * the loop (but for want of memory).
 */
void streams_order(struct streams_bus *bus, const struct source *source, struct result checked,
    struct command *command, streams_read_fn *read, bus_done_fn *done, void *context);

void streams_send_ready(struct streams_bus *bus);

/* Fails those that have waited too long for the connection, or all that have not been sent. */
void streams_expire(struct streams_bus *bus);
void streams_fail_waiting(struct streams_bus *bus);

/* Calls back for those that failed inside a call. */
void streams_tell_failed(struct streams_bus *bus);

/* --- streams_seek.c ------------------------------------------------------------------------------------- */

void streams_seek(
    struct bus *bus, const struct source *source, int64_t time_ms, bus_done_fn *done, void *context);

/* --- streams_look.c ------------------------------------------------------------------------------------- */

void streams_look(struct bus *bus, const struct source *source, struct bus_backlog *backlog,
    bus_done_fn *done, void *context);

/* --- streams_receive.c ---------------------------------------------------------------------------------- */

struct result streams_subscribe(struct bus *bus, const struct source *source, struct receiver receiver,
    struct subscription **subscription);
void streams_pause(struct subscription *subscription);
void streams_resume(struct subscription *subscription);
int64_t streams_receiving_ms(struct subscription *subscription);
void streams_unsubscribe(struct subscription *subscription);

/* Asks for what there is room for, unless it has been asked for already. */
void streams_ask(struct streams_subscription *sub);

/* Answers may have been lost with a connection: what they gave us is among our own pending entries. */
void streams_recover(struct streams_subscription *sub);

/* Asks for what silent consumers hold, when it is time. */
void streams_claim(struct streams_subscription *sub);

/* A group may have come into being: those who wait for one ask again. */
void streams_retry_now(struct streams_bus *bus);

void streams_deliver_held(struct streams_subscription *sub);

/* Unsubscribed, and nothing of it is left in anybody's hands. */
bool streams_is_over(const struct streams_subscription *sub);
void streams_subscription_free(struct streams_subscription *sub);

/* --- streams_return.c ----------------------------------------------------------------------------------- */

void streams_ack(struct delivery *delivery);
void streams_nack(struct delivery *delivery);

/* Lets others have an entry, or all that was not handed out, and when closing also what was. */
void streams_give_back(struct streams_subscription *sub, struct entry *entry);
void streams_give_back_all(struct streams_subscription *sub);

void streams_send_returns(struct streams_subscription *sub);

/* They cannot leave for now. */
void streams_postpone_returns(struct streams_subscription *sub);

void streams_extend(struct streams_subscription *sub);

/* --- streams_trim.c ------------------------------------------------------------------------------------- */

/* For scripts: is entry id a before b? Their numbers have 64 bits, too many for Lua's. */
#define STREAMS_LUA_BEFORE                                                                                   \
    "local function before(a, b)\n"                                                                          \
    "  local ams, aseq = a:match('^(%d+)-(%d+)$')\n"                                                         \
    "  local bms, bseq = b:match('^(%d+)-(%d+)$')\n"                                                         \
    "  if #ams ~= #bms then return #ams < #bms end\n"                                                        \
    "  if ams ~= bms then return ams < bms end\n"                                                            \
    "  if #aseq ~= #bseq then return #aseq < #bseq end\n"                                                    \
    "  return aseq < bseq\n"                                                                                 \
    "end\n"

/* For scripts: XINFO's list of names and values as a table. */
#define STREAMS_LUA_NAMED                                                                                    \
    "local function named(list)\n"                                                                           \
    "  local fields = {}\n"                                                                                  \
    "  for i = 1, #list, 2 do fields[list[i]] = list[i + 1] end\n"                                           \
    "  return fields\n"                                                                                      \
    "end\n"

/* So many entries were published or acked: it may be time to cut. */
void streams_active(struct stream *stream, size_t entries);
void streams_trim(struct stream *stream);

/* Takes our name out of the group, unless something is pending under it. */
void streams_leave_group(struct streams_subscription *sub);

#endif
