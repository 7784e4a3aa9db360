#include "state/trouble.h"

#include <stdio.h>
#include <string.h>

/* What a Cluster says while it moves a slot is no trouble: it passes by itself. */
static bool is_passing(const char *word) {
    return strcmp(word, "MOVED") == 0 || strcmp(word, "ASK") == 0 || strcmp(word, "TRYAGAIN") == 0;
}

void trouble_note(struct trouble *trouble, const struct log *log, bool proves_room, const redisReply *reply) {
    struct result result = redis_reply_result(reply);
    if (is_ok(result) && trouble->word[0] && proves_room) {
        log_notice(log, "Redis does what it is asked again (it had said %s)", trouble->word);
        trouble->word[0] = '\0';
    }
    if (!reply || is_ok(result) || !result.retryable)
        return;
    char word[TROUBLE_WORD_MAX];
    snprintf(word, sizeof word, "%.*s", (int)strcspn(reply->str, " "), reply->str);
    if (strcmp(word, trouble->word) == 0 || is_passing(word))
        return;
    strcpy(trouble->word, word);
    log_error(log,
        "Redis does not do what it is asked. Nothing is lost: completions are not acked, triggers stay in "
        "the "
        "outbox, and all is tried again until it does: %s",
        result.text);
}
