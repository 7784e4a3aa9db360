/*
 * The users of deploy/redis.acl on several servers: the daemon and the commands work as them on a Cluster,
 * and by sentinels that have a password of their own, also after another server has become the master; and no
 * server has refused them anything.
 */
#include "redis/sync.h"
#include "support/acl_file.h"
#include "support/check.h"
#include "support/commands.h"
#include "support/daemon.h"
#include "support/player.h"
#include "support/redis_cluster.h"
#include "support/redis_sentinels.h"
#include "support/temp_dir.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { PATH_BYTES = 512, DEADLINE_MS = 40000 };

#define DAY ((game_date)18919)
#define SENTINEL_PASSWORD "of-the-sentinels"

struct fixture {
    struct temp_dir dir;
    struct arena *arena;
    char acl[PATH_BYTES], config[PATH_BYTES + 32], bus_url[PATH_BYTES], sentinel_file[PATH_BYTES];
    struct redis_test_cluster *cluster;
    struct redis_sentinels *set;
    struct redis_server *bus; /* beside the Cluster */
    struct daemon *daemon;
    struct player *player;
};

static int set_up(void **state) {
    struct fixture *fixture = calloc(1, sizeof *fixture);
    if (!fixture)
        return -1;
    fixture->dir = temp_dir_make();
    fixture->arena = arena_new(1 << 16);
    snprintf(fixture->acl, sizeof fixture->acl, "%s/redis.acl", fixture->dir.path);
    acl_file_write(SOURCE_DIR "/deploy/redis.acl", fixture->acl);
    *state = fixture;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *fixture = *state;
    player_free(&fixture->player);
    daemon_free(&fixture->daemon);
    redis_server_free(&fixture->bus);
    redis_cluster_free(&fixture->cluster);
    redis_sentinels_free(&fixture->set);
    arena_free(&fixture->arena);
    temp_dir_remove(&fixture->dir);
    free(fixture);
    return 0;
}

/* --- Work ------------------------------------------------------------------------------------------------
 */

/* more: a variable that the daemon and the commands need; it outlives them. */
static void start(
    struct fixture *fixture, const char *url, const struct redis_settings *bus, const char *const more[2]) {
    fixture->daemon = daemon_new((struct daemon_options){.binary = PHASEGATE_BINARY,
        .redis_url = url,
        .password = ACL_PASSWORD,
        .create = true,
        .environment = (const char *const[]){"PHASEGATE_STORE_USERNAME=" ACL_FULL, more[0], more[1], NULL}});
    daemon_start(fixture->daemon);
    daemon_await_running(fixture->daemon);
    fixture->player = player_new((struct player_options){.redis = bus, .first = DAY, .count = 1});
    snprintf(fixture->config, sizeof fixture->config, "PHASEGATE_CONFIG=%s", daemon_config(fixture->daemon));
}

static bool all_triggered(void *context) {
    const struct fixture *fixture = context;
    return player_triggers(fixture->player) == PLAYER_GROUPS;
}

static void play(struct fixture *fixture) {
    for (int processor = PGS; processor <= TDGS; processor++)
        player_publish(fixture->player,
            &(struct event){.processor = processor,
                .date = DAY,
                .rows = event_rows(processor, DAY),
                .execution = "acl",
                .correlation = "acl",
                .timestamp_ms = INT64_C(1764502927104)});
    player_answer(fixture->player, 1);
    player_until(fixture->player, all_triggered, fixture, DEADLINE_MS, "four triggers");
    player_until_confirmed(fixture->player);
}

static void look(const struct fixture *fixture, const char *user, const char *const more[2]) {
    const char *const environment[] = {fixture->config, user, "PHASEGATE_STORE_PASSWORD=" ACL_PASSWORD,
        "LC_ALL=C.UTF-8", more[0], more[1], NULL};
    struct commands *commands = commands_new(PHASEGATE_BINARY, environment);
    check_run(commands, 0, "status", "2021-10-19");
    check_run(commands, 0, "status", "--replicas");
    check_run(commands, 0, "explain", "2021-10-19");
    check_run(commands, 0, "history", "2021-10-19");
    check_run(commands, 0, "gaps", "2021-10-19");
    check_run(commands, 0, "quarantine", "list");
    commands_free(&commands);
}

