/*
 * A whole system for one test: the store, a bus, the daemon between them, and the player as the world
 * outside. Over each of the buses there are, so that one test can hold for all of them.
 */
#ifndef PHASEGATE_TESTS_SUPPORT_SYSTEM_H
#define PHASEGATE_TESTS_SUPPORT_SYSTEM_H

#include "state/reader.h"
#include "support/daemon.h"
#include "support/emulator.h"
#include "support/fake_pubsub.h"
#include "support/player.h"
#include "support/redis_server.h"

enum system_bus {
    SYSTEM_STREAMS,  /* Redis Streams, on the store's Redis */
    SYSTEM_EMBEDDED, /* the same, on the daemon's own */
    SYSTEM_FAKE,     /* our fake Pub/Sub */
    SYSTEM_EMULATOR, /* Google's emulator */
};

struct system_options {
    enum system_bus bus;
    const char *binary; /* PHASEGATE_BINARY */
    game_date first;    /* the dates in play: count of them from here on */
    int count;
    bool redis_down;                    /* the store is not there until redis_server_restart */
    bool not_created;                   /* the daemon is started without --create */
    const char *password;               /* the store's */
    const char *const *redis_arguments; /* more of its redis-server's; NULL: none */
    const char *store_url; /* somebody else's Redis instead of one of its own: sentinels, a Cluster; … */
    struct redis_settings store; /* … and how to reach it */
    const char *data;            /* an embedded daemon's directory; NULL: one of its own */
    const char *settings;        /* of struct daemon_options, like the two below */
    const struct stage_setting *pipeline;
    const char *const *environment;
};

struct system {
    struct system_options options;
    struct redis_server *redis; /* NULL when embedded, or somebody else's */
    struct fake_pubsub *fake;   /* NULL unless it is the bus */
    struct emulator emulator;
    struct daemon *daemon;
    struct player *player; /* NULL until system_start or system_open_player */
};

enum { SYSTEM_DEADLINE_MS = 40000 };

/* The date that tests begin with, 2021-10-19. */
#define SYSTEM_FIRST_DATE ((game_date)18919)

/* Store, bus and a daemon that is not started yet. Skips the test when the emulator is not installed. */
void system_open(struct system *system, struct system_options options);

/* One more daemon over the same store and bus, embedded in the same directory, not started; the caller's. */
struct daemon *system_another_daemon(const struct system *system);

/* The player; an embedded daemon has to be running. */
void system_open_player(struct system *system);

/* All of it: daemon running, player receiving. */
void system_start(struct system *system);

/* Ends everything that is there; safe at any stage, and again. */
void system_close(struct system *system);

/* How to reach the store. */
struct redis_settings system_redis(const struct system *system);

/* The state of all dates in play, by place; valid until the arena is reset. CODE_UNAVAILABLE while Redis is
 * away. */
struct result system_states(
    const struct system *system, struct arena *arena, struct date_state *states) MUST_CHECK;

/* Entries of the pipeline's outbox, in all months; -1 while Redis is away. */
int system_outbox(const struct system *system);

/*
 * What a daemon that was killed held in hand may be given to the next one at once, instead of when its leases
 * have run out. Only while no daemon runs. Google's emulator cannot; there it takes until the lease ends.
 */
void system_expire_leases(struct system *system);

/* Completions that the bus still holds as delivered and not acked; Redis Streams only. */
int system_unacked(const struct system *system);

/* Runs the player until the store shows the state for all dates in play, or for one at least; fails the test
 * after the deadline. */
typedef bool date_condition(const struct date_state *state);
void system_until_dates(struct system *system, date_condition *condition, const char *waited_for);
void system_until_a_date(struct system *system, date_condition *condition, const char *waited_for);

/* Publishes a completion with all rows, live, for the first date in play. */
void system_publish(struct system *system, int processor, const char *execution);

/* For system_until_dates: player_game_summary is there, with rows; all of its groups are done. */
bool date_has_pgs(const struct date_state *state);
bool date_is_done(const struct date_state *state);

/* Runs the player until the daemon's log, since its last start, has a line that contains the part. */
void system_until_said(struct system *system, const char *part);

/* Runs the player until the outbox is empty. */
void system_until_outbox_empty(struct system *system);

/* Checks that of every date in play each group's trigger has come, in order, one id each. */
void system_check_triggers(struct system *system);

#endif
