/*
 * Leases: of several replicas over one store, who may publish an entry of the outbox. One connection plays
 * them all. And what they say of themselves.
 */
#include "support/check.h"
#include "support/scene.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LONG_MS = 600000, RUN_OUT_MS = 0, SETTLE_S = 600, UPTIME_MS = 5000000 };

#define LEASES "pg:{nba:2021-11}:leases"
#define FIELD "2021-11-17/g1/r1"

static int set_up(void **state) {
    struct scene *scene = *state;
    empty_scene(state);
    scene->harness->uptime_ms = UPTIME_MS;
    return 0;
}

static void be(struct scene *scene, const char *replica, int lease_ms) {
    harness_be(scene->harness, replica, lease_ms);
}

static struct trigger group_1(const struct scene *scene, bool backfill) {
    return (struct trigger){.date = scene->date, .group = 1, .run = 1, .backfill = backfill};
}

static enum leasing ask(struct scene *scene, struct lease *lease) {
    struct trigger trigger = group_1(scene, false);
    return harness_lease(scene->harness, scene->pipeline, &trigger, lease);
}

static long long lease_count(struct scene *scene) {
    return redis_server_ask_number(scene->harness->server, "HLEN " LEASES);
}

/* Is the entry's lease this replica's? NULL: nobody's. */
static void check_holder(struct scene *scene, const char *field, const char *replica) {
    redisReply *reply = redis_server_ask(scene->harness->server, "HGET " LEASES " %s", field);
    if (!replica)
        assert_null(reply->str);
    else if (!reply->str || strncmp(reply->str, replica, strlen(replica)) != 0)
        fail_msg("the lease of %s is %s, not %s's", field, reply->str ? reply->str : "nobody's", replica);
    freeReplyObject(reply);
}

static size_t entries_shown(struct scene *scene) {
    const struct trigger *triggers = NULL;
    return harness_outbox(scene->harness, scene->pipeline, &triggers);
}

static void backfill_phase3(struct scene *scene) {
    for (int processor = PGS; processor <= TDGS; processor++) {
        struct completion completion = healthy(scene, processor);
        completion.backfill = true;
        tell(scene, completion);
    }
}

/* --- In the deciding step ------------------------------------------------------------------------------- */

static void a_live_trigger_is_leased_to_whoever_decides_it(void **state) {
    struct scene *scene = *state;
    be(scene, "a", LONG_MS);
    struct applied_copy applied = complete_phase3(scene);
    check_holder(scene, FIELD, "a ");
    assert_int_equal(lease_count(scene), 1);
    /* the holder reckons from when it asked, and with a margin */
    assert_int_equal(applied.lease.until_ms, UPTIME_MS + LONG_MS - LONG_MS / LEASE_MARGIN);
    assert_false(applied.lease.taken_over);
}

/* Until when is told by the server's clock: the caller's, of 2025, has nothing to do with it. */
static void a_lease_ends_by_the_servers_clock(void **state) {
    struct scene *scene = *state;
    be(scene, "a", LONG_MS);
    complete_phase3(scene);
    redisReply *time = redis_server_ask(scene->harness->server, "TIME");
    redisReply *lease = redis_server_ask(scene->harness->server, "HGET " LEASES " " FIELD);
    int64_t now_ms = strtoll(time->element[0]->str, NULL, 10) * 1000;
    int64_t left_ms = strtoll(lease->str + strlen("a "), NULL, 10) - now_ms;
    assert_true(left_ms > LONG_MS - 60000 && left_ms <= LONG_MS + 1000);
    freeReplyObject(time);
    freeReplyObject(lease);
}

static void a_backfill_trigger_is_not(void **state) {
    struct scene *scene = *state;
    be(scene, "a", LONG_MS);
    backfill_phase3(scene);
    assert_int_equal(entries_shown(scene), 1);
    assert_int_equal(lease_count(scene), 0);
}

static void what_a_command_decides_is_nobodys(void **state) {
    struct scene *scene = *state;
    complete_phase3(scene);
    confirm(scene, 1);
    be(scene, "a", LONG_MS);
    struct replayed_copy replayed = replay(scene, REPLAY_AGAIN, 0);
    assert_string_equal(replayed.replayed.outbox_field, FIELD);
    assert_int_equal(lease_count(scene), 0);
}

static void a_new_run_is_leased_to_whoever_opens_it(void **state) {
    struct scene *scene = *state;
    be(scene, "a", LONG_MS);
    complete_phase3(scene);
    complete(scene, PGS);
    be(scene, "b", LONG_MS);
    struct ticked_copy ticked = tick_after(scene, SETTLE_S);
    assert_string_equal(ticked.ticked.outbox_field, "2021-11-17/g1/r2");
    assert_int_equal(ticked.ticked.lease.until_ms, UPTIME_MS + LONG_MS - LONG_MS / LEASE_MARGIN);
    check_holder(scene, "2021-11-17/g1/r2", "b ");
    assert_int_equal(
        lease_count(scene), 1); /* the lease of the trigger that is superseded has gone with it */
}

