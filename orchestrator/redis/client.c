#include "redis/client.h"

#include "base/backoff.h"
#include "redis/bounds.h"
#include "redis/internal.h"
#include "redis/link.h"
#include "redis/slot_map.h"
#include "redis/sync.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

enum { REDIRECTIONS_MAX = 8 };

/* A command that was put and not answered yet. */
struct put {
    char *command; /* in the protocol's form */
    int length;
    int slot;            /* -1: any node */
    int node;            /* whose connection it was put on; -1: none */
    unsigned connection; /* … and which of its connections */
};

/* One server is a map of one master that has all slots. */
struct redis_client {
    const struct redis_settings *settings;
    int timeout_ms;
    struct slot_map map;
    redisContext *connections[SLOT_MASTERS_MAX]; /* of map.masters; NULL: not connected */
    unsigned numbers[SLOT_MASTERS_MAX];          /* of those connections: one more each time it is closed */
    struct put *puts;
    size_t first, count, room; /* puts[first] is answered next */
};

static bool is_cluster(const struct redis_client *client) {
    return client->settings->kind == REDIS_BY_CLUSTER;
}

/* --- Connections ---------------------------------------------------------------------------------------- */

static void disconnect(struct redis_client *client, int node) {
    redisFree(client->connections[node]);
    client->connections[node] = NULL;
    client->numbers[node]++;
}

static void disconnect_all(struct redis_client *client) {
    for (int i = 0; i < SLOT_MASTERS_MAX; i++)
        disconnect(client, i);
}

static struct result connect_to(
    const struct redis_client *client, const char *host, int port, redisContext **connection) {
    struct redis_settings itself = *client->settings;
    if (is_cluster(client)) {
        itself.kind = REDIS_SINGLE;
        itself.host = host;
        itself.port = port;
    }
    return redis_connect(&itself, client->timeout_ms, connection);
}

static struct result connect_node(struct redis_client *client, int node) {
    const struct slot_master *master = &client->map.masters[node];
    if (client->connections[node] && !client->connections[node]->err)
        return ok();
    disconnect(client, node);
    return connect_to(client, master->host, master->port, &client->connections[node]);
}

static struct result map_from(struct redis_client *client, const char *host, int port) {
    redisContext *connection = NULL;
    redisReply *reply = NULL;
    struct slot_map *map = malloc(sizeof *map);
    struct result r = map ? connect_to(client, host, port, &connection) : fail(CODE_LIMIT, "out of memory");
    if (is_ok(r))
        r = redis_ask(connection, &reply, 2, (const char *[]){"CLUSTER", "SLOTS"}, NULL);
    if (is_ok(r))
        r = slot_map_read(reply, host, map);
    if (is_ok(r)) {
        disconnect_all(client);
        client->map = *map;
    }
    freeReplyObject(reply);
    redisFree(connection);
    free(map);
    return r;
}

/* Asks the masters known, then the seeds, until one answers. */
static struct result read_map(struct redis_client *client) {
    const struct redis_settings *settings = client->settings;
    struct result r = fail(CODE_UNAVAILABLE, "no nodes of a Redis Cluster to ask");
    for (int i = 0; i < client->map.count && !is_ok(r); i++) {
        const struct slot_master master = client->map.masters[i];
        r = map_from(client, master.host, master.port);
    }
    for (int i = 0; i < settings->seed_count && !is_ok(r); i++)
        r = map_from(client, settings->seeds[i].host, settings->seeds[i].port);
    return r;
}

struct result redis_client_open(
    const struct redis_settings *settings, int timeout_ms, struct redis_client **client) {
    struct redis_client *opened = calloc(1, sizeof *opened);
    if (!opened)
        return fail(CODE_LIMIT, "out of memory for a connection to Redis");
    opened->settings = settings;
    opened->timeout_ms = timeout_ms;
    opened->map.count = is_cluster(opened) ? 0 : 1;
    struct result r = is_cluster(opened) ? read_map(opened) : connect_node(opened, 0);
    if (!is_ok(r)) {
        redis_client_close(&opened);
        return r;
    }
    *client = opened;
    return ok();
}

void redis_client_close(struct redis_client **client) {
    if (!*client)
        return;
    disconnect_all(*client);
    for (size_t i = (*client)->first; i < (*client)->count; i++)
        redisFreeCommand((*client)->puts[i].command);
    free((*client)->puts);
    free(*client);
    *client = NULL;
}

/* --- One command ---------------------------------------------------------------------------------------- */

static struct result find_node(const struct redis_client *client, const struct put *put, int *node) {
    *node = put->slot < 0 ? 0 : client->map.owner[put->slot];
    if (*node == SLOT_UNKNOWN)
        return fail(CODE_UNAVAILABLE, "no node of the Redis Cluster is known to have slot %d", put->slot);
    return ok();
}

static struct result append(struct redis_client *client, int node, const char *command, int length) {
    if (redisAppendFormattedCommand(client->connections[node], command, (size_t)length) != REDIS_OK)
        return fail(CODE_LIMIT, "out of memory for a command to Redis");
    return ok();
}

/* The next answer of a node, whatever it says. */
static struct result receive(struct redis_client *client, int node, redisReply **reply) {
    redisReply *answer = NULL;
    if (redis_next_reply(client->connections[node], &answer) != REDIS_OK) {
        struct result r =
            fail(CODE_UNAVAILABLE, "the store went away: %s", client->connections[node]->errstr);
        disconnect(client, node);
        return r;
    }
    *reply = answer;
    return ok();
}

