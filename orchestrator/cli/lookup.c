#include "cli/lookup.h"

static MUST_CHECK struct result open_lookup(
    const struct common_options *options, bool of_pipeline, struct lookup *lookup) {
    struct lookup opened = {0};
    struct redis_settings settings;
    struct result r = setup_load(options, &opened.setup);
    if (!is_ok(r))
        return r;
    if (of_pipeline)
        r = setup_pipeline(&opened.setup, &opened.pipeline);
    if (is_ok(r))
        r = setup_redis(&opened.setup, &settings);
    if (is_ok(r))
        r = setup_explain(&opened.setup, reader_open(&settings, &opened.reader));
    if (!is_ok(r)) {
        lookup_close(&opened);
        return r;
    }
    *lookup = opened;
    return ok();
}

struct result lookup_open(const struct common_options *options, struct lookup *lookup) {
    return open_lookup(options, true, lookup);
}

struct result lookup_open_store(const struct common_options *options, struct lookup *lookup) {
    return open_lookup(options, false, lookup);
}

void lookup_close(struct lookup *lookup) {
    reader_close(&lookup->reader);
    setup_close(&lookup->setup);
}

typedef struct result read_fn(struct reader *reader, const struct pipeline *pipeline, const game_date *dates,
    size_t count, struct arena *arena, struct date_state *states);

static MUST_CHECK struct result read_dates(
    read_fn *read, struct lookup *lookup, const game_date *dates, size_t count, struct date_state **states) {
    struct date_state *made = arena_alloc(lookup->setup.arena, (count + 1) * sizeof *made);
    if (!made)
        return fail(CODE_INTERNAL, "out of memory");
    struct result r = read(lookup->reader, lookup->pipeline, dates, count, lookup->setup.arena, made);
    if (is_ok(r))
        *states = made;
    return r;
}

struct result lookup_dates(
    struct lookup *lookup, const game_date *dates, size_t count, struct date_state **states) {
    return read_dates(reader_dates, lookup, dates, count, states);
}

struct result lookup_dates_apart(
    struct lookup *lookup, const game_date *dates, size_t count, struct date_state **states) {
    return read_dates(reader_dates_apart, lookup, dates, count, states);
}
