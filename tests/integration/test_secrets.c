/*
 * What the daemon signs in with is found nowhere else: not in its arguments, its environment, its log, what
 * `config show` prints, nor in what a core dump of it would hold, whenever that is made: while it signs in or
 * posts, and after it. The last is read from its memory, mapping by mapping, those left out that the kernel
 * leaves out (VmFlags dd): a dump itself depends on the machine's settings.
 */
#include "support/await.h"
#include "support/check.h"
#include "support/commands.h"
#include "support/daemon.h"
#include "support/redis_cluster.h"
#include "support/redis_sentinels.h"
#include "support/redis_server.h"
#include "support/temp_dir.h"
#include "support/webhook.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    PATH_BYTES = 256,
    VARIABLE_BYTES = PATH_BYTES + 64,
    LINE_BYTES = 1024,
    MAPPING_BYTES_MAX = 256 << 20,
    DEADLINE_MS = 40000
};

#define SECRET "kYw3-one-that-stands-nowhere-else-9Qz"
#define DEBUG "log: {level: debug}"

#ifdef __has_feature /* clang's way of saying it */
#define SANITIZED (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#elif defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

struct fixture {
    struct temp_dir dir;
    struct redis_server *redis;
    struct redis_sentinels *sentinels;
    struct redis_test_cluster *cluster;
    struct webhook *webhook;
    struct daemon *daemon;
    char file[PATH_BYTES], variable[VARIABLE_BYTES];
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
    webhook_close(&fixture->webhook);
    redis_cluster_free(&fixture->cluster);
    redis_sentinels_free(&fixture->sentinels);
    redis_server_free(&fixture->redis);
    temp_dir_remove(&fixture->dir);
    free(fixture);
    return 0;
}

static void write_file(const char *path, const char *text, mode_t mode) {
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    assert_int_equal(chmod(path, mode), 0);
}