static struct result attempt(
    struct redis_client *client, const struct put *put, int node, bool asking, redisReply **reply) {
    static const char asking_command[] = "*1\r\n$6\r\nASKING\r\n";
    redisReply *unused = NULL;
    struct result r = connect_node(client, node);
    if (is_ok(r) && asking)
        r = append(client, node, asking_command, sizeof asking_command - 1);
    if (is_ok(r))
        r = append(client, node, put->command, put->length);
    if (is_ok(r) && asking)
        r = receive(client, node, &unused);
    freeReplyObject(unused);
    return is_ok(r) ? receive(client, node, reply) : r;
}

/* Where the redirection leads; false when the reply is none. */
static bool redirected(struct redis_client *client, const redisReply *reply, int *node, bool *asking) {
    struct redirection to;
    const char *asked_host = client->map.masters[*node].host;
    if (!is_cluster(client) || !redirection_read(reply, asked_host, &to))
        return false;
    *node = slot_map_master(&client->map, to.to.host, to.to.port);
    *asking = to.ask;
    if (*node >= 0 && !to.ask)
        client->map.owner[to.slot] = (uint8_t)*node;
    return *node >= 0;
}

static struct result take(redisReply *answer, redisReply **reply) {
    struct result r = redis_reply_result(answer);
    if (is_ok(r))
        *reply = answer;
    else
        freeReplyObject(answer);
    return r;
}

/* Sends it to its node, and on from there as redirections say. */
static struct result ask_following(struct redis_client *client, const struct put *put, redisReply **reply) {
    bool asking = false;
    int node = 0;
    struct result r = find_node(client, put, &node);
    for (int i = 0; i < REDIRECTIONS_MAX && is_ok(r); i++) {
        redisReply *answer = NULL;
        r = attempt(client, put, node, asking, &answer);
        if (!is_ok(r))
            return r;
        if (!redirected(client, answer, &node, &asking))
            return take(answer, reply);
        freeReplyObject(answer);
    }
    return is_ok(r) ? fail(CODE_UNAVAILABLE, "the Redis Cluster sends the question in circles") : r;
}

/* On a Cluster a replica may be about to take over: a moment later, with a new map, it may go well. */
static struct result ask_patiently(struct redis_client *client, const struct put *put, redisReply **reply) {
    struct backoff backoff = {.first_ms = 50, .max_ms = 500};
    int64_t deadline = redis_monotonic_ms() + client->timeout_ms;
    for (;;) {
        struct result r = ask_following(client, put, reply);
        if (is_ok(r) || !r.retryable || !is_cluster(client) || redis_monotonic_ms() >= deadline)
            return r;
        poll(NULL, 0, (int)backoff_next_ms(&backoff));
        struct result mapped = read_map(client);
        (void)mapped; /* without a new one the old one has to do */
    }
}

static struct result format(const struct redis_client *client, int argc, const char *const *argv,
    const size_t *lengths, struct put *put) {
    int key = is_cluster(client) ? slot_key_argument(argc, argv, lengths) : 0;
    put->slot = key > 0 ? slot_of(argv[key], lengths ? lengths[key] : strlen(argv[key])) : -1;
    put->length = redisFormatCommandArgv(&put->command, argc, (const char **)argv, lengths);
    return put->length < 0 ? fail(CODE_LIMIT, "out of memory for a command to Redis") : ok();
}

struct result redis_client_ask(struct redis_client *client, redisReply **reply, int argc,
    const char *const *argv, const size_t *lengths) {
    struct put put;
    struct result r = format(client, argc, argv, lengths, &put);
    if (!is_ok(r))
        return r;
    r = ask_patiently(client, &put, reply);
    redisFreeCommand(put.command);
    return r;
}

/* --- Several -------------------------------------------------------------------------------------------- */

static bool make_room(struct redis_client *client) {
    if (client->count < client->room)
        return true;
    size_t room = client->room ? 2 * client->room : 64;
    struct put *puts = realloc(client->puts, room * sizeof *puts);
    if (!puts)
        return false;
    client->puts = puts;
    client->room = room;
    return true;
}

struct result redis_client_put(
    struct redis_client *client, int argc, const char *const *argv, const size_t *lengths) {
    struct put put = {.node = -1};
    if (!make_room(client))
        return fail(CODE_LIMIT, "out of memory for a command to Redis");
    struct result r = format(client, argc, argv, lengths, &put);
    if (!is_ok(r))
        return r;
    int node = -1; /* whatever fails here, redis_client_next tries once more */
    r = find_node(client, &put, &node);
    if (is_ok(r))
        r = connect_node(client, node);
    if (is_ok(r))
        r = append(client, node, put.command, put.length);
    if (is_ok(r)) {
        put.node = node;
        put.connection = client->numbers[node];
    }
    client->puts[client->count++] = put;
    return ok();
}

/* By a client of its own, since on the connections of this one other answers may be on their way. */
static struct result ask_apart(const struct redis_client *client, const struct put *put, redisReply **reply) {
    struct redis_client *apart = NULL;
    struct result r = redis_client_open(client->settings, client->timeout_ms, &apart);
    if (is_ok(r))
        r = ask_patiently(apart, put, reply);
    redis_client_close(&apart);
    return r;
}

struct result redis_client_next(struct redis_client *client, redisReply **reply) {
    if (client->first == client->count)
        return fail(CODE_INTERNAL, "no command waits for an answer of Redis");
    struct put *put = &client->puts[client->first++];
    redisReply *answer = NULL;
    struct result r = fail(CODE_UNAVAILABLE, "the connection to Redis broke");
    if (put->node >= 0 && put->connection == client->numbers[put->node])
        r = receive(client, put->node, &answer);
    if (is_ok(r))
        r = take(answer, reply);
    if (!is_ok(r) && r.retryable && is_cluster(client))
        r = ask_apart(client, put, reply);
    redisFreeCommand(put->command);
    if (client->first == client->count)
        client->first = client->count = 0;
    return r;
}
