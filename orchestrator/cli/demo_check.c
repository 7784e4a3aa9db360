#include "cli/demo_check.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { IDS_MAX = STORY_DATES_MAX * PIPELINE_GROUPS_MAX, ID_MAX = 128 };

struct check {
    const struct story *story;
    struct subscription *subscription;
    char ids[IDS_MAX][ID_MAX]; /* every distinct trigger id */
    int id_count;
    int last_group[STORY_DATES_MAX];
    int doubled;
    int misordered;
    int unexpected; /* for a date that is not in the story, or had no games */
};

/* A date whose every upstream table is empty had no games. */
static bool expects_triggers(const struct story *story, game_date date) {
    for (size_t i = 0; i < story->acts[0].row_count; i++) {
        const struct row_count *row = &story->acts[0].rows[i];
        if (row->date == date && row->processor->group == 0 && row->rows > 0)
            return true;
    }
    return false;
}

static int place_of(const struct story *story, game_date date) {
    for (size_t i = 0; i < story->date_count; i++) {
        if (story->dates[i] == date)
            return (int)i;
    }
    return -1;
}

static bool seen_before(const struct check *check, const char *id) {
    for (int i = 0; i < check->id_count; i++) {
        if (strcmp(check->ids[i], id) == 0)
            return true;
    }
    return false;
}

static void note_trigger(struct check *check, const char *id, game_date date, int group) {
    int place = place_of(check->story, date);
    if (place < 0 || !expects_triggers(check->story, date)) {
        check->unexpected++;
        return;
    }
    if (seen_before(check, id)) {
        check->doubled++;
        return;
    }
    if (check->id_count < IDS_MAX)
        snprintf(check->ids[check->id_count++], ID_MAX, "%s", id);
    if (group != check->last_group[place] + 1)
        check->misordered++;
    check->last_group[place] = group;
}

static void on_delivery(void *context, struct delivery *delivery) {
    struct check *check = context;
    const char *id, *text;
    int group;
    game_date date;
    json_t *json = json_loadb(delivery->message.data, delivery->message.size, 0, NULL);
    if (json_unpack(json, "{s:s, s:s, s:i}", "trigger_id", &id, "game_date", &text, "group", &group) == 0
        && is_ok(date_parse(text, strlen(text), &date)))
        note_trigger(check, id, date, group);
    else
        check->unexpected++;
    json_decref(json);
    bus_ack(delivery);
}

struct result check_start(
    struct bus *bus, const struct story *story, const struct source *source, struct check **check) {
    struct check *started = calloc(1, sizeof *started);
    if (!started)
        return fail(CODE_LIMIT, "out of memory");
    started->story = story;
    struct receiver receiver = {.on_delivery = on_delivery, .context = started};
    struct result result = bus_subscribe(bus, source, receiver, &started->subscription);
    if (!is_ok(result)) {
        free(started);
        return result;
    }
    *check = started;
    return ok();
}

int check_triggers(const struct check *check) {
    return check->id_count;
}

static bool line(const struct term *term, FILE *out, bool good, const char *text) {
    term_print(term, out, good ? TONE_GOOD : TONE_BAD, "  %s", good ? "ok    " : "FAILED");
    fprintf(out, "  %s\n", text);
    return good;
}

bool check_report(const struct check *check, const struct term *term, FILE *out) {
    const struct story *story = check->story;
    int groups = story->pipeline->group_count, whole = 0, expected = 0;
    char text[160], none[96] = "";
    for (size_t i = 0; i < story->date_count; i++) {
        bool expects = expects_triggers(story, story->dates[i]);
        char date[DATE_TEXT_MAX];
        expected += expects;
        whole += check->last_group[i] == groups;
        if (!expects)
            snprintf(
                none, sizeof none, "none for %s, which had no games", date_format(story->dates[i], date));
    }
    bool good = whole == expected && check->id_count == story->triggers;
    snprintf(text, sizeof text, "%d dates x %d groups = %d triggers came out (expected %d)", whole, groups,
        check->id_count, story->triggers);
    good = line(term, out, good, text);
    snprintf(
        text, sizeof text, "in order 1 to %d on every date (%d out of order)", groups, check->misordered);
    good = line(term, out, check->misordered == 0, text) && good;
    snprintf(text, sizeof text, "no trigger came twice (%d doubled)", check->doubled);
    good = line(term, out, check->doubled == 0, text) && good;
    snprintf(
        text, sizeof text, "%s (%d unexpected)", none[0] ? none : "none for other dates", check->unexpected);
    return line(term, out, check->unexpected == 0, text) && good;
}

void check_free(struct check **check) {
    free(*check);
    *check = NULL;
}
