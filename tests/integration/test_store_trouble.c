/*
 * A Redis that is there and does not do what it is asked: out of memory, no disk, a replica, too few
 * replicas, busy. Calls fail as unavailable and are made again; a function is done as a whole or not at all,
 * also where somebody has broken a key; the log says what to do, and when it is over.
 */
#include "support/check.h"
#include "support/loop.h"
#include "support/scene.h"
#include "support/temp_dir.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DATE_KEY "pg:{nba:2021-11}:17"

static int set_up(void **state) {
    static const char *const arguments[] = {"--enable-protected-configs", "yes", NULL};
    return open_scene_over(state, (struct redis_server_options){.arguments = arguments});
}

static size_t said(struct scene *scene, const char *part) {
    return log_capture_count(&scene->harness->capture, part);
}

/* Everything that is kept of the month, as one text; the caller's. */
static char *dump(struct scene *scene) {
    static const char script[] =
        "local out = {} "
        "local keys = redis.call('KEYS', 'pg:*') table.sort(keys) "
        "for _, k in ipairs(keys) do out[#out + 1] = k .. '=' .. redis.sha1hex(redis.call('DUMP', k)) end "
        "return table.concat(out, ' ')";
    redisReply *reply = redis_server_ask(scene->harness->server, "EVAL_RO %s 0", script);
    char *text = strdup(reply->str);
    freeReplyObject(reply);
    return text;
}

static struct result try(struct scene *scene, int processor) {
    struct completion completion = healthy(scene, processor);
    struct applied_copy applied;
    return harness_try_apply(scene->harness, scene->pipeline, &completion, scene->now_ms, &applied);
}

/* The completion that decides a trigger is refused with this text, and nothing at all is changed by it. */
static void check_refused_as_a_whole(struct scene *scene, enum code code, const char *text) {
    char *before = dump(scene);
    check_fails(try(scene, TDGS), code, text);
    char *after = dump(scene);
    assert_string_equal(after, before);
    free(before);
    free(after);
}

/* All of Phase 3 but one. */
static void begin(struct scene *scene) {
    for (int processor = PGS; processor < TDGS; processor++)
        complete(scene, processor);
}

static void check_goes_on(struct scene *scene) {
    struct applied_copy applied = complete(scene, TDGS);
    check_due(scene, &applied, "g1/r1");
}

static void check_told(struct scene *scene, const char *word, const char *advice) {
    assert_int_equal(said(scene, "Redis does not do what it is asked"), 1);
    assert_int_equal(said(scene, word), 2);
    assert_int_equal(said(scene, advice), 1);
    assert_int_equal(said(scene, "Redis does what it is asked again"), 1);
}

/* --- No memory ------------------------------------------------------------------------------------------ */

static void out_of_memory_changes_nothing_and_passes(void **state) {
    struct scene *scene = *state;
    begin(scene);
    redis_server_do(scene->harness->server, "CONFIG SET maxmemory 1");
    for (int i = 0; i < 3; i++)
        check_refused_as_a_whole(scene, CODE_UNAVAILABLE, "raise its maxmemory");
    redis_server_do(scene->harness->server, "CONFIG SET maxmemory 0");
    check_goes_on(scene);
    check_told(scene, "OOM", "raise its maxmemory");
}

/* A month that nothing is known of yet takes two steps. */
static void out_of_memory_in_a_new_month(void **state) {
    struct scene *scene = *state;
    redis_server_do(scene->harness->server, "CONFIG SET maxmemory 1");
    check_refused_as_a_whole(scene, CODE_UNAVAILABLE, "OOM");
    assert_true(store_is_ready(scene->harness->store)); /* it is no reason to connect anew */
    redis_server_do(scene->harness->server, "CONFIG SET maxmemory 0");
    complete_phase3(scene);
    game_date *dates = NULL;
    size_t count = 0;
    check_ok(
        reader_newest(scene->harness->reader, scene->pipeline, 10, scene->harness->arena, &dates, &count));
    assert_int_equal(count, 1);
}

