#include "support/process.h"

#include "support/patience.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char output[] = "/tmp/phasegate-test-XXXXXX";

static int output_make(void **state) {
    (void)state;
    int fd = mkstemp(output);
    return fd < 0 ? -1 : close(fd);
}

static int output_remove(void **state) {
    (void)state;
    return unlink(output);
}

static struct process spawn_shell(const char *script, const char *const environment[]) {
    struct process process = PROCESS_NONE;
    struct result r =
        process_spawn((const char *[]){"sh", "-c", script, NULL}, environment, output, &process);
    assert_string_equal(r.text, "");
    return process;
}

static void exit_status_and_output(void **state) {
    (void)state;
    struct process process = spawn_shell("echo $WORD; exit 7", (const char *[]){"WORD=halibut", NULL});
    assert_true(process_wait(&process, 10000));
    assert_int_equal(process.status, 7);
    assert_false(process_running(&process));
    char tail[64];
    assert_string_equal(process_output_tail(&process, tail, sizeof tail), "halibut\n");
    assert_string_equal(process_output_tail(&process, tail, 5), "but\n");
}

static void no_such_program(void **state) {
    (void)state;
    struct process process = PROCESS_NONE;
    struct result r = process_spawn((const char *[]){"no-such-program", NULL}, NULL, NULL, &process);
    assert_int_equal(r.code, CODE_NOT_FOUND);
    assert_string_equal(r.text, "cannot start no-such-program: No such file or directory");
    assert_int_equal(process.pid, 0);
}

static void stop_is_gentle_then_not(void **state) {
    (void)state;
    struct process willing = spawn_shell("exec sleep 100", NULL);
    assert_false(process_wait(&willing, 0));
    assert_true(process_stop(&willing, 10000));
    assert_int_equal(willing.status, -SIGTERM);

    struct process stubborn = spawn_shell("trap '' TERM; echo trapped; while :; do read line; done", NULL);
    char tail[64];
    while (!strstr(process_output_tail(&stubborn, tail, sizeof tail), "trapped"))
        assert_true(process_running(&stubborn));
    assert_false(process_stop(&stubborn, 50));
    assert_int_equal(stubborn.status, -SIGKILL);
    assert_true(process_stop(&stubborn, 0));
}

static bool never(void *context) {
    (void)context;
    return false;
}

static void await_ends_with_the_process(void **state) {
    (void)state;
    struct process process = spawn_shell("echo out of fish; exit 3", NULL);
    struct result r = process_await(&process, never, NULL, 60000);
    assert_int_equal(r.code, CODE_UNAVAILABLE);
    assert_non_null(strstr(r.text, "it ended with status 3; its last output: "));
    assert_non_null(strstr(r.text, "out of fish"));

    process = spawn_shell("exec sleep 100", NULL);
    r = process_await(&process, never, NULL, 30);
    char late[32];
    snprintf(late, sizeof late, "not ready after %d ms", patient_ms(30));
    assert_non_null(strstr(r.text, late));
    process_kill(&process);
    assert_int_equal(process.status, -SIGKILL);
}

/* A test that crashes leaves nothing behind: the grandchild's end closes the pipe that only it still holds.
 */
static void child_dies_with_its_parent(void **state) {
    (void)state;
    int held[2];
    assert_int_equal(pipe(held), 0);
    fcntl(held[0], F_SETFD, FD_CLOEXEC);
    pid_t parent = fork();
    if (parent == 0) {
        struct process process = PROCESS_NONE;
        struct result r = process_spawn((const char *[]){"sleep", "100", NULL}, NULL, NULL, &process);
        _exit(is_ok(r) ? 0 : 1);
    }
    close(held[1]);
    int status = 0;
    waitpid(parent, &status, 0);
    assert_int_equal(status, 0);
    alarm(20);
    char byte;
    assert_int_equal(read(held[0], &byte, 1), 0);
    alarm(0);
    close(held[0]);
}

static void ports(void **state) {
    (void)state;
    int port = port_free();
    assert_in_range(port, 1024, 65535);
    assert_false(port_accepts(port));
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_true(port_accepts(port));
    close(fd);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exit_status_and_output),
        cmocka_unit_test(no_such_program),
        cmocka_unit_test(stop_is_gentle_then_not),
        cmocka_unit_test(await_ends_with_the_process),
        cmocka_unit_test(child_dies_with_its_parent),
        cmocka_unit_test(ports),
    };
    return cmocka_run_group_tests(tests, output_make, output_remove);
}
