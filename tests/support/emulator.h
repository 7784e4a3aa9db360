/*
 * Google's Pub/Sub emulator, one for each test program, on a free port of 127.0.0.1. It keeps everything in
 * memory: after a restart no topic and no subscription is left.
 */
#ifndef PHASEGATE_TESTS_EMULATOR_H
#define PHASEGATE_TESTS_EMULATOR_H

#include "base/result.h"
#include "support/process.h"

struct emulator {
    struct process process;
    int port;
    char host[32];                 /* "127.0.0.1:PORT": what PUBSUB_EMULATOR_HOST says */
    bool large;                    /* see emulator_start_large */
    char output[PROCESS_PATH_MAX]; /* its log; removed by emulator_stop */
};

#define EMULATOR_NONE ((struct emulator){.process = PROCESS_NONE})

/*
 * Starts it and returns when it answers. CODE_NOT_FOUND when it, or Java, is not installed: then the test
 * calls skip_unless_ci(result.text). The jar is looked for where Debian's google-cloud-cli-pubsub-emulator
 * puts it; the environment variable PUBSUB_EMULATOR_JAR names another.
 */
struct result emulator_start(struct emulator *emulator) MUST_CHECK;

/* The same with the compiler and the memory that Java takes by itself: for what measures. */
struct result emulator_start_large(struct emulator *emulator) MUST_CHECK;

/* The same within a test: skips it when the emulator is not installed, fails it when it does not start. */
void emulator_require(struct emulator *emulator);

/* A crash: connections break, the port closes. The emulator can be started again by emulator_restart. */
void emulator_kill(struct emulator *emulator);

/* On the same port, with nothing in it. Ends the running one first. */
struct result emulator_restart(struct emulator *emulator) MUST_CHECK;

/* Ends it for good. Safe on EMULATOR_NONE and when called twice. */
void emulator_stop(struct emulator *emulator);

#endif
