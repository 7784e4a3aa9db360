#include "base/clock.h"
#include "core/completion.h"
#include "core/json.h"

/* NULL, which json_pack's '*' leaves out, when it is unknown. */
static json_t *rows(int64_t count) {
    return count == ROWS_UNKNOWN ? NULL : json_integer(count);
}

static json_t *body(
    const struct pipeline *pipeline, const struct completion *completion, const char *game_date_text) {
    const struct processor *processor = completion->processor;
    char timestamp[TIMESTAMP_TEXT_MAX];
    timestamp_format(completion->timestamp_ms, timestamp);
    return json_pack("{s:s, s:s, s:s, s:s*, s:s, s:s, s:s, s:o*, s:o*, s:s*, s:s, s:s, s:s*, s:s*, s:o*}",
        "processor_name", processor->name, "phase",
        processor->group == 0 ? "phase_3_analytics" : pipeline->phase, "execution_id",
        completion->execution_id, "correlation_id", completion->correlation_id, "game_date", game_date_text,
        "output_table", processor->name, "status", status_name(completion->status), "record_count",
        rows(completion->record_count), "records_failed",
        completion->records_failed > 0 ? rows(completion->records_failed) : NULL, "error_message",
        completion->error_message, "timestamp", timestamp, "trigger_source",
        completion->backfill ? "backfill" : "publish", "trigger_id", completion->trigger_id,
        "trigger_message_id", completion->trigger_message_id, "metadata",
        completion->backfill ? json_pack("{s:b}", "backfill_mode", 1) : NULL);
}

struct message *completion_encode(
    const struct pipeline *pipeline, const struct completion *completion, struct arena *arena) {
    char date[DATE_TEXT_MAX];
    date_format(completion->date, date);
    const struct attribute attributes[] = {
        {"pipeline", pipeline->name},
        {"game_date", arena_strdup(arena, date)},
        {"processor", completion->processor->name},
        {"backfill", completion->backfill ? "true" : "false"},
    };
    return json_message(
        body(pipeline, completion, date), attributes, sizeof attributes / sizeof *attributes, NULL, arena);
}
