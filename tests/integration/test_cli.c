/*
 * The commands of the real binary, against a real redis-server with the real daemon beside it: their exit
 * statuses, their JSON output, and what they change.
 */
#include "support/check.h"
#include "support/fake_pubsub.h"
#include "support/patience.h"
#include "support/process.h"
#include "support/redis_server.h"
#include "support/temp_dir.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { WORDS_MAX = 24, COMMAND_MS = 20000, DEADLINE_MS = 20000, OUTPUT_MAX = 1 << 20 };

static struct redis_server *server;
static struct temp_dir dir;
static struct process daemon_process = PROCESS_NONE;
static char store_url[160], data_directory[160], config[256];

/* What the last command printed, on standard output and error. */
static char output[OUTPUT_MAX];

static const char *const *environment(void) {
    static const char *const variables[] = {store_url, data_directory, "LC_ALL=C.UTF-8", config, NULL};
    return variables;
}

static void read_output(const char *path) {
    FILE *file = fopen(path, "r");
    size_t size = file ? fread(output, 1, sizeof output - 1, file) : 0;
    output[size] = '\0';
    if (file)
        fclose(file);
}

/* Runs `phasegate words…` to its end; its exit status. */
static int run_in(const char *const *variables, const char *const *words) {
    const char *argv[WORDS_MAX] = {PHASEGATE_BINARY};
    for (int i = 0; words[i]; i++)
        argv[i + 1] = words[i];
    char path[128];
    snprintf(path, sizeof path, "%s/output", dir.path);
    remove(path);
    struct process process = PROCESS_NONE;
    check_ok(process_spawn(argv, variables, path, &process));
    if (!process_wait(&process, COMMAND_MS)) {
        process_kill(&process);
        fail_msg("phasegate %s did not end within %d ms", words[0], COMMAND_MS);
    }
    read_output(path);
    return process.status;
}

#define RUN(...) run_in(environment(), (const char *const[]){__VA_ARGS__, NULL})

#define check_run(expected, ...)                                                                             \
    do {                                                                                                     \
        int status_ = RUN(__VA_ARGS__);                                                                      \
        if (status_ != (expected))                                                                           \
            fail_msg("exit status %d, expected %d; it printed:\n%s", status_, (expected), output);           \
    } while (0)

static void check_output(const char *part) {
    if (!strstr(output, part))
        fail_msg("expected to find\n  %s\nin\n%s", part, output);
}

/* What was printed, as JSON; the caller's. */
static json_t *output_json(void) {
    json_error_t error;
    json_t *json = json_loads(output, 0, &error);
    if (!json)
        fail_msg("not JSON: %s\n%s", error.text, output);
    return json;
}

static const char *text_at(const json_t *object, const char *key) {
    return json_string_value(json_object_get(object, key));
}

static int64_t number_at(const json_t *object, const char *key) {
    return json_integer_value(json_object_get(object, key));
}

static int64_t monotonic_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

/* Asks `status` of the date until its note is so. */
static void await_note(const char *date, const char *note) {
    int64_t deadline_ms = monotonic_ms() + patient_ms(DEADLINE_MS);
    bool found = false;
    while (!found) {
        check_run(0, "status", date, "--json");
        json_t *json = output_json();
        const char *now = text_at(json_array_get(json_object_get(json, "dates"), 0), "note");
        found = strncmp(now, note, strlen(note)) == 0;
        if (!found && monotonic_ms() > deadline_ms)
            fail_msg("%s: waited for \"%s\", it is \"%s\"", date, note, now);
        json_decref(json);
    }
}

/* Asks until the quarantine has so many messages; the listing, the caller's. */
static json_t *await_quarantine(int64_t total) {
    int64_t deadline_ms = monotonic_ms() + patient_ms(DEADLINE_MS);
    for (;;) {
        check_run(0, "quarantine", "list", "--json");
        json_t *json = output_json();
        if (number_at(json, "total") == total)
            return json;
        if (monotonic_ms() > deadline_ms)
            fail_msg("waited for %d in quarantine; it is\n%s", (int)total, output);
        json_decref(json);
    }
}

static bool daemon_is_running(void *context) {
    (void)context;
    char tail[4096];
    return strstr(process_output_tail(&daemon_process, tail, sizeof tail), "running") != NULL;
}

