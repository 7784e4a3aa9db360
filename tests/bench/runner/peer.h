/*
 * A peer: a script of peers/ in a process of its own. When it has done its work it prints one line of JSON
 * with what it measured, and stays until it is ended, so that its use of processor and memory can be read.
 */
#ifndef PHASEGATE_BENCH_PEER_H
#define PHASEGATE_BENCH_PEER_H

#include "bench/runner/bench.h"
#include "support/process.h"

#include <jansson.h>

struct peer {
    struct process process;
    char output[PROCESS_PATH_MAX];
};

/* node PEERS/script words…; environment as in process_spawn. */
void peer_start(const struct bench *bench, struct peer *peer, const char *script, const char *const words[],
    const char *const environment[]);

/* Any program: redis-benchmark, or the runner itself. */
void peer_start_program(struct peer *peer, const char *const argv[], const char *const environment[]);

/* Waits until it has printed its line; fails the bench after timeout_ms or when it ends before. The caller's.
 */
json_t *peer_await(struct peer *peer, int timeout_ms);

/* Waits until a line of its output begins so. */
void peer_await_said(struct peer *peer, const char *beginning, int timeout_ms);

/* Ends it and removes its output. Safe on one that was never started. */
void peer_stop(struct peer *peer);

/* A number of the line; fails the bench when there is none. */
double peer_number(const json_t *line, const char *name);

#endif
