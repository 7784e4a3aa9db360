/*
 * Row 10: completions through the daemon over the Pub/Sub emulator, one connection; beside one Firestore
 * transaction for each completion on Google's Firestore emulator, 50 at once: what the present orchestrator
 * does, without its receiving.
 */
#include "bench/runner/backlog.h"
#include "bench/runner/peer.h"
#include "support/check.h"

#include <stdlib.h>
#include <unistd.h>

enum { ROUNDS = 3, READY_MS = 60000, PEER_MS = 600000 };

#define CONCURRENT "50"
#define JAR "/usr/lib/google-cloud-sdk/platform/cloud-firestore-emulator/cloud-firestore-emulator.jar"

struct firestore {
    struct backlog backlog;
    struct peer emulator;
    char host[64];
    int completions; /* of the peer */
    int round;       /* of the peer; each has documents of its own */
};

static void firestore_close(void *context) {
    struct firestore *firestore = context;
    if (!firestore)
        return;
    peer_stop(&firestore->emulator);
    backlog_close(&firestore->backlog);
    free(firestore);
}

/* CODE_NOT_FOUND when the jar, which FIRESTORE_EMULATOR_JAR may name, or Java is not installed. */
static MUST_CHECK struct result start_emulator(struct firestore *firestore) {
    const char *named = getenv("FIRESTORE_EMULATOR_JAR"), *jar = named ? named : JAR;
    char port[24];
    int number = port_free();
    if (access(jar, R_OK) != 0)
        return fail(CODE_NOT_FOUND,
            "the Firestore emulator is not installed; apt-get install google-cloud-cli-firestore-emulator, "
            "or "
            "set FIRESTORE_EMULATOR_JAR");
    snprintf(port, sizeof port, "--port=%d", number);
    snprintf(firestore->host, sizeof firestore->host, "FIRESTORE_EMULATOR_HOST=127.0.0.1:%d", number);
    peer_start_program(&firestore->emulator,
        (const char *const[]){"java", "-cp", jar,
            "com.google.cloud.datastore.emulator.firestore.CloudFirestore", "start", "--host=127.0.0.1", port,
            NULL},
        NULL);
    peer_await_said(&firestore->emulator, "API endpoint", READY_MS);
    return ok();
}

static struct result firestore_open(const struct bench *bench, void **context) {
    struct firestore *firestore = calloc(1, sizeof *firestore);
    if (!firestore)
        fail_msg("out of memory");
    *context = firestore;
    firestore->completions = bench_size(bench, 2000, 250);
    struct result opened = backlog_open(&firestore->backlog, bench, bench_size(bench, 10000, 200));
    return is_ok(opened) ? start_emulator(firestore) : opened;
}

static void firestore_ours(void *context, double *figures) {
    struct firestore *firestore = context;
    struct drained drained = backlog_drain(&firestore->backlog);
    figures[0] = firestore->backlog.dates * BACKLOG_UPSTREAM / drained.seconds;
}

static void firestore_beside(void *context, double *figures) {
    struct firestore *firestore = context;
    struct peer peer;
    char completions[16], round[16];
    snprintf(completions, sizeof completions, "%d", firestore->completions);
    snprintf(round, sizeof round, "%d", ++firestore->round);
    peer_start(firestore->backlog.bench, &peer, "firestore.js",
        (const char *const[]){DAEMON_PROJECT, completions, CONCURRENT, round, NULL},
        (const char *const[]){firestore->host, NULL});
    json_t *line = peer_await(&peer, PEER_MS);
    figures[0] = peer_number(line, "completions") / peer_number(line, "seconds");
    json_decref(line);
    peer_stop(&peer);
}

const struct measurement firestore_measurement = {.name = "firestore",
    .rounds = ROUNDS,
    .warm_ups = 1,
    .open = firestore_open,
    .ours = firestore_ours,
    .beside = firestore_beside,
    .close = firestore_close};