static void start_daemon(void) {
    char log[128];
    snprintf(log, sizeof log, "%s/log", dir.path);
    const char *const argv[] = {PHASEGATE_BINARY, "serve", "--create", NULL};
    check_ok(process_spawn(argv, environment(), log, &daemon_process));
    check_ok(process_await(&daemon_process, daemon_is_running, NULL, DEADLINE_MS));
}

static int set_up(void **state) {
    (void)state;
    dir = temp_dir_make();
    server = redis_server_start((struct redis_server_options){0});
    snprintf(store_url, sizeof store_url, "PHASEGATE_STORE_URL=%s", redis_server_url(server));
    snprintf(data_directory, sizeof data_directory, "PHASEGATE_DATA=%s", dir.path);
    snprintf(config, sizeof config, "PHASEGATE_CONFIG=");
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    process_stop(&daemon_process, DEADLINE_MS);
    redis_server_free(&server);
    temp_dir_remove(&dir);
    return 0;
}

static const char *const upstream[] = {
    "player_game_summary", "upgc", "UpcomingTeamGameContextProcessor", "togs", "tdgs"};

static void publish_upstream(const char *date) {
    for (size_t i = 0; i < sizeof upstream / sizeof upstream[0]; i++)
        check_run(0, "publish", "--processor", upstream[i], "--date", date, "--rows", "22", "--backfill");
}

