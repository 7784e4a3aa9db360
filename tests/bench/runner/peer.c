#include "bench/runner/peer.h"

#include "support/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WORDS_MAX = 24, STOP_MS = 5000, LINE_MAX_BYTES = 4096 };

void peer_start_program(struct peer *peer, const char *const argv[], const char *const environment[]) {
    *peer = (struct peer){.process = PROCESS_NONE};
    snprintf(peer->output, sizeof peer->output, "/tmp/phasegate-peer-XXXXXX");
    int fd = mkstemp(peer->output);
    if (fd < 0)
        fail_msg("%s cannot be made", peer->output);
    close(fd);
    check_ok(process_spawn(argv, environment, peer->output, &peer->process));
}

void peer_start(const struct bench *bench, struct peer *peer, const char *script, const char *const words[],
    const char *const environment[]) {
    char path[PROCESS_PATH_MAX];
    const char *argv[WORDS_MAX] = {"node", path};
    size_t count = 2;
    snprintf(path, sizeof path, "%s/%s", bench->peers, script);
    for (; words && *words && count + 1 < WORDS_MAX; words++)
        argv[count++] = *words;
    peer_start_program(peer, argv, environment);
}

/* The first whole line that begins so, without its end; false when there is none yet. */
static bool find_line(const struct peer *peer, const char *beginning, char line[LINE_MAX_BYTES]) {
    FILE *file = fopen(peer->output, "re");
    bool found = false;
    while (file && !found && fgets(line, LINE_MAX_BYTES, file))
        found = strncmp(line, beginning, strlen(beginning)) == 0 && strchr(line, '\n');
    if (file)
        fclose(file);
    return found;
}

struct wait {
    const struct peer *peer;
    const char *beginning;
    char line[LINE_MAX_BYTES];
};

static bool said(void *context) {
    struct wait *wait = context;
    return find_line(wait->peer, wait->beginning, wait->line);
}

static void await_line(struct peer *peer, struct wait *wait, int timeout_ms) {
    struct result result = process_await(&peer->process, said, wait, timeout_ms);
    if (!is_ok(result) && !said(wait)) /* it may have been its last words */
        fail_msg("a peer has no result: %s", result.text);
}

void peer_await_said(struct peer *peer, const char *beginning, int timeout_ms) {
    struct wait wait = {.peer = peer, .beginning = beginning};
    await_line(peer, &wait, timeout_ms);
}

json_t *peer_await(struct peer *peer, int timeout_ms) {
    struct wait wait = {.peer = peer, .beginning = "{"};
    await_line(peer, &wait, timeout_ms);
    json_t *line = json_loads(wait.line, 0, NULL);
    if (!line)
        fail_msg("a peer's result is no JSON: %s", wait.line);
    return line;
}

double peer_number(const json_t *line, const char *name) {
    const json_t *value = json_object_get(line, name);
    if (!json_is_number(value))
        fail_msg("a peer's result has no %s", name);
    return json_number_value(value);
}

void peer_stop(struct peer *peer) {
    if (!peer->output[0])
        return;
    process_stop(&peer->process, STOP_MS);
    unlink(peer->output);
    peer->output[0] = '\0';
}
