/*
 * phasegate demo: the November 2021 story with the real parts. A daemon of its own with an embedded store,
 * `phasegate backfill` of the real files, stand-in Phase 4 processors, and a check that listens on its own.
 */
#include "cli/command.h"
#include "cli/command_line.h"
#include "cli/demo_check.h"
#include "cli/demo_command.h"
#include "cli/demo_daemon.h"
#include "cli/demo_standins.h"
#include "cli/grid.h"
#include "cli/outlook.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct demo_fields {
    bool fast;
    bool keep;
};

static const struct option_row demo_options[] = {
    {"fast", 0, OPTION_FLAG, NULL, offsetof(struct demo_fields, fast), "do not pause for the eye"},
    {"keep", 0, OPTION_FLAG, NULL, offsetof(struct demo_fields, keep), "keep the data directory and its log"},
    {0},
};

enum {
    SETTLE_MS = 60000, /* an act that is not over by then has failed */
    DRAW_MS = 100,
    SHOW_WORK_MS = 500, /* a processor's work, for the eye … */
    FAST_WORK_MS = 10,  /* … and otherwise */
    ARENA_MAX = 16 << 20,
};

struct demo {
    const struct demo_fields *fields;
    struct term term;
    FILE *out;
    bool show; /* a person is watching */
    struct config *config;
    struct arena *arena;   /* the story's */
    struct arena *scratch; /* one look at the store */
    struct story story;
    struct demo_daemon daemon;
    uv_loop_t loop;
    uv_timer_t timer;
    struct log_sink sink;
    struct log log;
    struct bus *bus;
    struct reader *reader;
    struct standins *standins;
    struct check *check;
    int act;
    int steps_under_way; /* subscriptions being made */
    struct result step_result;
    int drawn_lines; /* of the last grid; 0: none on the screen */
    int tally[STANDING_COUNT];
};

/* --- The loop ------------------------------------------------------------------------------------------- */

static void on_time(uv_timer_t *timer) {
    bool *over = timer->data;
    *over = true;
}

static void run_for(struct demo *demo, uint64_t ms) {
    bool over = false;
    demo->timer.data = &over;
    uv_timer_start(&demo->timer, on_time, ms, 0);
    while (!over)
        uv_run(&demo->loop, UV_RUN_ONCE);
}

static void on_step(void *context, struct result result) {
    struct demo *demo = context;
    demo->steps_under_way--;
    if (!is_ok(result))
        demo->step_result = result;
}

static MUST_CHECK struct result finish_steps(struct demo *demo) {
    while (demo->steps_under_way > 0)
        uv_run(&demo->loop, UV_RUN_ONCE);
    return demo->step_result;
}

/* --- Looking at the store ------------------------------------------------------------------------------- */

static MUST_CHECK struct result look(struct demo *demo, struct date_state **states) {
    const struct story *story = &demo->story;
    arena_reset(demo->scratch);
    struct date_state *read = arena_alloc(demo->scratch, story->date_count * sizeof *read);
    if (!read)
        return fail(CODE_LIMIT, "out of memory");
    struct result result =
        reader_dates(demo->reader, story->pipeline, story->dates, story->date_count, demo->scratch, read);
    if (!is_ok(result))
        return result;
    memset(demo->tally, 0, sizeof demo->tally);
    for (size_t i = 0; i < story->date_count; i++)
        demo->tally[outlook_of(story->pipeline, &read[i]).standing]++;
    *states = read;
    return ok();
}

static void draw(struct demo *demo, const struct date_state *states, bool last) {
    struct grid grid = {
        demo->story.pipeline, states, demo->story.date_count, clock_now_ms(&demo->sink.clock)};
    if (!demo->show && !last)
        return;
    if (demo->drawn_lines > 0)
        fprintf(demo->out, "\033[%dA\033[J", demo->drawn_lines);
    grid_print(&grid, &demo->term, demo->out);
    grid_print_totals(&grid, &demo->term, demo->out);
    fflush(demo->out);
    demo->drawn_lines = demo->show && !last ? (int)grid.count + 2 : 0;
}

/* --- An act --------------------------------------------------------------------------------------------- */

static void print_command(const struct demo *demo, const char *const *words) {
    fputs("$", demo->out);
    for (; *words; words++)
        command_line_word(demo->out, *words);
    fputc('\n', demo->out);
}

