#include "support/event.h"

#include "base/clock.h"
#include "core/json.h"
#include "proto/phasegate.pb-c.h"
#include "support/check.h"
#include "support/nba.h"

#include <string.h>

/* What their publishers call themselves. */
static const char *const classes[NBA_PROCESSORS] = {
    [PGS] = "PlayerGameSummaryProcessor",
    [UPGC] = "UpcomingPlayerGameContextProcessor",
    [UTGC] = "UpcomingTeamGameContextProcessor",
    [TOGS] = "TeamOffenseGameSummaryProcessor",
    [TDGS] = "TeamDefenseGameSummaryProcessor",
    [PSZA] = "PlayerShotZoneAnalysisProcessor",
    [TDZA] = "TeamDefenseZoneAnalysisProcessor",
    [PCF] = "PlayerCompositeFactorsProcessor",
    [PDC] = "PlayerDailyCacheProcessor",
    [MLFS] = "MLFeatureStoreProcessor",
};

static const struct processor *processor_of(const struct event *event) {
    return &nba_pipeline()->processors[event->processor];
}

int64_t event_rows(int processor, game_date date) {
    return 100 + 10 * processor + date % 7;
}

const char *event_topic(int processor) {
    const struct pipeline *nba = nba_pipeline();
    return nba->completions[nba->processors[processor].group == 0 ? 0 : 1].topic;
}

static const char *publisher_of(const struct event *event, struct arena *arena) {
    const struct processor *processor = processor_of(event);
    switch (event->form) {
    case EVENT_CLASS:
    case EVENT_BINARY:
        return classes[event->processor];
    case EVENT_ASYNC:
        return arena_printf(arena, "Async%s", classes[event->processor]);
    case EVENT_ALIAS:
        return processor->alias_count > 0 ? processor->aliases[0] : processor->abbr;
    case EVENT_TABLE:
        return "daily-job-17";
    case EVENT_NAME:
    case EVENT_FORMS:
        break;
    }
    return processor->name;
}

static const char *status_of(const struct event *event) {
    return event->status ? event->status : "success";
}

static const char *source_of(const struct event *event) {
    return event->tag == EVENT_SOURCE ? "backfill" : "pubsub";
}

static json_t *body(const struct event *event, const char *date, const char *timestamp, struct arena *arena) {
    const struct processor *processor = processor_of(event);
    bool by_name_only = event->form == EVENT_ASYNC || event->form == EVENT_ALIAS;
    json_t *object = json_pack(
        "{s:s, s:s, s:s*, s:s*, s:s, s:s, s:s, s:I, s:i, s:s, s:f, s:s, s:s*, s:s*, s:{s:b, s:b}}",
        "processor_name", publisher_of(event, arena), "phase",
        processor->group == 0 ? "phase_3_analytics" : "phase_4_precompute", "execution_id", event->execution,
        "correlation_id", event->correlation, event->form == EVENT_ASYNC ? "analysis_date" : "game_date",
        date, "output_table", by_name_only ? "" : processor->name, "status", status_of(event), "record_count",
        (json_int_t)event->rows, "records_failed", 0, "timestamp", timestamp, "duration_seconds", 31.8,
        "trigger_source", source_of(event), "trigger_id", event->trigger_id, "trigger_message_id",
        event->trigger_message_id, "metadata", "is_incremental", 1, "backfill_mode",
        event->tag == EVENT_METADATA);
    if (object && event->tag == EVENT_SKIP)
        json_object_set_new(object, "skip_downstream_trigger", json_true());
    return object;
}

static struct message *encode_json(const struct event *event, struct arena *arena) {
    static const struct attribute live[] = {{"source", "analytics"}};
    static const struct attribute tagged[] = {{"source", "analytics"}, {"backfill", "true"}};
    char date[DATE_TEXT_MAX], timestamp[TIMESTAMP_TEXT_MAX];
    date_format(event->date, date);
    timestamp_format(event->timestamp_ms, timestamp);
    json_t *object = body(event, date, timestamp, arena);
    if (event->tag == EVENT_ATTRIBUTE)
        return json_message(object, tagged, 2, NULL, arena);
    return json_message(object, live, 1, NULL, arena);
}

static struct message *encode_binary(const struct event *event, struct arena *arena) {
    static const struct attribute attributes[] = {
        {"googclient_schemaencoding", "BINARY"}, {"backfill", "true"}};
    char date[DATE_TEXT_MAX], timestamp[TIMESTAMP_TEXT_MAX];
    Phasegate__V1__Metadata metadata = PHASEGATE__V1__METADATA__INIT;
    Phasegate__V1__Completion completion = PHASEGATE__V1__COMPLETION__INIT;
    metadata.has_backfill_mode = true;
    metadata.backfill_mode = event->tag == EVENT_METADATA;
    completion.processor_name = (char *)publisher_of(event, arena);
    completion.game_date = date_format(event->date, date);
    completion.status = (char *)status_of(event);
    completion.has_record_count = true;
    completion.record_count = event->rows;
    completion.execution_id = (char *)event->execution;
    completion.correlation_id = (char *)event->correlation;
    completion.timestamp = timestamp_format(event->timestamp_ms, timestamp);
    completion.trigger_id = (char *)event->trigger_id;
    completion.trigger_message_id = (char *)event->trigger_message_id;
    completion.trigger_source = (char *)source_of(event);
    completion.has_skip_downstream_trigger = true;
    completion.skip_downstream_trigger = event->tag == EVENT_SKIP;
    completion.metadata = &metadata;
    struct message *message = arena_alloc(arena, sizeof *message);
    uint8_t *data = arena_alloc(arena, phasegate__v1__completion__get_packed_size(&completion));
    if (!message || !data)
        return NULL;
    *message = (struct message){.data = data,
        .size = phasegate__v1__completion__pack(&completion, data),
        .attributes = attributes,
        .attribute_count = event->tag == EVENT_ATTRIBUTE ? 2 : 1};
    return message;
}

struct message *event_encode(const struct event *event, struct arena *arena) {
    struct message *message =
        event->form == EVENT_BINARY ? encode_binary(event, arena) : encode_json(event, arena);
    if (!message)
        fail_msg("the arena for an event is full");
    return message;
}