/* --- Asking --------------------------------------------------------------------------------------------- */

static void while_a_lease_runs_nobody_else_gets_it(void **state) {
    struct scene *scene = *state;
    struct lease lease;
    be(scene, "a", LONG_MS);
    complete_phase3(scene);
    be(scene, "b", LONG_MS);
    assert_int_equal(ask(scene, NULL), LEASE_THEIRS);
    check_holder(scene, FIELD, "a ");
    be(scene, "a", LONG_MS);
    scene->harness->uptime_ms += 1000;
    assert_int_equal(ask(scene, &lease), LEASE_OURS);
    assert_int_equal(lease.until_ms, UPTIME_MS + 1000 + LONG_MS - LONG_MS / LEASE_MARGIN);
    assert_false(lease.taken_over);
}

static void one_that_has_run_out_is_taken_over(void **state) {
    struct scene *scene = *state;
    struct lease lease;
    be(scene, "a", RUN_OUT_MS);
    complete_phase3(scene);
    be(scene, "b", LONG_MS);
    assert_int_equal(ask(scene, &lease), LEASE_OURS);
    assert_true(lease.taken_over);
    check_holder(scene, FIELD, "b ");
    be(scene, "a", LONG_MS); /* it stood still, and comes back */
    assert_int_equal(ask(scene, NULL), LEASE_THEIRS);
}

/* Its own one, that has run out, is nobody's loss: it is not taken over. */
static void ones_own_is_renewed_although_it_has_run_out(void **state) {
    struct scene *scene = *state;
    struct lease lease;
    be(scene, "a", RUN_OUT_MS);
    complete_phase3(scene);
    assert_int_equal(ask(scene, &lease), LEASE_OURS);
    assert_false(lease.taken_over);
}

static void what_has_left_the_outbox_is_gone(void **state) {
    struct scene *scene = *state;
    be(scene, "a", LONG_MS);
    assert_int_equal(ask(scene, NULL), LEASE_GONE);
    complete_phase3(scene);
    confirm(scene, 1);
    assert_int_equal(ask(scene, NULL), LEASE_GONE);
    assert_int_equal(lease_count(scene), 0);
}

static void a_name_is_not_taken_for_a_longer_one(void **state) {
    struct scene *scene = *state;
    be(scene, "host-7", LONG_MS);
    complete_phase3(scene);
    be(scene, "host-71", LONG_MS);
    assert_int_equal(ask(scene, NULL), LEASE_THEIRS);
    be(scene, "host", LONG_MS);
    assert_int_equal(ask(scene, NULL), LEASE_THEIRS);
}

static void only_the_holder_gives_it_back(void **state) {
    struct scene *scene = *state;
    struct trigger trigger = group_1(scene, false);
    be(scene, "a", LONG_MS);
    complete_phase3(scene);
    be(scene, "b", LONG_MS);
    harness_unlease(scene->harness, scene->pipeline, &trigger);
    check_holder(scene, FIELD, "a ");
    be(scene, "a", LONG_MS);
    harness_unlease(scene->harness, scene->pipeline, &trigger);
    check_holder(scene, FIELD, NULL);
    be(scene, "b", LONG_MS);
    assert_int_equal(ask(scene, NULL), LEASE_OURS);
}

/* --- With the entry ------------------------------------------------------------------------------------- */

static void a_lease_goes_with_its_entry(void **state) {
    struct scene *scene = *state;
    struct trigger trigger = group_1(scene, false);
    be(scene, "a", LONG_MS);
    complete_phase3(scene);
    confirm(scene, 1);
    assert_int_equal(lease_count(scene), 0);
    scene->date++;
    trigger.date++;
    complete_phase3(scene);
    assert_int_equal(lease_count(scene), 1);
    be(scene, "b", LONG_MS); /* an operator cancels, whoever has the lease */
    assert_true(harness_cancel(scene->harness, scene->pipeline, &trigger, scene->now_ms));
    assert_int_equal(lease_count(scene), 0);
}

/* Published by one that stood still, after another has taken it over: either's confirmation counts. */
static void a_confirmation_needs_no_lease(void **state) {
    struct scene *scene = *state;
    be(scene, "a", RUN_OUT_MS);
    complete_phase3(scene);
    be(scene, "b", LONG_MS);
    assert_int_equal(ask(scene, NULL), LEASE_OURS);
    be(scene, "a", LONG_MS);
    confirm(scene, 1);
    assert_int_equal(phase_of(scene, 1), GROUP_TRIGGERED);
    assert_int_equal(lease_count(scene), 0);
}

