#include "support/redis_cluster.h"

#include "support/acl_file.h"
#include "support/await.h"
#include "support/check.h"
#include "support/process.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MASTERS = REDIS_CLUSTER_MASTERS, SERVERS = REDIS_CLUSTER_SERVERS, DEADLINE_MS = 20000, SLOTS = 16384 };

struct node {
    struct redis_server *server;
    const char *arguments[24];
    char bus_port[16];
    char id[48];
};

struct redis_test_cluster {
    struct redis_cluster_options options;
    struct node nodes[SERVERS];
    char url[256];
};

static int port_of(const struct node *node) {
    return redis_server_settings(node->server)->port;
}

/* --- Making it ------------------------------------------------------------------------------------------ */

static void start_node(struct redis_test_cluster *cluster, struct node *node) {
    snprintf(node->bus_port, sizeof node->bus_port, "%d", port_free());
    enum { ARGUMENTS = 10 }; /* without a password */
    const char *words[] = {"--cluster-enabled", "yes", "--cluster-node-timeout", "1000", "--cluster-port",
        node->bus_port, "--repl-diskless-sync-delay", "0", "--cluster-replica-validity-factor", "0",
        cluster->options.password ? "--masterauth" : NULL, cluster->options.password};
    memcpy(node->arguments, words, sizeof words);
    if (cluster->options.acl_file) {
        const char *const acl[] = {"--aclfile", cluster->options.acl_file, "--masteruser", ACL_REPLICA,
            "--masterauth", ACL_PASSWORD};
        memcpy(&node->arguments[ARGUMENTS], acl, sizeof acl);
    }
    node->server = redis_server_start((struct redis_server_options){.tcp = true,
        .password = cluster->options.password,
        .append_only = cluster->options.append_only,
        .arguments = node->arguments});
    redisReply *reply = redis_server_ask(node->server, "CLUSTER MYID");
    snprintf(node->id, sizeof node->id, "%s", reply->str);
    freeReplyObject(reply);
}

static void give_slots(struct redis_test_cluster *cluster) {
    for (int i = 0; i < MASTERS; i++) {
        int first = SLOTS * i / MASTERS, last = SLOTS * (i + 1) / MASTERS - 1;
        redis_server_do(cluster->nodes[i].server, "CLUSTER ADDSLOTSRANGE %d %d", first, last);
    }
    for (int i = 0; i < SERVERS; i++)
        redis_server_do(cluster->nodes[i].server, "CLUSTER SET-CONFIG-EPOCH %d", i + 1);
    for (int i = 1; i < SERVERS; i++)
        redis_server_do(cluster->nodes[0].server, "CLUSTER MEET 127.0.0.1 %d %s", port_of(&cluster->nodes[i]),
            cluster->nodes[i].bus_port);
}

static bool info_says(const struct node *node, const char *command, const char *line) {
    redisReply *reply = redis_server_try(node->server, command);
    bool says = reply && reply->str && strstr(reply->str, line);
    freeReplyObject(reply);
    return says;
}

static bool all_met(void *context) {
    const struct redis_test_cluster *cluster = context;
    char known[48];
    snprintf(known, sizeof known, "cluster_known_nodes:%d", SERVERS);
    for (int i = 0; i < SERVERS; i++)
        if (!info_says(&cluster->nodes[i], "CLUSTER INFO", known))
            return false;
    return true;
}

static bool all_in_step(void *context) {
    const struct redis_test_cluster *cluster = context;
    for (int i = 0; i < SERVERS; i++)
        if (!info_says(&cluster->nodes[i], "CLUSTER INFO", "cluster_state:ok")
            || !info_says(&cluster->nodes[i], "INFO replication",
                i < MASTERS ? "connected_slaves:1" : "master_link_status:up"))
            return false;
    return true;
}

static void await(const struct redis_test_cluster *cluster, bool (*ready)(void *context), const char *what) {
    if (!await_until(ready, (void *)cluster, DEADLINE_MS))
        fail_msg("Redis Cluster: %s takes too long", what);
}

struct redis_test_cluster *redis_cluster_start(struct redis_cluster_options options) {
    struct redis_test_cluster *cluster = calloc(1, sizeof *cluster);
    if (!cluster)
        fail_msg("out of memory");
    cluster->options = options;
    strcpy(cluster->url, "cluster://");
    for (int i = 0; i < SERVERS; i++) {
        start_node(cluster, &cluster->nodes[i]);
        size_t length = strlen(cluster->url);
        snprintf(cluster->url + length, sizeof cluster->url - length, "%s127.0.0.1:%d", i > 0 ? "," : "",
            port_of(&cluster->nodes[i]));
    }
    give_slots(cluster);
    await(cluster, all_met, "meeting each other");
    for (int i = 0; i < MASTERS; i++)
        redis_server_do(cluster->nodes[MASTERS + i].server, "CLUSTER REPLICATE %s", cluster->nodes[i].id);
    await(cluster, all_in_step, "the replicas' first copy");
    return cluster;
}

/* --- Looking at it -------------------------------------------------------------------------------------- */

