/*
 * A child process of a test: a server it brings itself, or phasegate's own binary. It dies with the test,
 * whatever way the test ends; its output goes to a file; and every wait has a deadline and ends as soon as
 * there is an answer. Deadlines are times the factor of support/patience.h.
 *
 * Spawn from a thread that lives as long as the test does: the kernel kills the child when the spawning
 * thread ends.
 */
#ifndef PHASEGATE_TESTS_PROCESS_H
#define PHASEGATE_TESTS_PROCESS_H

#include "base/result.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { PROCESS_PATH_MAX = 256 };

struct process {
    pid_t pid;                     /* 0: none, or ended and reaped */
    int fd;                        /* a pidfd: readable once it has ended; -1 with pid 0 */
    int status;                    /* once ended: its exit status, or -signal */
    char output[PROCESS_PATH_MAX]; /* the file that stdout and stderr go to; "" when they go nowhere */
};

#define PROCESS_NONE ((struct process){.fd = -1})

/*
 * Starts argv[0], found on the PATH, with argv ending in NULL. stdin is /dev/null; stdout and stderr are
 * appended to the file output (NULL: dropped). environment is NULL or "NAME=value" strings, ending in NULL,
 * that are added to the test's own. CODE_NOT_FOUND when there is no such program.
 */
struct result process_spawn(const char *const argv[], const char *const environment[], const char *output,
    struct process *process) MUST_CHECK;

/* Still running? Never blocks; reaps it when it is not. */
bool process_running(struct process *process);

/* Waits until it has ended; false when it still runs after timeout_ms. process->status is then its exit
 * status. */
bool process_wait(struct process *process, int timeout_ms);

/* SIGTERM, and SIGKILL when it has not ended timeout_ms later. True when SIGTERM was enough. Safe on
 * PROCESS_NONE. */
bool process_stop(struct process *process, int timeout_ms);

/* SIGKILL: a crash. Returns when it is gone. Safe on PROCESS_NONE. */
void process_kill(struct process *process);

/* Freezes it, so that it holds its connections and answers nothing; and lets it go on. */
void process_freeze(struct process *process);
void process_thaw(struct process *process);

/* The end of its output, for messages; returns text, which is "" when there is none. */
char *process_output_tail(const struct process *process, char *text, size_t size);

/*
 * Asks ready(context) again and again until it says true. CODE_UNAVAILABLE when it has not by timeout_ms, or
 * as soon as the process has ended; the text has the end of its output.
 */
struct result process_await(
    struct process *process, bool (*ready)(void *context), void *context, int timeout_ms) MUST_CHECK;

/* A TCP port of 127.0.0.1 that nobody listens on. Somebody may take it before the caller does: be ready to
 * ask again. */
int port_free(void);

/* Does somebody accept connections on this port of 127.0.0.1? */
bool port_accepts(int port);

#endif
