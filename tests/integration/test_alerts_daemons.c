/*
 * Alerts of real daemons and of `phasegate alerts test`: two replicas tell each cause once, a bus that takes
 * nothing is told, and the webhook's address is seen nowhere, whatever happens.
 */
#include "support/check.h"
#include "support/commands.h"
#include "support/process.h"
#include "support/stage.h"
#include "support/system.h"
#include "support/temp_dir.h"
#include "support/tls_files.h"
#include "support/webhook.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DATES = 3, SWEEP_MS = 5000 };

struct fixture {
    struct webhook *webhook;
    char variable[160]; /* "PHASEGATE_ALERTS_WEBHOOK=…" */
    const char *environment[3];
    struct system system;
    struct daemon *other;
    struct commands *commands;
    struct temp_dir dir;
    struct process tls;
};

/* --- What may be seen nowhere --------------------------------------------------------------------------- */

static bool contains(const char *path, const char *secret) {
    char text[64 * 1024];
    FILE *file = fopen(path, "re");
    size_t size = file ? fread(text, 1, sizeof text, file) : 0;
    if (file)
        fclose(file);
    return memmem(text, size, secret, strlen(secret)) != NULL;
}

static void check_no_command_line_has_it(void) {
    DIR *processes = opendir("/proc");
    char path[300];
    assert_non_null(processes);
    for (struct dirent *entry; (entry = readdir(processes));) {
        snprintf(path, sizeof path, "/proc/%s/cmdline", entry->d_name);
        if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' && contains(path, WEBHOOK_SECRET))
            fail_msg("%s has the webhook", path);
    }
    closedir(processes);
}

static void check_hidden(struct daemon *daemon) {
    assert_null(strstr(daemon_log(daemon), WEBHOOK_SECRET));
}

/* --- Daemons -------------------------------------------------------------------------------------------- */

struct wanted {
    struct webhook *webhook;
    const char *part;
    size_t count;
};

static bool came(void *context) {
    const struct wanted *wanted = context;
    return webhook_count(wanted->webhook, wanted->part) >= wanted->count;
}

static void until_came(struct fixture *fixture, const char *part, size_t count) {
    struct wanted wanted = {fixture->webhook, part, count};
    player_until(fixture->system.player, came, &wanted, SYSTEM_DEADLINE_MS, part);
    assert_int_equal(webhook_count(fixture->webhook, part), count);
}

static void publish_phase3(struct fixture *fixture) {
    for (int i = 0; i < DATES * 5; i++) {
        struct event event = {.processor = PGS + i % 5,
            .date = SYSTEM_FIRST_DATE + i / 5,
            .rows = 10,
            .execution = "alerts",
            .correlation = "alerts",
            .timestamp_ms = INT64_C(1764502927104)};
        player_publish(fixture->system.player, &event);
    }
    player_until_confirmed(fixture->system.player);
}

static void two_replicas_tell_each_cause_once(void **state) {
    static const struct stage_setting pipeline[] = {{"group_deadline", "2"}, {0}};
    struct fixture *fixture = *state;
    struct system *system = &fixture->system;
    system_open(system,
        (struct system_options){.bus = SYSTEM_STREAMS,
            .binary = PHASEGATE_BINARY,
            .first = SYSTEM_FIRST_DATE,
            .count = DATES,
            .pipeline = pipeline,
            .settings = "log: {level: debug}",
            .environment = fixture->environment});
    system_start(system);
    fixture->other = system_another_daemon(system);
    daemon_start(fixture->other);
    daemon_await_running(fixture->other);
    const struct message bad = {.data = "nonsense", .size = strlen("nonsense")};
    player_publish_message(system->player, "nba-phase3-complete", &bad);
    publish_phase3(fixture);
    until_came(fixture, "1 message was put into quarantine", 1);
    until_came(fixture, "stalled: 2021-10-", DATES);
    check_no_command_line_has_it();
    player_run(system->player, 2 * SWEEP_MS); /* both look after it again */
    assert_int_equal(webhook_count(fixture->webhook, NULL), 1 + DATES);
    player_answer(system->player, 1);
    system_until_dates(system, date_is_done, "all dates to be done");
    until_came(fixture, "resolved: 2021-10-", DATES);
    check_hidden(system->daemon);
    check_hidden(fixture->other);
    daemon_stop(system->daemon);
    daemon_stop(fixture->other);
}

