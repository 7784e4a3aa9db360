/* The emulator that other tests rely on: does it come up, die and come back as they expect? */
#include "support/emulator.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void starts_dies_and_comes_back(void **state) {
    (void)state;
    struct emulator emulator = EMULATOR_NONE;
    emulator_require(&emulator);
    assert_true(process_running(&emulator.process));
    assert_true(port_accepts(emulator.port));

    emulator_kill(&emulator);
    assert_false(process_running(&emulator.process));
    assert_false(port_accepts(emulator.port));

    int port = emulator.port;
    struct result r = emulator_restart(&emulator);
    assert_string_equal(r.text, "");
    assert_int_equal(emulator.port, port);
    assert_true(port_accepts(port));

    char output[PROCESS_PATH_MAX];
    snprintf(output, sizeof output, "%s", emulator.output);
    emulator_stop(&emulator);
    assert_false(port_accepts(port));
    assert_int_equal(access(output, F_OK), -1);
    emulator_stop(&emulator);
}

static void says_when_it_is_not_installed(void **state) {
    (void)state;
    setenv("PUBSUB_EMULATOR_JAR", "/nowhere/emulator.jar", 1);
    struct emulator emulator = EMULATOR_NONE;
    struct result r = emulator_start(&emulator);
    unsetenv("PUBSUB_EMULATOR_JAR");
    assert_int_equal(r.code, CODE_NOT_FOUND);
    assert_string_equal(r.text, "PUBSUB_EMULATOR_JAR: /nowhere/emulator.jar: No such file or directory");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(starts_dies_and_comes_back),
        cmocka_unit_test(says_when_it_is_not_installed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