static const char *write_file(const char *name, const void *data, size_t size) {
    static char path[192];
    snprintf(path, sizeof path, "%s/%s", dir.path, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    fclose(file);
    return path;
}

/* --- The life of a date --------------------------------------------------------------------------------- */

static void a_date_from_first_to_last(void **state) {
    (void)state;
    start_daemon();
    check_run(0, "status");
    check_output("nothing was ever received");
    check_run(1, "explain", "2021-11-17");
    check_output("nothing was ever received for this date");
    check_run(1, "history", "2021-11-17");

    publish_upstream("2021-11-17");
    await_note("2021-11-17", "group 1 running for");
    check_run(0, "explain", "2021-11-17");
    check_output("trigger nba/2021-11-17/g1/r1");
    check_run(1, "explain", "2021-11-17", "--group", "2");
    check_run(2, "explain", "2021-11-17", "--group", "5");

    check_run(0, "publish", "-P", "psza", "-d", "2021-11-17", "--rows", "280");
    check_output(" to nba-phase4-complete: player_shot_zone_analysis 2021-11-17 success, 280 rows");
    check_run(0, "publish", "-P", "tdza", "-d", "2021-11-17", "--rows", "30", "--trigger-id",
        "nba/2021-11-17/g1/r1");
    await_note("2021-11-17", "group 2 running for");
    check_run(0, "publish", "-P", "pcf", "-d", "2021-11-17", "--status", "failed", "--error-message",
        "out of quota");
    await_note("2021-11-17", "group 2 failed: pcf");
    check_run(1, "explain", "2021-11-17");
    check_output("out of quota");
    check_run(0, "publish", "-P", "pcf", "-d", "2021-11-17", "--rows", "382");
    await_note("2021-11-17", "group 3 running for");
    check_run(0, "publish", "-P", "pdc", "-d", "2021-11-17");
    await_note("2021-11-17", "group 4 running for");
    check_run(0, "publish", "-P", "ml_feature_store_v2", "-d", "2021-11-17", "--rows", "382");
    await_note("2021-11-17", "done");

    check_run(0, "status", "--start-date", "2021-11-16", "--end-date", "2021-11-18", "--json");
    json_t *json = output_json(), *dates = json_object_get(json, "dates"),
           *totals = json_object_get(json, "totals");
    assert_int_equal(json_array_size(dates), 3);
    assert_int_equal(number_at(totals, "done"), 1);
    assert_int_equal(number_at(totals, "unknown"), 2);
    json_t *date = json_array_get(dates, 1), *processors = json_object_get(date, "processors");
    assert_string_equal(text_at(date, "standing"), "done");
    assert_int_equal(number_at(json_object_get(processors, "player_game_summary"), "record_count"), 22);
    assert_true(
        json_is_null(json_object_get(json_object_get(processors, "player_daily_cache"), "record_count")));
    json_t *last = json_array_get(json_object_get(date, "groups"), 3);
    assert_string_equal(text_at(last, "trigger_id"), "nba/2021-11-17/g4/r1");
    assert_string_equal(text_at(last, "phase"), "done");
    assert_non_null(text_at(last, "triggered_at"));
    json_decref(json);
}

static void a_held_date_is_the_answer_no(void **state) {
    (void)state;
    start_daemon();
    publish_upstream("2021-11-18");
    await_note("2021-11-18", "group 1 running for");
    check_run(0, "publish", "-P", "pgs", "-d", "2021-11-16", "--rows", "0", "--execution-id", "e1");
    check_output("does not satisfy: 0 rows; needs 1");
    check_run(0, "publish", "-P", "pcf", "-d", "2021-11-16", "--rows", "105");
    await_note("2021-11-16", "waits for pgs, upgc, utgc, togs, tdgs");
    check_run(1, "explain", "2021-11-16", "--json");
    json_t *json = output_json();
    assert_true(json_is_false(json_object_get(json, "fine")));
    json_t *need = json_array_get(json_object_get(json, "needs"), 0);
    assert_string_equal(text_at(need, "processor"), "player_game_summary");
    assert_string_equal(text_at(need, "reason"), "0 rows; needs 1");
    assert_string_equal(text_at(json_object_get(need, "record"), "execution_id"), "e1");
    assert_string_equal(
        json_string_value(json_array_get(json_object_get(json, "premature"), 0)), "player_composite_factors");
    json_decref(json);
    check_run(0, "status");
    check_output("2 dates: 1 running, 1 held");
}

static void no_games_and_history(void **state) {
    (void)state;
    start_daemon();
    for (size_t i = 0; i < sizeof upstream / sizeof upstream[0]; i++)
        check_run(0, "publish", "-P", upstream[i], "-d", "2021-11-25", "--status", "no_data",
            "--execution-id", "off");
    await_note("2021-11-25", "no games");
    check_run(0, "explain", "2021-11-25");
    check_run(0, "publish", "-P", "tdgs", "-d", "2021-11-25", "--status", "no_data", "--execution-id", "off");
    check_run(0, "publish", "-P", "pgs", "-d", "2021-11-26");
    await_note("2021-11-26", "waits for");
    check_run(0, "history", "2021-11-25", "--json");
    json_t *json = output_json(), *entries = json_object_get(json, "entries");
    assert_int_equal(number_at(json, "dropped"), 0);
    assert_int_equal(json_array_size(entries), 7);
    assert_string_equal(text_at(json_array_get(entries, 0), "verdict"), "applied");
    assert_string_equal(text_at(json_array_get(entries, 0), "processor"), "player_game_summary");
    assert_string_equal(text_at(json_array_get(entries, 5), "kind"), "no_games");
    assert_string_equal(text_at(json_array_get(entries, 6), "verdict"), "duplicate");
    json_decref(json);
    check_run(0, "history", "2021-11-25");
    check_output("duplicate");
}

/* --- Re-runs and slots ---------------------------------------------------------------------------------- */

/* From here on the default configuration is used with this instead of that. */
static void change_config(const char *that, const char *this) {
    check_run(0, "config", "default");
    const char *at = strstr(output, that);
    assert_non_null(at);
    char yaml[16 * 1024];
    int length = snprintf(yaml, sizeof yaml, "%.*s%s%s", (int)(at - output), output, this, at + strlen(that));
    assert_in_range(length, 1, sizeof yaml - 1);
    snprintf(config, sizeof config, "PHASEGATE_CONFIG=%s", write_file("changed.yaml", yaml, (size_t)length));
}

/* The kind and the processor of the entries of a date's history that are no completion and no group's step.
 */
static void check_opening(const char *date, const char *why) {
    check_run(0, "history", date, "--json");
    json_t *json = output_json(), *entry;
    const char *seen[2] = {NULL, NULL};
    size_t i;
    json_array_foreach(json_object_get(json, "entries"), i, entry) {
        const char *kind = text_at(entry, "kind");
        if (strcmp(kind, "stale") == 0)
            seen[0] = text_at(entry, "processor");
        if (strcmp(kind, "new_run") == 0) {
            seen[1] = text_at(entry, "processor");
            assert_string_equal(text_at(entry, "why"), why);
            assert_int_equal(number_at(entry, "run"), 2);
        }
    }
    for (i = 0; i < 2; i++) {
        assert_non_null(seen[i]);
        assert_string_equal(seen[i], "player_game_summary");
    }
    json_decref(json);
}

static void a_rerun_on_hold_says_what_to_do(void **state) {
    (void)state;
    change_config("rerun: auto", "rerun: hold");
    start_daemon();
    publish_upstream("2021-11-17");
    await_note("2021-11-17", "group 1 running for");
    check_run(0, "publish", "-P", "pgs", "-d", "2021-11-17", "--rows", "24");
    await_note("2021-11-17", "re-run of pgs ");
    check_run(1, "explain", "2021-11-17");
    check_output("run 2 is on hold until an operator opens it");
    check_output("groups 1 triggered (stale), 2 waiting");
    check_output("phasegate replay --rerun --running --dates 2021-11-17");
    check_run(0, "status");
    check_output("│ ↻ · · ·  re-run of pgs");
    check_output("1 date: 1 stale\n");
    check_run(0, "replay", "--rerun", "--running", "--dates", "2021-11-17");
    await_note("2021-11-17", "run 2: group 1 running for");
    check_run(0, "explain", "2021-11-17");
    check_output("by an operator after a re-run of player_game_summary at ");
    check_output("trigger nba/2021-11-17/g1/r2");
    check_opening("2021-11-17", "operator");
    check_run(0, "history", "2021-11-17");
    check_output("run 2, from group 1");
}

static void a_rerun_opens_its_run_by_itself(void **state) {
    (void)state;
    change_config("rerun_settle: 600", "rerun_settle: 2");
    start_daemon();
    publish_upstream("2021-11-17");
    await_note("2021-11-17", "group 1 running for");
    check_run(0, "publish", "-P", "psza", "-d", "2021-11-17", "--rows", "280");
    check_run(0, "publish", "-P", "tdza", "-d", "2021-11-17", "--rows", "30");
    await_note("2021-11-17", "group 2 running for");
    check_run(0, "publish", "-P", "pgs", "-d", "2021-11-17", "--rows", "24");
    await_note("2021-11-17", "run 2: group 1 running for");
    check_run(0, "explain", "2021-11-17", "--json");
    json_t *json = output_json(), *opened = json_object_get(json, "run_opened");
    assert_string_equal(text_at(opened, "why"), "rerun");
    assert_string_equal(text_at(opened, "processor"), "player_game_summary");
    json_t *processors = json_object_get(json_object_get(json, "date"), "processors");
    assert_string_equal(text_at(json_object_get(processors, "player_shot_zone_analysis"), "mark"), "old_run");
    json_decref(json);
    check_run(0, "status");
    check_output("│ [280] [30] ");
    check_opening("2021-11-17", "rerun");
}

static void backfill_waits_is_cancelled_and_goes_on(void **state) {
    (void)state;
    start_daemon();
    check_run(0, "backfill", "pause");
    publish_upstream("2021-11-17");
    await_note("2021-11-17", "group 1 waits for a slot for");
    check_run(1, "explain", "2021-11-17");
    check_output("paused: group 1 is ready for");
    check_output("phasegate backfill resume");
    check_run(0, "status");
    check_output("backfill: paused since ");
    check_output("0 in flight, 1 waiting\n");
    check_run(0, "backfill", "cancel", "2021-11-17");
    await_note("2021-11-17", "group 1 cancelled: phasegate replay --dates 2021-11-17");
    check_run(1, "explain", "2021-11-17");
    check_output("phasegate replay --dates 2021-11-17");
    check_run(0, "status");
    check_output("│ ⊘ · · ·");
    check_output("1 date: 1 cancelled\n");
    check_run(0, "history", "2021-11-17");
    check_output("cancelled");
    check_run(0, "replay", "--dates", "2021-11-17");
    await_note("2021-11-17", "group 1 waits for a slot for");
    check_run(0, "backfill", "resume");
    await_note("2021-11-17", "group 1 running for");
    check_run(0, "status", "--json");
    json_t *json = output_json(), *backfill = json_object_get(json, "backfill");
    assert_true(json_is_null(json_object_get(backfill, "paused_at")));
    assert_int_equal(number_at(backfill, "waiting"), 0);
    assert_int_equal(json_integer_value(json_array_get(json_object_get(backfill, "in_flight"), 0)), 1);
    json_decref(json);
}

static void a_stalled_date_says_for_whom_it_waits(void **state) {
    (void)state;
    change_config("upstream_deadline: 21600", "upstream_deadline: 1");
    start_daemon();
    check_run(0, "publish", "-P", "pgs", "-d", "2021-11-17", "--rows", "24");
    await_note("2021-11-17", "stalled: waits for upgc, utgc, togs, tdgs for");
    check_run(1, "explain", "2021-11-17");
    check_output("stalled: group 1 waits for 4 of its 5 needs for");
    check_output("phasegate backfill --dates 2021-11-17 --processors upgc,utgc,togs,tdgs");
    check_run(0, "status");
    check_output("│ ! · · ·  stalled");
    check_output("1 date: 1 stalled\n");
    check_run(0, "backfill", "--dates", "2021-11-17", "--processors", "upgc,utgc,togs,tdgs");
    await_note("2021-11-17", "group 1 running for");
    check_run(0, "history", "2021-11-17");
    check_output("its deadline passed");
}

/* --- Quarantine ----------------------------------------------------------------------------------------- */

static void bad_messages_are_shown_retried_and_dropped(void **state) {
    (void)state;
    start_daemon();
    check_run(0, "quarantine");
    check_output("the quarantine is empty");
    const char *bad = "{\"processor_name\": \"pgs\", \"game_date\": \"YESTERDAY\", \"status\": \"success\"}";
    check_run(0, "publish", "--raw", write_file("bad", bad, strlen(bad)), "--attribute", "backfill=true");
    json_t *json = await_quarantine(1), *entry = json_array_get(json_object_get(json, "entries"), 0);
    char id[64];
    snprintf(id, sizeof id, "%s", text_at(entry, "id"));
    assert_non_null(strstr(text_at(entry, "reason"), "YESTERDAY"));
    assert_string_equal(text_at(entry, "topic"), "nba-phase3-complete");
    assert_true(json_is_false(json_object_get(entry, "cut")));
    json_decref(json);

    check_run(0, "quarantine", "show", id);
    check_output(bad);
    check_output("attribute  backfill=true");
    check_run(1, "quarantine", "show", "no-such-id");
    check_run(1, "quarantine", "retry", "no-such-id");

    check_run(0, "quarantine", "retry", id);
    json = await_quarantine(1);
    entry = json_array_get(json_object_get(json, "entries"), 0);
    assert_string_not_equal(text_at(entry, "id"), id);
    json_decref(json);
    check_run(0, "quarantine", "drop", "--all", "--json");
    json = output_json();
    assert_string_equal(text_at(json_array_get(json_object_get(json, "results"), 0), "outcome"), "dropped");
    json_decref(json);
    json_decref(await_quarantine(0));
}

static void what_was_cut_cannot_be_retried(void **state) {
    (void)state;
    start_daemon();
    enum { SIZE = 100 * 1024 };
    char *large = malloc(SIZE);
    assert_non_null(large);
    memset(large, 'x', SIZE);
    check_run(0, "publish", "--raw", write_file("large", large, SIZE));
    free(large);
    json_t *json = await_quarantine(1);
    assert_int_equal(number_at(json_array_get(json_object_get(json, "entries"), 0), "size"), SIZE);
    assert_true(json_is_true(json_object_get(json_array_get(json_object_get(json, "entries"), 0), "cut")));
    json_decref(json);
    check_run(1, "quarantine", "retry", "--all", "--json");
    json = output_json();
    json_t *result = json_array_get(json_object_get(json, "results"), 0);
    assert_string_equal(text_at(result, "outcome"), "kept");
    assert_non_null(strstr(text_at(result, "reason"), "its publisher must send it again"));
    json_decref(json);
    json_decref(await_quarantine(1));
}

static void nothing_leaves_quarantine_while_the_bus_is_away(void **state) {
    (void)state;
    start_daemon();
    check_run(0, "publish", "--raw", write_file("bad", "no JSON", 7));
    json_decref(await_quarantine(1));
    char bus[64];
    snprintf(bus, sizeof bus, "PHASEGATE_BUS_URL=redis://127.0.0.1:%d", port_free());
    const char *const variables[] = {store_url, data_directory, bus, NULL};
    assert_int_equal(run_in(variables, (const char *const[]){"quarantine", "retry", "--all", NULL}), 3);
    json_decref(await_quarantine(1));
}

/* Pub/Sub refuses attributes that start with "goog", which it has itself added to what is now in quarantine.
 */
static void pubsub_takes_what_it_decorated_itself(void **state) {
    (void)state;
    start_daemon();
    check_run(0, "publish", "--raw", write_file("bad", "no JSON", 7), "--attribute",
        "googclient_deliveryattempt=5", "--attribute", "backfill=true");
    json_decref(await_quarantine(1));
    struct fake_pubsub *fake;
    check_ok(fake_pubsub_start(NULL, &fake));
    check_ok(fake_pubsub_create(fake, "projects/p/topics/nba-phase3-complete", NULL, false));
    char emulator[64];
    snprintf(emulator, sizeof emulator, "PUBSUB_EMULATOR_HOST=%s", fake_pubsub_address(fake));
    const char *const variables[] = {
        store_url, data_directory, "PHASEGATE_BUS=pubsub", "PHASEGATE_PROJECT=p", emulator, NULL};
    int status = run_in(variables, (const char *const[]){"quarantine", "retry", "--all", NULL});
    if (status != 0)
        fail_msg("exit status %d:\n%s", status, output);
    const struct message *sent = fake_pubsub_message(fake, "projects/p/topics/nba-phase3-complete", 0);
    assert_non_null(sent);
    assert_memory_equal(sent->data, "no JSON", 7);
    assert_int_equal(sent->attribute_count, 1);
    assert_string_equal(sent->attributes[0].key, "backfill");
    json_decref(await_quarantine(0));
    fake_pubsub_free(&fake);
}

/* --- Exit statuses -------------------------------------------------------------------------------------- */

static void unreachable_is_three(void **state) {
    (void)state;
    redis_server_stop(server);
    check_run(3, "status");
    check_output("phasegate: Redis at unix:///");
    check_run(3, "explain", "2021-11-17");
    check_run(3, "history", "2021-11-17");
    check_run(3, "quarantine");
    int64_t asked_ms = monotonic_ms();
    check_run(3, "publish", "-P", "pgs", "-d", "2021-11-17");
    assert_true(monotonic_ms() - asked_ms
        < patient_ms(5000)); /* at once, not after the 10 s that a confirmation may take */
    check_run(3, "status", "--embedded");
    check_output("is `phasegate serve --embedded` running");
    check_run(0, "publish", "-P", "pgs", "-d", "2021-11-17", "--dry-run");
}

static void a_server_that_does_not_answer_is_three(void **state) {
    (void)state;
    redis_server_freeze(server);
    int status = RUN("status");
    redis_server_thaw(server);
    assert_int_equal(status, 3);
}

static void wrong_usage_is_two(void **state) {
    (void)state;
    check_run(2, "statsu");
    check_output("did you mean status?");
    check_run(2, "status", "--jsn");
    check_output("did you mean --json?");
    check_run(2, "status", "2021-02-30");
    check_output("2021-02-30 does not exist");
    check_run(2, "status", "--start-date", "2021-11-17");
    check_run(2, "explain");
    check_run(2, "explain", "YESTERDAY");
    check_run(2, "history", "2021-11-17", "2021-11-18");
    check_run(2, "status", "--pipeline", "nbb");
    check_output("nba");
    check_run(2, "publish", "-P", "player_game_sumary", "-d", "2021-11-17");
    check_output("did you mean player_game_summary?");
    check_run(2, "publish", "-P", "pgs", "-d", "2221-11-17");
    check_run(2, "publish", "-P", "pgs", "-d", "2021-11-17", "--status", "fine");
    check_run(2, "publish", "-P", "pgs", "-d", "2021-11-17", "--rows", "-1");
    check_run(2, "publish", "-P", "pgs", "-d", "2021-11-17", "--attribute", "a=b");
    check_run(2, "publish", "-P", "pgs", "-d", "2021-11-17", "--execution-id", "\xff");
    char long_id[200];
    memset(long_id, 'x', sizeof long_id - 1);
    long_id[sizeof long_id - 1] = '\0';
    check_run(2, "publish", "-P", "pgs", "-d", "2021-11-17", "--execution-id", long_id);
    check_output("a completion like this would end in quarantine");
    check_run(2, "quarantine", "retry");
    check_run(2, "quarantine", "drop", "x", "--all");
    check_run(2, "quarantine", "burn");
    check_run(2, "quarantine", "list", "--newest", "0");
    check_run(2, "config");
    check_run(2, "config", "chek");
}

static void configurations_are_checked(void **state) {
    (void)state;
    check_run(0, "config", "check");
    check_output("pipeline nba: 10 processors, 5 of them upstream; 4 groups");
    check_run(0, "config", "default");
    char *copy = strdup(output);
    assert_non_null(copy);
    const char *path = write_file("copy.yaml", copy, strlen(copy));
    free(copy);
    check_run(0, "config", "check", path, "--json");
    json_t *json = output_json();
    assert_string_equal(text_at(json, "file"), path);
    assert_string_equal(json_string_value(json_array_get(json_object_get(json, "pipelines"), 0)), "nba");
    json_decref(json);
    check_run(2, "config", "check", write_file("wrong.yaml", "store: [\n", 9));
    check_output("wrong.yaml:");
    check_run(2, "config", "check", "/nonexistent.yaml");
    check_run(0, "config", "show", "--json");
    json_decref(output_json());
    check_run(0, "config", "reference");
    check_output("PHASEGATE_STORE_URL");
}

static void calendars_are_checked(void **state) {
    (void)state;
    static const char key[] = "games_file: \"\"", games[] = "game_date,num_games\n2021-11-15,11\nsoon,3\n";
    check_run(0, "config", "default");
    const char *at = strstr(output, key);
    assert_non_null(at);
    char yaml[16 * 1024], path[256];
    int length = snprintf(
        yaml, sizeof yaml, "%.*sgames_file: games.csv%s", (int)(at - output), output, at + strlen(key));
    assert_in_range(length, 1, sizeof yaml - 1);
    snprintf(path, sizeof path, "%s", write_file("calendar.yaml", yaml, (size_t)length));
    check_run(2, "config", "check", path);
    check_output("games.csv: cannot be opened");
    write_file("games.csv", games, strlen(games));
    check_run(2, "config", "check", path);
    check_output("games.csv:3: \"soon\" is not a date");
    write_file("games.csv", games, strlen(games) - strlen("soon,3\n"));
    check_run(0, "config", "check", path);
}

static void passwords_are_never_printed(void **state) {
    (void)state;
    const char *const variables[] = {store_url, data_directory, "PHASEGATE_STORE_PASSWORD=hunter2", NULL};
    static const char *const commands[][4] = {
        {"config", "show"}, {"config", "show", "--json"}, {"status", "-v"}};
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        run_in(variables, commands[i]);
        if (strstr(output, "hunter2"))
            fail_msg("phasegate %s %s printed the password", commands[i][0], commands[i][1]);
    }
}