static void triggers_that_do_not_get_out(void **state) {
    struct fixture *fixture = *state;
    struct system *system = &fixture->system;
    system_open(system,
        (struct system_options){.bus = SYSTEM_FAKE,
            .binary = PHASEGATE_BINARY,
            .first = SYSTEM_FIRST_DATE,
            .count = DATES,
            .settings = "alerts: {outbox_age: 1}",
            .environment = fixture->environment});
    system_start(system);
    daemon_freeze(system->daemon);
    publish_phase3(fixture);
    fake_pubsub_answer_next(system->fake, FAKE_PUBLISH, INT_MAX, GRPC_STATUS_UNAVAILABLE);
    daemon_thaw(system->daemon);
    until_came(fixture, "3 triggers wait in the outbox and cannot be published", 1);
    fake_pubsub_answer_next(system->fake, FAKE_PUBLISH, 0, GRPC_STATUS_OK);
    until_came(fixture, "resolved: no trigger waits too long in the outbox any more", 1);
    check_hidden(system->daemon);
}

/* --- The command ---------------------------------------------------------------------------------------- */

static void a_test_message(void **state) {
    struct fixture *fixture = *state;
    fixture->commands = commands_new(PHASEGATE_BINARY, fixture->environment);
    check_run(fixture->commands, 0, "alerts", "test");
    commands_check_output(fixture->commands, "sent: the webhook answers with status 200");
    assert_string_equal(
        webhook_body(fixture->webhook, NULL), "{\"text\": \"phasegate: this is a test, nothing is wrong\"}");
    webhook_answer(fixture->webhook, 404, 0);
    check_run(fixture->commands, 2, "alerts", "test");
    commands_check_output(fixture->commands, "the webhook answers with status 404");
    assert_null(strstr(commands_output(fixture->commands), WEBHOOK_SECRET));
    webhook_answer(fixture->webhook, 503, 0);
    check_run(fixture->commands, 3, "alerts", "test");
    webhook_refuse(fixture->webhook);
    check_run(fixture->commands, 3, "alerts", "test");
    commands_check_output(fixture->commands, "the webhook cannot be reached");
    assert_null(strstr(commands_output(fixture->commands), WEBHOOK_SECRET));
    check_run(fixture->commands, 2, "alerts", "nothing");
}

static void the_configuration_shows_that_there_is_one(void **state) {
    struct fixture *fixture = *state;
    fixture->commands = commands_new(PHASEGATE_BINARY, fixture->environment);
    for (int json = 0; json < 2; json++) {
        check_run(fixture->commands, 0, "config", "show", json ? "--json" : "--no-color");
        commands_check_output(fixture->commands, "***");
        assert_null(strstr(commands_output(fixture->commands), WEBHOOK_SECRET));
    }
}

static void a_redirection_is_not_followed(void **state) {
    struct fixture *fixture = *state;
    fixture->commands = commands_new(PHASEGATE_BINARY, fixture->environment);
    webhook_redirect(fixture->webhook, webhook_url(fixture->webhook));
    check_run(fixture->commands, 2, "alerts", "test");
    commands_check_output(fixture->commands, "status 302");
    assert_int_equal(webhook_requests(fixture->webhook), 1);
}

static bool accepts(void *context) {
    return port_accepts(*(int *)context);
}

/* One of a certificate that nobody vouches for. */
static void a_certificate_is_verified(void **state) {
    struct fixture *fixture = *state;
    struct tls_certificate files;
    int port = port_free();
    char text[16], url[64];
    check_ok(tls_certificate_make(fixture->dir.path, "webhook", &files));
    snprintf(text, sizeof text, "%d", port);
    const char *const server[] = {
        "openssl", "s_server", "-www", "-accept", text, "-cert", files.certificate, "-key", files.key, NULL};
    check_ok(process_spawn(server, NULL, NULL, &fixture->tls));
    check_ok(process_await(&fixture->tls, accepts, &port, SYSTEM_DEADLINE_MS));
    snprintf(url, sizeof url, "PHASEGATE_ALERTS_WEBHOOK=https://localhost:%d/x", port);
    const char *environment[] = {url, NULL};
    fixture->commands = commands_new(PHASEGATE_BINARY, environment);
    check_run(fixture->commands, 3, "alerts", "test");
    commands_check_output(fixture->commands, "certificate");
}