/* As an operator does it; slowly enough for the eye where there is one. */
static MUST_CHECK struct result backfill(struct demo *demo, const struct act *act) {
    const char *const fast[] = {"phasegate", "backfill", act->file, NULL};
    const char *const slow[] = {"phasegate", "backfill", act->file, "--rate", "40", NULL};
    const char *const *words = demo->show ? slow : fast;
    int status = 0;
    struct result result = demo_daemon_write(&demo->daemon, act->file, act->text);
    if (!is_ok(result))
        return result;
    print_command(demo, words);
    result = demo_command_run(&demo->loop, &demo->daemon, words, demo->out, &status);
    if (is_ok(result) && status != 0)
        result = fail(CODE_INTERNAL, "phasegate backfill ended with status %d", status);
    fputc('\n', demo->out);
    return result;
}

static bool rows_are_recorded(const struct act *act, const struct date_state *state) {
    for (size_t i = 0; i < act->row_count; i++) {
        const struct row_count *row = &act->rows[i];
        const struct record *record = &state->records[row->processor->index];
        if (row->processor->group > 0 || row->date != state->date)
            continue;
        if (record->mark == RECORD_NONE || (row->rows > 0 && record->record_count < row->rows))
            return false;
    }
    return true;
}

/* Is every row of the act recorded, and nobody at work? */
static bool is_settled(const struct demo *demo, const struct act *act, const struct date_state *states) {
    for (size_t i = 0; i < demo->story.date_count; i++)
        if (!rows_are_recorded(act, &states[i]))
            return false;
    return demo->tally[STANDING_RUNNING] == 0;
}

static MUST_CHECK struct result settle(struct demo *demo, const struct act *act) {
    struct date_state *states = NULL;
    bool settled = false;
    struct result result = ok();
    for (int waited = 0; !settled && waited < SETTLE_MS && is_ok(result); waited += DRAW_MS) {
        run_for(demo, DRAW_MS);
        result = look(demo, &states);
        if (!is_ok(result))
            return result;
        settled = is_settled(demo, act, states);
        draw(demo, states, settled);
    }
    if (!settled)
        return fail(CODE_UNAVAILABLE, "the dates have not settled in %d s; the daemon's log: %s",
            SETTLE_MS / 1000, demo->daemon.log);
    return ok();
}

static MUST_CHECK struct result play_act(struct demo *demo, bool *good) {
    const struct act *act = &demo->story.acts[demo->act];
    fputc('\n', demo->out);
    term_print(&demo->term, demo->out, TONE_STRONG, "%d. %s", demo->act + 1, act->title);
    fputs("\n\n", demo->out);
    struct result result = backfill(demo, act);
    if (is_ok(result))
        result = settle(demo, act);
    if (!is_ok(result))
        return result;
    bool as_told = demo->tally[STANDING_DONE] == act->done && demo->tally[STANDING_HELD] == act->held
        && demo->tally[STANDING_NO_GAMES] == act->no_games;
    if (!as_told)
        term_print(&demo->term, demo->out, TONE_BAD, "expected %d done, %d held, %d without games\n",
            act->done, act->held, act->no_games);
    *good = *good && as_told;
    return ok();
}

/* --- The whole ------------------------------------------------------------------------------------------ */

static const char *no_environment(const char *name) {
    (void)name;
    return NULL;
}

static MUST_CHECK struct result prepare_story(struct demo *demo) {
    demo->arena = arena_new(ARENA_MAX);
    demo->scratch = arena_new(ARENA_MAX);
    if (!demo->arena || !demo->scratch)
        return fail(CODE_INTERNAL, "out of memory");
    struct result result = config_parse("built-in configuration", config_default_yaml,
        strlen(config_default_yaml), no_environment, &demo->config);
    if (is_ok(result))
        result = story_read(demo->config, demo->arena, &demo->story);
    return result;
}