static void write_password(const struct fixture *fixture, const char *text, mode_t mode) {
    write_file(fixture->file, text, mode);
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

/* So that what the first time left behind is there, too. */
static void sign_in_again(struct fixture *fixture, struct redis_server *server) {
    daemon_await_running(fixture->daemon);
    redis_server_do(server, "CLIENT KILL TYPE normal SKIPME yes");
    daemon_await_said(fixture->daemon, "connected to Redis at ");
}

static void start(struct fixture *fixture, const char *password) {
    new_daemon(fixture, password);
    sign_in_again(fixture, fixture->redis);
}

/* A store with the password, and two more variables; NULL: none. */
static void start_at(struct fixture *fixture, const char *url, const char *more, const char *yet_more) {
    write_password(fixture, SECRET "\n", 0600);
    fixture->daemon = daemon_new((struct daemon_options){.binary = PHASEGATE_BINARY,
        .redis_url = url,
        .settings = DEBUG,
        .create = true,
        .environment = (const char *const[]){fixture->variable, more, yet_more, NULL}});
    daemon_start(fixture->daemon);
}

/* "NAME=the password's file" */
static void variable_of(const struct fixture *fixture, const char *name, char variable[VARIABLE_BYTES]) {
    snprintf(variable, VARIABLE_BYTES, "%s=%s", name, fixture->file);
}

/* --- Where to look -------------------------------------------------------------------------------------- */

static bool has_secret(const char *bytes, size_t size) {
    return memmem(bytes, size, SECRET, strlen(SECRET))
        || memmem(bytes, size, WEBHOOK_SECRET, strlen(WEBHOOK_SECRET));
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
    if (!SANITIZED) /* their runtime has a copy of the environment for itself */
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

static void passwords_of_sentinels_and_their_servers_are_hidden(void **state) {
    struct fixture *fixture = *state;
    char variable[VARIABLE_BYTES];
    fixture->sentinels = redis_sentinels_start(
        (struct redis_sentinels_options){.password = SECRET, .sentinel_password = SECRET});
    variable_of(fixture, "PHASEGATE_STORE_SENTINEL_PASSWORD_FILE", variable);
    start_at(fixture, redis_sentinels_url(fixture->sentinels), variable, NULL);
    sign_in_again(fixture, redis_sentinels_server(fixture->sentinels, 0));
    check_hidden(fixture);
}

static void passwords_of_a_cluster_and_of_the_bus_are_hidden(void **state) {
    struct fixture *fixture = *state;
    char bus[VARIABLE_BYTES], variable[VARIABLE_BYTES];
    fixture->cluster = redis_cluster_start((struct redis_cluster_options){.password = SECRET});
    snprintf(bus, sizeof bus, "PHASEGATE_BUS_URL=%s", redis_server_url(fixture->redis));
    variable_of(fixture, "PHASEGATE_BUS_PASSWORD_FILE", variable);
    start_at(fixture, redis_cluster_url(fixture->cluster), bus, variable);
    sign_in_again(fixture, fixture->redis);
    check_hidden(fixture);
}

static void a_password_that_is_refused_is_hidden(void **state) {
    struct fixture *fixture = *state;
    redis_server_do(fixture->redis, "CONFIG SET requirepass another-one");
    start_at(fixture, redis_server_url(fixture->redis), NULL, NULL);
    daemon_await_said(fixture->daemon, "Redis refuses the user, password");
    check_hidden(fixture);
}

/* Nobody accepts, and the one place to wait in is taken: who connects is neither let in nor refused. */
static int open_deaf_server(int sockets[2]) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    for (int i = 0; i < 2; i++)
        sockets[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(sockets[0], (struct sockaddr *)&address, length), 0);
    assert_int_equal(listen(sockets[0], 0), 0);
    assert_int_equal(getsockname(sockets[0], (struct sockaddr *)&address, &length), 0);
    assert_int_equal(connect(sockets[1], (struct sockaddr *)&address, length), 0);
    return ntohs(address.sin_port);
}

/* Has somebody sent a SYN to the port, and no answer? */
static bool is_connecting(void *context) {
    char line[LINE_BYTES];
    unsigned port, state;
    bool found = false;
    FILE *connections = fopen("/proc/net/tcp", "re");
    assert_non_null(connections);
    while (!found && fgets(line, sizeof line, connections)) {
        int read = sscanf(line, " %*u: %*x:%*x %*x:%x %x ", &port, &state);
        found = read == 2 && port == *(unsigned *)context && state == TCP_SYN_SENT;
    }
    fclose(connections);
    return found;
}

static void a_password_that_waits_for_a_connection_is_hidden(void **state) {
    struct fixture *fixture = *state;
    int sockets[2];
    char url[PATH_BYTES];
    unsigned port = (unsigned)open_deaf_server(sockets);
    snprintf(url, sizeof url, "redis://127.0.0.1:%u", port);
    start_at(fixture, url, NULL, NULL);
    assert_true(await_until(is_connecting, &port, DEADLINE_MS));
    check_hidden(fixture);
    close(sockets[1]);
    close(sockets[0]);
}

static bool was_posted_to(void *context) {
    return webhook_requests(context) > 0;
}

static bool has_taken_a_post(void *context) {
    return webhook_count(context, NULL) > 0;
}

static void the_webhook_is_hidden(void **state) {
    struct fixture *fixture = *state;
    char file[PATH_BYTES], variable[VARIABLE_BYTES];
    fixture->webhook = webhook_open();
    webhook_hang(fixture->webhook);
    snprintf(file, sizeof file, "%s/webhook", fixture->dir.path);
    write_file(file, webhook_url(fixture->webhook), 0600);
    snprintf(variable, sizeof variable, "PHASEGATE_ALERTS_WEBHOOK_FILE=%s", file);
    start_at(fixture, redis_server_url(fixture->redis), variable, NULL);
    daemon_await_running(fixture->daemon);
    check_hidden(fixture);
    redis_server_do(fixture->redis, "XADD pg:bus:{nba-phase3-complete} * data nonsense");
    assert_true(await_until(was_posted_to, fixture->webhook, DEADLINE_MS));
    check_hidden(fixture); /* while it waits for the answer */
    webhook_answer(fixture->webhook, 200, 0);
    assert_true(await_until(has_taken_a_post, fixture->webhook, DEADLINE_MS));
    check_hidden(fixture);
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
        cmocka_unit_test_setup_teardown(
            passwords_of_sentinels_and_their_servers_are_hidden, set_up, tear_down),
        cmocka_unit_test_setup_teardown(passwords_of_a_cluster_and_of_the_bus_are_hidden, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_password_that_is_refused_is_hidden, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_password_that_waits_for_a_connection_is_hidden, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_webhook_is_hidden, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_that_others_may_read_is_warned_of, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_that_is_no_secret_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_embedded_server_does_not_inherit_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(plain_text_over_a_network_is_warned_of, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
