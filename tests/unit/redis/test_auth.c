/* The command that signs in, and how it is sent: whole, or not at all. */
#include "redis/auth.h"
#include "support/check.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ARENA_BYTES = 4096 };

static int set_up(void **state) {
    *state = arena_new_private(ARENA_BYTES);
    return *state ? 0 : -1;
}

static int tear_down(void **state) {
    arena_free((struct arena **)state);
    return 0;
}

static void the_command_has_the_user_and_the_password(void **state) {
    const struct redis_settings settings = {.username = "phasegate", .password = "word of mine"};
    const char expected[] = "*3\r\n$4\r\nAUTH\r\n$9\r\nphasegate\r\n$12\r\nword of mine\r\n";
    size_t length = 0;
    assert_string_equal(redis_auth_format(&settings, *state, &length), expected);
    assert_int_equal(length, strlen(expected));
}

static void without_a_user_it_is_the_default_one(void **state) {
    const struct redis_settings settings = {.password = "word"};
    size_t length;
    assert_string_equal(
        redis_auth_format(&settings, *state, &length), "*3\r\n$4\r\nAUTH\r\n$7\r\ndefault\r\n$4\r\nword\r\n");
}

static void it_is_sent_whole(void **state) {
    int pair[2];
    char came[ARENA_BYTES] = "";
    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    check_ok(redis_auth_send(pair[0], "AUTH word", strlen("AUTH word")));
    assert_int_equal(read(pair[1], came, sizeof came - 1), strlen("AUTH word"));
    assert_string_equal(came, "AUTH word");
    close(pair[0]);
    close(pair[1]);
}

/* More than the socket has room for: a part of it, and then nothing. */
static void without_room_it_fails_and_does_not_block(void **state) {
    static const char large[4 << 20];
    int pair[2];
    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    check_fails(redis_auth_send(pair[0], large, sizeof large), CODE_UNAVAILABLE, "at once");
    check_fails(
        redis_auth_send(pair[0], large, sizeof large), CODE_UNAVAILABLE, "Resource temporarily unavailable");
    close(pair[0]);
    close(pair[1]);
}

/* A signal would end this process. */
static void a_broken_connection_is_an_error_and_no_signal(void **state) {
    int pair[2];
    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    close(pair[1]);
    check_fails(redis_auth_send(pair[0], "AUTH", strlen("AUTH")), CODE_UNAVAILABLE, "Broken pipe");
    close(pair[0]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_command_has_the_user_and_the_password, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_a_user_it_is_the_default_one, set_up, tear_down),
        cmocka_unit_test(it_is_sent_whole),
        cmocka_unit_test(without_room_it_fails_and_does_not_block),
        cmocka_unit_test(a_broken_connection_is_an_error_and_no_signal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
