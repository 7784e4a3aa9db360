#include "chaos/world.h"

#include "chaos/pipeline.h"
#include "chaos/trace.h"
#include "support/check.h"
#include "support/daemon.h"
#include "support/emulator.h"
#include "support/fake_pubsub.h"
#include "support/redis_cluster.h"
#include "support/redis_sentinels.h"
#include "support/redis_server.h"
#include "support/stage.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    DOWN_AFTER_MS = 1500, /* a busy machine is no dead one */
    HARMS_MAX = 64,
    LOG_SHOWN = 2000,
    TRIGGERS_OF_A_STREAM = 20
};

/* A fault that is done and to be healed. */
struct harm {
    enum chaos_fault fault;
    int victim;
    int64_t heal_ms;
};

struct world {
    enum chaos_form form;
    enum chaos_bus bus;
    FILE *trace;
    char durability[48];
    const char *environment[2]; /* of the replicas, ended by NULL */
    struct redis_server *single;
    struct redis_sentinels *sentinels;
    struct redis_test_cluster *cluster;
    struct fake_pubsub *fake;
    struct emulator emulator;
    struct daemon *replicas[CHAOS_REPLICAS];
    bool down[CHAOS_REPLICAS]; /* because of a fault */
    bool frozen[CHAOS_REPLICAS];
    struct harm harms[HARMS_MAX];
    size_t harm_count;
    size_t ended;
};

/* Times short enough to be met in a run; the rest is for a bus that forgets triggers which it has confirmed,
 * and needs to be given them again. */
enum { SETTING_GROUPS, SETTINGS_ALWAYS = 3, SETTINGS = 6 };
static const struct stage_setting settings[SETTINGS] = {[SETTING_GROUPS] = {"groups", NULL},
    {"rerun_settle", "3"},
    {"upstream_deadline", "0"},
    {"group_deadline", "20"},
    {"on_stall", "retrigger"},
    {"retrigger_limit", "100"}};

/* In a set an ack waits for every replica that may be the next master: what one alone has is lost when
 * sentinels choose another. */
static const int replicas_of_redis[] = {[CHAOS_SINGLE] = 0, [CHAOS_SENTINEL] = 2, [CHAOS_CLUSTER] = 1};

/* --- Redis, in its forms -------------------------------------------------------------------------------- */

static int redis_servers(const struct world *world) {
    if (world->form == CHAOS_CLUSTER)
        return REDIS_CLUSTER_SERVERS;
    return world->form == CHAOS_SENTINEL ? redis_sentinels_servers(world->sentinels) : 1;
}

static struct redis_server *redis_at(const struct world *world, int index) {
    if (world->form == CHAOS_CLUSTER)
        return redis_cluster_server(world->cluster, index);
    return world->form == CHAOS_SENTINEL ? redis_sentinels_server(world->sentinels, index) : world->single;
}

/* Half the time the master, whom it hurts most; else any. -1 when somebody is down already: of a set, only
 * one at a time, since more than one loses what durability promised by its settings. */
static int choose_redis(const struct world *world, int target) {
    for (size_t i = 0; i < world->harm_count; i++)
        if (world->harms[i].fault == CHAOS_KILL_REDIS || world->harms[i].fault == CHAOS_FREEZE_REDIS)
            return -1;
    int master = 0;
    if (world->form == CHAOS_SENTINEL)
        master = redis_sentinels_master(world->sentinels);
    else if (world->form == CHAOS_CLUSTER)
        master = redis_cluster_master(world->cluster, target % 16384);
    return target % 2 ? target / 2 % redis_servers(world) : master;
}

/* Else its file grows by megabytes a minute, and it is away for as long as it reads it. */
static const char *const rewritten[] = {"--auto-aof-rewrite-min-size", "8mb", NULL};

static void open_store(struct world *world) {
    if (world->form == CHAOS_CLUSTER)
        world->cluster = redis_cluster_start((struct redis_cluster_options){.append_only = true});
    else if (world->form == CHAOS_SENTINEL)
        world->sentinels = redis_sentinels_start((struct redis_sentinels_options){
            .replicas = 2, .append_only = true, .down_after_ms = DOWN_AFTER_MS});
    else
        world->single =
            redis_server_start((struct redis_server_options){.append_only = true, .arguments = rewritten});
}

static const char *store_url(const struct world *world) {
    if (world->form == CHAOS_CLUSTER)
        return redis_cluster_url(world->cluster);
    return world->form == CHAOS_SENTINEL ? redis_sentinels_url(world->sentinels)
                                         : redis_server_url(world->single);
}

const struct redis_settings *world_redis(const struct world *world) {
    return redis_server_settings(redis_at(world, 0));
}

