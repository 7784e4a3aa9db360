#include "redis/cluster.h"

#include "redis/command.h"
#include "redis/link_parts.h"
#include "redis/slot_map.h"

#include <stdlib.h>
#include <string.h>

enum {
    REDIRECTIONS_MAX = 5,
    CALM_MS =
        2000, /* between two looks at the map when nothing is amiss; a frozen master is seen by it alone */
    GRACE_MS = 2000, /* how long the first on_connect waits for masters that are away */
};

/* A master, or a seed as long as there is no map. */
struct node {
    struct node *next;
    struct cluster *cluster;
    struct redis_link *link;
    struct slot_master address;
    bool admitted;
    bool mapped;
    bool leaving; /* its link is being closed */
};

struct cluster {
    struct cluster_parts parts;
    struct node *nodes;
    struct node *owner[SLOT_COUNT]; /* NULL: not known */
    struct slot_map *map;           /* as last read */
    uv_timer_t timer;               /* runs until the next look at the map */
    struct backoff backoff;
    unsigned turn; /* which node is asked next */
    bool amiss;    /* somebody was redirected, or lost */
    bool up;
    uint64_t mapped_ms; /* loop time of the first map; 0: none yet */
    bool closing;
    size_t handles; /* timer and links that the loop still knows */
    void (*closed)(void *context);
    void *closed_context;
};

/* --- Nodes ---------------------------------------------------------------------------------------------- */

static void handle_closed(struct cluster *cluster) {
    if (--cluster->handles > 0)
        return;
    void (*closed)(void *) = cluster->closed;
    void *context = cluster->closed_context;
    free(cluster->map);
    free(cluster);
    closed(context);
}

static void on_node_closed(void *context) {
    struct node *node = context;
    struct cluster *cluster = node->cluster;
    struct node **at = &cluster->nodes;
    while (*at != node)
        at = &(*at)->next;
    *at = node->next;
    free(node);
    handle_closed(cluster);
}

static void forget(struct cluster *cluster, const struct node *node) {
    for (int slot = 0; slot < SLOT_COUNT; slot++)
        if (cluster->owner[slot] == node)
            cluster->owner[slot] = NULL;
}

static void node_leave(struct node *node) {
    node->leaving = true;
    node->admitted = false;
    forget(node->cluster, node);
    redis_link_close(node->link, on_node_closed, node);
}

static void on_node_master(void *context, struct redis_link *link);
static void on_node_connect(void *context);
static void on_node_lost(void *context);

/* NULL when out of memory. */
static struct node *node_new(struct cluster *cluster, const struct slot_master *address) {
    struct node *node = calloc(1, sizeof *node);
    if (!node)
        return NULL;
    node->cluster = cluster;
    node->address = *address;
    struct redis_settings settings = *cluster->parts.settings;
    settings.kind = REDIS_SINGLE;
    settings.host = node->address.host;
    settings.port = node->address.port;
    const struct redis_link_events events = {
        .on_connect = on_node_connect, .on_lost = on_node_lost, .on_master = on_node_master, .context = node};
    struct result r =
        redis_link_open(cluster->parts.loop, &settings, cluster->parts.log, events, &node->link);
    if (!is_ok(r)) {
        free(node);
        return NULL;
    }
    node->next = cluster->nodes;
    cluster->nodes = node;
    cluster->handles++;
    return node;
}

static struct node *node_at(struct cluster *cluster, const struct slot_master *address) {
    for (struct node *node = cluster->nodes; node; node = node->next)
        if (!node->leaving && node->address.port == address->port
            && strcmp(node->address.host, address->host) == 0)
            return node;
    return node_new(cluster, address);
}

static struct node *any_node(const struct cluster *cluster) {
    for (struct node *node = cluster->nodes; node; node = node->next)
        if (node->admitted)
            return node;
    return NULL;
}

/* --- Up and down ---------------------------------------------------------------------------------------- */

static bool all_admitted(const struct cluster *cluster) {
    for (const struct node *node = cluster->nodes; node; node = node->next)
        if (node->mapped && !node->admitted && !node->leaving)
            return false;
    return true;
}

static void tell_up(struct cluster *cluster) {
    cluster->up = true;
    if (cluster->parts.events.on_connect)
        cluster->parts.events.on_connect(cluster->parts.events.context);
}

static void come_up(struct cluster *cluster) {
    if (cluster->up || cluster->mapped_ms == 0 || !any_node(cluster))
        return;
    if (all_admitted(cluster) || uv_now(cluster->parts.loop) - cluster->mapped_ms >= GRACE_MS)
        tell_up(cluster);
}

/* The next look at the map is soon, unless it is already. */
static void look_soon(struct cluster *cluster);

static void on_node_lost(void *context) {
    struct node *node = context;
    struct cluster *cluster = node->cluster;
    node->admitted = false;
    look_soon(cluster);
    if (!cluster->up || any_node(cluster))
        return;
    cluster->up = false;
    if (cluster->parts.events.on_lost)
        cluster->parts.events.on_lost(cluster->parts.events.context);
}

