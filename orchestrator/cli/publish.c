/*
 * phasegate publish: one completion, through the bus, as a processor would have sent it; or raw bytes. It is
 * encoded and decoded again before it leaves, so that what arrives is what was meant.
 */
#include "base/clock.h"
#include "cli/command.h"
#include "cli/completion_topic.h"
#include "cli/json_output.h"
#include "cli/raw_message.h"
#include "cli/session.h"
#include "cli/words.h"
#include "core/completion.h"
#include "core/names.h"

#include <inttypes.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

struct publish_fields {
    const char *processor;
    const char *date;
    const char *status;
    int64_t rows;
    int64_t failed;
    const char *execution_id;
    const char *correlation_id;
    const char *trigger_id;
    const char *error_message;
    bool backfill;
    const char *topic;
    bool dry_run;
    const char *raw;
    struct option_list attributes;
};

#define FIELD(member) offsetof(struct publish_fields, member)

static const struct option_row rows[] = {
    {"processor", 'P', OPTION_TEXT, "NAME", FIELD(processor),
        "which processor finished: name, abbreviation or alias"},
    {"date", 'd', OPTION_TEXT, "DATE", FIELD(date), "the game date that it finished"},
    {"status", 0, OPTION_TEXT, "STATUS", FIELD(status),
        "success (default), partial, no_data, failed or skipped"},
    {"rows", 0, OPTION_COUNT, "N", FIELD(rows), "rows written; left out: not known, you vouch for the table"},
    {"failed", 0, OPTION_COUNT, "N", FIELD(failed), "rows that failed, for a partial completion"},
    {"execution-id", 0, OPTION_TEXT, "ID", FIELD(execution_id),
        "which execution; else a new one, manual-TIME-RANDOM"},
    {"correlation-id", 0, OPTION_TEXT, "ID", FIELD(correlation_id),
        "the correlation id that the triggers carry on"},
    {"trigger-id", 0, OPTION_TEXT, "ID", FIELD(trigger_id),
        "the trigger that it answers: nba/2021-11-17/g2/r1"},
    {"error-message", 0, OPTION_TEXT, "TEXT", FIELD(error_message), "what went wrong"},
    {"backfill", 0, OPTION_FLAG, NULL, FIELD(backfill), "tag it as backfill"},
    {"topic", 0, OPTION_TEXT, "TOPIC", FIELD(topic),
        "publish there; else where the pipeline listens, see above"},
    {"dry-run", 'n', OPTION_FLAG, NULL, FIELD(dry_run), "print what would be published, and do not"},
    {"raw", 0, OPTION_TEXT, "FILE", FIELD(raw),
        "publish the bytes of a file (- is standard input), unchecked"},
    {"attribute", 0, OPTION_LIST, "KEY=VALUE", FIELD(attributes),
        "with --raw: an attribute; may be given again"},
    {0},
};

/* What will be published. */
struct publication {
    const char *topic;
    const struct message *message;
    const struct completion *completion; /* NULL when it is raw */
};

static struct result choose_processor(
    const struct pipeline *pipeline, const char *name, const struct processor **processor) {
    if (!name)
        return fail(CODE_INVALID, "--processor is missing: which processor finished?");
    const struct processor *found = pipeline_resolve(pipeline, name, NULL);
    if (found) {
        *processor = found;
        return ok();
    }
    const char *nearest = pipeline_nearest(pipeline, name);
    return fail(CODE_INVALID, "--processor: pipeline %s has no processor \"%.60s\"%s%s%s", pipeline->name,
        name, nearest ? "; did you mean " : "", nearest ? nearest : "", nearest ? "?" : "");
}

static struct result choose_date(const char *text, int64_t now_ms, game_date *date) {
    if (!text)
        return fail(CODE_INVALID, "--date is missing: which game date is finished?");
    return fail_within(date_parse_plausible(text, strlen(text), now_ms, date), "--date");
}

static struct result choose_status(const char *text, enum status *status) {
    enum status chosen = STATUS_SUCCESS;
    if (text && !status_parse(text, &chosen))
        return fail(
            CODE_INVALID, "--status: \"%.40s\" is none of success, partial, no_data, failed, skipped", text);
    *status = chosen;
    return ok();
}

