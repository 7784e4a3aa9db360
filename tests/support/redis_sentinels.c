#include "support/redis_sentinels.h"

#include "support/acl_file.h"
#include "support/await.h"
#include "support/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SERVERS_MAX = 1 + REDIS_SENTINELS_REPLICAS_MAX, DEADLINE_MS = 20000, TEXT_MAX = 512 };

struct redis_sentinels {
    struct redis_sentinels_options options;
    struct redis_server *servers[SERVERS_MAX];
    int count;
    struct redis_server *sentinels[REDIS_SENTINELS];
    char master_port[16];
    char configuration[TEXT_MAX];
    const char *arguments[16]; /* of a replica */
    char url[TEXT_MAX];
};

static int port_of(const struct redis_server *server) {
    return redis_server_settings(server)->port;
}

static void start_servers(struct redis_sentinels *set) {
    const char *password = set->options.password;
    struct redis_server_options options = {.tcp = true,
        .password = password,
        .append_only = set->options.append_only,
        .keeps_settings = true,
        .arguments = set->arguments};
    size_t used = 0;
    set->arguments[used++] = "--repl-diskless-sync-delay";
    set->arguments[used++] = "0";
    if (password) {
        set->arguments[used++] = "--masterauth";
        set->arguments[used++] = password;
    }
    if (set->options.acl_file) {
        const char *const words[] = {
            "--aclfile", set->options.acl_file, "--masteruser", ACL_REPLICA, "--masterauth", ACL_PASSWORD};
        memcpy(&set->arguments[used], words, sizeof words);
    }
    set->servers[set->count++] = redis_server_start(options);
    snprintf(set->master_port, sizeof set->master_port, "%d", port_of(set->servers[0]));
    for (int i = 0; i < set->options.replicas; i++) {
        set->servers[set->count++] = redis_server_start(options);
        redis_server_do(set->servers[set->count - 1], "REPLICAOF 127.0.0.1 %s", set->master_port);
        redis_server_do(set->servers[set->count - 1], "CONFIG REWRITE"); /* as the sentinels do, too */
    }
}

static void start_sentinels(struct redis_sentinels *set) {
    int used = snprintf(set->configuration, sizeof set->configuration,
        "sentinel monitor phasegate 127.0.0.1 %s 2\n"
        "sentinel down-after-milliseconds phasegate %d\n"
        "sentinel failover-timeout phasegate 3000\n",
        set->master_port, set->options.down_after_ms > 0 ? set->options.down_after_ms : 500);
    char *at = set->configuration + used;
    size_t left = sizeof set->configuration - (size_t)used;
    const char *own = set->options.sentinel_password;
    if (set->options.password)
        used = snprintf(at, left, "sentinel auth-pass phasegate %s\n", set->options.password);
    else if (set->options.acl_file)
        used = snprintf(at, left,
            "sentinel auth-user phasegate " ACL_SENTINEL "\nsentinel auth-pass phasegate \"" ACL_PASSWORD
            "\"\n");
    else
        used = 0;
    if (own)
        snprintf(at + used, left - (size_t)used, "requirepass %s\nsentinel sentinel-pass %s\n", own, own);
    strcpy(set->url, "sentinel://");
    for (int i = 0; i < REDIS_SENTINELS; i++) {
        set->sentinels[i] = redis_server_start(
            (struct redis_server_options){.tcp = true, .sentinel = set->configuration, .password = own});
        size_t length = strlen(set->url);
        snprintf(set->url + length, sizeof set->url - length, "%s127.0.0.1:%d", i > 0 ? "," : "",
            port_of(set->sentinels[i]));
    }
    strcat(set->url, "/phasegate");
}

/* --- Waiting -------------------------------------------------------------------------------------------- */

/* The text after "key:" in INFO, as a number; -1 when there is none. */
static long info_number(struct redis_server *server, const char *section, const char *key) {
    redisReply *reply = redis_server_try(server, "INFO %s", section);
    const char *line = reply && reply->str ? strstr(reply->str, key) : NULL;
    long number = line && line[strlen(key)] == ':' ? atol(line + strlen(key) + 1) : -1;
    freeReplyObject(reply);
    return number;
}

static bool info_says(struct redis_server *server, const char *section, const char *line) {
    redisReply *reply = redis_server_try(server, "INFO %s", section);
    bool says = reply && reply->str && strstr(reply->str, line);
    freeReplyObject(reply);
    return says;
}