/* --- Doing harm ----------------------------------------------------------------------------------------- */

static bool kill_replica(struct world *world, int victim) {
    if (world->down[victim])
        return false;
    daemon_kill(world->replicas[victim]);
    world->down[victim] = true;
    world->frozen[victim] = false;
    return true;
}

static bool stop_replica(struct world *world, int victim) {
    if (world->down[victim] || world->frozen[victim])
        return false;
    daemon_terminate(world->replicas[victim]);
    world->down[victim] = true; /* it may take its time; the healing waits for it */
    return true;
}

static bool freeze_replica(struct world *world, int victim) {
    if (world->down[victim] || world->frozen[victim])
        return false;
    daemon_freeze(world->replicas[victim]);
    world->frozen[victim] = true;
    return true;
}

static bool kill_all(struct world *world) {
    bool any = false;
    for (int i = 0; i < CHAOS_REPLICAS; i++)
        any = kill_replica(world, i) || any;
    return any;
}

static bool harm_redis(struct world *world, enum chaos_fault fault, int victim) {
    if (victim < 0)
        return false;
    struct redis_server *server = redis_at(world, victim);
    if (fault == CHAOS_KILL_REDIS)
        redis_server_kill(server);
    else if (fault == CHAOS_FREEZE_REDIS)
        redis_server_freeze(server);
    else
        redis_server_do(server, "CLIENT KILL TYPE normal");
    return true;
}

static bool is_under_way(const struct world *world, enum chaos_fault fault) {
    for (size_t i = 0; i < world->harm_count; i++)
        if (world->harms[i].fault == fault)
            return true;
    return false;
}

static bool harm_emulator(struct world *world, enum chaos_fault fault) {
    if (is_under_way(world, CHAOS_KILL_EMULATOR) || is_under_way(world, CHAOS_FREEZE_EMULATOR))
        return false;
    if (fault == CHAOS_KILL_EMULATOR)
        emulator_kill(&world->emulator);
    else
        process_freeze(&world->emulator.process);
    return true;
}

static bool harm_fake(struct world *world, const struct planned_fault *fault) {
    struct fake_pubsub *fake = world->fake;
    int calls = 1 + fault->target % 20;
    if (is_under_way(world, fault->fault) || is_under_way(world, CHAOS_STOP_FAKE))
        return false;
    switch (fault->fault) {
    case CHAOS_STOP_FAKE:
        fake_pubsub_stop(fake);
        break;
    case CHAOS_BREAK_STREAMS:
        fake_pubsub_break_streams(fake, GRPC_STATUS_UNAVAILABLE);
        break;
    case CHAOS_BREAK_OFTEN:
        fake_pubsub_break_streams_every(fake, TRIGGERS_OF_A_STREAM);
        break;
    case CHAOS_REFUSE_PUBLISH:
        fake_pubsub_answer_next(fake, FAKE_PUBLISH, calls, GRPC_STATUS_UNAVAILABLE);
        break;
    case CHAOS_EXHAUST_PUBLISH:
        fake_pubsub_answer_next(fake, FAKE_PUBLISH, calls, GRPC_STATUS_RESOURCE_EXHAUSTED);
        break;
    case CHAOS_UNCONFIRM_PUBLISH:
        fake_pubsub_publish_unconfirmed(fake, calls, GRPC_STATUS_UNAVAILABLE);
        break;
    case CHAOS_SLOW_BUS:
        fake_pubsub_delay(fake, 50 + fault->target % 500);
        break;
    case CHAOS_DUPLICATE:
        fake_pubsub_duplicate(fake, 2);
        break;
    case CHAOS_LOSE_ACKS:
        fake_pubsub_lose_acks(fake, true);
        break;
    case CHAOS_BLACK_HOLE:
        fake_pubsub_black_hole(fake, true);
        break;
    default:
        fake_pubsub_expire_leases(fake);
    }
    return true;
}

static bool harm(struct world *world, const struct planned_fault *fault, int victim) {
    switch (fault->fault) {
    case CHAOS_KILL_REPLICA:
        return kill_replica(world, victim);
    case CHAOS_STOP_REPLICA:
        return stop_replica(world, victim);
    case CHAOS_FREEZE_REPLICA:
    case CHAOS_HOLD_REPLICA:
        return freeze_replica(world, victim);
    case CHAOS_KILL_ALL:
        return kill_all(world);
    case CHAOS_KILL_REDIS:
    case CHAOS_FREEZE_REDIS:
    case CHAOS_DROP_CLIENTS:
        return harm_redis(world, fault->fault, victim);
    case CHAOS_KILL_SENTINEL:
        if (is_under_way(world, CHAOS_KILL_SENTINEL))
            return false;
        redis_server_kill(redis_sentinels_sentinel(world->sentinels, victim));
        return true;
    case CHAOS_KILL_EMULATOR:
    case CHAOS_FREEZE_EMULATOR:
        return harm_emulator(world, fault->fault);
    default:
        return harm_fake(world, fault);
    }
}

