/*
 * What the daemon signs in with is found nowhere else: not in its arguments, its environment, its log, what
 * `config show` prints, nor in what a core dump of it would hold. The last is read from its memory, mapping
 * by mapping, those left out that the kernel leaves out (VmFlags dd): a dump itself depends on the machine's
 * settings.
 */
#include "support/check.h"
#include "support/commands.h"
#include "support/daemon.h"
#include "support/redis_server.h"
#include "support/temp_dir.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_BYTES = 256, LINE_BYTES = 1024, MAPPING_BYTES_MAX = 256 << 20 };

#define SECRET "kYw3-one-that-stands-nowhere-else-9Qz"
#define DEBUG "log: {level: debug}"

#ifdef __has_feature /* clang's way of saying it */
#define SANITIZED (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#elif defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

/* Their allocators keep what was freed as it is. */
#if SANITIZED
#define FREED_IS_WIPED false
#else
#define FREED_IS_WIPED true
#endif

struct fixture {
    struct temp_dir dir;
    struct redis_server *redis;
    struct daemon *daemon;
    char file[PATH_BYTES], variable[PATH_BYTES + 64];
    const char *environment[2];
};

static int set_up(void **state) {
    struct fixture *fixture = calloc(1, sizeof *fixture);
    if (!fixture)
        return -1;
    fixture->dir = temp_dir_make();
    snprintf(fixture->file, sizeof fixture->file, "%s/password", fixture->dir.path);
    snprintf(fixture->variable, sizeof fixture->variable, "PHASEGATE_STORE_PASSWORD_FILE=%s", fixture->file);
    fixture->environment[0] = fixture->variable;
    fixture->redis = redis_server_start((struct redis_server_options){.password = SECRET});
    *state = fixture;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *fixture = *state;
    daemon_free(&fixture->daemon);
    redis_server_free(&fixture->redis);
    temp_dir_remove(&fixture->dir);
    free(fixture);
    return 0;
}

static void write_password(const struct fixture *fixture, const char *text, mode_t mode) {
    FILE *file = fopen(fixture->file, "we");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    assert_int_equal(chmod(fixture->file, mode), 0);
}

static void new_daemon(struct fixture *fixture, const char *password) {
    fixture->daemon = daemon_new((struct daemon_options){.binary = PHASEGATE_BINARY,
        .redis_url = redis_server_url(fixture->redis),
        .password = password,
        .settings = DEBUG,
        .create = true,
        .environment = password ? NULL : fixture->environment});
    daemon_start(fixture->daemon);
}

/* Running, and signed in a second time, so that what the first one left behind is there, too. */
static void start(struct fixture *fixture, const char *password) {
    new_daemon(fixture, password);
    daemon_await_running(fixture->daemon);
    redis_server_do(fixture->redis, "CLIENT KILL TYPE normal SKIPME yes");
    daemon_await_said(fixture->daemon, "connected to Redis at ");
}

/* --- Where to look -------------------------------------------------------------------------------------- */

static bool has_secret(const char *bytes, size_t size) {
    return memmem(bytes, size, SECRET, strlen(SECRET)) != NULL;
}

static bool file_has_secret(pid_t process, const char *name) {
    char path[64], bytes[1 << 16];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)process, name);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    assert_true(size > 0);
    return has_secret(bytes, size);
}

struct mapping {
    uint64_t from, to;
    char line[LINE_BYTES];
};

static bool mapping_has_secret(int memory, const struct mapping *mapping) {
    size_t size = (size_t)(mapping->to - mapping->from);
    char *bytes = size <= MAPPING_BYTES_MAX ? malloc(size) : NULL;
    if (!bytes)
        return false;
    ssize_t got = pread(memory, bytes, size, (off_t)mapping->from);
    bool found = got > 0 && has_secret(bytes, (size_t)got);
    free(bytes);
    return found;
}

struct found {
    int dumped, left_out; /* mappings with the secret, by whether a core dump has them */
};

static struct found search_memory(pid_t process) {
    char path[64], line[LINE_BYTES];
    struct found found = {0};
    struct mapping mapping = {0};
    snprintf(path, sizeof path, "/proc/%d/mem", (int)process);
    int memory = open(path, O_RDONLY | O_CLOEXEC);
    snprintf(path, sizeof path, "/proc/%d/smaps", (int)process);
    FILE *mappings = fopen(path, "re");
    assert_true(memory >= 0);
    assert_non_null(mappings);
    while (fgets(line, sizeof line, mappings)) {
        uint64_t from, to;
        if (sscanf(line, "%" SCNx64 "-%" SCNx64 " ", &from, &to) == 2) {
            mapping = (struct mapping){.from = from, .to = to};
            memcpy(mapping.line, line, sizeof line);
        }
        if (strncmp(line, "VmFlags:", strlen("VmFlags:")) != 0 || !mapping_has_secret(memory, &mapping))
            continue;
        bool left_out = strstr(line, " dd") != NULL;
        found.left_out += left_out;
        found.dumped += !left_out;
        if (!left_out)
            print_error("the secret stands in %s", mapping.line);
    }
    fclose(mappings);
    close(memory);
    return found;
}

static void check_hidden(struct fixture *fixture) {
    pid_t process = daemon_process(fixture->daemon);
    assert_false(file_has_secret(process, "cmdline"));
    assert_false(file_has_secret(process, "environ"));
    struct found found = search_memory(process);
    assert_true(found.left_out > 0); /* or the search finds nothing at all */
    if (FREED_IS_WIPED)
        assert_int_equal(found.dumped, 0);
    const char *log = daemon_log(fixture->daemon);
    assert_true(strlen(log) > 0);
    assert_false(has_secret(log, strlen(log)));
}

