/* What the files of the stage share; nobody else includes it. */
#ifndef PHASEGATE_TESTS_SUPPORT_STAGE_INTERNAL_H
#define PHASEGATE_TESTS_SUPPORT_STAGE_INTERNAL_H

#include "bus/bus.h"
#include "core/config.h"
#include "support/log_capture.h"
#include "support/stage.h"

enum { SEEN_MAX = 8000, FAULT_MAX = 512 };

struct stage {
    struct stage_options options;
    struct redis_server *server;
    char *yaml;
    struct config *config;
    const struct pipeline *pipeline;
    uv_loop_t loop;
    struct log_capture capture;
    int64_t now_ms;
    int executions;

    struct daemon *daemon; /* the one or … */
    struct engine *engine; /* … the other, */
    struct alerts *alerts; /* which sends these */
    bool running, stopped;
    struct result outcome;

    struct bus *bus; /* the stage's own */
    size_t unconfirmed;
    struct store *store;
    struct reader *reader;
    struct arena *reading;
    struct date_state state;

    struct seen seen[SEEN_MAX];
    size_t seen_count;
    bool answers;
    char fault[FAULT_MAX];
};

/* The first violation is kept, for the next call that waits. */
void stage_violated(struct stage *stage, const char *what, const char *id);

/* Receives the triggers. */
struct receiver stage_receiver(struct stage *stage);

#endif