/* "manual-20251204T182000-5f3a9c21" */
static const char *new_execution_id(int64_t now_ms, struct arena *arena) {
    uint32_t random = 0;
    if (getrandom(&random, sizeof random, 0) != sizeof random)
        random = (uint32_t)now_ms;
    time_t seconds = (time_t)(now_ms / 1000);
    struct tm tm;
    char time[32];
    gmtime_r(&seconds, &tm);
    strftime(time, sizeof time, "%Y%m%dT%H%M%S", &tm);
    return arena_printf(arena, "manual-%s-%08" PRIx32, time, random);
}

static struct result fill_completion(const struct publish_fields *fields, const struct pipeline *pipeline,
    int64_t now_ms, struct arena *arena, struct completion *completion) {
    struct completion filled = {
        .record_count = fields->rows == COUNT_ABSENT ? ROWS_UNKNOWN : fields->rows,
        .records_failed = fields->failed == COUNT_ABSENT ? 0 : fields->failed,
        .timestamp_ms = now_ms,
        .backfill = fields->backfill,
        .execution_id = fields->execution_id ? fields->execution_id : new_execution_id(now_ms, arena),
        .correlation_id = fields->correlation_id,
        .trigger_id = fields->trigger_id,
        .error_message = fields->error_message,
    };
    struct result r = choose_processor(pipeline, fields->processor, &filled.processor);
    if (is_ok(r))
        r = choose_date(fields->date, now_ms, &filled.date);
    if (is_ok(r))
        r = choose_status(fields->status, &filled.status);
    if (is_ok(r) && !filled.execution_id)
        r = fail(CODE_INTERNAL, "out of memory");
    if (is_ok(r))
        *completion = filled;
    return r;
}

static const char *topic_of(const struct pipeline *pipeline, int group, const char *chosen) {
    return chosen ? chosen : completion_topic(pipeline, group);
}

static struct result make_completion(const struct publish_fields *fields, const struct pipeline *pipeline,
    struct arena *arena, struct publication *publication) {
    if (fields->attributes.count > 0)
        return fail(CODE_INVALID,
            "--attribute goes with --raw only; a completion's attributes follow from its fields");
    struct clock clock = clock_system();
    int64_t now_ms = clock_now_ms(&clock);
    struct completion completion, *decoded = arena_alloc(arena, sizeof *decoded);
    struct result r = fill_completion(fields, pipeline, now_ms, arena, &completion);
    if (!is_ok(r))
        return r;
    struct message *message = completion_encode(pipeline, &completion, arena);
    if (!decoded || !message)
        return fail(CODE_INVALID, "the completion cannot be encoded: a text of it is not UTF-8");
    r = completion_decode(pipeline, message, now_ms, arena, decoded);
    if (is_ok(r))
        *publication = (struct publication){
            topic_of(pipeline, completion.processor->group, fields->topic), message, decoded};
    return fail_within(r, "a completion like this would end in quarantine");
}

static struct result make_raw(const struct publish_fields *fields, const struct pipeline *pipeline,
    struct arena *arena, struct publication *publication) {
    if (fields->processor || fields->date)
        return fail(
            CODE_INVALID, "--raw publishes bytes as they are: --processor and --date say nothing then");
    const struct message *message;
    struct result r = raw_message_read(fields->raw, &fields->attributes, arena, &message);
    if (is_ok(r))
        *publication = (struct publication){topic_of(pipeline, 0, fields->topic), message, NULL};
    return r;
}

static void describe(const struct publication *publication, char *text, size_t size) {
    const struct completion *completion = publication->completion;
    char date[DATE_TEXT_MAX], written[32] = "rows not known", shortfall[200] = "";
    if (!completion) {
        snprintf(text, size, "%zu raw bytes", publication->message->size);
        return;
    }
    completion_shortfall(completion, shortfall, sizeof shortfall);
    if (completion->record_count != ROWS_UNKNOWN)
        words_count(completion->record_count, "row", "rows", written, sizeof written);
    snprintf(text, size, "%s %s %s, %s%s%s%s", completion->processor->name,
        date_format(completion->date, date), status_name(completion->status), written,
        *shortfall ? " (does not satisfy: " : "", shortfall, *shortfall ? ")" : "");
}

