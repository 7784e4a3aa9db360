#include "engine/intake_log.h"

#include <inttypes.h>
#include <string.h>

enum { DAY_MS = 24 * 60 * 60 * 1000 };

/* A re-run: what becomes of the groups that rest on it. */
static void log_stale(const struct log *log, const struct pipeline *pipeline,
    const struct completion *completion, int stale_from) {
    char date[DATE_TEXT_MAX];
    const char *name = completion->processor->name;
    if (pipeline->rerun == RERUN_HOLD)
        log_warning(log,
            "%s ran again: group %d and those after it are out of date. Re-runs are on hold; a new run is "
            "opened "
            "by: phasegate replay --rerun --dates %s",
            name, stale_from, date_format(completion->date, date));
    else
        log_info(log,
            "%s ran again: group %d and those after it are out of date; a new run opens after %d s without a "
            "further re-run",
            name, stale_from, pipeline->rerun_settle);
}

void log_applied(const struct log *feed_log, const struct pipeline *pipeline, const char *message_id,
    const struct completion *completion, const struct applied *applied) {
    char date[DATE_TEXT_MAX];
    struct log with_date = log_with(feed_log, "game_date", date_format(completion->date, date));
    struct log log = log_with(&with_date, "message_id", message_id);
    log_debug(&log, "%s: %s %s (%s)", verdict_name(applied->verdict), completion->processor->name,
        status_name(completion->status), completion->execution_id);
    if (applied->closed_no_games)
        log_info(&with_date, "closed as no_games: %s",
            completion->day.games == GAMES_NONE ? "the calendar has no games"
                                                : "all of upstream says no_data");
    if (applied->stale_from > 0)
        log_stale(&with_date, pipeline, completion, applied->stale_from);
    if (applied->group_state && strcmp(applied->group_state, "failed") == 0)
        log_error(&with_date, "group %d failed: %s: %s", applied->group, completion->processor->name,
            completion->error_message ? completion->error_message : "no error message");
    else if (applied->group_state)
        log_info(&with_date, "group %d is %s", applied->group, applied->group_state);
}

void log_undecided(
    const struct log *feed_log, const struct pipeline *pipeline, const struct completion *completion) {
    char date[DATE_TEXT_MAX];
    struct log log = log_with(feed_log, "game_date", date_format(completion->date, date));
    log_warning(&log,
        "%s answers %s, which this store has not decided: it has forgotten, or another one has this "
        "pipeline. If this is the one, to rebuild it from the messages that the bus still has: phasegate "
        "replay --pipeline %s --seek 7d --rebuild",
        completion->processor->name, completion->trigger_id, pipeline->name);
}

void log_quarantine_drops(
    const struct log *log, struct quarantine_limits limits, const struct quarantine_drops *drops) {
    if (drops->by_age + drops->by_count + drops->by_bytes == 0)
        return;
    log_warning(log,
        "the quarantine lets its oldest messages go: %" PRId64 " older than %" PRId64 " days, %" PRId64
        " beyond %d messages, %" PRId64 " beyond %" PRId64 " bytes; see: phasegate quarantine list",
        drops->by_age, limits.age_ms / DAY_MS, drops->by_count, QUARANTINE_ENTRIES_MAX, drops->by_bytes,
        limits.bytes);
}
