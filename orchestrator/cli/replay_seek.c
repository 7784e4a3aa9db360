#include "cli/replay_seek.h"

#include "base/clock.h"
#include "base/crash_point.h"
#include "base/text.h"
#include "core/date.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* --- The time ------------------------------------------------------------------------------------------- */

#define SECOND_MS ((int64_t)1000)
#define DAY_MS (86400 * SECOND_MS)

static const struct {
    const char *name;
    int64_t ms;
} units[] = {{"s", SECOND_MS}, {"m", 60 * SECOND_MS}, {"min", 60 * SECOND_MS}, {"h", 3600 * SECOND_MS},
    {"d", DAY_MS}, {"w", 7 * DAY_MS}};

/* "6h": how long. */
static bool parse_duration(const char *text, int64_t *ms) {
    char *unit;
    if (text[0] < '0' || text[0] > '9')
        return false;
    errno = 0;
    long long number = strtoll(text, &unit, 10);
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (strcmp(unit, units[i].name) == 0)
            return errno == 0 && !__builtin_mul_overflow(number, units[i].ms, ms);
    return false;
}

static bool parse_moment(const char *text, int64_t now_ms, int64_t *time_ms) {
    game_date date;
    int64_t back_ms;
    if (parse_duration(text, &back_ms)) {
        *time_ms = now_ms - back_ms;
        return true;
    }
    if (is_ok(date_parse(text, strlen(text), &date))) {
        *time_ms = date * DAY_MS;
        return true;
    }
    return is_ok(timestamp_parse(text, time_ms));
}

struct result seek_time_parse(const char *text, int64_t now_ms, int64_t *time_ms) {
    char shown[TEXT_SHOWN_MAX];
    int64_t parsed_ms;
    text_show(text, strlen(text), shown, sizeof shown);
    if (!parse_moment(text, now_ms, &parsed_ms))
        return fail(CODE_INVALID,
            "\"%s\" is no moment: expected a time like 2025-12-04T18:20:00Z, a date like 2025-12-04, or how "
            "long ago like 45m, 6h or 3d",
            shown);
    if (parsed_ms > now_ms)
        return fail(
            CODE_INVALID, "\"%s\" is in the future: what has not been published cannot come again", shown);
    if (parsed_ms < 0)
        return fail(CODE_INVALID, "\"%s\" is before 1970", shown);
    *time_ms = parsed_ms;
    return ok();
}

/* --- Moving --------------------------------------------------------------------------------------------- */

enum { WAIT_MS = 30000 };

/* In the arena, since the bus calls back for what is under way until the session is closed. */
struct seeking {
    struct seek_move *moves; /* NULL: what still comes is too late */
    size_t left;
    bool done;
};

struct seek_call {
    struct seeking *seeking;
    int index;
};

static void on_moved(void *context, struct result result) {
    const struct seek_call *call = context;
    struct seeking *seeking = call->seeking;
    if (!seeking->moves)
        return;
    crash_point(while_seeking);
    seeking->moves[call->index].moved = is_ok(result);
    seeking->moves[call->index].result = result;
    seeking->done = --seeking->left == 0;
}

static struct result first_failure(const struct seek_move *moves, int count) {
    struct result r = ok();
    for (int i = 0; i < count && is_ok(r); i++)
        if (!moves[i].moved)
            r = fail_within(moves[i].result, "subscription %s", moves[i].source->subscription);
    return r;
}

static void start_moving(
    struct seeking *seeking, struct seek_call *calls, struct bus *bus, const struct seek *seek) {
    for (int i = 0; i < seek->pipeline->completion_count; i++) {
        seek->moves[i].result = fail(CODE_UNAVAILABLE, "the bus did not answer within %d s", WAIT_MS / 1000);
        calls[i] = (struct seek_call){seeking, i};
        crash_point(before_seek);
        bus_seek(bus, seek->moves[i].source, seek->time_ms, on_moved, &calls[i]);
    }
}

struct result seek_subscriptions(struct session *session, struct seek *seek, struct arena *arena) {
    int count = seek->pipeline->completion_count;
    struct bus *bus;
    struct seeking *seeking = arena_alloc(arena, sizeof *seeking);
    struct seek_call *calls = arena_alloc(arena, ((size_t)count + 1) * sizeof *calls);
    struct result r = seeking && calls ? session_bus(session, &bus) : fail(CODE_INTERNAL, "out of memory");
    if (!is_ok(r)) {
        for (int i = 0; i < count; i++)
            seek->moves[i].result = r;
        return r;
    }
    *seeking = (struct seeking){.moves = seek->moves, .left = (size_t)count, .done = count == 0};
    start_moving(seeking, calls, bus, seek);
    session_run(session, &seeking->done, WAIT_MS);
    seeking->moves = NULL;
    return first_failure(seek->moves, count);
}
