#include "bus/streams_internal.h"

#include <stdio.h>

/* A stream is looked at after so much activity; streams.c looks at the quiet ones every now and then. */
enum { TRIM_ACTIVITY = 1000 };

/*
 * Cuts a stream to about ARGV[1] entries, but no entry that a group still needs: none that comes after the
 * last one delivered to a group, and none from the oldest on that a group has pending. In one step, since a
 * group may be made, or set back in time, between looking and cutting. Removes whole nodes of the stream (~),
 * at most 10,000 entries.
 */
static const char cut[] = STREAMS_LUA_BEFORE
    "local surplus = redis.call('XLEN', KEYS[1]) - tonumber(ARGV[1])\n"
    "if surplus <= 0 then return 0 end\n"
    "local limit = math.min(surplus, 10000)\n"
    "local needed = nil\n"
    "for _, info in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do\n"
    "  local group = {}\n"
    "  for i = 1, #info, 2 do group[info[i]] = info[i + 1] end\n"
    "  local from = group['last-delivered-id']\n"
    "  local pending = redis.call('XPENDING', KEYS[1], group['name'])\n"
    "  if pending[1] > 0 and before(pending[2], from) then from = pending[2] end\n"
    "  if not needed or before(from, needed) then needed = from end\n"
    "end\n"
    "if not needed then return redis.call('XTRIM', KEYS[1], 'MAXLEN', '~', ARGV[1], 'LIMIT', limit) end\n"
    "return redis.call('XTRIM', KEYS[1], 'MINID', '~', needed, 'LIMIT', limit)\n";

static void on_trimmed(void *context, const redisReply *reply) {
    struct stream *stream = context;
    stream->trimming = false;
    struct result result = redis_reply_result(reply);
    if (reply && !is_ok(result) && !stream->told)
        log_warning(stream->bus->log, "stream %s cannot be cut and grows: %s", stream->key, result.text);
    stream->told = reply && !is_ok(result);
}

void streams_trim(struct stream *stream) {
    if (stream->trimming)
        return;
    char length[24];
    snprintf(length, sizeof length, "%lld", (long long)stream->bus->max_length);
    struct result sent =
        redis_link_sendv(stream->bus->link, on_trimmed, stream, "EVAL", cut, "1", stream->key, length, NULL);
    stream->trimming = is_ok(sent);
    if (stream->trimming)
        stream->activity = 0;
}

void streams_active(struct stream *stream, size_t entries) {
    stream->activity += entries;
    if (stream->activity >= TRIM_ACTIVITY)
        streams_trim(stream);
}

/*
 * Processes come and go, each as a consumer of its own name: one that leaves nothing behind is taken out of
 * the group. In one step, since taking out a consumer drops what it has pending. What is pending and was not
 * given back went to the reading connection when that was closed already, so nobody here has seen it: as with
 * what is given back, the next claim of any consumer takes it.
 */
static const char leave_group[] =
    "local pending = redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 10000, ARGV[2])\n"
    "for _, entry in ipairs(pending) do\n"
    "  redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, entry[1], 'IDLE', ARGV[3], 'JUSTID')\n"
    "end\n"
    "return #pending > 0 or redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[2])\n";

void streams_leave_group(struct streams_subscription *sub) {
    char idle[24];
    snprintf(idle, sizeof idle, "%lld", (long long)sub->bus->claim_after_ms);
    struct result sent = redis_link_sendv(sub->bus->link, NULL, NULL, "EVAL", leave_group, "1",
        sub->stream->key, sub->group, sub->bus->consumer, idle, NULL);
    (void)sent; /* not connected: the name stays */
}
