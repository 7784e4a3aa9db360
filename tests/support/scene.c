#include "support/scene.h"

#include "support/check.h"

#include <stdio.h>
#include <string.h>

enum { SECOND_MS = 1000, HEALTHY_ROWS = 10 };

struct scene scene_on(struct store_harness *harness) {
    return (struct scene){
        .harness = harness, .pipeline = nba_pipeline(), .date = SCENE_DATE, .now_ms = SCENE_MS};
}

/* The scene is there before what may fail: the tear-down follows in any case. */
static struct scene *start_over(void **state, struct redis_server_options options) {
    static struct scene scene;
    scene.harness = NULL;
    *state = &scene;
    scene = scene_on(harness_start(options));
    return &scene;
}

int start_scene(void **state) {
    start_over(state, (struct redis_server_options){0});
    return 0;
}

int open_scene_over(void **state, struct redis_server_options options) {
    harness_connect(start_over(state, options)->harness);
    return 0;
}

int open_scene(void **state) {
    return open_scene_over(state, (struct redis_server_options){0});
}

int empty_scene(void **state) {
    struct scene *scene = *state;
    harness_reset(scene->harness);
    harness_forget(scene->harness);
    *scene = scene_on(scene->harness);
    return 0;
}

int close_scene(void **state) {
    struct scene *scene = *state;
    harness_close(&scene->harness);
    return 0;
}

struct completion healthy(struct scene *scene, int processor) {
    const char *execution = arena_printf(scene->harness->arena, "execution-%d", ++scene->executions);
    if (!execution)
        fail_msg("the harness' arena is full");
    return (struct completion){
        .processor = &scene->pipeline->processors[processor],
        .date = scene->date,
        .status = STATUS_SUCCESS,
        .record_count = HEALTHY_ROWS,
        .timestamp_ms = scene->now_ms,
        .execution_id = execution,
    };
}

struct applied_copy tell(struct scene *scene, struct completion completion) {
    scene->now_ms += SECOND_MS;
    return harness_apply(scene->harness, scene->pipeline, &completion, scene->now_ms);
}

struct applied_copy complete(struct scene *scene, int processor) {
    return tell(scene, healthy(scene, processor));
}

struct applied_copy complete_phase3(struct scene *scene) {
    for (int processor = PGS; processor < TDGS; processor++)
        complete(scene, processor);
    return complete(scene, TDGS);
}

struct applied_copy break_down(struct scene *scene, int processor) {
    struct completion completion = healthy(scene, processor);
    completion.status = STATUS_FAILED;
    completion.record_count = 0;
    completion.error_message = "quota exceeded";
    return tell(scene, completion);
}

void confirm(struct scene *scene, int group) {
    struct trigger trigger = {
        .date = scene->date, .group = group, .run = state_of(scene)->groups[group - 1].run};
    const char *message =
        arena_printf(scene->harness->arena, trigger.run > 1 ? "m%d.%d" : "m%d", group, trigger.run);
    scene->now_ms += SECOND_MS;
    harness_confirm(scene->harness, scene->pipeline, &trigger, message, scene->now_ms);
}

void run_to(struct scene *scene, int group) {
    complete_phase3(scene);
    for (int g = 1; g <= group && g <= scene->pipeline->group_count; g++) {
        confirm(scene, g);
        for (int i = 0; i < scene->pipeline->processor_count && g < group; i++)
            if (scene->pipeline->processors[i].group == g)
                complete(scene, i);
    }
}

struct ticked_copy tick_after(struct scene *scene, int seconds) {
    scene->now_ms += (int64_t)seconds * SECOND_MS;
    return harness_tick(scene->harness, scene->pipeline, scene->date, scene->now_ms);
}

struct replayed_copy replay(struct scene *scene, enum replay mode, int from_group) {
    return harness_replay(scene->harness, scene->pipeline, scene->date, mode, from_group, scene->now_ms);
}

const struct date_state *state_of(struct scene *scene) {
    return harness_date(scene->harness, scene->pipeline, scene->date);
}

enum group_phase phase_of(struct scene *scene, int group) {
    return state_of(scene)->groups[group - 1].phase;
}

void check_due(struct scene *scene, const struct applied_copy *applied, const char *expected) {
    char field[64], date[DATE_TEXT_MAX];
    const struct trigger *triggers = NULL;
    snprintf(field, sizeof field, "%s/%s", date_format(scene->date, date), expected);
    if (!applied->field)
        fail_msg("no trigger is due, expected %s", field);
    if (strcmp(applied->field, field) != 0)
        fail_msg("%s is due, expected %s", applied->field, field);
    size_t count = harness_outbox(scene->harness, scene->pipeline, &triggers), found = 0;
    for (size_t i = 0; i < count; i++)
        found += triggers[i].date == applied->trigger.date && triggers[i].group == applied->trigger.group;
    if (found != 1)
        fail_msg("%s is in the outbox %zu times", field, found);
}

void check_not_due(const struct applied_copy *applied) {
    if (applied->field)
        fail_msg("%s is due, expected none", applied->field);
}