static void help_is_there(void **state) {
    (void)state;
    static const char *const names[] = {
        "serve", "status", "explain", "history", "publish", "quarantine", "config", "demo"};
    check_run(0, "--help");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        check_output(names[i]);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        check_run(0, "help", names[i]);
        check_output("usage  phasegate ");
        check_run(0, names[i], "--help");
    }
    check_run(0, "--version");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_date_from_first_to_last),
        TEST(a_held_date_is_the_answer_no),
        TEST(no_games_and_history),
        TEST(a_rerun_on_hold_says_what_to_do),
        TEST(a_rerun_opens_its_run_by_itself),
        TEST(backfill_waits_is_cancelled_and_goes_on),
        TEST(a_stalled_date_says_for_whom_it_waits),
        TEST(bad_messages_are_shown_retried_and_dropped),
        TEST(what_was_cut_cannot_be_retried),
        TEST(nothing_leaves_quarantine_while_the_bus_is_away),
        TEST(pubsub_takes_what_it_decorated_itself),
        TEST(unreachable_is_three),
        TEST(a_server_that_does_not_answer_is_three),
        TEST(wrong_usage_is_two),
        TEST(configurations_are_checked),
        TEST(calendars_are_checked),
        TEST(passwords_are_never_printed),
        TEST(help_is_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
