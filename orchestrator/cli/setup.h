/*
 * What a command starts from: the configuration, the pipeline, where the store is, and the bus. One place
 * decides what --config, --embedded and --data mean, for every command and for the daemon.
 *
 * Embedded means the redis-server that `phasegate serve --embedded` starts, on a unix socket in the data
 * directory, as store and as bus. It is chosen by --embedded, which overrides the configuration, or by a
 * store without url.
 */
#ifndef PHASEGATE_CLI_SETUP_H
#define PHASEGATE_CLI_SETUP_H

#include "base/arena.h"
#include "base/log.h"
#include "base/result.h"
#include "bus/bus.h"
#include "cli/options.h"
#include "core/config.h"
#include "core/game_calendar.h"
#include "redis/settings.h"

#include <uv.h>

struct setup {
    struct arena *arena;   /* for the whole command */
    struct arena *secrets; /* likewise; a private one, for what has secrets in it */
    struct config *config;
    const char *config_name;    /* the file, or "built-in configuration" */
    const char *pipeline_name;  /* --pipeline, or NULL */
    bool embedded;              /* the store is the embedded server … */
    bool embedded_bus;          /* … and so is the bus */
    const char *data_directory; /* of the embedded server; may not exist yet; NULL when it has no place */
};

/*
 * Reads and checks the configuration. Strings of options must outlive the setup. CODE_INVALID when the file
 * cannot be read or is wrong. After a failure there is nothing to close.
 */
struct result setup_load(const struct common_options *options, struct setup *setup) MUST_CHECK;

/* The text of the configuration file that setup_load would read; *name for messages. In the arena. */
struct result setup_config_text(
    const char *file, struct arena *arena, const char **name, const char **text, size_t *length) MUST_CHECK;

/* Frees what setup_load made; safe on a zeroed setup. */
void setup_close(struct setup *setup);

/* A file that the configuration names: relative to the configuration's own directory. In the arena; NULL when
 * that is full. */
const char *setup_beside_config(const struct setup *setup, const char *file, struct arena *arena);

/*
 * For a process that stays: takes the secrets out of the environment, where they would stand in core dumps
 * and in /proc for as long as it runs, and warns of files with secrets that others may read. setup_load
 * cannot find them there again.
 */
void setup_hide_secrets(const struct setup *setup, const struct log *log);

/* The pipeline of --pipeline, or the only one. */
struct result setup_pipeline(const struct setup *setup, const struct pipeline **pipeline) MUST_CHECK;

/* DIR/redis.sock. CODE_INVALID when there is no data directory, or the path is too long for a socket. */
struct result setup_socket(const struct setup *setup, const char **path) MUST_CHECK;

/* How to reach the store; strings live as long as the setup. */
struct result setup_redis(const struct setup *setup, struct redis_settings *settings) MUST_CHECK;

/*
 * Adds to a CODE_UNAVAILABLE of the embedded server that it is started by `phasegate serve --embedded`, or
 * where else to look; leaves every other result as it is.
 */
struct result setup_explain(const struct setup *setup, struct result cause) MUST_CHECK;

/* Is the bus on a Redis? And if so, how to reach that one. */
struct result setup_bus_redis(
    const struct setup *setup, struct redis_settings *settings, bool *on_redis) MUST_CHECK;

/*
 * The pipeline's calendar, from the files that the configuration names; *calendar is NULL when it names none.
 * CODE_INVALID when one cannot be read or is wrong. The caller frees it with game_calendar_free.
 */
struct result setup_calendar(
    const struct setup *setup, const struct pipeline *pipeline, struct game_calendar **calendar) MUST_CHECK;

enum { SETUP_WARNING_MAX = 400 };

/*
 * What is allowed and yet to be told to an operator, the index-th of it: passwords that cross a network in
 * plain text. False when there are no more, or when the addresses are wrong, which others tell.
 */
bool setup_warning(const struct setup *setup, int index, char text[SETUP_WARNING_MAX]);

/* Opens the bus on the loop; log outlives it. */
struct result setup_open_bus(
    const struct setup *setup, uv_loop_t *loop, const struct log *log, struct bus **bus) MUST_CHECK;

#endif
