#include "support/emulator.h"
#include "support/skip.h"

#include <arpa/inet.h>
#include <errno.h>
#include <glob.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define JAR_PATTERN "/usr/lib/google-cloud-sdk/platform/pubsub-emulator/lib/cloud-pubsub-emulator-*-all.jar"

enum { START_MS = 60000, STOP_MS = 5000, ATTEMPTS = 3 };

static struct result jar_find(char *jar, size_t size) {
    const char *named = getenv("PUBSUB_EMULATOR_JAR");
    if (named && access(named, R_OK) < 0)
        return fail(CODE_NOT_FOUND, "PUBSUB_EMULATOR_JAR: %s: %s", named, strerror(errno));
    glob_t found;
    if (named) {
        snprintf(jar, size, "%s", named);
    } else if (glob(JAR_PATTERN, 0, NULL, &found) == 0) {
        snprintf(jar, size, "%s", found.gl_pathv[found.gl_pathc - 1]);
        globfree(&found);
    } else {
        return fail(CODE_NOT_FOUND,
            "the Pub/Sub emulator is not installed; apt-get install google-cloud-cli-pubsub-emulator, or set "
            "PUBSUB_EMULATOR_JAR");
    }
    return ok();
}

/* It says "Ok" to GET /, from when on gRPC calls on the same port succeed. */
static bool answers(void *context) {
    const struct emulator *emulator = context;
    static const char request[] = "GET / HTTP/1.0\r\n\r\n";
    char answer[16] = "";
    struct timeval patience = {.tv_sec = 1};
    struct sockaddr_in address = {.sin_family = AF_INET,
        .sin_port = htons((uint16_t)emulator->port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    bool good = connect(fd, (struct sockaddr *)&address, sizeof address) == 0
        && send(fd, request, sizeof request - 1, MSG_NOSIGNAL) == (ssize_t)sizeof request - 1
        && recv(fd, answer, sizeof answer - 1, MSG_WAITALL) > 0 && strstr(answer, " 200");
    close(fd);
    return good;
}

static struct result launch(struct emulator *emulator) {
    char jar[PROCESS_PATH_MAX];
    char port[24];
    struct result r = jar_find(jar, sizeof jar);
    if (!is_ok(r))
        return r;
    snprintf(port, sizeof port, "--port=%d", emulator->port);
    /* The small one starts in half the time and takes a third of the memory of Java's defaults, which are
     * meant for servers. */
    const char *const small[] = {"java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx256m", "-jar",
        jar, "--host=127.0.0.1", port, NULL};
    const char *const large[] = {"java", "-jar", jar, "--host=127.0.0.1", port, NULL};
    r = process_spawn(emulator->large ? large : small, NULL, emulator->output, &emulator->process);
    if (is_ok(r))
        r = process_await(&emulator->process, answers, emulator, START_MS);
    if (!is_ok(r))
        process_kill(&emulator->process);
    return fail_within(r, "Pub/Sub emulator");
}

static void use_port(struct emulator *emulator, int port) {
    emulator->port = port;
    snprintf(emulator->host, sizeof emulator->host, "127.0.0.1:%d", port);
}

static struct result start(struct emulator *emulator, bool large) {
    *emulator = EMULATOR_NONE;
    emulator->large = large;
    snprintf(emulator->output, sizeof emulator->output, "/tmp/phasegate-emulator-XXXXXX");
    int fd = mkstemp(emulator->output);
    if (fd < 0)
        return fail(CODE_INTERNAL, "%s: %s", emulator->output, strerror(errno));
    close(fd);
    struct result r;
    int attempt = 0;
    do {
        use_port(emulator, port_free());
        r = launch(emulator);
    } while (!is_ok(r) && r.code != CODE_NOT_FOUND && ++attempt < ATTEMPTS);
    if (!is_ok(r))
        emulator_stop(emulator);
    return r;
}

struct result emulator_start(struct emulator *emulator) {
    return start(emulator, false);
}

struct result emulator_start_large(struct emulator *emulator) {
    return start(emulator, true);
}

void emulator_require(struct emulator *emulator) {
    require_started(emulator_start(emulator));
}

void emulator_kill(struct emulator *emulator) {
    process_kill(&emulator->process);
}

struct result emulator_restart(struct emulator *emulator) {
    process_stop(&emulator->process, STOP_MS);
    return launch(emulator);
}

void emulator_stop(struct emulator *emulator) {
    process_stop(&emulator->process, STOP_MS);
    if (emulator->output[0])
        unlink(emulator->output);
    *emulator = EMULATOR_NONE;
}
