/*
 * The daemon itself, `phasegate serve`, as a process of a test: with a configuration file of its own in a
 * directory of its own, its log in a file that the test reads. It dies with the test. Every function that
 * waits has a deadline, and fails the test, showing the end of the log, when that passes.
 */
#ifndef PHASEGATE_TESTS_SUPPORT_DAEMON_H
#define PHASEGATE_TESTS_SUPPORT_DAEMON_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct daemon;
struct stage_setting;

/* All strings outlive the daemon. */
struct daemon_options {
    const char *binary;    /* PHASEGATE_BINARY */
    const char *redis_url; /* the store; NULL: --embedded, store and bus */
    const char *password;  /* the store's, by the environment; NULL: none */
    const char *pubsub;    /* host:port of an emulator; NULL: Redis Streams on the store's Redis */
    const char *settings;  /* more YAML: sections `engine:` or `log:`; NULL: none. Without `engine:` a lease
                              is short, so that what a killed one leaves is taken over soon */
    const struct stage_setting *pipeline; /* keys of the pipeline, ended by NULL; NULL: the built-in ones */
    const char *data;                     /* --data; NULL: its own directory's */
    bool create;                          /* --create */
    const char *const *environment;       /* more "NAME=value", ended by NULL; NULL: none */
};

#define DAEMON_PROJECT "phasegate-test"

/* Writes the configuration; starts nothing. */
struct daemon *daemon_new(struct daemon_options options);

/* Replaces the configuration file. */
void daemon_configure(struct daemon *daemon, const char *yaml);

/* The configuration file, for commands beside it. */
const char *daemon_config(const struct daemon *daemon);

/* Starts it, and does not wait. It must not be running. */
void daemon_start(struct daemon *daemon);

/* Waits until a line of its log since the last start says that it is running. */
void daemon_await_running(struct daemon *daemon);

/* Waits until a line of its log since the last start contains the part. */
void daemon_await_said(struct daemon *daemon, const char *part);

/* Lines since the last start that contain the part; NULL: all lines. */
size_t daemon_said(struct daemon *daemon, const char *part);

/* What it has logged since the first start; valid until the daemon is asked for its log again. */
const char *daemon_log(struct daemon *daemon);

/* SIGTERM, and nothing else. */
void daemon_terminate(struct daemon *daemon);

/* SIGHUP: it reads its calendars anew. */
void daemon_hang_up(struct daemon *daemon);

/* Waits until it has ended; its exit status, or -signal. */
int daemon_await_exit(struct daemon *daemon);

/* SIGTERM; expects that it drains and leaves with exit status 0. */
void daemon_stop(struct daemon *daemon);

/* SIGKILL; what it started (an embedded redis-server) stays. */
void daemon_kill(struct daemon *daemon);

void daemon_freeze(struct daemon *daemon);
void daemon_thaw(struct daemon *daemon);
bool daemon_running(struct daemon *daemon);

/* Its process, while it runs. */
pid_t daemon_process(const struct daemon *daemon);

/* The data directory of an embedded one, its server's url, and that server's process: 0 when none answers. */
const char *daemon_data(const struct daemon *daemon);
const char *daemon_redis_url(const struct daemon *daemon);
pid_t daemon_redis_process(const struct daemon *daemon);

/* How many redis-servers there are in the data directory, whether they answer or not. */
int daemon_redis_count(const struct daemon *daemon);

/* Kills the embedded server, whoever's child it is, and returns when it is gone; false when there was none.
 */
bool daemon_kill_redis(struct daemon *daemon);

/* Kills it and the embedded server, removes everything; safe on NULL. */
void daemon_free(struct daemon **daemon);

#endif