const char *redis_cluster_url(const struct redis_test_cluster *cluster) {
    return cluster->url;
}

struct redis_server *redis_cluster_server(const struct redis_test_cluster *cluster, int index) {
    return cluster->nodes[index].server;
}

int redis_cluster_slot(const struct redis_test_cluster *cluster, const char *key) {
    for (int i = 0; i < SERVERS; i++)
        if (redis_server_running(cluster->nodes[i].server))
            return (int)redis_server_ask_number(cluster->nodes[i].server, "CLUSTER KEYSLOT %s", key);
    fail_msg("no node of the cluster runs");
}

static int index_of_port(const struct redis_test_cluster *cluster, long long port) {
    for (int i = 0; i < SERVERS; i++)
        if (port_of(&cluster->nodes[i]) == port)
            return i;
    return -1;
}

/* As one node sees it; only one that says ok is asked, since another may be behind. */
static int master_seen_by(const struct redis_test_cluster *cluster, const struct node *node, int slot) {
    if (!redis_server_running(node->server) || !info_says(node, "CLUSTER INFO", "cluster_state:ok"))
        return -1;
    redisReply *reply = redis_server_try(node->server, "CLUSTER SLOTS");
    int master = -1;
    for (size_t i = 0; reply && i < reply->elements; i++) {
        redisReply *const *range = reply->element[i]->element;
        if (range[0]->integer <= slot && slot <= range[1]->integer)
            master = index_of_port(cluster, range[2]->element[1]->integer);
    }
    freeReplyObject(reply);
    return master;
}

int redis_cluster_master(const struct redis_test_cluster *cluster, int slot) {
    for (int i = 0; i < SERVERS; i++) {
        int master = master_seen_by(cluster, &cluster->nodes[i], slot);
        if (master >= 0 && redis_server_running(cluster->nodes[master].server))
            return master;
    }
    return -1;
}

static bool all_ok(void *context) {
    const struct redis_test_cluster *cluster = context;
    for (int i = 0; i < SERVERS; i++)
        if (redis_server_running(cluster->nodes[i].server)
            && !info_says(&cluster->nodes[i], "CLUSTER INFO", "cluster_state:ok"))
            return false;
    for (int i = 0; i < MASTERS; i++)
        if (redis_cluster_master(cluster, SLOTS * i / MASTERS) < 0)
            return false;
    return true;
}

void redis_cluster_await_ok(const struct redis_test_cluster *cluster) {
    await(cluster, all_ok, "being whole again");
}

struct change {
    const struct redis_test_cluster *cluster;
    int slot, old_master, master;
};

static bool has_other(void *context) {
    struct change *change = context;
    change->master = redis_cluster_master(change->cluster, change->slot);
    return change->master >= 0 && change->master != change->old_master;
}

int redis_cluster_await_other(const struct redis_test_cluster *cluster, int slot, int old_master) {
    struct change change = {.cluster = cluster, .slot = slot, .old_master = old_master};
    if (!await_until(has_other, &change, DEADLINE_MS))
        fail_msg("Redis Cluster: the failover takes too long");
    return change.master;
}

/* --- Moving a slot -------------------------------------------------------------------------------------- */

void redis_cluster_move_begin(const struct redis_test_cluster *cluster, int slot, int to) {
    int from = redis_cluster_master(cluster, slot);
    redis_server_do(
        cluster->nodes[to].server, "CLUSTER SETSLOT %d IMPORTING %s", slot, cluster->nodes[from].id);
    redis_server_do(
        cluster->nodes[from].server, "CLUSTER SETSLOT %d MIGRATING %s", slot, cluster->nodes[to].id);
}

void redis_cluster_move_keys(const struct redis_test_cluster *cluster, int slot, int to) {
    const char *password = cluster->options.password;
    struct redis_server *from = cluster->nodes[redis_cluster_master(cluster, slot)].server;
    for (;;) {
        redisReply *keys = redis_server_ask(from, "CLUSTER GETKEYSINSLOT %d 100", slot);
        size_t count = keys->elements;
        for (size_t i = 0; i < count; i++)
            redis_server_do(from,
                password ? "MIGRATE 127.0.0.1 %d %s 0 5000 AUTH %s" : "MIGRATE 127.0.0.1 %d %s 0 5000",
                port_of(&cluster->nodes[to]), keys->element[i]->str, password);
        freeReplyObject(keys);
        if (count == 0)
            return;
    }
}

void redis_cluster_move_end(const struct redis_test_cluster *cluster, int slot, int to) {
    struct redis_server *from = cluster->nodes[redis_cluster_master(cluster, slot)].server;
    redis_server_do(cluster->nodes[to].server, "CLUSTER SETSLOT %d NODE %s", slot, cluster->nodes[to].id);
    redis_server_do(from, "CLUSTER SETSLOT %d NODE %s", slot, cluster->nodes[to].id);
}

void redis_cluster_free(struct redis_test_cluster **cluster) {
    if (!*cluster)
        return;
    for (int i = 0; i < SERVERS; i++)
        redis_server_free(&(*cluster)->nodes[i].server);
    free(*cluster);
    *cluster = NULL;
}