/* Seeds are there to be asked for the map; only masters are prepared for calls. */
static void prepare(struct node *node) {
    const struct redis_link_events *events = &node->cluster->parts.events;
    if (events->on_master)
        events->on_master(events->context, node->link);
    else
        redis_link_admit(node->link, node->link);
}

static void on_node_master(void *context, struct redis_link *link) {
    struct node *node = context;
    (void)link;
    look_soon(node->cluster);
    if (node->mapped)
        prepare(node);
}

static void on_node_connect(void *context) {
    struct node *node = context;
    if (node->leaving)
        return;
    node->admitted = true;
    if (node->cluster->up)
        tell_up(node->cluster);
    else
        come_up(node->cluster);
}

void cluster_admit(struct cluster *cluster, const struct redis_link *master) {
    for (struct node *node = cluster->nodes; node; node = node->next)
        if (node->link == master && !node->leaving) {
            redis_link_admit(node->link, node->link);
            return;
        }
}

/* --- The map -------------------------------------------------------------------------------------------- */

static void mark_mapped(struct node *node) {
    if (node->mapped)
        return;
    node->mapped = true;
    if (redis_link_connected(node->link))
        prepare(node);
}

/* Masters come and go as the map says; what has no slots is left alone by commands, and leaves. */
static void adopt_map(struct cluster *cluster) {
    const struct slot_map *map = cluster->map;
    struct node *masters[SLOT_MASTERS_MAX];
    for (int i = 0; i < map->count; i++)
        masters[i] = node_at(cluster, &map->masters[i]);
    for (int slot = 0; slot < SLOT_COUNT; slot++)
        cluster->owner[slot] = map->owner[slot] == SLOT_UNKNOWN ? NULL : masters[map->owner[slot]];
    for (struct node *node = cluster->nodes, *next; node; node = next) {
        bool wanted = false;
        next = node->next;
        for (int i = 0; i < map->count && !wanted; i++)
            wanted = masters[i] == node;
        if (wanted)
            mark_mapped(node);
        else if (!node->leaving)
            node_leave(node);
    }
    if (cluster->mapped_ms == 0)
        cluster->mapped_ms = uv_now(cluster->parts.loop);
    cluster->amiss = !all_admitted(cluster);
    come_up(cluster);
}

static void on_map(void *context, const redisReply *reply) {
    struct node *node = context;
    struct cluster *cluster = node->cluster;
    if (!reply || cluster->closing || node->leaving)
        return;
    struct result r = slot_map_read(reply, node->address.host, cluster->map);
    if (is_ok(r))
        adopt_map(cluster);
    else if (!r.retryable)
        log_error(cluster->parts.log, "node %s:%d: %s", node->address.host, node->address.port, r.text);
}

static void ask_seeds(struct cluster *cluster) {
    const struct redis_settings *settings = cluster->parts.settings;
    for (int i = 0; i < settings->seed_count; i++) {
        struct slot_master address = {.port = settings->seeds[i].port};
        strncpy(address.host, settings->seeds[i].host, sizeof address.host - 1);
        (void)node_at(cluster, &address); /* out of memory: the next look tries again */
    }
}

/* The next connected node, in turn, since one may be behind the others; NULL when there is none. */
static struct node *whom_to_ask(struct cluster *cluster) {
    unsigned connected = 0;
    for (struct node *node = cluster->nodes; node; node = node->next)
        connected += !node->leaving && redis_link_connected(node->link);
    unsigned skip = connected ? cluster->turn++ % connected : 0;
    for (struct node *node = cluster->nodes; node; node = node->next)
        if (!node->leaving && redis_link_connected(node->link) && skip-- == 0)
            return node;
    return NULL;
}

static void on_look(uv_timer_t *timer) {
    struct cluster *cluster = timer->data;
    struct node *node = whom_to_ask(cluster);
    struct result r = node
        ? link_send_now(node->link, on_map, node, 2, (const char *[]){"CLUSTER", "SLOTS"}, NULL)
        : fail(CODE_UNAVAILABLE, "no node to ask");
    if (!is_ok(r))
        ask_seeds(cluster);
    if (!cluster->amiss && is_ok(r))
        cluster->backoff.failures = 0;
    uint64_t wait_ms = cluster->amiss || !is_ok(r) ? backoff_next_ms(&cluster->backoff) : CALM_MS;
    uv_timer_start(timer, on_look, wait_ms, 0);
    come_up(cluster);
}

static void look_soon(struct cluster *cluster) {
    if (cluster->closing)
        return;
    if (!cluster->amiss)
        cluster->backoff.failures = 0;
    cluster->amiss = true;
    uint64_t wait_ms = backoff_next_ms(&cluster->backoff);
    if (uv_timer_get_due_in(&cluster->timer) > wait_ms)
        uv_timer_start(&cluster->timer, on_look, wait_ms, 0);
}

/* --- Calls ---------------------------------------------------------------------------------------------- */

/* One command, kept until it is answered, since it may have to be sent to another node. */
struct call {
    struct cluster *cluster;
    struct node *node; /* that it was sent to last */
    redis_reply_fn *reply;
    void *context;
    char *command; /* in the protocol's form */
    size_t length;
    int redirections;
};

