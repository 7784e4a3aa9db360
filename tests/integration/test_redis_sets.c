/* The helpers that other tests stand on: a set with sentinels and a cluster that fail over, and move slots.
 */
#include "support/check.h"
#include "support/redis_cluster.h"
#include "support/redis_sentinels.h"

static void sentinels_replace_a_master(void **state) {
    struct redis_sentinels *set = redis_sentinels_start((struct redis_sentinels_options){.replicas = 2});
    (void)state;
    assert_int_equal(redis_sentinels_master(set), 0);
    redis_server_do(redis_sentinels_server(set, 0), "SET a b");
    redis_server_await_copies(redis_sentinels_server(set, 0), 2);
    redis_server_kill(redis_sentinels_server(set, 0));
    int master = redis_sentinels_await_other(set, 0);
    assert_int_equal(redis_server_ask_number(redis_sentinels_server(set, master), "EXISTS a"), 1);
    redis_server_restart(redis_sentinels_server(set, 0));
    redis_sentinels_await_replicas(set);
    assert_true(redis_sentinels_master(set) >= 0); /* on a busy machine it may have changed again */
    redis_sentinels_free(&set);
}

static void a_cluster_fails_over_and_moves_slots(void **state) {
    struct redis_test_cluster *cluster =
        redis_cluster_start((struct redis_cluster_options){.password = "secret", .append_only = true});
    (void)state;
    int slot = redis_cluster_slot(cluster, "{nba}"), from = redis_cluster_master(cluster, slot);
    int to = (from + 1) % REDIS_CLUSTER_MASTERS;
    redis_server_do(redis_cluster_server(cluster, from), "SET x{nba} 1");
    redis_cluster_move_begin(cluster, slot, to);
    redis_cluster_move_keys(cluster, slot, to);
    redis_cluster_move_end(cluster, slot, to);
    assert_int_equal(redis_cluster_master(cluster, slot), to);
    assert_int_equal(redis_server_ask_number(redis_cluster_server(cluster, to), "EXISTS x{nba}"), 1);
    redis_server_await_copies(redis_cluster_server(cluster, to), 1);
    redis_server_kill(redis_cluster_server(cluster, to));
    int heir = redis_cluster_await_other(cluster, slot, to);
    assert_int_equal(redis_server_ask_number(redis_cluster_server(cluster, heir), "EXISTS x{nba}"), 1);
    redis_server_restart(redis_cluster_server(cluster, to));
    redis_cluster_await_ok(cluster);
    redis_cluster_free(&cluster);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sentinels_replace_a_master),
        cmocka_unit_test(a_cluster_fails_over_and_moves_slots),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
