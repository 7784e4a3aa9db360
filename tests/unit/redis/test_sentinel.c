#include "redis/sentinel.h"
#include "support/check.h"

#include <stdio.h>
#include <string.h>

/* The reply as it comes over the wire. */
static struct result read_wire(const char *wire, struct sentinel_master *master) {
    redisReader *reader = redisReaderCreate();
    void *reply = NULL;
    assert_int_equal(redisReaderFeed(reader, wire, strlen(wire)), REDIS_OK);
    assert_int_equal(redisReaderGetReply(reader, &reply), REDIS_OK);
    assert_non_null(reply);
    struct result result = sentinel_read_master(reply, "main", master);
    freeReplyObject(reply);
    redisReaderFree(reader);
    return result;
}

static void a_host_and_a_port_are_read(void **state) {
    (void)state;
    struct sentinel_master master;
    check_ok(read_wire("*2\r\n$9\r\n127.0.0.1\r\n$5\r\n65535\r\n", &master));
    assert_string_equal(master.host, "127.0.0.1");
    assert_int_equal(master.port, 65535);
    check_ok(read_wire("*2\r\n$3\r\n::1\r\n$1\r\n1\r\n", &master));
    assert_string_equal(master.host, "::1");
}

static void what_is_no_address_is_refused(void **state) {
    (void)state;
    struct sentinel_master master = {.port = 7};
    static const char *const wrong[] = {":1\r\n", "*0\r\n", "*1\r\n$1\r\na\r\n", "*2\r\n:1\r\n:2\r\n",
        "*2\r\n$1\r\na\r\n:6379\r\n", "*2\r\n$0\r\n\r\n$4\r\n6379\r\n", "*2\r\n$3\r\na b\r\n$4\r\n6379\r\n",
        "*2\r\n$1\r\na\r\n$1\r\n0\r\n", "*2\r\n$1\r\na\r\n$5\r\n65536\r\n",
        "*2\r\n$1\r\na\r\n$6\r\n006379\r\n", "*2\r\n$1\r\na\r\n$2\r\n-1\r\n",
        "*2\r\n$1\r\na\r\n$3\r\n1 2\r\n", "*2\r\n$-1\r\n$-1\r\n", "*3\r\n$1\r\na\r\n$1\r\n1\r\n$1\r\n2\r\n"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        check_fails(read_wire(wrong[i], &master), CODE_UNAVAILABLE, "what is no address");
    assert_int_equal(master.port, 7);
    check_fails(read_wire("*-1\r\n", &master), CODE_UNAVAILABLE, "it knows no master named main");
}

static void a_host_has_a_largest_size(void **state) {
    (void)state;
    struct sentinel_master master;
    char wire[600], host[SENTINEL_HOST_MAX + 1];
    memset(host, 'h', sizeof host);
    host[SENTINEL_HOST_MAX] = '\0';
    snprintf(wire, sizeof wire, "*2\r\n$%d\r\n%s\r\n$1\r\n1\r\n", SENTINEL_HOST_MAX, host);
    check_fails(read_wire(wire, &master), CODE_UNAVAILABLE, "what is no address");
    host[SENTINEL_HOST_MAX - 1] = '\0';
    snprintf(wire, sizeof wire, "*2\r\n$%d\r\n%s\r\n$1\r\n1\r\n", SENTINEL_HOST_MAX - 1, host);
    check_ok(read_wire(wire, &master));
    assert_string_equal(master.host, host);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_host_and_a_port_are_read),
        cmocka_unit_test(what_is_no_address_is_refused),
        cmocka_unit_test(a_host_has_a_largest_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
