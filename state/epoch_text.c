#include "state/epoch_text.h"

#include "base/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *const names[] = {
    [FORGOTTEN_NOTHING] = "nothing",
    [FORGOTTEN_EMPTY] = "empty",
    [FORGOTTEN_OLDER] = "older",
    [FORGOTTEN_OTHER] = "other",
    [FORGOTTEN_MONTHS] = "months",
};

const char *forgotten_name(enum forgotten what) {
    return names[what];
}

enum forgotten forgotten_parse(const char *word) {
    for (enum forgotten what = FORGOTTEN_EMPTY; word && what <= FORGOTTEN_MONTHS; what++)
        if (strcmp(word, names[what]) == 0)
            return what;
    return FORGOTTEN_NOTHING;
}

_Static_assert(sizeof((struct lost_epoch *)0)->months == 1920, "the width in lost_epoch_parse");

struct lost_epoch lost_epoch_parse(const char *text) {
    struct lost_epoch lost = {0};
    char word[16];
    if (!text
        || sscanf(text, "%15s %" SCNd64 " %" SCNd64 " %" SCNd64 " %1919[0-9,-]", word, &lost.since_ms,
               &lost.noticed_ms, &lost.seek_ms, lost.months)
            < 4)
        return (struct lost_epoch){0};
    lost.what = forgotten_parse(word);
    return lost.what ? lost : (struct lost_epoch){0};
}

enum { NAMED_MONTHS = 6, WORDS_MAX = 160 };

size_t lost_epoch_months(const struct lost_epoch *lost) {
    size_t count = lost->months[0] != '\0';
    for (const char *c = lost->months; *c; c++)
        count += *c == ',';
    return count;
}

/* "of its months 2021-11, 2021-12 and 3 more came back …" */
static void months_in_words(const struct lost_epoch *lost, char text[WORDS_MAX]) {
    size_t count = lost_epoch_months(lost), named = count < NAMED_MONTHS ? count : NAMED_MONTHS;
    size_t used = (size_t)snprintf(text, WORDS_MAX, "lost what was in");
    for (size_t i = 0; i < named; i++)
        used += (size_t)snprintf(
            text + used, WORDS_MAX - used, "%s %.7s", i > 0 ? "," : "", lost->months + i * MONTH_TEXT_MAX);
    if (count > named)
        used += (size_t)snprintf(text + used, WORDS_MAX - used, " and %zu more months", count - named);
    snprintf(text + used, WORDS_MAX - used, ", or some of it (did a node of the Cluster come back?)");
}

static const char *in_words(const struct lost_epoch *lost, char text[WORDS_MAX]) {
    static const char *const words[] = {
        [FORGOTTEN_NOTHING] = "is complete",
        [FORGOTTEN_EMPTY] = "came back empty",
        [FORGOTTEN_OLDER] = "came back as it was before",
        [FORGOTTEN_OTHER] = "is another one, or was emptied",
    };
    if (lost->what != FORGOTTEN_MONTHS)
        return words[lost->what];
    months_in_words(lost, text);
    return text;
}

/* The clocks of those who publish and those who store differ, and messages wait in between. */
enum { SEEK_MARGIN_MS = 60000 };

char *lost_epoch_command(
    const struct pipeline *pipeline, const struct lost_epoch *lost, char text[LOST_EPOCH_COMMAND_MAX]) {
    char seek[TIMESTAMP_TEXT_MAX] = "7d";
    if (lost->seek_ms > SEEK_MARGIN_MS)
        timestamp_format(lost->seek_ms - SEEK_MARGIN_MS, seek);
    snprintf(text, LOST_EPOCH_COMMAND_MAX, "phasegate replay --pipeline %s --seek %s --rebuild",
        pipeline->name, seek);
    return text;
}

char *lost_epoch_describe(
    const struct pipeline *pipeline, const struct lost_epoch *lost, char text[LOST_EPOCH_TEXT_MAX]) {
    char words[WORDS_MAX], since[TIMESTAMP_TEXT_MAX], command[LOST_EPOCH_COMMAND_MAX];
    snprintf(text, LOST_EPOCH_TEXT_MAX,
        "the store has forgotten: it %s; what it knew was last seen at %s. To rebuild that from the messages "
        "that the bus still has: %s",
        in_words(lost, words), timestamp_format(lost->since_ms, since),
        lost_epoch_command(pipeline, lost, command));
    return text;
}