static void what_another_has_is_not_shown(void **state) {
    struct scene *scene = *state;
    be(scene, "a", LONG_MS);
    complete_phase3(scene);
    scene->date++;
    be(scene, "b", RUN_OUT_MS);
    complete_phase3(scene);
    scene->date++;
    backfill_phase3(scene);
    be(scene, "a", LONG_MS);
    assert_int_equal(entries_shown(scene), 3); /* its own, one that has run out, and one that is nobody's */
    be(scene, "b", LONG_MS);
    assert_int_equal(entries_shown(scene), 2);
    be(scene, "", 0);
    assert_int_equal(entries_shown(scene), 3); /* a command sees all */
}

/* The functions were flushed behind our back: the outbox is read by one of them, too. */
static void reading_the_outbox_brings_the_functions_back(void **state) {
    struct scene *scene = *state;
    const struct trigger *triggers = NULL;
    size_t count = 0;
    complete_phase3(scene);
    redis_server_do(scene->harness->server, "FUNCTION FLUSH");
    struct result result = harness_try_outbox(scene->harness, scene->pipeline, &triggers, &count);
    assert_int_equal(result.code, CODE_UNAVAILABLE);
    harness_await_ready(scene->harness);
    assert_int_equal(entries_shown(scene), 1);
}

/* --- With slots ----------------------------------------------------------------------------------------- */

static enum claim claim(struct scene *scene) {
    struct trigger trigger = group_1(scene, true);
    return harness_claim(scene->harness, scene->pipeline, &trigger, scene->now_ms);
}

static long long slots_taken(struct scene *scene) {
    return redis_server_ask_number(scene->harness->server, "ZCARD pg:{nba}:slots:1");
}

static void a_slot_comes_with_the_lease(void **state) {
    struct scene *scene = *state;
    be(scene, "a", LONG_MS);
    backfill_phase3(scene);
    assert_int_equal(claim(scene), CLAIM_GRANTED);
    assert_int_equal(scene->harness->answer.lease.until_ms, UPTIME_MS + LONG_MS - LONG_MS / LEASE_MARGIN);
    check_holder(scene, FIELD, "a ");
    be(scene, "b", LONG_MS);
    assert_int_equal(claim(scene), CLAIM_THEIRS);
    assert_int_equal(slots_taken(scene), 1); /* the trigger's: not given back by who may not publish it */
    be(scene, "a", LONG_MS);
    assert_int_equal(claim(scene), CLAIM_GRANTED);
}

static void without_a_slot_there_is_no_lease(void **state) {
    struct scene *scene = *state;
    be(scene, "a", LONG_MS);
    for (int i = 0; i < scene->pipeline->groups[0].backfill_cap; i++)
        redis_server_do(scene->harness->server, "ZADD pg:{nba}:slots:1 9999999999999 other-%d", i);
    backfill_phase3(scene);
    assert_int_equal(claim(scene), CLAIM_FULL);
    assert_int_equal(lease_count(scene), 0);
    check_ok(harness_try_pause(scene->harness, scene->pipeline, true, scene->now_ms));
    assert_int_equal(claim(scene), CLAIM_PAUSED);
    assert_int_equal(lease_count(scene), 0);
}

static void a_dead_replicas_slot_and_lease_are_taken_over(void **state) {
    struct scene *scene = *state;
    be(scene, "a", RUN_OUT_MS);
    backfill_phase3(scene);
    assert_int_equal(claim(scene), CLAIM_GRANTED);
    be(scene, "b", LONG_MS);
    assert_int_equal(claim(scene), CLAIM_GRANTED);
    assert_true(scene->harness->answer.lease.taken_over);
    assert_int_equal(slots_taken(scene), 1);
}

/* --- Heartbeats ----------------------------------------------------------------------------------------- */

static struct replica_report report_of(const char *id, int64_t started_ms, int64_t seen_ms) {
    return (struct replica_report){.id = id,
        .host = "a \"host\"",
        .version = "0.1.0",
        .pid = 71,
        .started_ms = started_ms,
        .seen_ms = seen_ms,
        .every_ms = 5000};
}

static size_t replicas_of(struct scene *scene, struct replica_report **replicas) {
    size_t count = 0;
    check_ok(reader_replicas(scene->harness->reader, scene->harness->arena, replicas, &count));
    return count;
}

