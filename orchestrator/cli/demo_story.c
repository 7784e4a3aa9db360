#include "cli/demo_story.h"

#include <jansson.h>
#include <string.h>

extern const char demo_story_json[];
extern const char demo_nov2021_row_counts[];
extern const char demo_nov2021_repair_teams[];
extern const char demo_nov2021_repair_players[];

static const struct {
    const char *name;
    const char *text;
} files[] = {
    {"nov2021_row_counts.csv", demo_nov2021_row_counts},
    {"nov2021_repair_teams.csv", demo_nov2021_repair_teams},
    {"nov2021_repair_players.csv", demo_nov2021_repair_players},
};

/* NULL when there is none of that name. */
static const char *text_of(const char *name) {
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        if (strcmp(files[i].name, name) == 0)
            return files[i].text;
    return NULL;
}

static MUST_CHECK struct result read_rows(const struct story *story, const char *name, struct arena *arena,
    const struct row_count **rows, size_t *count) {
    struct row_count *read;
    const char *text = text_of(name);
    if (!text)
        return fail(CODE_NOT_FOUND, "there is no file %s in the demo", name);
    struct result result = row_counts_parse(story->pipeline, name, text, arena, &read, count);
    if (is_ok(result))
        *rows = read;
    return result;
}

static MUST_CHECK struct result read_act(struct story *story, json_t *from, struct arena *arena) {
    struct act *act = &story->acts[story->act_count];
    const char *title, *rows;
    json_error_t error;
    if (json_unpack_ex(from, &error, 0, "{s:s, s:s, s:i, s:i, s:i}", "title", &title, "rows", &rows, "done",
            &act->done, "held", &act->held, "no_games", &act->no_games)
        != 0)
        return fail(CODE_INVALID, "act %d: %s", story->act_count + 1, error.text);
    act->title = arena_strdup(arena, title);
    act->file = arena_strdup(arena, rows);
    act->text = text_of(rows);
    story->act_count++;
    return act->title && act->file ? read_rows(story, rows, arena, &act->rows, &act->row_count)
                                   : fail(CODE_LIMIT, "out of memory");
}

static void collect_dates(struct story *story) {
    for (size_t i = 0; i < story->acts[0].row_count && story->date_count < STORY_DATES_MAX; i++) {
        game_date date = story->acts[0].rows[i].date;
        if (story->date_count == 0 || story->dates[story->date_count - 1] != date)
            story->dates[story->date_count++] = date;
    }
}

static MUST_CHECK struct result read_story(
    const struct config *config, json_t *json, struct arena *arena, struct story *story) {
    const char *pipeline, *title, *answers, *else_like;
    json_t *acts, *act;
    size_t index;
    json_error_t error;
    if (json_unpack_ex(json, &error, 0, "{s:s, s:s, s:s, s:s, s:i, s:o}", "pipeline", &pipeline, "title",
            &title, "answers", &answers, "answers_else_like", &else_like, "triggers", &story->triggers,
            "acts", &acts)
        != 0)
        return fail(CODE_INVALID, "%s", error.text);
    struct result result = config_pipeline(config, pipeline, &story->pipeline);
    if (is_ok(result))
        result = read_rows(story, answers, arena, &story->answers, &story->answer_count);
    if (is_ok(result)) {
        story->answers_else_like = pipeline_processor(story->pipeline, else_like);
        if (!story->answers_else_like)
            result = fail(CODE_INVALID, "answers_else_like: there is no processor %s", else_like);
    }
    json_array_foreach(acts, index, act) {
        if (is_ok(result) && index < STORY_ACTS_MAX)
            result = read_act(story, act, arena);
    }
    story->title = arena_strdup(arena, title);
    if (is_ok(result))
        collect_dates(story);
    return result;
}

struct result story_read(const struct config *config, struct arena *arena, struct story *story) {
    json_error_t error;
    json_t *json = json_loads(demo_story_json, 0, &error);
    if (!json)
        return fail(CODE_INVALID, "story.json:%d: %s", error.line, error.text);
    struct story read = {0};
    struct result result = read_story(config, json, arena, &read);
    json_decref(json);
    if (is_ok(result))
        *story = read;
    return fail_within(result, "the demo's story");
}

static int64_t rows_of(const struct story *story, const struct processor *processor, game_date date) {
    for (size_t i = 0; i < story->answer_count; i++) {
        if (story->answers[i].processor == processor && story->answers[i].date == date)
            return story->answers[i].rows;
    }
    return 0;
}

int64_t story_answer(const struct story *story, const struct processor *processor, game_date date) {
    int64_t rows = rows_of(story, processor, date);
    return rows > 0 ? rows : rows_of(story, story->answers_else_like, date);
}
