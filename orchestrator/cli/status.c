/*
 * phasegate status: the grid, dates × processors and groups. Without dates it shows the newest that anything
 * is known of; of dates that are asked for, also those that nothing is known of.
 */
#include "base/clock.h"
#include "cli/command.h"
#include "cli/dates.h"
#include "cli/epoch_print.h"
#include "cli/grid.h"
#include "cli/json_output.h"
#include "cli/lookup.h"
#include "cli/outlook.h"
#include "cli/replica_table.h"
#include "cli/words.h"

#include <inttypes.h>

enum { NEWEST_DATES = 20, OPERANDS_MAX = 5000 };

struct status_fields {
    struct date_options dates;
    bool replicas;
};

static const struct option_row rows[] = {
    DATE_OPTION_ROWS(struct status_fields, dates),
    {"replicas", 0, OPTION_FLAG, NULL, offsetof(struct status_fields, replicas),
        "instead: which daemons are alive, and what each did"},
    {0},
};

static struct result choose_dates(
    const struct invocation *call, struct lookup *lookup, game_date **dates, size_t *count) {
    const struct status_fields *fields = call->fields;
    struct result r =
        dates_choose(&fields->dates, call->operands, call->operand_count, lookup->setup.arena, dates, count);
    if (is_ok(r) && *count == 0)
        r = reader_newest(lookup->reader, lookup->pipeline, NEWEST_DATES, lookup->setup.arena, dates, count);
    return r;
}

static json_t *totals_json(const struct grid *grid) {
    int64_t counts[STANDING_COUNT] = {0};
    for (size_t i = 0; i < grid->count; i++)
        counts[outlook_of(grid->pipeline, &grid->states[i]).standing]++;
    json_t *totals = json_object();
    json_put(&totals, "dates", json_integer((json_int_t)grid->count));
    for (int standing = 0; standing < STANDING_COUNT; standing++)
        json_put(&totals, standing_name(standing), json_integer(counts[standing]));
    return totals;
}

static json_t *backfill_json(const struct pipeline *pipeline, const struct backfill_state *backfill) {
    json_t *in_flight = json_array(), *object = json_object();
    for (int g = 0; g < pipeline->group_count; g++)
        json_push(&in_flight, json_integer(backfill->in_flight[g]));
    json_put(&object, "paused_at", json_time(backfill->paused_ms));
    json_put(&object, "waiting", json_integer((json_int_t)backfill->waiting_count));
    json_put(&object, "in_flight", in_flight);
    return object;
}

static json_t *quarantine_json(const struct quarantine_totals *quarantine) {
    json_t *object = json_object();
    json_put(&object, "total", json_integer(quarantine->entries));
    json_put(&object, "bytes", json_integer(quarantine->bytes));
    json_put(&object, "dropped", json_integer(quarantine->dropped));
    json_put(&object, "dropped_for_age", json_integer(quarantine->dropped_for_age));
    return object;
}

static struct result print_json(const struct grid *grid, const struct backfill_state *backfill,
    const struct quarantine_totals *quarantine, const struct epoch_state *epoch, FILE *out) {
    json_t *dates = json_array(), *object = json_object();
    for (size_t i = 0; i < grid->count; i++)
        json_push(&dates, json_date_state(grid->pipeline, &grid->states[i], grid->now_ms));
    json_put(&object, "pipeline", json_text(grid->pipeline->name));
    json_put(&object, "at", json_time(grid->now_ms));
    json_put(&object, "dates", dates);
    json_put(&object, "totals", totals_json(grid));
    json_put(&object, "backfill", backfill_json(grid->pipeline, backfill));
    json_put(&object, "quarantine", quarantine_json(quarantine));
    json_put(&object, "store", epoch_json(grid->pipeline, epoch));
    return json_print(object, out);
}

static void print_quarantine(const struct quarantine_totals *quarantine, const struct term *term, FILE *out) {
    char kept[48];
    if (quarantine->entries + quarantine->dropped == 0)
        return;
    words_count(quarantine->entries, "message", "messages", kept, sizeof kept);
    fprintf(out, "quarantine: %s (phasegate quarantine)", kept);
    if (quarantine->dropped > 0)
        term_print(term, out, TONE_WARN, ", %" PRId64 " older ones were let go", quarantine->dropped);
    fputc('\n', out);
}

