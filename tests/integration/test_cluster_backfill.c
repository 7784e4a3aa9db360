/*
 * Backfill on a Redis Cluster whose oldest months lie on a node that is gone for good: they are first in line
 * for their slots, and the dates of all other months go through nevertheless.
 */
#include "support/check.h"
#include "support/redis_cluster.h"
#include "support/system.h"

#include <stdio.h>
#include <stdlib.h>

enum { DATES = 150, PROCESSORS = 5, GROUPS = 4 };

struct fixture {
    struct redis_test_cluster *cluster;
    struct arena *arena;
    struct redis_settings settings;
    struct system system;
    int dead;
    size_t wanted;
};

static int node_of(const struct fixture *fixture, const char *tag) {
    return redis_cluster_master(fixture->cluster, redis_cluster_slot(fixture->cluster, tag));
}

static bool is_on_dead_node(const struct fixture *fixture, game_date date) {
    char month[MONTH_TEXT_MAX], tag[32];
    snprintf(tag, sizeof tag, "{nba:%s}", month_format(date, month));
    return node_of(fixture, tag) == fixture->dead;
}

static void pause_backfill(struct fixture *fixture, bool paused) {
    struct redis_server *home = redis_cluster_server(fixture->cluster, node_of(fixture, "{nba}"));
    redis_server_do(home, paused ? "HSET pg:{nba}:backfill paused 1" : "HDEL pg:{nba}:backfill paused");
}

static void open_fixture(struct fixture *fixture) {
    fixture->cluster = redis_cluster_start((struct redis_cluster_options){0});
    for (int i = 0; i < REDIS_CLUSTER_SERVERS; i++)
        redis_server_do(
            redis_cluster_server(fixture->cluster, i), "CONFIG SET cluster-require-full-coverage no");
    check_ok(redis_settings_parse(redis_cluster_url(fixture->cluster), fixture->arena, &fixture->settings));
    fixture->dead = node_of(fixture, "{nba:2021-10}");
    assert_int_not_equal(fixture->dead, node_of(fixture, "{nba}"));
    pause_backfill(fixture, true);
    system_open(&fixture->system,
        (struct system_options){.bus = SYSTEM_FAKE,
            .binary = PHASEGATE_BINARY,
            .first = SYSTEM_FIRST_DATE,
            .count = DATES,
            .store_url = redis_cluster_url(fixture->cluster),
            .store = fixture->settings});
    system_start(&fixture->system);
}

static void publish_dates(struct system *system) {
    for (int i = 0; i < DATES * PROCESSORS; i++) {
        int processor = PGS + i % PROCESSORS;
        char execution[32];
        snprintf(execution, sizeof execution, "run-%d", i);
        player_publish(system->player,
            &(struct event){.processor = processor,
                .date = SYSTEM_FIRST_DATE + i / PROCESSORS,
                .rows = event_rows(processor, SYSTEM_FIRST_DATE + i / PROCESSORS),
                .tag = EVENT_ATTRIBUTE,
                .execution = execution,
                .correlation = "away",
                .timestamp_ms = INT64_C(1764502927104)});
    }
}

static bool waits_for_slot(const struct date_state *state) {
    return state->groups[0].phase == GROUP_READY;
}

static bool enough_triggers(void *context) {
    const struct fixture *fixture = context;
    return player_triggers(fixture->system.player) >= fixture->wanted;
}

/* Nobody takes over for the node, and it does not come back. */
static void kill_node(struct fixture *fixture) {
    for (int i = REDIS_CLUSTER_MASTERS; i < REDIS_CLUSTER_SERVERS; i++)
        redis_server_kill(redis_cluster_server(fixture->cluster, i));
    redis_server_kill(redis_cluster_server(fixture->cluster, fixture->dead));
}

static void other_months_go_on(void **state) {
    struct fixture *fixture = *state;
    struct system *system = &fixture->system;
    open_fixture(fixture);
    publish_dates(system);
    system_until_dates(system, waits_for_slot, "all dates to wait for a slot");
    bool on_dead[DATES];
    for (int i = 0; i < DATES; i++) {
        on_dead[i] = is_on_dead_node(fixture, SYSTEM_FIRST_DATE + i);
        fixture->wanted += on_dead[i] ? 0 : GROUPS;
    }
    assert_in_range(fixture->wanted, GROUPS, (DATES - 1) * GROUPS);
    kill_node(fixture);
    player_answer(system->player, 1);
    pause_backfill(fixture, false);
    player_until(system->player, enough_triggers, fixture, SYSTEM_DEADLINE_MS, "the other months' triggers");
    for (int i = 0; i < DATES; i++)
        assert_int_equal(player_trigger(system->player, SYSTEM_FIRST_DATE + i, 1)->seen > 0, !on_dead[i]);
    daemon_kill(system->daemon);
}

static int setup(void **state) {
    struct fixture *fixture = calloc(1, sizeof *fixture);
    if (!fixture || !(fixture->arena = arena_new(64 * 1024)))
        return -1;
    *state = fixture;
    return 0;
}

static int teardown(void **state) {
    struct fixture *fixture = *state;
    if (fixture->system.daemon)
        system_close(&fixture->system);
    redis_cluster_free(&fixture->cluster);
    arena_free(&fixture->arena);
    free(fixture);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(other_months_go_on, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
