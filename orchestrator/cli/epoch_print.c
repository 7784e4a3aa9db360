#include "cli/epoch_print.h"

#include "cli/json_output.h"
#include "cli/words.h"
#include "state/epoch_text.h"

void epoch_print(
    const struct pipeline *pipeline, const struct epoch_state *epoch, const struct term *term, FILE *out) {
    char text[LOST_EPOCH_TEXT_MAX], since[WORDS_TIME_MAX];
    if (epoch->rebuild_ms)
        term_print(term, out, TONE_WARN,
            "a rebuild is under way since %s UTC: nothing is triggered until it is over\n",
            words_time(epoch->rebuild_ms, since));
    if (epoch->lost.what)
        term_print(term, out, TONE_BAD, "%s\n", lost_epoch_describe(pipeline, &epoch->lost, text));
    if (epoch->rebuild_ms || epoch->lost.what)
        fputc('\n', out);
}

static json_t *months_json(const struct lost_epoch *lost) {
    char month[MONTH_TEXT_MAX];
    json_t *months = json_array();
    for (size_t i = 0; i < lost_epoch_months(lost); i++) {
        snprintf(month, sizeof month, "%.7s", lost->months + i * MONTH_TEXT_MAX);
        json_push(&months, json_text(month));
    }
    return months;
}

static json_t *lost_json(const struct pipeline *pipeline, const struct lost_epoch *lost) {
    char command[LOST_EPOCH_COMMAND_MAX];
    if (!lost->what)
        return json_null();
    json_t *object = json_object();
    json_put(&object, "what", json_text(forgotten_name(lost->what)));
    json_put(&object, "last_seen", json_time(lost->since_ms));
    json_put(&object, "noticed_at", json_time(lost->noticed_ms));
    json_put(&object, "months", months_json(lost));
    json_put(&object, "command", json_text(lost_epoch_command(pipeline, lost, command)));
    return object;
}

json_t *epoch_json(const struct pipeline *pipeline, const struct epoch_state *epoch) {
    json_t *object = json_object();
    json_put(&object, "epoch", json_integer(epoch->value));
    json_put(&object, "made_at", json_time(epoch->made_ms));
    json_put(&object, "seen_at", json_time(epoch->seen_ms));
    json_put(&object, "lost", lost_json(pipeline, &epoch->lost));
    json_put(&object, "rebuild_since", json_time(epoch->rebuild_ms));
    return object;
}
