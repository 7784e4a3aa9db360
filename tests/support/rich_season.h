/*
 * A season in which everything happens that can happen to a date (duplicates, late and premature completions,
 * failures, replays, re-runs, answers to old runs, no games, a message that cannot be understood), played
 * with the real daemon over either bus, for tests of what comes after: everything received again, or
 * everything forgotten.
 */
#ifndef PHASEGATE_TESTS_SUPPORT_RICH_SEASON_H
#define PHASEGATE_TESTS_SUPPORT_RICH_SEASON_H

#include "bus/bus.h"
#include "state/reader.h"
#include "support/commands.h"
#include "support/system.h"

enum { RICH_DATES = 10, RICH_ENVIRONMENT_MAX = 8 };

/* What a date lives through. */
enum rich_kind {
    RICH_DONE,       /* everything goes well */
    RICH_FAILS_ONCE, /* tables fail at first */
    RICH_RUNNING,    /* group 1 is at work, half answered */
    RICH_FAILED,     /* group 2 failed */
    RICH_REPLAYED,   /* group 2 failed, was replayed, went well */
    RICH_RERUN,      /* a second run, with answers to the first */
    RICH_STALE,      /* a re-run came, no new run yet */
    RICH_NO_GAMES,
    RICH_HELD,          /* a table is missing, a Phase 4 one came too early */
    RICH_REPLAYED_OPEN, /* group 2 failed, was replayed, has not come back */
    RICH_UNTOUCHED,     /* nothing, for the test to play with */
};

struct rich_season {
    enum system_bus kind;
    struct system system;
    struct redis_server *own_bus; /* NULL: the bus is on the store's server, or is the fake */
    struct commands *commands;
    char store_url[160], bus_url[160], emulator[64];
    const char *environment[RICH_ENVIRONMENT_MAX];
    const char *daemon_environment[2];
    uv_loop_t loop;
    struct log log;
    struct bus *bus;
    struct arena *arena;
    struct date_state states[RICH_DATES + 1];
    int executions;
    size_t completions; /* published and understood */
    int64_t now_ms;
};

/* Store, bus, daemon and commands. own_bus: Redis Streams on a server of their own, which outlives a store
 * that is emptied. */
void rich_open(struct rich_season *season, const char *binary, enum system_bus kind, bool own_bus);
void rich_close(struct rich_season *season);

/* The server that has the streams. */
struct redis_server *rich_bus_server(const struct rich_season *season);

/* Plays all of it, and checks that the dates stand as their kinds say. */
void rich_play(struct rich_season *season);

/* Phase 3 of one date. */
void rich_play_tables(struct rich_season *season, enum rich_kind kind);

game_date rich_date(enum rich_kind kind);

/* What the store has of it; valid until the next call. */
const struct date_state *rich_state(struct rich_season *season, enum rich_kind kind);

/* A success as a new execution; and one that answers the group's trigger in one of the ways there are. */
void rich_complete(struct rich_season *season, enum rich_kind kind, int processor);
void rich_answer(struct rich_season *season, enum rich_kind kind, int processor);

/* Everything that was published was handled; and every trigger that followed is out. */
bool rich_is_handled(void *season);
void rich_settle(struct rich_season *season);

/* The ids of the triggers published so far, in order, at most so many; how many. */
size_t rich_triggers(struct rich_season *season, char ids[][TRIGGER_ID_MAX], size_t most);

#endif