static void call_free(struct call *call) {
    if (!call)
        return;
    free(call->command);
    free(call);
}

static void on_call_reply(void *context, const redisReply *reply);

static struct result call_send_to(struct call *call, struct node *node, bool asking) {
    struct result r = ok();
    call->node = node;
    if (asking)
        r = link_send_now(node->link, NULL, NULL, 1, (const char *[]){"ASKING"}, NULL);
    if (is_ok(r))
        r = link_send_formatted(node->link, on_call_reply, call, call->command, call->length);
    return r;
}

/* True when the command is on its way to the node that it was sent on to. */
static bool follow(struct call *call, const redisReply *reply) {
    struct cluster *cluster = call->cluster;
    struct redirection redirection;
    if (cluster->closing || !redirection_read(reply, call->node->address.host, &redirection))
        return false;
    struct node *node = node_at(cluster, &redirection.to);
    if (!redirection.ask) {
        look_soon(cluster);
        cluster->owner[redirection.slot] = node;
    }
    if (!node)
        return false;
    mark_mapped(node);
    return node->admitted && call->redirections++ < REDIRECTIONS_MAX
        && is_ok(call_send_to(call, node, redirection.ask));
}

static void on_call_reply(void *context, const redisReply *reply) {
    struct call *call = context;
    if (reply && follow(call, reply))
        return;
    if (redis_reply_is_error(reply, "CLUSTERDOWN"))
        look_soon(call->cluster);
    if (call->reply)
        call->reply(call->context, reply);
    call_free(call);
}

static struct result call_new(
    struct cluster *cluster, int argc, const char *const *argv, const size_t *lengths, struct call **made) {
    struct call *call = calloc(1, sizeof *call);
    char *command = call ? redis_command(argc, argv, lengths, &call->length) : NULL;
    if (!command) {
        free(call);
        return fail(CODE_UNAVAILABLE, "out of memory for a command to Redis");
    }
    call->cluster = cluster;
    call->command = command;
    *made = call;
    return ok();
}

static struct result find_node(
    struct cluster *cluster, int argc, const char *const *argv, const size_t *lengths, struct node **node) {
    int key = slot_key_argument(argc, argv, lengths);
    int slot = key > 0 ? slot_of(argv[key], lengths ? lengths[key] : strlen(argv[key])) : -1;
    struct node *found = key > 0 ? cluster->owner[slot] : any_node(cluster);
    if (found && found->admitted) {
        *node = found;
        return ok();
    }
    look_soon(cluster);
    if (found)
        return fail(CODE_UNAVAILABLE, "the node of slot %d, %s:%d, is away from the Redis Cluster", slot,
            found->address.host, found->address.port);
    return fail(CODE_UNAVAILABLE, "no node of the Redis Cluster is known to have slot %d", slot);
}

struct result cluster_send(struct cluster *cluster, redis_reply_fn *reply, void *context, int argc,
    const char *const *argv, const size_t *lengths) {
    struct node *node = NULL;
    struct call *call = NULL;
    struct result r = find_node(cluster, argc, argv, lengths, &node);
    if (is_ok(r))
        r = call_new(cluster, argc, argv, lengths, &call);
    if (is_ok(r)) {
        call->reply = reply;
        call->context = context;
        r = call_send_to(call, node, false);
    }
    if (!is_ok(r))
        call_free(call);
    return r;
}

void cluster_flush(struct cluster *cluster) {
    for (struct node *node = cluster->nodes; node; node = node->next)
        redis_link_flush(node->link);
}

bool cluster_connected(const struct cluster *cluster) {
    return cluster->up;
}

/* --- Opening and closing -------------------------------------------------------------------------------- */

void cluster_drop(struct cluster *cluster) {
    for (struct node *node = cluster->nodes; node; node = node->next)
        if (!node->leaving)
            redis_link_drop(node->link);
}

struct result cluster_open(struct cluster_parts parts, struct cluster **cluster) {
    struct cluster *opened = calloc(1, sizeof *opened);
    struct slot_map *map = calloc(1, sizeof *map);
    if (!opened || !map) {
        free(opened);
        free(map);
        return fail(CODE_INTERNAL, "out of memory for a Redis Cluster");
    }
    opened->parts = parts;
    opened->map = map;
    opened->amiss = true;
    opened->backoff = (struct backoff){.first_ms = 50, .max_ms = 1000};
    opened->handles = 1;
    uv_timer_init(parts.loop, &opened->timer);
    opened->timer.data = opened;
    uv_timer_start(&opened->timer, on_look, 0, 0);
    *cluster = opened;
    return ok();
}

static void on_timer_closed(uv_handle_t *handle) {
    handle_closed(handle->data);
}

void cluster_close(struct cluster *cluster, void (*closed)(void *context), void *context) {
    cluster->closing = true;
    cluster->up = false;
    cluster->closed = closed;
    cluster->closed_context = context;
    uv_close((uv_handle_t *)&cluster->timer, on_timer_closed);
    for (struct node *node = cluster->nodes, *next; node; node = next) {
        next = node->next;
        if (!node->leaving)
            node_leave(node);
    }
}
