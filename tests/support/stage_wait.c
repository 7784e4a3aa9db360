/* The stage: waiting for what has to happen, and looking into the store. */
#include "support/check.h"
#include "support/daemon.h"
#include "support/stage_internal.h"

#include <inttypes.h>
#include <stdio.h>

enum { LOOK_MS = 30 };

/* --- Waiting -------------------------------------------------------------------------------------------- */

struct wish {
    struct stage *stage;
    loop_condition *condition;
    void *context;
};

static bool holds_or_violated(void *context) {
    const struct wish *wish = context;
    return wish->stage->fault[0] || wish->condition(wish->context);
}

static void check(const struct stage *stage) {
    if (stage->fault[0])
        fail_msg("%s", stage->fault);
}

void stage_until(struct stage *stage, loop_condition *condition, void *context, const char *waited_for) {
    struct wish wish = {stage, condition, context};
    loop_until(&stage->loop, holds_or_violated, &wish, STAGE_DEADLINE_MS, waited_for);
    check(stage);
}

void stage_never(struct stage *stage, loop_condition *condition, void *context, const char *what_happened) {
    struct wish wish = {stage, condition, context};
    loop_never(&stage->loop, holds_or_violated, &wish, STAGE_QUIET_MS, what_happened);
}

struct awaited {
    struct stage *stage;
    game_date date;
    int group, run;
    size_t count;
    enum group_phase phase;
    const char *part;
    uint64_t next_ms; /* a condition that costs something is not asked at every turn of the loop */
};

static bool is_time(struct awaited *awaited) {
    uint64_t now_ms = uv_hrtime() / 1000000;
    if (now_ms < awaited->next_ms)
        return false;
    awaited->next_ms = now_ms + LOOK_MS;
    return true;
}

static bool trigger_came(void *context) {
    const struct awaited *awaited = context;
    const struct seen *seen = stage_find(awaited->stage, awaited->date, awaited->group, awaited->run);
    return seen && seen->times >= awaited->count;
}

const struct seen *stage_until_trigger(
    struct stage *stage, game_date date, int group, int run, size_t times) {
    struct awaited awaited = {.stage = stage, .date = date, .group = group, .run = run, .count = times};
    char waited_for[64];
    snprintf(waited_for, sizeof waited_for, "trigger g%d/r%d, %zu times", group, run, times);
    stage_until(stage, trigger_came, &awaited, waited_for);
    return stage_find(stage, date, group, run);
}

static bool many_came(void *context) {
    const struct awaited *awaited = context;
    return stage_count(awaited->stage, awaited->group) >= awaited->count;
}

void stage_until_count(struct stage *stage, int group, size_t count) {
    struct awaited awaited = {.stage = stage, .group = group, .count = count};
    stage_until(stage, many_came, &awaited, "so many triggers");
}

static size_t published(const struct stage *stage) {
    size_t times = 0;
    for (size_t i = 0; i < stage->seen_count; i++)
        times += stage->seen[i].times;
    return times;
}

static bool more_came(void *context) {
    const struct awaited *awaited = context;
    return published(awaited->stage) > awaited->count;
}

void stage_quiet(struct stage *stage) {
    struct awaited awaited = {.stage = stage, .count = published(stage)};
    stage_never(stage, more_came, &awaited, "a trigger came");
}

size_t stage_said(struct stage *stage, const char *part) {
    return stage->daemon ? daemon_said(stage->daemon, part) : log_capture_count(&stage->capture, part);
}

static bool was_said(void *context) {
    struct awaited *awaited = context;
    return is_time(awaited) && stage_said(awaited->stage, awaited->part) > 0;
}

void stage_until_said(struct stage *stage, const char *part) {
    struct awaited awaited = {.stage = stage, .part = part};
    stage_until(stage, was_said, &awaited, part);
}

/* --- Looking into the store ----------------------------------------------------------------------------- */

const struct date_state *stage_state(struct stage *stage, game_date date) {
    arena_reset(stage->reading);
    check_ok(reader_dates(stage->reader, stage->pipeline, &date, 1, stage->reading, &stage->state));
    return &stage->state;
}

static bool has_phase(void *context) {
    struct awaited *awaited = context;
    return is_time(awaited)
        && stage_state(awaited->stage, awaited->date)->groups[awaited->group - 1].phase == awaited->phase;
}

void stage_until_phase(struct stage *stage, game_date date, int group, enum group_phase phase) {
    struct awaited awaited = {.stage = stage, .date = date, .group = group, .phase = phase};
    stage_until(stage, has_phase, &awaited, group_phase_name(phase));
}

struct redis_server *stage_server(struct stage *stage) {
    return stage->server;
}

/* Streams are delivered, all of it, and nothing of that is unacked. Calm: nothing is in the outbox either,
 * nor due by now. */
static const char handled_script[] =
    "local function handled(stream, name) "
    "if redis.call('EXISTS', stream) == 0 then return true end "
    "local info, last = redis.call('XINFO', 'STREAM', stream), nil "
    "for i = 1, #info, 2 do if info[i] == 'last-generated-id' then last = info[i + 1] end end "
    "for _, group in ipairs(redis.call('XINFO', 'GROUPS', stream)) do local is = {} "
    "for i = 1, #group, 2 do is[group[i]] = group[i + 1] end "
    "if is.name == name then return is.pending == 0 and is['last-delivered-id'] == last end "
    "end return true end "
    "if not handled('pg:bus:{nba-phase3-complete}', 'phasegate-nba-phase3') "
    "or not handled('pg:bus:{nba-phase4-complete}', 'phasegate-nba-phase4') then return 0 end "
    "if ARGV[1] == '' then return 1 end "
    "for _, key in ipairs(redis.call('KEYS', 'pg:{nba:*}:outbox')) do "
    "if redis.call('HLEN', key) > 0 then return 0 end end "
    "for _, key in ipairs(redis.call('KEYS', 'pg:{nba:*}:due')) do "
    "if redis.call('ZCOUNT', key, '-inf', ARGV[1]) > 0 then return 0 end end "
    "return handled('pg:bus:{nba-phase4-trigger}', 'stage-triggers') and 1 or 0";

static bool all_handled(void *context) {
    struct awaited *awaited = context;
    return awaited->stage->unconfirmed == 0 && is_time(awaited)
        && redis_server_ask_number(awaited->stage->server, "EVAL %s 0 %s", handled_script, awaited->part)
        == 1;
}

void stage_until_handled(struct stage *stage) {
    struct awaited awaited = {.stage = stage, .part = ""};
    stage_until(stage, all_handled, &awaited, "all completions to be handled");
}

void stage_until_calm(struct stage *stage) {
    char now_ms[24];
    struct awaited awaited = {.stage = stage, .part = now_ms};
    snprintf(now_ms, sizeof now_ms, "%" PRId64, stage_now_ms(stage));
    stage_until(stage, all_handled, &awaited, "nothing to be left to do");
}
