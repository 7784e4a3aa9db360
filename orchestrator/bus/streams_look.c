#include "bus/streams_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * Has group ARGV[1] received and acked all up to entry ARGV[2], which is the stream's last one when it is ""?
 * Entries that were removed are not waited for. Not by the group's `lag`: that is of what comes meanwhile,
 * too, and Redis does not know it after a move, or once an entry was removed.
 */
static const char look[] = STREAMS_LUA_BEFORE STREAMS_LUA_NAMED
    "local position = nil\n"
    "if redis.call('EXISTS', KEYS[1]) == 1 then\n"
    "  for _, info in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do\n"
    "    local group = named(info)\n"
    "    if group['name'] == ARGV[1] then position = group['last-delivered-id'] end\n"
    "  end\n"
    "end\n"
    "if not position then return redis.error_reply('NOGROUP of this name') end\n"
    "local last = ARGV[2]\n"
    "if last == '' then last = named(redis.call('XINFO', 'STREAM', KEYS[1]))['last-generated-id'] end\n"
    "local pending = redis.call('XPENDING', KEYS[1], ARGV[1])\n"
    "local some = pending[1] > 0 and not before(last, pending[2])\n"
    "if not some and before(position, last) then\n"
    "  some = #redis.call('XRANGE', KEYS[1], '(' .. position, last, 'COUNT', 1) > 0\n"
    "end\n"
    "return {some and 1 or 0, last}\n";

struct looking {
    struct bus_backlog *backlog;
    bus_done_fn *done;
    void *context;
    char group[];
};

struct result streams_group_answer(const redisReply *reply, const char *group) {
    if (reply && reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, "NOGROUP", strlen("NOGROUP")) == 0)
        return fail(
            CODE_NOT_FOUND, "there is no consumer group %s; make it with `phasegate serve --create`", group);
    struct result r = redis_reply_result(reply);
    if (is_ok(r)
        && (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2
            || reply->element[0]->type != REDIS_REPLY_INTEGER
            || reply->element[1]->type != REDIS_REPLY_STRING))
        return fail(CODE_INTERNAL, "Redis did not answer what it was asked about group %s", group);
    return r;
}

static struct result read_backlog(void *context, const redisReply *reply) {
    const struct looking *looking = context;
    struct bus_backlog *backlog = looking->backlog;
    struct result r = streams_group_answer(reply, looking->group);
    if (!is_ok(r))
        return r;
    if (reply->element[1]->len >= sizeof backlog->until)
        return fail(CODE_INTERNAL, "Redis did not say what group %s has left", looking->group);
    backlog->left = reply->element[0]->integer ? BACKLOG_SOME : BACKLOG_NONE;
    snprintf(backlog->until, sizeof backlog->until, "%s", reply->element[1]->str);
    return ok();
}

static void end(void *context, struct result result) {
    struct looking *looking = context;
    bus_done_fn *done = looking->done;
    void *done_context = looking->context;
    free(looking);
    done(done_context, result);
}

void streams_look(struct bus *base, const struct source *source, struct bus_backlog *backlog,
    bus_done_fn *done, void *context) {
    struct streams_bus *bus = (struct streams_bus *)base;
    const char *group = source->subscription ? source->subscription : "";
    const struct stream *stream = streams_stream(bus, source->topic);
    struct looking *looking = calloc(1, sizeof *looking + strlen(group) + 1);
    if (!looking) {
        done(context, fail(CODE_UNAVAILABLE, "out of memory for looking at %s", group));
        return;
    }
    *looking = (struct looking){.backlog = backlog, .done = done, .context = context};
    strcpy(looking->group, group);
    struct command *command = stream
        ? command_new(6, (const char *[]){"EVAL", look, "1", stream->key, group, backlog->until})
        : NULL;
    streams_order(bus, source, ok(), command, read_backlog, end, looking);
}