static void await(const struct redis_sentinels *set, bool (*ready)(void *context), const char *what) {
    if (!await_until(ready, (void *)set, DEADLINE_MS))
        fail_msg("Redis with Sentinel: %s takes too long", what);
}

static bool in_step(void *context) {
    const struct redis_sentinels *set = context;
    int master = redis_sentinels_master(set);
    if (master < 0)
        return false;
    for (int i = 0; i < set->count; i++)
        if (i != master && !info_says(set->servers[i], "replication", "master_link_status:up"))
            return false;
    return info_number(set->servers[master], "replication", "connected_slaves") == set->count - 1;
}

/* The value of a field of SENTINEL MASTER, a flat list. */
static int field_of(const redisReply *reply, const char *name) {
    for (size_t i = 0; reply && i + 1 < reply->elements; i += 2)
        if (strcmp(reply->element[i]->str, name) == 0)
            return atoi(reply->element[i + 1]->str);
    return -1;
}

static bool sentinels_agree(void *context) {
    const struct redis_sentinels *set = context;
    for (int i = 0; i < REDIS_SENTINELS; i++) {
        redisReply *reply = redis_server_try(set->sentinels[i], "SENTINEL MASTER phasegate");
        bool knows = field_of(reply, "num-other-sentinels") == REDIS_SENTINELS - 1
            && field_of(reply, "num-slaves") == set->options.replicas;
        freeReplyObject(reply);
        if (!knows)
            return false;
    }
    return true;
}

/* --- What others ask ------------------------------------------------------------------------------------ */

struct redis_sentinels *redis_sentinels_start(struct redis_sentinels_options options) {
    struct redis_sentinels *set = calloc(1, sizeof *set);
    if (!set)
        fail_msg("out of memory");
    set->options = options;
    if (options.replicas == 0)
        set->options.replicas = 1;
    start_servers(set);
    start_sentinels(set);
    await(set, in_step, "the replicas' first copy");
    await(set, sentinels_agree, "what the sentinels have to know of each other");
    return set;
}

const char *redis_sentinels_url(const struct redis_sentinels *set) {
    return set->url;
}

int redis_sentinels_servers(const struct redis_sentinels *set) {
    return set->count;
}

struct redis_server *redis_sentinels_server(const struct redis_sentinels *set, int index) {
    return set->servers[index];
}

struct redis_server *redis_sentinels_sentinel(const struct redis_sentinels *set, int index) {
    return set->sentinels[index];
}

/* The port that a sentinel names; 0 when it is away or knows none. */
static int named_port(struct redis_server *sentinel) {
    redisReply *reply = redis_server_running(sentinel)
        ? redis_server_try(sentinel, "SENTINEL GET-MASTER-ADDR-BY-NAME phasegate")
        : NULL;
    int port = reply && reply->elements == 2 ? atoi(reply->element[1]->str) : 0;
    freeReplyObject(reply);
    return port;
}

int redis_sentinels_master(const struct redis_sentinels *set) {
    int port = 0;
    for (int i = 0; i < REDIS_SENTINELS && port == 0; i++)
        port = named_port(set->sentinels[i]);
    for (int i = 0; i < set->count; i++)
        if (port_of(set->servers[i]) == port && redis_server_running(set->servers[i])
            && info_says(set->servers[i], "replication", "role:master"))
            return i;
    return -1;
}

struct change {
    const struct redis_sentinels *set;
    int old_master;
    int master;
};

static bool has_other(void *context) {
    struct change *change = context;
    change->master = redis_sentinels_master(change->set);
    return change->master >= 0 && change->master != change->old_master;
}

int redis_sentinels_await_other(const struct redis_sentinels *set, int old_master) {
    struct change change = {.set = set, .old_master = old_master};
    if (!await_until(has_other, &change, DEADLINE_MS))
        fail_msg("Redis with Sentinel: the failover takes too long");
    return change.master;
}

void redis_sentinels_await_replicas(const struct redis_sentinels *set) {
    await(set, in_step, "a replica's copy");
}

void redis_sentinels_free(struct redis_sentinels **set) {
    if (!*set)
        return;
    for (int i = 0; i < REDIS_SENTINELS; i++)
        redis_server_free(&(*set)->sentinels[i]);
    for (int i = 0; i < (*set)->count; i++)
        redis_server_free(&(*set)->servers[i]);
    free(*set);
    *set = NULL;
}
