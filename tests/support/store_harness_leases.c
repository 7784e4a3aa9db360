#include "support/store_harness_call.h"

#include "support/check.h"

#include <stdio.h>

static int64_t uptime_ms(void *context) {
    const struct store_harness *harness = context;
    return harness->uptime_ms;
}

void harness_be(struct store_harness *harness, const char *replica, int lease_ms) {
    struct store_replica now = {.lease_ms = lease_ms, .uptime = {.now_ms = uptime_ms, .context = harness}};
    snprintf(now.id, sizeof now.id, "%s", replica);
    store_set_replica(harness->store, now);
}

static void on_leased(void *context, struct result result, enum leasing leasing, struct lease lease) {
    struct store_harness *harness = context;
    harness->answer.leasing = leasing;
    harness->answer.lease = lease;
    harness_call_done(harness, result);
}

enum leasing harness_lease(struct store_harness *harness, const struct pipeline *pipeline,
    const struct trigger *trigger, struct lease *lease) {
    harness_call_begin(harness, pipeline, 1);
    store_lease(harness->store, pipeline, trigger, on_leased, harness);
    check_ok(harness_call_finish(harness, "an answer to lease"));
    if (lease)
        *lease = harness->answer.lease;
    return harness->answer.leasing;
}

void harness_unlease(
    struct store_harness *harness, const struct pipeline *pipeline, const struct trigger *trigger) {
    harness_call_begin(harness, pipeline, 1);
    store_unlease(harness->store, pipeline, trigger, harness_call_done, harness);
    check_ok(harness_call_finish(harness, "an answer to unlease"));
}

void harness_heartbeat(struct store_harness *harness, const struct replica_report *report) {
    harness_call_begin(harness, NULL, 1);
    store_heartbeat(harness->store, report, harness_call_done, harness);
    check_ok(harness_call_finish(harness, "an answer to a heartbeat"));
}