static int choose_victim(const struct world *world, const struct planned_fault *fault) {
    switch (fault->fault) {
    case CHAOS_KILL_REDIS:
    case CHAOS_FREEZE_REDIS:
    case CHAOS_DROP_CLIENTS:
        return choose_redis(world, fault->target);
    case CHAOS_KILL_SENTINEL:
        return fault->target % REDIS_SENTINELS;
    default:
        return fault->target % CHAOS_REPLICAS;
    }
}

bool world_harm(struct world *world, const struct planned_fault *fault, int64_t now_ms) {
    int victim = choose_victim(world, fault);
    if (world->harm_count == HARMS_MAX || !harm(world, fault, victim))
        return false;
    trace_fault(world->trace, chaos_fault_words(fault->fault), "done", victim);
    world->harms[world->harm_count++] = (struct harm){fault->fault, victim, now_ms + fault->duration_ms};
    return true;
}

/* --- Healing -------------------------------------------------------------------------------------------- */

static void start_replica(struct world *world, int victim) {
    if (!world->down[victim])
        return;
    if (daemon_running(world->replicas[victim])) /* told to stop: it drains, or takes too long */
        daemon_kill(world->replicas[victim]);
    daemon_start(world->replicas[victim]);
    world->down[victim] = false;
}

static void thaw_replica(struct world *world, int victim) {
    if (!world->frozen[victim])
        return;
    daemon_thaw(world->replicas[victim]);
    world->frozen[victim] = false;
}

static void heal_fake(struct world *world, enum chaos_fault fault) {
    switch (fault) {
    case CHAOS_STOP_FAKE:
        check_ok(fake_pubsub_restart(world->fake));
        break;
    case CHAOS_BREAK_OFTEN:
        fake_pubsub_break_streams_every(world->fake, 0);
        break;
    case CHAOS_REFUSE_PUBLISH:
    case CHAOS_EXHAUST_PUBLISH:
        fake_pubsub_answer_next(world->fake, FAKE_PUBLISH, 0, GRPC_STATUS_OK);
        break;
    case CHAOS_UNCONFIRM_PUBLISH:
        fake_pubsub_publish_unconfirmed(world->fake, 0, GRPC_STATUS_OK);
        break;
    case CHAOS_SLOW_BUS:
        fake_pubsub_delay(world->fake, 0);
        break;
    case CHAOS_DUPLICATE:
        fake_pubsub_duplicate(world->fake, 1);
        break;
    case CHAOS_LOSE_ACKS:
        fake_pubsub_lose_acks(world->fake, false);
        break;
    case CHAOS_BLACK_HOLE:
        fake_pubsub_black_hole(world->fake, false);
        break;
    default:
        break;
    }
}

/* True when the bus has forgotten everything. */
static bool heal(struct world *world, const struct harm *harm) {
    switch (harm->fault) {
    case CHAOS_KILL_REPLICA:
    case CHAOS_STOP_REPLICA:
        start_replica(world, harm->victim);
        return false;
    case CHAOS_KILL_ALL:
        for (int i = 0; i < CHAOS_REPLICAS; i++)
            start_replica(world, i);
        return false;
    case CHAOS_FREEZE_REPLICA:
    case CHAOS_HOLD_REPLICA:
        thaw_replica(world, harm->victim);
        return false;
    case CHAOS_KILL_REDIS:
        redis_server_restart(redis_at(world, harm->victim));
        return false;
    case CHAOS_FREEZE_REDIS:
        redis_server_thaw(redis_at(world, harm->victim));
        return false;
    case CHAOS_KILL_SENTINEL:
        redis_server_restart(redis_sentinels_sentinel(world->sentinels, harm->victim));
        return false;
    case CHAOS_KILL_EMULATOR:
        check_ok(emulator_restart(&world->emulator));
        return true;
    case CHAOS_FREEZE_EMULATOR:
        process_thaw(&world->emulator.process);
        return false;
    default:
        heal_fake(world, harm->fault);
        return false;
    }
}

bool world_heal(struct world *world, int64_t now_ms) {
    bool forgot = false;
    for (size_t i = 0; i < world->harm_count;) {
        struct harm harm = world->harms[i];
        if (harm.heal_ms > now_ms) {
            i++;
            continue;
        }
        world->harms[i] = world->harms[--world->harm_count];
        forgot = heal(world, &harm) || forgot;
        trace_fault(world->trace, chaos_fault_words(harm.fault), "healed", harm.victim);
    }
    return forgot;
}

