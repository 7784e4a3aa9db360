#include "base/clock.h"
#include "cli/json_output.h"
#include "cli/rebuild.h"
#include "cli/words.h"

enum { LISTED_MAX = 50 };

static size_t without_place(const struct rebuild *rebuild) {
    size_t count = 0;
    for (size_t i = 0; i < rebuild->sent_count; i++)
        count += !rebuild->sent[i].has_place;
    return count;
}

static size_t without_upstream(const struct rebuild *rebuild) {
    size_t count = 0;
    for (size_t i = 0; i < rebuild->date_count; i++)
        count += rebuild_lacks_upstream(rebuild, &rebuild->states[i]);
    return count;
}

/* --- For people ----------------------------------------------------------------------------------------- */

static void print_outbox(const struct rebuild *rebuild, FILE *out) {
    const struct pipeline *pipeline = rebuild->lookup->pipeline;
    char id[TRIGGER_ID_MAX];
    if (rebuild->outbox_count == 0) {
        fputs("no trigger goes out now\n", out);
        return;
    }
    fprintf(out, "%zu trigger%s out now:\n", rebuild->outbox_count,
        rebuild->outbox_count == 1 ? " goes" : "s go");
    for (size_t i = 0; i < rebuild->outbox_count && i < LISTED_MAX; i++)
        fprintf(out, "  %s%s\n", trigger_id(pipeline, &rebuild->outbox[i], id),
            rebuild->outbox[i].backfill ? " (backfill: when it has a slot)" : "");
    if (rebuild->outbox_count > LISTED_MAX)
        fprintf(out, "  … and %zu more\n", rebuild->outbox_count - LISTED_MAX);
}

static void print_without_upstream(const struct rebuild *rebuild, FILE *out) {
    char date[DATE_TEXT_MAX], time[WORDS_TIME_MAX];
    size_t count = without_upstream(rebuild), listed = 0;
    if (count == 0)
        return;
    fprintf(out,
        "- %zu date%s answers of groups, and not the tables those rest on, which are older than %s UTC:",
        count, count == 1 ? " has" : "s have", words_time(rebuild->seek->time_ms, time));
    for (size_t i = 0; i < rebuild->date_count && listed < LISTED_MAX; i++)
        if (rebuild_lacks_upstream(rebuild, &rebuild->states[i])) {
            fprintf(out, " %s", date_format(rebuild->states[i].date, date));
            listed++;
        }
    fputs(count > listed ? " …\n" : "\n", out);
}

static void print_unknown(const struct rebuild *rebuild, FILE *out) {
    size_t lost = without_place(rebuild);
    fputs("\nwhat cannot be known:\n", out);
    if (!rebuild->knows_triggers && rebuild->outbox_count > 0)
        fputs(
            "- whether the triggers above had been sent and not answered yet: Pub/Sub keeps no triggers. "
            "They go "
            "out under the\n  same id, but for runs that were opened and never answered, which are counted "
            "anew\n",
            out);
    if (lost > 0)
        fprintf(out, "- where %zu trigger%s known to be sent belong%s: what they rest on is older\n", lost,
            lost == 1 ? "" : "s", lost == 1 ? "s" : "");
    print_without_upstream(rebuild, out);
    fputs(
        "- what operators had done: cancelled triggers, pauses, replays that were not answered by name; and "
        "how "
        "often a\n  stalled group was triggered again\n",
        out);
}

void rebuild_print(const struct rebuild *rebuild, FILE *out) {
    char messages[48], dates[48], time[WORDS_TIME_MAX];
    words_count((int64_t)rebuild->messages, "message", "messages", messages, sizeof messages);
    words_count((int64_t)rebuild->date_count, "date", "dates", dates, sizeof dates);
    fprintf(out, "rebuilt from %s since %s UTC: %s known now, %zu triggers known to be sent\n", messages,
        words_time(rebuild->seek->time_ms, time), dates, rebuild_sent_groups(rebuild));
    if (rebuild->refused > 0)
        fprintf(out, "%zu messages could not be taken, and are in the quarantine\n", rebuild->refused);
    print_outbox(rebuild, out);
    print_unknown(rebuild, out);
}

/* --- As JSON -------------------------------------------------------------------------------------------- */

static json_t *outbox_json(const struct rebuild *rebuild) {
    char id[TRIGGER_ID_MAX];
    json_t *ids = json_array();
    for (size_t i = 0; i < rebuild->outbox_count; i++)
        json_push(&ids, json_text(trigger_id(rebuild->lookup->pipeline, &rebuild->outbox[i], id)));
    return ids;
}

static json_t *lacking_json(const struct rebuild *rebuild) {
    json_t *dates = json_array();
    for (size_t i = 0; i < rebuild->date_count; i++)
        if (rebuild_lacks_upstream(rebuild, &rebuild->states[i]))
            json_push(&dates, json_date(rebuild->states[i].date));
    return dates;
}

json_t *rebuild_json(const struct rebuild *rebuild) {
    json_t *object = json_object();
    json_put(&object, "messages", json_integer((json_int_t)rebuild->messages));
    json_put(&object, "refused", json_integer((json_int_t)rebuild->refused));
    json_put(&object, "dates", json_integer((json_int_t)rebuild->date_count));
    json_put(&object, "sent", json_integer((json_int_t)rebuild_sent_groups(rebuild)));
    json_put(&object, "knows_triggers", json_boolean(rebuild->knows_triggers));
    json_put(&object, "going_out", outbox_json(rebuild));
    json_put(&object, "sent_without_place", json_integer((json_int_t)without_place(rebuild)));
    json_put(&object, "dates_without_upstream", lacking_json(rebuild));
    return object;
}