static void what_a_replica_says_is_read(void **state) {
    struct scene *scene = *state;
    const struct replica_receiving receiving[] = {{"nba", 15000}, {"nfl", 0}};
    struct replica_report *replicas, report = report_of("a", SCENE_MS, SCENE_MS + 5000);
    assert_int_equal(replicas_of(scene, &replicas), 0);
    report.work = (struct replica_work){1, 2, 3, 4, 5, 6, INT64_C(1) << 40};
    harness_heartbeat(scene->harness, &report);
    report.seen_ms += 5000;
    report.stopped = true;
    report.work.confirmed++;
    report.receiving = receiving;
    report.receiving_count = 2;
    harness_heartbeat(scene->harness, &report);
    assert_int_equal(replicas_of(scene, &replicas), 1);
    assert_string_equal(replicas->id, "a");
    assert_string_equal(replicas->host, "a \"host\"");
    assert_string_equal(replicas->version, "0.1.0");
    assert_int_equal(replicas->pid, 71);
    assert_int_equal(replicas->started_ms, SCENE_MS);
    assert_int_equal(replicas->seen_ms, SCENE_MS + 10000);
    assert_int_equal(replicas->every_ms, 5000);
    assert_true(replicas->stopped);
    assert_int_equal(replicas->receiving_count, 2);
    assert_string_equal(replicas->receiving[0].pipeline, "nba");
    assert_int_equal(replicas->receiving[0].for_ms, 15000);
    assert_int_equal(replicas->receiving[1].for_ms, 0);
    assert_memory_equal(&replicas->work, &report.work, sizeof report.work);
}

static void the_longest_at_work_comes_first(void **state) {
    struct scene *scene = *state;
    struct replica_report *replicas, young = report_of("a", SCENE_MS + 1, SCENE_MS + 2);
    struct replica_report old = report_of("b", SCENE_MS, SCENE_MS + 2);
    harness_heartbeat(scene->harness, &young);
    harness_heartbeat(scene->harness, &old);
    assert_int_equal(replicas_of(scene, &replicas), 2);
    assert_string_equal(replicas[0].id, "b");
}

static void a_silent_one_is_forgotten_after_an_hour(void **state) {
    struct scene *scene = *state;
    struct replica_report *replicas, dead = report_of("dead", SCENE_MS, SCENE_MS);
    struct replica_report alive = report_of("alive", SCENE_MS, SCENE_MS + REPLICA_REMEMBERED_MS);
    harness_heartbeat(scene->harness, &dead);
    harness_heartbeat(scene->harness, &alive);
    assert_int_equal(replicas_of(scene, &replicas), 2);
    alive.seen_ms++;
    harness_heartbeat(scene->harness, &alive);
    assert_int_equal(replicas_of(scene, &replicas), 1);
    assert_string_equal(replicas->id, "alive");
}

/* A daemon that starts and dies in a circle is a new replica each time. */
static void no_more_than_256_are_remembered(void **state) {
    struct scene *scene = *state;
    struct replica_report *replicas;
    for (int i = 0; i < 260; i++) {
        char id[16];
        snprintf(id, sizeof id, "r%d", i);
        struct replica_report report = report_of(id, SCENE_MS + i, SCENE_MS + i);
        harness_heartbeat(scene->harness, &report);
    }
    assert_int_equal(replicas_of(scene, &replicas), 256);
    assert_string_equal(replicas[0].id, "r4"); /* the oldest go */
}

#define TEST(function) cmocka_unit_test_setup(function, set_up)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_live_trigger_is_leased_to_whoever_decides_it),
        TEST(a_lease_ends_by_the_servers_clock),
        TEST(a_backfill_trigger_is_not),
        TEST(what_a_command_decides_is_nobodys),
        TEST(a_new_run_is_leased_to_whoever_opens_it),
        TEST(while_a_lease_runs_nobody_else_gets_it),
        TEST(one_that_has_run_out_is_taken_over),
        TEST(ones_own_is_renewed_although_it_has_run_out),
        TEST(what_has_left_the_outbox_is_gone),
        TEST(a_name_is_not_taken_for_a_longer_one),
        TEST(only_the_holder_gives_it_back),
        TEST(a_lease_goes_with_its_entry),
        TEST(a_confirmation_needs_no_lease),
        TEST(what_another_has_is_not_shown),
        TEST(reading_the_outbox_brings_the_functions_back),
        TEST(a_slot_comes_with_the_lease),
        TEST(without_a_slot_there_is_no_lease),
        TEST(a_dead_replicas_slot_and_lease_are_taken_over),
        TEST(what_a_replica_says_is_read),
        TEST(the_longest_at_work_comes_first),
        TEST(a_silent_one_is_forgotten_after_an_hour),
        TEST(no_more_than_256_are_remembered),
    };
    return cmocka_run_group_tests(tests, open_scene, close_scene);
}