static void show_end(struct daemon *replica, int number, int status) {
    const char *log = daemon_log(replica);
    size_t length = strlen(log);
    printf("replica %d ended with %d:\n%s\n", number, status,
        log + (length > LOG_SHOWN ? length - LOG_SHOWN : 0));
}

size_t world_stop(struct world *world) {
    size_t bad = 0;
    for (int i = 0; i < CHAOS_REPLICAS; i++)
        daemon_terminate(world->replicas[i]);
    for (int i = 0; i < CHAOS_REPLICAS; i++) {
        int status = daemon_await_exit(world->replicas[i]);
        if (status == 0)
            continue;
        show_end(world->replicas[i], i, status);
        bad++;
    }
    return bad;
}

size_t world_look_after(struct world *world) {
    for (int i = 0; i < CHAOS_REPLICAS; i++) {
        if (world->down[i] || daemon_running(world->replicas[i]))
            continue;
        show_end(world->replicas[i], i, daemon_await_exit(world->replicas[i]));
        world->ended++;
        daemon_start(world->replicas[i]);
    }
    return world->ended;
}

/* --- Life ----------------------------------------------------------------------------------------------- */

const char *world_pubsub(const struct world *world) {
    if (world->bus == CHAOS_FAKE)
        return fake_pubsub_address(world->fake);
    return world->bus == CHAOS_EMULATOR ? world->emulator.host : NULL;
}

static void open_bus(struct world *world) {
    if (world->bus == CHAOS_FAKE)
        check_ok(fake_pubsub_start(NULL, &world->fake));
    else if (world->bus == CHAOS_EMULATOR)
        check_ok(emulator_start(&world->emulator));
}

static void start_replicas(struct world *world, const struct world_options *options) {
    struct stage_setting pipeline[SETTINGS + 1] = {0};
    size_t count = options->bus == CHAOS_EMULATOR ? SETTINGS : SETTINGS_ALWAYS;
    char *groups = chaos_pipeline_groups(options->pipeline);
    memcpy(pipeline, settings, count * sizeof *settings);
    pipeline[SETTING_GROUPS].value = groups;
    for (int i = 0; i < CHAOS_REPLICAS; i++) {
        world->replicas[i] = daemon_new((struct daemon_options){.binary = options->binary,
            .redis_url = store_url(world),
            .pubsub = world_pubsub(world),
            .settings = "engine: {lease_seconds: 5}",
            .pipeline = pipeline,
            .environment = world->environment,
            .create = true});
        daemon_start(world->replicas[i]);
    }
    free(groups);
}

static void name_all(const struct world *world) {
    for (int i = 0; i < redis_servers(world); i++)
        trace_name(world->trace, "redis", i, redis_server_url(redis_at(world, i)));
    for (int i = 0; world->sentinels && i < REDIS_SENTINELS; i++)
        trace_name(
            world->trace, "sentinel", i, redis_server_url(redis_sentinels_sentinel(world->sentinels, i)));
    for (int i = 0; i < CHAOS_REPLICAS; i++)
        trace_name(world->trace, "replica", i, daemon_config(world->replicas[i]));
}

struct world *world_open(struct world_options options) {
    struct world *world = calloc(1, sizeof *world);
    if (!world)
        fail_msg("out of memory");
    *world = (struct world){
        .form = options.form, .bus = options.bus, .trace = options.trace, .emulator = EMULATOR_NONE};
    open_store(world);
    open_bus(world);
    int durability = options.durability < 0 ? replicas_of_redis[options.form] : options.durability;
    snprintf(world->durability, sizeof world->durability,
        durability > 0 ? "PHASEGATE_STORE_DURABILITY=replicas %d" : "PHASEGATE_STORE_DURABILITY=written",
        durability);
    world->environment[0] = world->durability;
    start_replicas(world, &options);
    name_all(world);
    for (int i = 0; i < CHAOS_REPLICAS; i++)
        daemon_await_running(world->replicas[i]);
    return world;
}

void world_close(struct world **world) {
    if (!*world)
        return;
    for (int i = 0; i < CHAOS_REPLICAS; i++)
        daemon_free(&(*world)->replicas[i]);
    fake_pubsub_free(&(*world)->fake);
    emulator_stop(&(*world)->emulator);
    redis_server_free(&(*world)->single);
    redis_sentinels_free(&(*world)->sentinels);
    redis_cluster_free(&(*world)->cluster);
    free(*world);
    *world = NULL;
}
