#include "base/clock.h"
#include "base/text.h"
#include "core/completion.h"
#include "core/completion_fields.h"

#include <stdio.h>
#include <string.h>

static char *show(const char *text, char out[TEXT_SHOWN_MAX]) {
    return text_show(text, strlen(text), out, TEXT_SHOWN_MAX);
}

static struct result read_attributes(const struct message *message, bool *backfill) {
    for (size_t i = 0; i < COMPLETION_FLAG_COUNT; i++) {
        const char *name = completion_flags[i];
        const char *text = message_attribute(message, name);
        bool flag = false;
        char shown[TEXT_SHOWN_MAX];
        if (text && !completion_flag_parse(text, &flag))
            return fail(
                CODE_INVALID, "attribute %s is \"%s\"; expected true or false", name, show(text, shown));
        if (flag)
            *backfill = true;
    }
    if (completion_source_is_backfill(message_attribute(message, "trigger_source")))
        *backfill = true;
    return ok();
}

static bool is_binary(const struct message *message, const char *attribute) {
    const char *encoding = message_attribute(message, attribute);
    return encoding && strcmp(encoding, "BINARY") == 0;
}

static bool is_protobuf(const struct message *message) {
    return is_binary(message, COMPLETION_ENCODING) || is_binary(message, COMPLETION_ENCODING_AGAIN);
}

static struct result read_fields(
    const struct message *message, struct arena *arena, struct completion_fields *fields) {
    if (message->size == 0)
        return fail(CODE_INVALID, "the message is empty");
    if (message->size > COMPLETION_BYTES_MAX)
        return fail(CODE_LIMIT, "the message is %zu bytes long; at most %d are taken", message->size,
            COMPLETION_BYTES_MAX);
    struct result r = is_protobuf(message) ? completion_read_proto(message, arena, fields)
                                           : completion_read_json(message, arena, fields);
    return is_ok(r) ? read_attributes(message, &fields->backfill) : r;
}

/* claimed may be NULL or empty: then it claims nothing. */
static struct result check_pipeline(const struct pipeline *pipeline, const char *claimed) {
    char shown[TEXT_SHOWN_MAX];
    if (!claimed || *claimed == '\0' || strcmp(claimed, pipeline->name) == 0)
        return ok();
    return fail(CODE_INVALID, "says pipeline \"%s\", but came on a subscription of pipeline %s",
        show(claimed, shown), pipeline->name);
}

static struct result unknown_processor(
    const struct pipeline *pipeline, const struct completion_fields *fields) {
    const char *name = fields->processor_name, *table = fields->output_table;
    char name_shown[TEXT_SHOWN_MAX], table_shown[TEXT_SHOWN_MAX], what[2 * TEXT_SHOWN_MAX + 40];
    if (name && table)
        snprintf(what, sizeof what, "processor_name \"%s\" (output_table \"%s\")", show(name, name_shown),
            show(table, table_shown));
    else if (name)
        snprintf(what, sizeof what, "processor_name \"%s\"", show(name, name_shown));
    else
        snprintf(what, sizeof what, "output_table \"%s\"", show(table, table_shown));
    const char *nearest = name ? pipeline_nearest(pipeline, name) : NULL;
    if (!nearest && table)
        nearest = pipeline_nearest(pipeline, table);
    return fail(CODE_INVALID, "%s is not known to pipeline %s%s%s", what, pipeline->name,
        nearest ? "; the closest is " : "", nearest ? nearest : "");
}

static struct result check_processor(const struct pipeline *pipeline, const struct completion_fields *fields,
    const struct processor **processor) {
    if (!fields->processor_name && !fields->output_table)
        return fail(CODE_INVALID, "no processor_name or output_table");
    *processor = pipeline_resolve(pipeline, fields->processor_name, fields->output_table);
    return *processor ? ok() : unknown_processor(pipeline, fields);
}

static struct result check_date(const struct completion_fields *fields, int64_t now_ms, game_date *date) {
    const char *text = fields->game_date ? fields->game_date : fields->analysis_date;
    if (!text)
        return fail(CODE_INVALID, "no game_date or analysis_date");
    struct result r = date_parse_plausible(text, strlen(text), now_ms, date);
    return is_ok(r) ? r : fail(r.code, "%s %s", fields->game_date ? "game_date" : "analysis_date", r.text);
}

static struct result check_status(const struct completion_fields *fields, enum status *status) {
    static const char expected[] = "expected success, partial, no_data, failed or skipped";
    char shown[TEXT_SHOWN_MAX];
    if (!fields->status)
        return fail(CODE_INVALID, "no status; %s", expected);
    if (!status_parse(fields->status, status))
        return fail(CODE_INVALID, "status \"%s\" is not known; %s", show(fields->status, shown), expected);
    return ok();
}

static struct result check_execution(
    const struct message *message, struct arena *arena, struct completion_fields *fields) {
    if (fields->execution_id)
        return ok();
    const struct text_field stand_in = {
        .name = "message id", .offset = offsetof(struct completion_fields, execution_id), .kind = TEXT_ID};
    if (!message->id || *message->id == '\0')
        return fail(CODE_INVALID, "no execution_id, and the message has no id to stand in");
    return completion_set_text(fields, &stand_in, message->id, strlen(message->id), arena);
}

static struct result check_timestamp(const struct completion_fields *fields, const struct message *message,
    int64_t now_ms, int64_t *timestamp_ms) {
    int64_t taken_ms =
        message->published_ms > 0 && message->published_ms < now_ms ? message->published_ms : now_ms;
    int64_t said_ms = taken_ms;
    if (fields->timestamp) {
        struct result r = timestamp_parse(fields->timestamp, &said_ms);
        if (!is_ok(r))
            return fail(r.code, "timestamp %s", r.text);
    }
    *timestamp_ms = said_ms > now_ms ? taken_ms : said_ms;
    return ok();
}

static struct result check(const struct pipeline *pipeline, const struct message *message, int64_t now_ms,
    struct arena *arena, struct completion_fields *fields, struct completion *completion) {
    struct result r = check_pipeline(pipeline, message_attribute(message, "pipeline"));
    if (is_ok(r))
        r = check_pipeline(pipeline, fields->pipeline);
    if (is_ok(r))
        r = check_processor(pipeline, fields, &completion->processor);
    if (is_ok(r))
        r = check_date(fields, now_ms, &completion->date);
    if (is_ok(r))
        r = check_status(fields, &completion->status);
    if (is_ok(r))
        r = check_execution(message, arena, fields);
    if (is_ok(r))
        r = check_timestamp(fields, message, now_ms, &completion->timestamp_ms);
    return r;
}

struct result completion_decode(const struct pipeline *pipeline, const struct message *message,
    int64_t now_ms, struct arena *arena, struct completion *completion) {
    struct completion_fields fields = {.record_count = ROWS_UNKNOWN};
    struct completion decoded = {0};
    struct result r = read_fields(message, arena, &fields);
    if (is_ok(r))
        r = check(pipeline, message, now_ms, arena, &fields, &decoded);
    if (!is_ok(r))
        return arena_is_starved(arena) ? fail(CODE_UNAVAILABLE, "out of memory") : r;
    decoded.record_count = fields.record_count;
    decoded.records_failed = fields.records_failed;
    decoded.backfill = fields.backfill;
    decoded.execution_id = fields.execution_id;
    decoded.correlation_id = fields.correlation_id;
    decoded.trigger_id = fields.trigger_id;
    decoded.trigger_message_id = fields.trigger_message_id;
    decoded.error_message = fields.error_message;
    *completion = decoded;
    return ok();
}