/* What was published can be confirmed, and what makes room can be done, without room. */
static void room_can_be_made_without_room(void **state) {
    struct scene *scene = *state;
    const struct message message = {.id = "bad", .data = "?", .size = 1};
    run_to(scene, 0);
    complete_phase3(scene);
    harness_quarantine(scene->harness, scene->pipeline, &message, "topic", "bad", scene->now_ms);
    redis_server_do(scene->harness->server, "CONFIG SET maxmemory 1");
    confirm(scene, 1);
    harness_quarantine_drop(scene->harness, scene->pipeline, "bad");
    assert_int_equal(phase_of(scene, 1), GROUP_TRIGGERED);
    const struct trigger *triggers = NULL;
    assert_int_equal(harness_outbox(scene->harness, scene->pipeline, &triggers), 0);
}

/* --- No disk -------------------------------------------------------------------------------------------- */

static bool save_failed(void *context) {
    struct scene *scene = context;
    redisReply *reply = redis_server_ask(scene->harness->server, "INFO persistence");
    bool failed = strstr(reply->str, "rdb_last_bgsave_status:err");
    freeReplyObject(reply);
    return failed;
}

static bool save_succeeded(void *context) {
    return !save_failed(context);
}

/* A snapshot cannot be written, since its directory is gone. */
static void no_disk_changes_nothing_and_passes(void **state) {
    struct scene *scene = *state;
    struct redis_server *server = scene->harness->server;
    struct temp_dir gone = temp_dir_make();
    begin(scene);
    redis_server_do(server, "CONFIG SET save %s", "3600 1");
    redis_server_do(server, "CONFIG SET dir %s", gone.path);
    assert_int_equal(rmdir(gone.path), 0);
    redis_server_do(server, "BGSAVE");
    loop_until(&scene->harness->loop, save_failed, scene, 5000, "a snapshot to fail");
    check_refused_as_a_whole(scene, CODE_UNAVAILABLE, "make room there");
    assert_int_equal(mkdir(gone.path, 0700), 0);
    redis_server_do(server, "CONFIG SET dir %s", gone.path);
    redis_server_do(server, "BGSAVE");
    loop_until(&scene->harness->loop, save_succeeded, scene, 5000, "a snapshot to succeed");
    check_goes_on(scene);
    check_told(scene, "MISCONF", "make room there");
    temp_dir_remove(&gone);
}

/* --- A replica, too few of them, and a busy server ------------------------------------------------------ */

static void a_replica_takes_no_writes(void **state) {
    struct scene *scene = *state;
    begin(scene);
    redis_server_do(scene->harness->server, "REPLICAOF 127.0.0.1 1");
    check_refused_as_a_whole(scene, CODE_UNAVAILABLE, "the address of the master");
    redis_server_do(scene->harness->server, "REPLICAOF NO ONE");
    harness_await_ready(scene->harness); /* it has left the server, and looks for the master */
    check_goes_on(scene);
    check_told(scene, "READONLY", "the address of the master");
}

static void too_few_replicas(void **state) {
    struct scene *scene = *state;
    begin(scene);
    redis_server_do(scene->harness->server, "CONFIG SET min-replicas-to-write 1");
    check_refused_as_a_whole(scene, CODE_UNAVAILABLE, "min-replicas-to-write");
    redis_server_do(scene->harness->server, "CONFIG SET min-replicas-to-write 0");
    check_goes_on(scene);
    check_told(scene, "NOREPLICAS", "min-replicas-to-write");
}

static bool is_busy(void *context) {
    struct scene *scene = context;
    return try(scene, PGS).code == CODE_UNAVAILABLE;
}

static bool is_free(void *context) {
    return !is_busy(context);
}

static void a_script_that_does_not_end(void **state) {
    struct scene *scene = *state;
    redisContext *other = NULL;
    const struct redis_settings *settings = redis_server_settings(scene->harness->server);
    begin(scene);
    redis_server_do(scene->harness->server, "CONFIG SET busy-reply-threshold 10");
    other = redisConnectUnix(settings->path);
    assert_int_equal(redisAppendCommand(other, "EVAL %s 0", "while true do end"), REDIS_OK);
    int done = 0;
    while (!done)
        assert_int_equal(redisBufferWrite(other, &done), REDIS_OK);
    loop_until(&scene->harness->loop, is_busy, scene, 5000, "the server to be busy");
    check_fails(try(scene, TDGS), CODE_UNAVAILABLE, "FUNCTION KILL");
    redis_server_do(scene->harness->server, "SCRIPT KILL");
    loop_until(&scene->harness->loop, is_free, scene, 5000, "the script to end");
    check_goes_on(scene);
    check_told(scene, "BUSY", "FUNCTION KILL");
    redisFree(other);
}

