#include "base/clock.h"
#include "cli/json_output.h"
#include "cli/replay_seek.h"
#include "cli/words.h"

enum { PUBSUB_KEEPS_DAYS = 7 };

static void print_move(const struct seek *seek, const struct seek_move *move, FILE *out) {
    char time[WORDS_TIME_MAX];
    fprintf(out, "%s of %s: ", move->source->subscription, move->source->topic);
    if (move->moved || seek->dry_run)
        fprintf(out, "%s back to %s UTC\n", seek->dry_run ? "would be moved" : "moved",
            words_time(seek->time_ms, time));
    else
        fprintf(out, "not moved: %s\n", move->result.text);
}

void seek_print(const struct seek *seek, FILE *out) {
    bool any = seek->dry_run;
    for (int i = 0; i < seek->pipeline->completion_count; i++) {
        print_move(seek, &seek->moves[i], out);
        any = any || seek->moves[i].moved;
    }
    if (!any)
        return;
    fputs("\neverything published since is received again; what is already recorded does not change\n", out);
    if (seek->pubsub && seek->now_ms - seek->time_ms > (int64_t)PUBSUB_KEEPS_DAYS * 86400000)
        fprintf(out, "Pub/Sub keeps messages for %d days; what is older does not come again\n",
            PUBSUB_KEEPS_DAYS);
    if (seek->pubsub)
        fputs(
            "what was published before that and not handled yet is not delivered any more: with a backlog, "
            "choose an earlier moment\n",
            out);
    if (seek->dry_run)
        fputs("dry run: nothing was moved\n", out);
}

json_t *seek_json(const struct seek *seek) {
    json_t *object = json_object(), *subscriptions = json_array();
    char time[TIMESTAMP_TEXT_MAX];
    for (int i = 0; i < seek->pipeline->completion_count; i++) {
        const struct seek_move *move = &seek->moves[i];
        json_t *one = json_object();
        json_put(&one, "topic", json_text(move->source->topic));
        json_put(&one, "subscription", json_text(move->source->subscription));
        json_put(&one, "moved", json_boolean(move->moved));
        json_put(&one, "reason", json_text(move->moved || seek->dry_run ? NULL : move->result.text));
        json_push(&subscriptions, one);
    }
    json_put(&object, "pipeline", json_text(seek->pipeline->name));
    json_put(&object, "at", json_time(seek->now_ms));
    json_put(&object, "replay", json_text("seek"));
    json_put(&object, "dry_run", json_boolean(seek->dry_run));
    json_put(&object, "seek_to", json_text(timestamp_format(seek->time_ms, time)));
    json_put(&object, "subscriptions", subscriptions);
    return object;
}
