/*
 * Short stories about the store: a date of the nba pipeline, a clock that moves a second with each event, and
 * completions that differ only in what the story is about. What is not said of a completion is what a healthy
 * processor sends: success with 10 rows, live, a new execution, just now.
 */
#ifndef PHASEGATE_TESTS_SUPPORT_SCENE_H
#define PHASEGATE_TESTS_SUPPORT_SCENE_H

#include "support/nba.h"
#include "support/store_harness.h"

/* 2021-11-17, and the time at which a scene begins: 2025-12-04 18:00:00 UTC. */
#define SCENE_DATE ((game_date)18948)
#define SCENE_MS ((int64_t)1764871200000)

struct scene {
    struct store_harness *harness;
    const struct pipeline *pipeline;
    game_date date;
    int64_t now_ms;
    int executions;
};

/* On an open harness, which the scene does not own. */
struct scene scene_on(struct store_harness *harness);

/*
 * cmocka's set-ups and tear-down; *state is the scene, with a harness of its own. One at a time. start_scene
 * has a server and no store yet; empty_scene begins anew on the server that is there.
 */
int start_scene(void **state);
int open_scene(void **state);
int open_scene_over(void **state, struct redis_server_options options);
int empty_scene(void **state);
int close_scene(void **state);

/* A healthy completion of now. */
struct completion healthy(struct scene *scene, int processor);

/* Applies it, a second later. */
struct applied_copy tell(struct scene *scene, struct completion completion);

/* Healthy completions: of one processor; of Phase 3, which gives the last answer. */
struct applied_copy complete(struct scene *scene, int processor);
struct applied_copy complete_phase3(struct scene *scene);

/* A failed one. */
struct applied_copy break_down(struct scene *scene, int processor);

/* The bus confirms a group's trigger, as the message "m<group>", from run 2 on "m<group>.<run>". */
void confirm(struct scene *scene, int group);

/* Healthy completions, and confirmations, up to where the group has been triggered; past the last: all. */
void run_to(struct scene *scene, int group);

/* Time passes; then what is due for the date is done. */
struct ticked_copy tick_after(struct scene *scene, int seconds);

/* The same without waiting. */
struct replayed_copy replay(struct scene *scene, enum replay mode, int from_group);

const struct date_state *state_of(struct scene *scene);
enum group_phase phase_of(struct scene *scene, int group);

/* The trigger that is due is exactly this one, "g2/r1"; and none is. Both look at the outbox as well. */
void check_due(struct scene *scene, const struct applied_copy *applied, const char *expected);
void check_not_due(const struct applied_copy *applied);

#endif
