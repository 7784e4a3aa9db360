/*
 * The daemon of the demo: a real `phasegate serve --embedded` as a child process, with a data directory of
 * its own below the system's temporary directory, which is removed when all went well.
 */
#ifndef PHASEGATE_CLI_DEMO_DAEMON_H
#define PHASEGATE_CLI_DEMO_DAEMON_H

#include "base/result.h"

#include <sys/types.h>

struct demo_daemon {
    pid_t pid; /* 0: not running */
    char directory[64];
    char socket[96];
    char log[96];
};

/* Starts it and waits until it is running; it ends with this process. */
struct result demo_daemon_start(struct demo_daemon *daemon) MUST_CHECK;

/* SIGTERM, and waits for the end; a failure when it did not drain. Safe when it is not running. */
struct result demo_daemon_stop(struct demo_daemon *daemon) MUST_CHECK;

/*
 * The environment of whoever talks to it: this process's, which is to name no other store, bus or
 * configuration, and PHASEGATE_DATA. The caller's; NULL when out of memory.
 */
char **demo_daemon_environment(const struct demo_daemon *daemon);
void demo_daemon_environment_free(char ***environment);

/* Puts a file into its directory. */
struct result demo_daemon_write(
    const struct demo_daemon *daemon, const char *name, const char *text) MUST_CHECK;

/* Removes the data directory. */
void demo_daemon_clean(const struct demo_daemon *daemon);

#endif
