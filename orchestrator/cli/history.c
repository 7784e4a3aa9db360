/* phasegate history: everything that happened to a date, oldest first. */
#include "cli/command.h"
#include "cli/dates.h"
#include "cli/history_table.h"
#include "cli/json_output.h"
#include "cli/lookup.h"

static struct result run(const struct invocation *call, bool *answer) {
    struct history history = {.term = &call->term};
    struct history_entry *entries;
    struct lookup lookup;
    struct result r = dates_one(call->operands[0], &history.date);
    if (is_ok(r))
        r = lookup_open(call->common, &lookup);
    if (!is_ok(r))
        return r;
    history.pipeline = lookup.pipeline;
    r = reader_history(lookup.reader, lookup.pipeline, history.date, lookup.setup.arena, &entries,
        &history.count, &history.dropped);
    if (is_ok(r)) {
        history.entries = entries;
        *answer = history.count > 0;
        if (call->common->json)
            r = json_print(history_json(&history), call->out);
        else
            history_print(&history, call->out);
    }
    lookup_close(&lookup);
    return r;
}

const struct command history_command = {
    .name = "history",
    .synopsis = "DATE",
    .summary = "everything that happened to a date",
    .description =
        "Every completion that came and what became of it, every step of every group, re-runs and the runs\n"
        "that they opened, stalls and replays, oldest first. What changed nothing (duplicate, late, "
        "premature,\n"
        "of another run) is dim. The store keeps the newest of a date; how many older ones are gone is said\n"
        "above the table.\n"
        "\n"
        "Exit status: 0; 1 when nothing was ever received for the date; 2 wrong usage; 3 when the store\n"
        "cannot be reached.\n",
    .operands_min = 1,
    .operands_max = 1,
    .run = run,
};
