/*
 * What a stream still holds, read without a group: nothing is acked, claimed or cut by it. For a rebuild,
 * which has to know what was published. Blocks.
 */
#ifndef PHASEGATE_BUS_STREAMS_PAST_H
#define PHASEGATE_BUS_STREAMS_PAST_H

#include "core/message.h"
#include "redis/settings.h"

/* One message, oldest first; valid during the call. What is not ok ends the reading. */
typedef struct result streams_past_fn(void *context, const struct message *message);

/* Everything that was published to the topic at from_ms or later. A stream that does not exist holds nothing.
 */
struct result streams_past(const struct redis_settings *redis, const char *topic, int64_t from_ms,
    streams_past_fn *each, void *context) MUST_CHECK;

#endif