static void print_text(
    const struct invocation *call, const struct publication *publication, const char *message_id) {
    const struct completion *completion = publication->completion;
    char what[400];
    describe(publication, what, sizeof what);
    if (message_id)
        fprintf(call->out, "published %s to %s: %s", message_id, publication->topic, what);
    else
        fprintf(call->out, "would publish to %s: %s", publication->topic, what);
    if (completion)
        fprintf(call->out, ", execution %s", completion->execution_id);
    fputc('\n', call->out);
    if (!message_id)
        raw_message_print(publication->message, call->out);
}

static struct result print_json(
    const struct invocation *call, const struct publication *publication, const char *message_id) {
    const struct completion *completion = publication->completion;
    json_t *object = json_object();
    json_put(&object, "topic", json_text(publication->topic));
    json_put(&object, "message_id", json_text(message_id));
    json_put(&object, "dry_run", json_boolean(message_id == NULL));
    json_put(&object, "processor", json_text(completion ? completion->processor->name : NULL));
    json_put(&object, "game_date", completion ? json_date(completion->date) : json_null());
    json_put(&object, "execution_id", json_text(completion ? completion->execution_id : NULL));
    json_put(&object, "satisfies", completion ? json_boolean(completion_satisfies(completion)) : json_null());
    json_put(&object, "message", raw_message_json(publication->message));
    return json_print(object, call->out);
}

static struct result print(
    const struct invocation *call, const struct publication *publication, const char *message_id) {
    if (call->common->json)
        return print_json(call, publication, message_id);
    print_text(call, publication, message_id);
    return ok();
}

static struct result publish(
    const struct invocation *call, struct setup *setup, const struct publication *publication) {
    struct session *session;
    char message_id[SESSION_ID_MAX];
    struct result r = session_open(setup, call->common->verbose, &session);
    if (!is_ok(r))
        return r;
    r = session_publish(session, publication->topic, publication->message, message_id);
    session_close(&session);
    return is_ok(r) ? print(call, publication, message_id) : r;
}

static struct result run(const struct invocation *call, bool *answer) {
    (void)answer;
    const struct publish_fields *fields = call->fields;
    const struct pipeline *pipeline;
    struct publication publication;
    struct setup setup;
    struct result r = setup_load(call->common, &setup);
    if (!is_ok(r))
        return r;
    r = setup_pipeline(&setup, &pipeline);
    if (is_ok(r))
        r = (fields->raw ? make_raw : make_completion)(fields, pipeline, setup.arena, &publication);
    if (is_ok(r) && !publication.topic)
        r = fail(CODE_INVALID, "pipeline %s listens to no topic; name one with --topic", pipeline->name);
    if (is_ok(r))
        r = fields->dry_run ? print(call, &publication, NULL) : publish(call, &setup, &publication);
    setup_close(&setup);
    return r;
}

const struct command publish_command = {
    .name = "publish",
    .synopsis = "--processor NAME --date DATE [--status STATUS] [--rows N] [options]",
    .summary = "one completion, as a processor would send it",
    .description =
        "Publishes one completion and waits until the bus has confirmed it. It is decoded before it leaves: "
        "what\n"
        "would end in quarantine is refused here. Completions of upstream processors go to the first topic "
        "that\n"
        "the pipeline listens to, those of groups to the last.\n"
        "\n"
        "  phasegate publish --processor player_game_summary --date 2021-11-16 --rows 209 --backfill\n"
        "  phasegate publish --raw message.json --attribute backfill=true\n"
        "\n"
        "Exit status: 0 published; 2 wrong usage, or the bus refuses the message; 3 when the bus cannot be\n"
        "reached, or did not confirm within 10 s: then it may have been published, and sending it again with "
        "the\n"
        "same --execution-id is harmless.\n",
    .options = rows,
    .fields_size = sizeof(struct publish_fields),
    .run = run,
};