static void print_text(const struct grid *grid, const struct backfill_state *backfill,
    const struct quarantine_totals *quarantine, const struct term *term, FILE *out) {
    if (grid->count == 0) {
        fprintf(out, "pipeline %s: nothing was ever received; `phasegate publish` sends a first completion\n",
            grid->pipeline->name);
        print_quarantine(quarantine, term, out);
        return;
    }
    grid_print(grid, term, out);
    fputc('\n', out);
    grid_print_totals(grid, term, out);
    grid_print_legend(term, out);
    grid_print_broken(grid, term, out);
    grid_print_backfill(grid->pipeline, backfill, term, out);
    print_quarantine(quarantine, term, out);
}

static MUST_CHECK struct result run_replicas(const struct invocation *call) {
    struct clock clock = clock_system();
    struct replica_table table;
    struct replica_report *replicas;
    struct lookup lookup;
    struct result r = lookup_open_store(call->common, &lookup);
    if (!is_ok(r))
        return r;
    r = reader_replicas(lookup.reader, lookup.setup.arena, &replicas, &table.count);
    if (is_ok(r)) {
        table.replicas = replicas;
        table.now_ms = clock_now_ms(&clock);
        table.lease_seconds = config_engine(lookup.setup.config)->lease_seconds;
        if (call->common->json)
            r = replica_table_print_json(&table, call->out);
        else
            replica_table_print(&table, &call->term, call->out);
    }
    lookup_close(&lookup);
    return r;
}

static bool all_readable(const struct date_state *states, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (states[i].broken)
            return false;
    return true;
}

static struct result run_grid(const struct invocation *call, bool *answer) {
    struct lookup lookup;
    game_date *dates;
    struct date_state *states;
    struct backfill_state backfill;
    struct quarantine_totals quarantine;
    struct epoch_state epoch;
    size_t count;
    struct result r = lookup_open(call->common, &lookup);
    if (!is_ok(r))
        return r;
    r = choose_dates(call, &lookup, &dates, &count);
    if (is_ok(r))
        r = lookup_dates_apart(&lookup, dates, count, &states);
    if (is_ok(r))
        r = reader_backfill(lookup.reader, lookup.pipeline, lookup.setup.arena, &backfill);
    if (is_ok(r))
        r = reader_quarantine_totals(lookup.reader, lookup.pipeline, &quarantine);
    if (is_ok(r))
        r = reader_epoch(lookup.reader, lookup.pipeline, &epoch);
    if (is_ok(r)) {
        struct clock clock = clock_system();
        const struct grid grid = {lookup.pipeline, states, count, clock_now_ms(&clock)};
        *answer = all_readable(states, count);
        if (call->common->json) {
            r = print_json(&grid, &backfill, &quarantine, &epoch, call->out);
        } else {
            epoch_print(lookup.pipeline, &epoch, &call->term, call->out);
            print_text(&grid, &backfill, &quarantine, &call->term, call->out);
        }
    }
    lookup_close(&lookup);
    return r;
}

static struct result run(const struct invocation *call, bool *answer) {
    const struct status_fields *fields = call->fields;
    if (!fields->replicas)
        return run_grid(call, answer);
    if (fields->dates.start || fields->dates.end || fields->dates.lists.count > 0 || call->operand_count > 0)
        return fail(CODE_INVALID, "--replicas are of all dates: name none with it");
    return run_replicas(call);
}

const struct command status_command = {
    .name = "status",
    .synopsis = "[--start-date DATE --end-date DATE] [--dates A,B,C] [DATE…] | --replicas",
    .summary = "the grid: dates by processors and groups",
    .description =
        "One row per date: the rows that each processor reported, the phase of each group, and what the "
        "date\n"
        "waits for. Without dates: the newest 20 that anything is known of. Dates that are asked for are\n"
        "shown even when nothing was received for them. At most 5,000 dates.\n"
        "\n"
        "--replicas shows, of all pipelines, the daemons that were heard of in the last hour: alive, silent\n"
        "(several heartbeats did not come), or stopped by a signal, and what each did since it was started.\n"
        "\n"
        "A date whose keys in the store are broken has a row of question marks, and below the grid a line "
        "that\n"
        "says which key, what is wrong and what to do.\n"
        "\n"
        "Exit status: 0 however the dates stand; 1 when one of them is broken; 2 wrong usage; 3 when the "
        "store\n"
        "cannot be reached.\n",
    .options = rows,
    .fields_size = sizeof(struct status_fields),
    .operands_max = OPERANDS_MAX,
    .run = run,
};
