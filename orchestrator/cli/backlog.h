/* Waiting until the daemons have received all that a subscription which was moved back in time brings again.
 */
#ifndef PHASEGATE_CLI_BACKLOG_H
#define PHASEGATE_CLI_BACKLOG_H

#include "cli/rebuild.h"
#include "cli/session.h"

/*
 * Where the bus says what is left (Redis Streams), that ends it; else it is a quiet time, in which nothing of
 * the backlog was kept for the rebuild although a daemon was receiving all the while. CODE_UNAVAILABLE when
 * nothing comes although something is left, or the bus stays away; CODE_LIMIT when it is too much.
 */
struct result backlog_await(
    struct session *session, struct reader *reader, const struct rebuild *rebuild) MUST_CHECK;

#endif
