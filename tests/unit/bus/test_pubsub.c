/* Opening a bus over Pub/Sub: which settings are refused, and what is said without credentials. */
#include "bus/bus.h"
#include "support/check.h"
#include "support/loop.h"

#include <stdlib.h>

static uv_loop_t loop;
static struct log quiet;

static int set_up(void **state) {
    (void)state;
    return uv_loop_init(&loop);
}

static int tear_down(void **state) {
    (void)state;
    loop_close(&loop);
    return 0;
}

static void check_refused(struct pubsub_settings settings, enum code code, const char *part) {
    struct bus *bus = NULL;
    check_fails(bus_open_pubsub(&loop, &settings, &quiet, &bus), code, part);
    assert_null(bus);
}

static void wrong_settings_are_refused(void **state) {
    (void)state;
    const char *emulator = "127.0.0.1:1";
    check_refused((struct pubsub_settings){.emulator = emulator}, CODE_INVALID, "needs a project");
    check_refused(
        (struct pubsub_settings){.project = "", .emulator = emulator}, CODE_INVALID, "needs a project");
    check_refused((struct pubsub_settings){.project = "p", .emulator = emulator, .streams = -1}, CODE_INVALID,
        "-1 streams per subscription; expected 1 to 64");
    check_refused((struct pubsub_settings){.project = "p", .emulator = emulator, .streams = 65}, CODE_INVALID,
        "65 streams");
    check_refused((struct pubsub_settings){.project = "p", .emulator = emulator, .lease_seconds = 9},
        CODE_INVALID, "a lease of 9 seconds; Pub/Sub takes 10 to 600");
    check_refused((struct pubsub_settings){.project = "p", .emulator = emulator, .lease_seconds = 601},
        CODE_INVALID, "601 seconds");
}

static void without_credentials_nothing_opens(void **state) {
    (void)state;
    setenv("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere/key.json", 1);
    setenv("HOME", "/nowhere", 1);
    check_refused((struct pubsub_settings){.project = "p", .endpoint = "127.0.0.1:1", .emulator = ""},
        CODE_REFUSED, "no Google credentials for 127.0.0.1:1: set GOOGLE_APPLICATION_CREDENTIALS");
}

static bool is_true(void *context) {
    return *(const bool *)context;
}

static void on_closed(void *context, struct result result) {
    check_ok(result);
    *(bool *)context = true;
}

static void a_bus_opens_and_closes_without_its_server(void **state) {
    (void)state;
    struct pubsub_settings settings = {.project = "p", .emulator = "127.0.0.1:1"};
    struct bus *bus;
    check_ok(bus_open_pubsub(&loop, &settings, &quiet, &bus));
    bool closed = false;
    bus_close(bus, on_closed, &closed);
    assert_false(closed);
    loop_until(&loop, is_true, &closed, 5000, "the bus to close");
    assert_false(uv_loop_alive(&loop));
    check_ok(bus_open_pubsub(&loop, &settings, &quiet, &bus));
    bus_close(bus, NULL, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(wrong_settings_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_bus_opens_and_closes_without_its_server, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_credentials_nothing_opens, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
