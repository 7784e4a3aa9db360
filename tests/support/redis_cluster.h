/*
 * A Redis Cluster for one test: masters and a replica of each, processes on free loopback ports; a node that
 * does not answer for a second has failed. Everything dies with the test's process; what blocks has a
 * deadline, and fails the test when that passes.
 */
#ifndef PHASEGATE_TESTS_SUPPORT_REDIS_CLUSTER_H
#define PHASEGATE_TESTS_SUPPORT_REDIS_CLUSTER_H

#include "support/redis_server.h"

enum { REDIS_CLUSTER_MASTERS = 3, REDIS_CLUSTER_SERVERS = 2 * REDIS_CLUSTER_MASTERS };

struct redis_test_cluster;

struct redis_cluster_options {
    const char *password; /* NULL: none */
    const char *acl_file; /* made by acl_file_write; NULL: none */
    bool append_only;     /* what was answered survives kill -9 of all of them */
};

/* Started: each slot has a master, each master a replica in step, and every node says so. */
struct redis_test_cluster *redis_cluster_start(struct redis_cluster_options options);

/* "cluster://127.0.0.1:7000,…", all of its nodes. Valid until it is freed. */
const char *redis_cluster_url(const struct redis_test_cluster *cluster);

/* Its servers, the first masters first; to kill, freeze, restart; they stay the cluster's. */
struct redis_server *redis_cluster_server(const struct redis_test_cluster *cluster, int index);

int redis_cluster_slot(const struct redis_test_cluster *cluster, const char *key);

/* The index of the server that is the master of the slot, as a running server of those that say ok sees it;
 * -1 while there is none. */
int redis_cluster_master(const struct redis_test_cluster *cluster, int slot);

/* Waits until every running node says that the cluster is ok, and the masters it names run. */
void redis_cluster_await_ok(const struct redis_test_cluster *cluster);

/* Waits until another server than that one is the slot's master. Its index. */
int redis_cluster_await_other(const struct redis_test_cluster *cluster, int slot, int old_master);

/*
 * Moves a slot by hand to another master, in the three steps of resharding, so that a test can look in
 * between: from begin to end single keys are answered with ASK once they have moved.
 */
void redis_cluster_move_begin(const struct redis_test_cluster *cluster, int slot, int to);
void redis_cluster_move_keys(const struct redis_test_cluster *cluster, int slot, int to);
void redis_cluster_move_end(const struct redis_test_cluster *cluster, int slot, int to);

/* Kills everything and sets the pointer to NULL; safe on NULL. */
void redis_cluster_free(struct redis_test_cluster **cluster);

#endif