static void check_nothing_was_refused(struct redis_server *server) {
    if (!redis_server_running(server))
        return;
    redisReply *log = redis_server_ask(server, "ACL LOG");
    for (size_t i = 0; i < log->elements; i++) {
        const redisReply *entry = log->element[i];
        fail_msg(
            "deploy/redis.acl lacks something: %s of %s", entry->element[7]->str, entry->element[9]->str);
    }
    freeReplyObject(log);
}

/* --- A Cluster -------------------------------------------------------------------------------------------
 */

static void on_a_cluster(void **state) {
    struct fixture *fixture = *state;
    fixture->cluster = redis_cluster_start((struct redis_cluster_options){.acl_file = fixture->acl});
    fixture->bus = redis_server_start((struct redis_server_options){0});
    snprintf(
        fixture->bus_url, sizeof fixture->bus_url, "PHASEGATE_BUS_URL=%s", redis_server_url(fixture->bus));
    const char *const more[2] = {fixture->bus_url, NULL};
    start(fixture, redis_cluster_url(fixture->cluster), redis_server_settings(fixture->bus), more);
    play(fixture);
    look(fixture, "PHASEGATE_STORE_USERNAME=" ACL_FULL, more);
    look(fixture, "PHASEGATE_STORE_USERNAME=" ACL_READ_ONLY, more);
    daemon_stop(fixture->daemon);
    for (int i = 0; i < REDIS_CLUSTER_SERVERS; i++)
        check_nothing_was_refused(redis_cluster_server(fixture->cluster, i));
}

/* --- By sentinels ----------------------------------------------------------------------------------------
 */

static void write_sentinel_password(struct fixture *fixture) {
    char path[PATH_BYTES / 2];
    snprintf(path, sizeof path, "%s/sentinels", fixture->dir.path);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    fputs(SENTINEL_PASSWORD "\n", file);
    fclose(file);
    assert_int_equal(chmod(path, 0600), 0);
    snprintf(fixture->sentinel_file, sizeof fixture->sentinel_file,
        "PHASEGATE_STORE_SENTINEL_PASSWORD_FILE=%s", path);
}

static void by_sentinels(void **state) {
    struct fixture *fixture = *state;
    struct redis_settings bus;
    write_sentinel_password(fixture);
    fixture->set = redis_sentinels_start(
        (struct redis_sentinels_options){.acl_file = fixture->acl, .sentinel_password = SENTINEL_PASSWORD});
    check_ok(redis_settings_parse(redis_sentinels_url(fixture->set), fixture->arena, &bus));
    bus.sentinel_password = SENTINEL_PASSWORD;
    const char *const more[2] = {fixture->sentinel_file, NULL};
    start(fixture, redis_sentinels_url(fixture->set), &bus, more);
    redis_server_kill(redis_sentinels_server(fixture->set, 0));
    redis_sentinels_await_other(fixture->set, 0);
    play(fixture);
    look(fixture, "PHASEGATE_STORE_USERNAME=" ACL_FULL, more);
    look(fixture, "PHASEGATE_STORE_USERNAME=" ACL_READ_ONLY, more);
    daemon_stop(fixture->daemon);
    for (int i = 0; i < redis_sentinels_servers(fixture->set); i++)
        check_nothing_was_refused(redis_sentinels_server(fixture->set, i));
    redisContext *connection = NULL;
    bus.sentinel_password = NULL;
    check_fails(redis_connect(&bus, 300, &connection), CODE_REFUSED, "NOAUTH");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(on_a_cluster, set_up, tear_down),
        cmocka_unit_test_setup_teardown(by_sentinels, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
