/* The Redis Streams end of the bus, against a real redis-server: the shared suite, then what only streams do.
 */
#include "support/bus_suite.h"
#include "support/check.h"
#include "support/patience.h"
#include "support/redis_server.h"

enum { LEASE_MS = 1000 };

static struct result open_streams(
    void *context, uv_loop_t *loop, const struct log *log, const char *consumer, struct bus **bus) {
    struct streams_settings settings = {.redis = redis_server_settings(context),
        .consumer = consumer,
        .claim_after_seconds = patient_ms(LEASE_MS) / 1000};
    return bus_open_streams(loop, &settings, log, bus);
}

static void stop_server(void *context) {
    redis_server_kill(context);
}

static void start_server(void *context) {
    redis_server_restart(context);
}

int main(void) {
    struct redis_server *server = redis_server_start((struct redis_server_options){.append_only = true});
    struct bus_fixture fixture = {.name = "streams",
        .open = open_streams,
        .redelivery_ms = 5000,
        .says_backlog = true,
        .lease_ms = patient_ms(LEASE_MS),
        .stop = stop_server,
        .start = start_server,
        .context = server};
    int failed = bus_suite_run(&fixture);
    redis_server_free(&server);
    return failed;
}
