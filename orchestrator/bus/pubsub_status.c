#include "bus/pubsub_status.h"

/*
 * Passing are those that Google's clients try again for StreamingPull, Acknowledge and Publish.
 * RESOURCE_EXHAUSTED is a quota of so many a minute, UNAUTHENTICATED may be a key that is being replaced.
 */
static const struct {
    const char *name;
    enum pubsub_class class;
    enum code code;
} statuses[] = {
    [RPC_OK] = {"OK", PUBSUB_FINE, CODE_OK},
    [RPC_CANCELLED] = {"CANCELLED", PUBSUB_PASSING, CODE_UNAVAILABLE},
    [RPC_UNKNOWN] = {"UNKNOWN", PUBSUB_PASSING, CODE_UNAVAILABLE},
    [RPC_INVALID_ARGUMENT] = {"INVALID_ARGUMENT", PUBSUB_HOPELESS, CODE_INVALID},
    [RPC_DEADLINE_EXCEEDED] = {"DEADLINE_EXCEEDED", PUBSUB_PASSING, CODE_UNAVAILABLE},
    [RPC_NOT_FOUND] = {"NOT_FOUND", PUBSUB_MENDABLE, CODE_NOT_FOUND},
    [RPC_ALREADY_EXISTS] = {"ALREADY_EXISTS", PUBSUB_HOPELESS, CODE_REFUSED},
    [RPC_PERMISSION_DENIED] = {"PERMISSION_DENIED", PUBSUB_MENDABLE, CODE_REFUSED},
    [RPC_RESOURCE_EXHAUSTED] = {"RESOURCE_EXHAUSTED", PUBSUB_PASSING, CODE_UNAVAILABLE},
    [RPC_FAILED_PRECONDITION] = {"FAILED_PRECONDITION", PUBSUB_MENDABLE, CODE_REFUSED},
    [RPC_ABORTED] = {"ABORTED", PUBSUB_PASSING, CODE_UNAVAILABLE},
    [RPC_OUT_OF_RANGE] = {"OUT_OF_RANGE", PUBSUB_HOPELESS, CODE_INVALID},
    [RPC_UNIMPLEMENTED] = {"UNIMPLEMENTED", PUBSUB_HOPELESS, CODE_INTERNAL},
    [RPC_INTERNAL] = {"INTERNAL", PUBSUB_PASSING, CODE_UNAVAILABLE},
    [RPC_UNAVAILABLE] = {"UNAVAILABLE", PUBSUB_PASSING, CODE_UNAVAILABLE},
    [RPC_DATA_LOSS] = {"DATA_LOSS", PUBSUB_HOPELESS, CODE_INTERNAL},
    [RPC_UNAUTHENTICATED] = {"UNAUTHENTICATED", PUBSUB_MENDABLE, CODE_REFUSED},
};

static bool known(enum rpc_status status) {
    return (unsigned)status < sizeof statuses / sizeof *statuses;
}

enum pubsub_class pubsub_class(enum rpc_status status) {
    return known(status) ? statuses[status].class : PUBSUB_PASSING;
}

const char *pubsub_status_name(enum rpc_status status) {
    return known(status) ? statuses[status].name : "an unknown status";
}

struct result pubsub_result(const struct rpc_reply *reply, const char *resource) {
    if (reply->status == RPC_OK)
        return ok();
    struct result r;
    if (reply->status == RPC_NOT_FOUND)
        r = fail(CODE_NOT_FOUND, "%s does not exist; create it, or start with `phasegate serve --create`",
            resource);
    else if (reply->status == RPC_PERMISSION_DENIED)
        r = fail(CODE_REFUSED,
            "Pub/Sub forbids the use of %s: %s; grant this service account the role that it needs", resource,
            reply->text);
    else if (reply->status == RPC_UNAUTHENTICATED)
        r = fail(CODE_REFUSED,
            "Pub/Sub does not accept the credentials for %s: %s; check "
            "GOOGLE_APPLICATION_CREDENTIALS or `gcloud auth application-default login`",
            resource, reply->text);
    else
        r = fail(known(reply->status) ? statuses[reply->status].code : CODE_UNAVAILABLE, "%s: %s: %s",
            resource, pubsub_status_name(reply->status), reply->text);
    r.retryable = pubsub_class(reply->status) != PUBSUB_HOPELESS;
    return r;
}
