#include "support/story.h"

#include <inttypes.h>
#include <stdio.h>

static int tell_text(char *text, size_t size, const char *name, const char *value) {
    return value ? snprintf(text, size, ", %s \"%s\"", name, value) : 0;
}

static int tell_day(char *text, size_t size, struct game_day day) {
    static const char *const games[] = {"", ", no games by the calendar", ", games by the calendar"};
    return snprintf(text, size, "%s%s", games[day.games], day.bootstrap ? ", bootstrap" : "");
}

static void tell_completion(const struct story *story, const struct completion *c, char *text, size_t size) {
    char date[DATE_TEXT_MAX], rows[24] = "?";
    if (c->record_count != ROWS_UNKNOWN)
        snprintf(rows, sizeof rows, "%" PRId64, c->record_count);
    size_t length = (size_t)snprintf(text, size,
        "%s %s %s, rows %s, failed %" PRId64 ", of %" PRId64 " ms, execution \"%s\"%s",
        date_format(c->date, date), c->processor->abbr, status_name(c->status), rows, c->records_failed,
        c->timestamp_ms - story->base_ms, c->execution_id, c->backfill ? ", backfill" : "");
    const struct {
        const char *name, *value;
    } texts[] = {{"trigger_id", c->trigger_id}, {"trigger_message_id", c->trigger_message_id},
        {"correlation", c->correlation_id}, {"error", c->error_message}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts && length < size; i++)
        length += (size_t)tell_text(text + length, size - length, texts[i].name, texts[i].value);
    if (length < size)
        tell_day(text + length, size - length, c->day);
}

static void tell_replay(const struct step *step, const char *date, char *text, size_t size) {
    static const char *const kinds[] = {"again", "missed", "rerun"};
    snprintf(text, size, "%s is replayed, %s, from group %d", date, kinds[step->replay], step->from_group);
}

static void tell_what(const struct story *story, const struct step *step, char *text, size_t size) {
    const struct trigger *trigger = &step->trigger;
    char date[DATE_TEXT_MAX], id[64];
    date_format(trigger->date, date);
    snprintf(id, sizeof id, "%s/g%d/r%d", date, trigger->group, trigger->run);
    switch (step->kind) {
    case STEP_COMPLETION:
        tell_completion(story, &step->completion, text, size);
        break;
    case STEP_CONFIRM:
        snprintf(text, size, "%s is confirmed as \"%s\"", id, step->bus_message_id);
        break;
    case STEP_TICK:
        snprintf(text, size, "%s is looked at", date);
        break;
    case STEP_SWEEP:
        snprintf(text, size, "everything due is looked at");
        break;
    case STEP_REPLAY:
        tell_replay(step, date, text, size);
        break;
    case STEP_CANCEL:
        snprintf(text, size, "%s is cancelled", id);
        break;
    case STEP_CLAIM:
        snprintf(text, size, "%s asks for a slot", id);
        break;
    case STEP_RELEASE:
        snprintf(text, size, "%s gives its slot back", id);
        break;
    case STEP_RECLAIM:
        snprintf(text, size, "slots of group %d are cleared up", trigger->group);
        break;
    case STEP_PAUSE:
        snprintf(text, size, "backfill is %s", step->paused ? "paused" : "resumed");
        break;
    }
}

char *story_tell(const struct story *story, const struct step *step, char text[STORY_TEXT_MAX]) {
    int length = snprintf(text, STORY_TEXT_MAX, "at %" PRId64 " ms: ", step->now_ms - story->base_ms);
    tell_what(story, step, text + length, STORY_TEXT_MAX - (size_t)length);
    return text;
}

char *story_tell_pipeline(const struct story *story, char *text, size_t size) {
    const struct pipeline *pipeline = story->pipeline;
    size_t length = (size_t)snprintf(text, size, "%s\n", pipeline->definition);
    for (int i = 0; i < pipeline->processor_count && length < size; i++) {
        const struct processor *p = &pipeline->processors[i];
        if (p->min_rows != 1 || p->min_coverage != 0.95 || p->require_rows || p->allow_empty)
            length += (size_t)snprintf(text + length, size - length,
                "    %s: min_rows %" PRId64 ", min_coverage %g%s%s\n", p->abbr, p->min_rows, p->min_coverage,
                p->require_rows ? ", require_rows" : "", p->allow_empty ? ", allow_empty" : "");
    }
    length += length < size ? (size_t)snprintf(text + length, size - length, "    caps of the groups:") : 0;
    for (int g = 0; g < pipeline->group_count && length < size; g++)
        length += (size_t)snprintf(text + length, size - length, " %d", pipeline->groups[g].backfill_cap);
    if (length < size)
        snprintf(text + length, size - length, "\n");
    return text;
}
