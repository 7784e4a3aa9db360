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
};

const char *forgotten_name(enum forgotten what) {
    return names[what];
}

enum forgotten forgotten_parse(const char *word) {
    for (enum forgotten what = FORGOTTEN_EMPTY; word && what <= FORGOTTEN_OTHER; what++)
        if (strcmp(word, names[what]) == 0)
            return what;
    return FORGOTTEN_NOTHING;
}

struct lost_epoch lost_epoch_parse(const char *text) {
    struct lost_epoch lost;
    char word[16];
    if (!text
        || sscanf(text, "%15s %" SCNd64 " %" SCNd64 " %" SCNd64, word, &lost.since_ms, &lost.noticed_ms,
               &lost.seek_ms)
            != 4)
        return (struct lost_epoch){0};
    lost.what = forgotten_parse(word);
    return lost.what ? lost : (struct lost_epoch){0};
}

static const char *in_words(enum forgotten what) {
    static const char *const words[] = {
        [FORGOTTEN_NOTHING] = "is complete",
        [FORGOTTEN_EMPTY] = "came back empty",
        [FORGOTTEN_OLDER] = "came back as it was before",
        [FORGOTTEN_OTHER] = "is another one, or was emptied",
    };
    return words[what];
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
    char since[TIMESTAMP_TEXT_MAX], command[LOST_EPOCH_COMMAND_MAX];
    snprintf(text, LOST_EPOCH_TEXT_MAX,
        "the store has forgotten: it %s; what it knew was last seen at %s. To rebuild that from the messages "
        "that the bus still has: %s",
        in_words(lost->what), timestamp_format(lost->since_ms, since),
        lost_epoch_command(pipeline, lost, command));
    return text;
}