static void check_not_shown(struct fixture *fixture, const char *variable) {
    char config[PATH_BYTES];
    snprintf(config, sizeof config, "PHASEGATE_CONFIG=%s", daemon_config(fixture->daemon));
    const char *const environment[] = {config, variable, NULL};
    struct commands *commands = commands_new(PHASEGATE_BINARY, environment);
    check_run(commands, 0, "config", "show");
    assert_false(has_secret(commands_output(commands), strlen(commands_output(commands))));
    check_run(commands, 0, "config", "show", "--json");
    assert_false(has_secret(commands_output(commands), strlen(commands_output(commands))));
    check_run(commands, 0, "status", "--verbose");
    assert_false(has_secret(commands_output(commands), strlen(commands_output(commands))));
    commands_free(&commands);
}

/* --- Tests ---------------------------------------------------------------------------------------------- */

static void a_password_from_the_environment_is_hidden(void **state) {
    struct fixture *fixture = *state;
    start(fixture, SECRET);
    check_hidden(fixture);
    check_not_shown(fixture, "PHASEGATE_STORE_PASSWORD=" SECRET);
}

static void a_password_from_a_file_is_hidden(void **state) {
    struct fixture *fixture = *state;
    write_password(fixture, SECRET "\n", 0600);
    start(fixture, NULL);
    check_hidden(fixture);
    check_not_shown(fixture, fixture->variable);
    assert_int_equal(daemon_said(fixture->daemon, "holds a secret"), 0);
}

static void a_file_that_others_may_read_is_warned_of(void **state) {
    struct fixture *fixture = *state;
    write_password(fixture, SECRET, 0644);
    new_daemon(fixture, NULL);
    daemon_await_running(fixture->daemon);
    assert_int_equal(daemon_said(fixture->daemon, "holds a secret, and every user of this machine"), 1);
}

static void check_refused(struct fixture *fixture, const char *text, mode_t mode, const char *why) {
    write_password(fixture, text, mode);
    new_daemon(fixture, NULL);
    assert_int_not_equal(daemon_await_exit(fixture->daemon), 0);
    assert_int_equal(daemon_said(fixture->daemon, why), 1);
    assert_int_equal(daemon_said(fixture->daemon, SECRET), 0);
    daemon_free(&fixture->daemon);
}

static void a_file_that_is_no_secret_is_refused(void **state) {
    struct fixture *fixture = *state;
    static char large[2000];
    memset(large, 'x', sizeof large - 1);
    check_refused(fixture, "", 0600, "expected a secret in one line");
    check_refused(fixture, "\n", 0600, "expected a secret in one line");
    check_refused(fixture, SECRET "\n" SECRET "\n", 0600, "expected a secret in one line");
    check_refused(fixture, large, 0600, "is larger than 1024 bytes");
    check_refused(fixture, SECRET, 0602, "anybody may write it (mode 0602)");
    snprintf(fixture->variable, sizeof fixture->variable, "PHASEGATE_STORE_PASSWORD_FILE=/nowhere/password");
    check_refused(fixture, SECRET, 0600, "store.password_file: /nowhere/password: cannot be opened");
    snprintf(
        fixture->variable, sizeof fixture->variable, "PHASEGATE_STORE_PASSWORD_FILE=%s", fixture->dir.path);
    check_refused(fixture, SECRET, 0600, "is no file");
}

/* --- Where it goes ---------------------------------------------------------------------------------------
 */

/* The embedded server gets what it needs to run, and nothing that may be a secret. */
static void the_embedded_server_does_not_inherit_it(void **state) {
    struct fixture *fixture = *state;
    static const char *const environment[] = {"PHASEGATE_ALERTS_WEBHOOK=https://example.com/" SECRET,
        "PHASEGATE_STORE_PASSWORD=" SECRET, "HTTPS_PROXY=http://user:" SECRET "@proxy",
        "SOMEBODYS_KEY=" SECRET, "TZ=Europe/London", NULL};
    fixture->daemon = daemon_new(
        (struct daemon_options){.binary = PHASEGATE_BINARY, .create = true, .environment = environment});
    daemon_start(fixture->daemon);
    daemon_await_running(fixture->daemon);
    pid_t server = daemon_redis_process(fixture->daemon);
    assert_false(file_has_secret(server, "cmdline"));
    struct found found = search_memory(server); /* its environ is overwritten by its title */
    assert_int_equal(found.dumped + found.left_out, 0);
}

/* An address of the documentation's network, where nobody is. */
static void plain_text_over_a_network_is_warned_of(void **state) {
    struct fixture *fixture = *state;
    static const char warning[] = "store.url: the password goes to 192.0.2.1 as plain text";
    fixture->daemon = daemon_new((struct daemon_options){
        .binary = PHASEGATE_BINARY, .redis_url = "redis://192.0.2.1:6379", .password = SECRET});
    daemon_start(fixture->daemon);
    daemon_await_said(fixture->daemon, warning);
    static const char *const environment[] = {
        "PHASEGATE_STORE_URL=redis://192.0.2.1:6379", "PHASEGATE_STORE_PASSWORD=" SECRET, NULL};
    struct commands *commands = commands_new(PHASEGATE_BINARY, environment);
    check_run(commands, 0, "config", "check");
    commands_check_output(commands, warning);
    check_run(commands, 0, "config", "check", "--json");
    json_t *answer = commands_json(commands);
    assert_int_equal(json_array_size(json_object_get(answer, "warnings")), 1);
    json_decref(answer);
    commands_free(&commands);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_password_from_the_environment_is_hidden, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_password_from_a_file_is_hidden, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_that_others_may_read_is_warned_of, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_that_is_no_secret_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_embedded_server_does_not_inherit_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(plain_text_over_a_network_is_warned_of, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