/* --- The file ------------------------------------------------------------------------------------------- */

static void write_file(const char *path, mode_t mode, const char *text) {
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    assert_int_equal(chmod(path, mode), 0);
}

static void the_webhook_in_a_file(void **state) {
    struct fixture *fixture = *state;
    char path[320], variable[400], line[160];
    snprintf(path, sizeof path, "%s/webhook", fixture->dir.path);
    snprintf(variable, sizeof variable, "PHASEGATE_ALERTS_WEBHOOK_FILE=%s", path);
    snprintf(line, sizeof line, "%s\n", webhook_url(fixture->webhook));
    const char *environment[] = {variable, NULL};
    fixture->commands = commands_new(PHASEGATE_BINARY, environment);
    check_run(fixture->commands, 2, "config", "check");
    commands_check_output(fixture->commands, "cannot be opened");
    write_file(path, 0600, line);
    check_run(fixture->commands, 0, "config", "check");
    check_run(fixture->commands, 0, "alerts", "test");
    assert_int_equal(webhook_count(fixture->webhook, NULL), 1);
    chmod(path, 0604);
    check_run(fixture->commands, 2, "alerts", "test");
    commands_check_output(fixture->commands, "others may read or write it (mode 0604)");
    write_file(path, 0600, "http://example.com/" WEBHOOK_SECRET "\n");
    check_run(fixture->commands, 2, "config", "check");
    commands_check_output(fixture->commands, "could be read on its way");
    assert_null(strstr(commands_output(fixture->commands), WEBHOOK_SECRET));
    write_file(path, 0600, "https://example.com/two words\n");
    check_run(fixture->commands, 2, "serve");
    commands_check_output(fixture->commands, "is no address; expected one that begins with https");
}

static void a_template_of_ones_own(void **state) {
    struct fixture *fixture = *state;
    char path[320];
    snprintf(path, sizeof path, "%s/gate.yaml", fixture->dir.path);
    fixture->commands = commands_new(PHASEGATE_BINARY, fixture->environment);
    check_run(fixture->commands, 0, "config", "default");
    char *yaml = NULL;
    assert_true(asprintf(&yaml, "%s\nalerts: {template: '{\"a\": \"{{nothing}}\"}'}\n",
                    commands_output(fixture->commands))
        > 0);
    write_file(path, 0600, yaml);
    check_run(fixture->commands, 2, "config", "check", path);
    commands_check_output(fixture->commands, "alerts.template: there is no placeholder {{nothing}}");
    strcpy(strstr(yaml, "{{nothing}}"), "{{state}}\"}'}\n");
    write_file(path, 0600, yaml);
    free(yaml);
    check_run(fixture->commands, 0, "alerts", "test", "--config", path);
    assert_string_equal(webhook_body(fixture->webhook, NULL), "{\"a\": \"test\"}");
}

/* --- Programs ------------------------------------------------------------------------------------------- */

static int setup(void **state) {
    struct fixture *fixture = calloc(1, sizeof *fixture);
    if (!fixture)
        return -1;
    fixture->webhook = webhook_open();
    fixture->tls = PROCESS_NONE;
    fixture->dir = temp_dir_make();
    snprintf(fixture->variable, sizeof fixture->variable, "PHASEGATE_ALERTS_WEBHOOK=%s",
        webhook_url(fixture->webhook));
    fixture->environment[0] = fixture->variable;
    *state = fixture;
    return 0;
}

static int teardown(void **state) {
    struct fixture *fixture = *state;
    commands_free(&fixture->commands);
    process_kill(&fixture->tls);
    daemon_free(&fixture->other);
    system_close(&fixture->system);
    webhook_close(&fixture->webhook);
    temp_dir_remove(&fixture->dir);
    free(fixture);
    return 0;
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(two_replicas_tell_each_cause_once),
        TEST(triggers_that_do_not_get_out),
        TEST(a_test_message),
        TEST(the_configuration_shows_that_there_is_one),
        TEST(a_redirection_is_not_followed),
        TEST(a_certificate_is_verified),
        TEST(the_webhook_in_a_file),
        TEST(a_template_of_ones_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
