/*
 * What a backfill is asked for, by its options and operands: dates, or a file of row counts, and which
 * processors.
 */
#include "cli/backfill.h"

#include <errno.h>
#include <string.h>

enum { FILE_BYTES_MAX = 16 << 20 };

/* --- Processors ----------------------------------------------------------------------------------------- */

static MUST_CHECK struct result unknown_processor(const struct pipeline *pipeline, const char *name) {
    const char *nearest = pipeline_nearest(pipeline, name);
    return fail(CODE_INVALID, "--processors: pipeline %s has no processor \"%.60s\"%s%s%s", pipeline->name,
        name, nearest ? "; did you mean " : "", nearest ? nearest : "", nearest ? "?" : "");
}

/* "a,b,c" */
static MUST_CHECK struct result add_processors(
    const struct pipeline *pipeline, const char *list, struct arena *arena, processor_set *set) {
    for (const char *item = list;; item++) {
        size_t length = strcspn(item, ",");
        const char *name = arena_strndup(arena, item, length);
        const struct processor *processor = name ? pipeline_resolve(pipeline, name, NULL) : NULL;
        if (!name)
            return fail(CODE_INTERNAL, "out of memory");
        if (!processor)
            return unknown_processor(pipeline, name);
        *set |= (processor_set)1 << processor->index;
        item += length;
        if (*item == '\0')
            return ok();
    }
}

static MUST_CHECK struct result choose_processors(const struct backfill_fields *fields,
    const struct pipeline *pipeline, struct arena *arena, processor_set *processors) {
    processor_set set = 0;
    if (fields->phase4 && fields->processors.count > 0)
        return fail(CODE_INVALID,
            "--phase4 adds to the processors before the groups; with --processors, name "
            "all that you mean");
    for (size_t i = 0; i < fields->processors.count; i++) {
        struct result r = add_processors(pipeline, fields->processors.items[i], arena, &set);
        if (!is_ok(r))
            return r;
    }
    if (fields->processors.count == 0)
        set = pipeline->upstream;
    for (int g = 0; fields->phase4 && g < pipeline->group_count; g++)
        set |= pipeline->groups[g].members;
    *processors = set;
    return ok();
}

/* --- Operands: dates, or one file ----------------------------------------------------------------------- */

static bool looks_like_dates(const char *operand) {
    return strcmp(operand, "-") != 0 && operand[strspn(operand, "0123456789,-")] == '\0';
}

static MUST_CHECK struct result find_file(const struct invocation *call, const char **file, int *date_count) {
    const struct backfill_fields *fields = call->fields;
    const char *found = fields->file;
    int dates = 0;
    for (int i = 0; i < call->operand_count; i++) {
        if (looks_like_dates(call->operands[i])) {
            if (dates < i)
                return fail(CODE_INVALID, "dates come before the file: %s", call->operands[i]);
            dates++;
        } else if (found) {
            return fail(
                CODE_INVALID, "%s and %s: one file of row counts goes at a time", found, call->operands[i]);
        } else {
            found = call->operands[i];
        }
    }
    *file = found;
    *date_count = dates;
    return ok();
}

/* --- The file ------------------------------------------------------------------------------------------- */

static MUST_CHECK struct result read_text(
    FILE *stream, const char *name, struct arena *arena, const char **text) {
    char *bytes = arena_alloc(arena, FILE_BYTES_MAX + 1);
    if (!bytes)
        return fail(CODE_INTERNAL, "out of memory");
    size_t size = fread(bytes, 1, FILE_BYTES_MAX, stream);
    if (ferror(stream))
        return fail(CODE_INVALID, "%s cannot be read: %s", name, strerror(errno));
    if (size == FILE_BYTES_MAX)
        return fail(CODE_LIMIT, "%s is larger than %d MiB; split it", name, FILE_BYTES_MAX >> 20);
    bytes[size] = '\0';
    if (strlen(bytes) != size)
        return fail(CODE_INVALID, "%s is no CSV file: it has a NUL byte", name);
    *text = bytes;
    return ok();
}

static MUST_CHECK struct result read_counts(const char *file, const struct pipeline *pipeline,
    struct arena *arena, struct row_count **counts, size_t *count) {
    bool standard_input = strcmp(file, "-") == 0;
    const char *name = standard_input ? "standard input" : file, *text = NULL;
    FILE *stream = standard_input ? stdin : fopen(file, "re");
    if (!stream)
        return fail(CODE_INVALID, "%.200s is neither a date (YYYY-MM-DD) nor a file that can be opened: %s",
            file, strerror(errno));
    struct result r = read_text(stream, name, arena, &text);
    if (!standard_input)
        fclose(stream);
    return is_ok(r) ? row_counts_parse(pipeline, name, text, arena, counts, count) : r;
}

/* --- The plan ------------------------------------------------------------------------------------------- */

static MUST_CHECK struct result plan_of_dates(const struct setup *setup, struct backfill_plan *plan,
    const game_date *dates, size_t count, processor_set processors) {
    struct game_calendar *calendar;
    struct result r = setup_calendar(setup, plan->pipeline, &calendar);
    if (!is_ok(r))
        return r;
    r = backfill_plan_dates(plan, dates, count, processors, calendar, setup->arena);
    game_calendar_free(&calendar);
    return r;
}

static MUST_CHECK struct result plan_of_file(const struct setup *setup, struct backfill_plan *plan,
    const char *file, const game_date *dates, size_t date_count, processor_set processors) {
    struct row_count *counts;
    size_t count;
    struct result r = read_counts(file, plan->pipeline, setup->arena, &counts, &count);
    if (is_ok(r))
        r = fail_within(
            backfill_plan_counts(plan, counts, count, processors, dates, date_count, setup->arena), "%s",
            file);
    return r;
}

struct result backfill_input(
    const struct invocation *call, const struct setup *setup, struct backfill_plan *plan) {
    const struct backfill_fields *fields = call->fields;
    processor_set processors = 0;
    const char *file = NULL;
    game_date *dates;
    size_t count;
    int date_operands = 0;
    struct result r = choose_processors(fields, plan->pipeline, setup->arena, &processors);
    if (is_ok(r))
        r = find_file(call, &file, &date_operands);
    if (is_ok(r))
        r = dates_choose(&fields->dates, call->operands, date_operands, setup->arena, &dates, &count);
    if (!is_ok(r))
        return r;
    if (!file && count == 0)
        return fail(CODE_INVALID,
            "nothing is chosen: name dates (--start-date and --end-date, --dates, or "
            "operands), or a file of row counts");
    return file ? plan_of_file(setup, plan, file, dates, count, processors)
                : plan_of_dates(setup, plan, dates, count, processors);
}