/* Two subscriptions to the triggers: one for the processors, one for the check. */
static MUST_CHECK struct result listen_to_triggers(struct demo *demo) {
    const char *topic = demo->story.pipeline->triggers.topic;
    struct source processors = {topic, "demo-processors"}, check = {topic, "demo-check"};
    demo->steps_under_way += 2;
    bus_create(demo->bus, &processors, on_step, demo);
    bus_create(demo->bus, &check, on_step, demo);
    struct result result = finish_steps(demo);
    if (is_ok(result))
        result = standins_start(&demo->loop, demo->bus, &demo->story, &processors,
            demo->show ? SHOW_WORK_MS : FAST_WORK_MS, &demo->standins);
    if (is_ok(result))
        result = check_start(demo->bus, &demo->story, &check, &demo->check);
    return result;
}

static MUST_CHECK struct result connect_all(struct demo *demo) {
    struct redis_settings redis = {.path = demo->daemon.socket};
    struct streams_settings streams = {.redis = &redis};
    struct result result = bus_open_streams(&demo->loop, &streams, &demo->log, &demo->bus);
    if (is_ok(result))
        result = reader_open(&redis, &demo->reader);
    if (is_ok(result))
        result = listen_to_triggers(demo);
    return result;
}

static MUST_CHECK struct result play(struct demo *demo, bool *good) {
    term_print(&demo->term, demo->out, TONE_STRONG, "%s", demo->story.title);
    fputc('\n', demo->out);
    grid_print_legend(&demo->term, demo->out);
    struct result result = demo_daemon_start(&demo->daemon);
    if (is_ok(result))
        fprintf(demo->out, "\nThe daemon runs, and the commands below do, in %s\n", demo->daemon.directory);
    if (is_ok(result))
        result = connect_all(demo);
    for (demo->act = 0; demo->act < demo->story.act_count && is_ok(result); demo->act++)
        result = play_act(demo, good);
    if (!is_ok(result))
        return result;
    fputs("\nChecked on the trigger topic:\n", demo->out);
    *good = check_report(demo->check, &demo->term, demo->out) && *good;
    return ok();
}

static void disconnect(struct demo *demo) {
    if (demo->standins)
        standins_stop(demo->standins);
    if (demo->bus)
        bus_close(demo->bus, NULL, NULL);
    uv_close((uv_handle_t *)&demo->timer, NULL);
    uv_run(&demo->loop, UV_RUN_DEFAULT);
    uv_loop_close(&demo->loop);
    reader_close(&demo->reader);
    standins_free(&demo->standins);
    check_free(&demo->check);
}

static MUST_CHECK struct result play_and_clean(struct demo *demo, bool *good) {
    uv_loop_init(&demo->loop);
    uv_timer_init(&demo->loop, &demo->timer);
    struct result result = play(demo, good);
    disconnect(demo);
    struct result stopped = demo_daemon_stop(&demo->daemon);
    if (is_ok(result))
        result = stopped;
    if (demo->fields->keep || !is_ok(result) || !*good)
        fprintf(demo->out, "\nThe data directory is kept: %s\n", demo->daemon.directory);
    else
        demo_daemon_clean(&demo->daemon);
    return result;
}

static struct result run_demo(const struct invocation *call, bool *answer) {
    struct demo demo = {.fields = call->fields, .term = call->term, .out = call->out};
    demo.show = !demo.fields->fast && isatty(fileno(call->out));
    demo.sink = (struct log_sink){
        .fd = STDERR_FILENO, .format = LOG_FORMAT_TEXT, .least = LOG_WARNING, .clock = clock_system()};
    demo.log = log_root(&demo.sink);
    struct result result = prepare_story(&demo);
    if (is_ok(result))
        result = play_and_clean(&demo, answer);
    config_free(&demo.config);
    arena_free(&demo.scratch);
    arena_free(&demo.arena);
    return result;
}

const struct command demo_command = {
    .name = "demo",
    .synopsis = "[--fast] [--keep]",
    .summary = "the November 2021 story, live in a terminal",
    .description =
        "Plays what really happened, with the real parts: starts a daemon with an embedded store in a\n"
        "temporary directory, runs `phasegate backfill` with the real file of Phase 3's row counts, then "
        "with\n"
        "those of the two repairs, while stand-in Phase 4 processors answer the triggers. The commands run "
        "in\n"
        "that directory, with PHASEGATE_DATA set to it. An own listener on the trigger topic checks what "
        "came\n"
        "out. Exit status 1 if anything is not as it must be.\n",
    .options = demo_options,
    .fields_size = sizeof(struct demo_fields),
    .run = run_demo,
};
