#include "base/clock.h"
#include "bus/streams_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * Sets group ARGV[1] back to ARGV[2], the last id before the moment, unless it stands before that already:
 * what it has not been given yet must come all the same. What its consumers hold stays theirs; of that, what
 * comes again goes to whoever reads it first. In one step, so that nothing is cut meanwhile. Answers whether
 * anything was ever removed from the stream, and the id from which on it is whole.
 */
static const char move_back[] = STREAMS_LUA_BEFORE STREAMS_LUA_NAMED
    "local position = nil\n"
    "if redis.call('EXISTS', KEYS[1]) == 1 then\n"
    "  for _, info in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do\n"
    "    local group = named(info)\n"
    "    if group['name'] == ARGV[1] then position = group['last-delivered-id'] end\n"
    "  end\n"
    "end\n"
    "if not position then return redis.error_reply('NOGROUP of this name') end\n"
    "if before(ARGV[2], position) then redis.call('XGROUP', 'SETID', KEYS[1], ARGV[1], ARGV[2]) end\n"
    "local stream = named(redis.call('XINFO', 'STREAM', KEYS[1]))\n"
    "local removed = stream['entries-added'] > stream['length']\n"
    "local first = stream['length'] > 0 and stream['recorded-first-entry-id'] or "
    "stream['last-generated-id']\n"
    "return {removed and 1 or 0, first}\n";

struct seek {
    struct streams_bus *bus;
    int64_t time_ms;
    bus_done_fn *done;
    void *context;
    const struct stream *stream; /* NULL: too many topics, or no memory */
    char group[];
};

static void warn_of_gap(const struct seek *seek, struct stream_id first) {
    char moment[TIMESTAMP_TEXT_MAX], kept[TIMESTAMP_TEXT_MAX];
    if (first.ms > INT64_MAX || seek->time_ms >= (int64_t)first.ms)
        return;
    log_warning(seek->bus->log,
        "group %s of stream %s is moved back to %s, but the stream was cut and keeps nothing from before %s: "
        "what was published before then is gone",
        seek->group, seek->stream->key, timestamp_format(seek->time_ms, moment),
        timestamp_format((int64_t)first.ms, kept));
}

static struct result read_moved(void *context, const redisReply *reply) {
    const struct seek *seek = context;
    struct result r = streams_group_answer(reply, seek->group);
    if (!is_ok(r))
        return r;
    struct stream_id first;
    if (!stream_id_parse(reply->element[1]->str, &first))
        return fail(CODE_INTERNAL, "Redis did not say from where on the stream is kept");
    if (reply->element[0]->integer)
        warn_of_gap(seek, first);
    return ok();
}

static void end(void *context, struct result result) {
    struct seek *seek = context;
    bus_done_fn *done = seek->done;
    void *done_context = seek->context;
    free(seek);
    done(done_context, result);
}

static struct command *command_of(const struct seek *seek) {
    char before[STREAM_ID_TEXT_MAX] = "0-0";
    if (seek->time_ms > 0)
        snprintf(before, sizeof before, "%" PRId64 "-%" PRIu64, seek->time_ms - 1, UINT64_MAX);
    if (!seek->stream)
        return NULL;
    return command_new(6, (const char *[]){"EVAL", move_back, "1", seek->stream->key, seek->group, before});
}

void streams_seek(
    struct bus *base, const struct source *source, int64_t time_ms, bus_done_fn *done, void *context) {
    struct streams_bus *bus = (struct streams_bus *)base;
    const char *group = source->subscription ? source->subscription : "";
    struct result checked = *group
        ? bus_check_moment(time_ms)
        : fail(CODE_INVALID, "topic %s has no subscription to move", source->topic);
    struct seek *seek = calloc(1, sizeof *seek + strlen(group) + 1);
    if (!seek) {
        done(context, fail(CODE_UNAVAILABLE, "out of memory for moving %s", group));
        return;
    }
    *seek = (struct seek){.bus = bus, .time_ms = time_ms, .done = done, .context = context};
    seek->stream = streams_stream(bus, source->topic);
    strcpy(seek->group, group);
    streams_order(bus, source, checked, command_of(seek), read_moved, end, seek);
}