/* --- Broken keys ---------------------------------------------------------------------------------------- */

/* The key is a string that somebody has put there, for as long as it is broken. */
static void break_key(struct scene *scene, const char *key) {
    redis_server_do(scene->harness->server, "COPY %s aside", key);
    redis_server_do(scene->harness->server, "SET %s %s", key, "somebody was here");
}

static void mend_key(struct scene *scene, const char *key) {
    redis_server_do(scene->harness->server, "DEL %s", key);
    if (redis_server_ask_number(scene->harness->server, "EXISTS aside"))
        redis_server_do(scene->harness->server, "RENAME aside %s", key);
}

/* What a step that decides a trigger writes, and one that confirms it. */
static const char *const keys_of_date[] = {
    DATE_KEY, "pg:{nba:2021-11}:outbox", "pg:{nba:2021-11}:due", "pg:{nba:2021-11}:leases"};
enum { KEYS_OF_DATE = sizeof keys_of_date / sizeof *keys_of_date };

/* Each of the keys in turn: the step is refused before it has done anything. */
static void a_broken_key_never_leaves_a_step_half_done(void **state) {
    struct scene *scene = *state;
    begin(scene);
    for (int i = 0; i < KEYS_OF_DATE; i++) {
        break_key(scene, keys_of_date[i]);
        check_refused_as_a_whole(scene, CODE_INTERNAL, "WRONGTYPE");
        mend_key(scene, keys_of_date[i]);
    }
    check_goes_on(scene);
    assert_int_equal(said(scene, "Redis does not do what it is asked"), 0);
}

/* The history's is needed by a step that has something to write there, and by no other. */
static void a_broken_history_holds_up_what_needs_it(void **state) {
    struct scene *scene = *state;
    begin(scene);
    break_key(scene, DATE_KEY ":h");
    scene->now_ms += 1000;
    char *before = dump(scene);
    check_fails(try(scene, PGS), CODE_INTERNAL, "WRONGTYPE");
    char *after = dump(scene);
    assert_string_equal(after, before);
    free(before);
    free(after);
    check_goes_on(scene);
    mend_key(scene, DATE_KEY ":h");
    check_ok(try(scene, PGS));
}

/* The same for the confirmation, which takes the trigger out of the outbox. */
static void a_broken_key_keeps_the_trigger(void **state) {
    struct scene *scene = *state;
    begin(scene);
    const struct applied_copy applied = complete(scene, TDGS);
    for (int i = 0; i < KEYS_OF_DATE; i++) {
        break_key(scene, keys_of_date[i]);
        char *before = dump(scene);
        check_fails(
            harness_try_confirm(scene->harness, scene->pipeline, &applied.trigger, "m1", scene->now_ms),
            CODE_INTERNAL, "WRONGTYPE");
        char *after = dump(scene);
        assert_string_equal(after, before);
        free(before);
        free(after);
        mend_key(scene, keys_of_date[i]);
    }
    confirm(scene, 1);
    assert_int_equal(phase_of(scene, 1), GROUP_TRIGGERED);
}

#define with(name) cmocka_unit_test_setup_teardown(name, set_up, close_scene)

int main(void) {
    const struct CMUnitTest tests[] = {
        with(out_of_memory_changes_nothing_and_passes),
        with(out_of_memory_in_a_new_month),
        with(room_can_be_made_without_room),
        with(no_disk_changes_nothing_and_passes),
        with(a_replica_takes_no_writes),
        with(too_few_replicas),
        with(a_script_that_does_not_end),
        with(a_broken_key_never_leaves_a_step_half_done),
        with(a_broken_history_holds_up_what_needs_it),
        with(a_broken_key_keeps_the_trigger),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
