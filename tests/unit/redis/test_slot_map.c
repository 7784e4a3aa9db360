#include "redis/slot_map.h"
#include "support/check.h"

#include <stdlib.h>
#include <string.h>

/* --- Keys ----------------------------------------------------------------------------------------------- */

static int slot(const char *key) {
    return slot_of(key, strlen(key));
}

/* As CLUSTER KEYSLOT answers. */
static void slots_are_those_of_the_specification(void **state) {
    (void)state;
    assert_int_equal(slot("123456789"), 0x31c3); /* the specification's own check */
    assert_int_equal(slot("foo"), 12182);
    assert_int_equal(slot("bar"), 5061);
    assert_int_equal(slot(""), 0);
}

static void only_what_stands_in_the_first_braces_counts(void **state) {
    (void)state;
    assert_int_equal(slot("pg:{bar}:outbox"), slot("bar"));
    assert_int_equal(slot("foo{bar}{zap}"), slot("bar"));
    assert_int_equal(slot("foo{{bar}}zap"), slot("{bar"));
    assert_int_not_equal(slot("foo{}{bar}"), slot("bar")); /* an empty tag is none */
    assert_int_not_equal(slot("foo{bar"), slot("bar"));
    assert_int_equal(slot("}{bar}"), slot("bar"));
    assert_int_equal(slot_of("{bar}beyond", 5), slot("bar"));
}

static void the_key_of_a_command_is_found(void **state) {
    (void)state;
    assert_int_equal(slot_key_argument(2, (const char *[]){"HGETALL", "k"}, NULL), 1);
    assert_int_equal(slot_key_argument(4, (const char *[]){"FCALL", "f", "1", "k"}, NULL), 3);
    assert_int_equal(slot_key_argument(4, (const char *[]){"fcall", "f", "1", "k"}, NULL), 3);
    assert_int_equal(slot_key_argument(4, (const char *[]){"EVAL", "s", "2", "k"}, NULL), 3);
    assert_int_equal(slot_key_argument(3, (const char *[]){"FCALL", "f", "0"}, NULL), 0);
    assert_int_equal(slot_key_argument(4, (const char *[]){"FCALL", "f", "0", "no key"}, NULL), 0);
    assert_int_equal(slot_key_argument(1, (const char *[]){"PING"}, NULL), 0);
}

/* --- The map -------------------------------------------------------------------------------------------- */

enum { ELEMENTS_MAX = 4 };

static redisReply *number(long long value) {
    redisReply *reply = calloc(1, sizeof *reply);
    reply->type = REDIS_REPLY_INTEGER;
    reply->integer = value;
    return reply;
}

static redisReply *text(const char *value) {
    redisReply *reply = calloc(1, sizeof *reply);
    reply->type = value ? REDIS_REPLY_STRING : REDIS_REPLY_NIL;
    reply->str = value ? strdup(value) : NULL;
    reply->len = value ? strlen(value) : 0;
    return reply;
}

static redisReply *list(size_t count, redisReply *const elements[]) {
    redisReply *reply = calloc(1, sizeof *reply);
    reply->type = REDIS_REPLY_ARRAY;
    reply->elements = count;
    reply->element = calloc(ELEMENTS_MAX, sizeof *reply->element);
    if (count > 0)
        memcpy(reply->element, elements, count * sizeof *elements);
    return reply;
}

static redisReply *range(int first, int last, const char *host, int port) {
    redisReply *master = list(2, (redisReply *[]){text(host), number(port)});
    return list(3, (redisReply *[]){number(first), number(last), master});
}

static struct result read_map(redisReply *reply, struct slot_map *map) {
    struct result r = slot_map_read(reply, "asked", map);
    freeReplyObject(reply);
    return r;
}

static void ranges_name_their_masters(void **state) {
    struct slot_map *map = *state;
    check_ok(read_map(
        list(3,
            (redisReply *[]){range(0, 99, "one", 1), range(200, 16383, "two", 2), range(150, 150, "one", 1)}),
        map));
    assert_int_equal(map->count, 2);
    assert_string_equal(map->masters[map->owner[99]].host, "one");
    assert_int_equal(map->owner[150], map->owner[0]);
    assert_string_equal(map->masters[map->owner[16383]].host, "two");
    assert_int_equal(map->masters[map->owner[16383]].port, 2);
    assert_int_equal(map->owner[100], SLOT_UNKNOWN);
}

/* A node that has not been told its own address leaves it out; one that does not know another's says "?". */
static void unknown_hosts_are_understood(void **state) {
    struct slot_map *map = *state;
    check_ok(read_map(
        list(3, (redisReply *[]){range(0, 9, "", 1), range(10, 19, NULL, 2), range(20, 29, "?", 3)}), map));
    assert_string_equal(map->masters[map->owner[0]].host, "asked");
    assert_string_equal(map->masters[map->owner[10]].host, "asked");
    assert_int_equal(map->owner[20], SLOT_UNKNOWN);
}

static void nonsense_is_refused(void **state) {
    struct slot_map *map = *state;
    check_fails(slot_map_read(NULL, "asked", map), CODE_UNAVAILABLE, "broke");
    check_fails(read_map(list(0, NULL), map), CODE_UNAVAILABLE, "no slots");
    check_fails(read_map(number(1), map), CODE_INTERNAL, "no list");
    redisReply *const wrong[] = {number(1), list(1, (redisReply *[]){number(1)}), range(-1, 5, "one", 1),
        range(0, SLOT_COUNT, "one", 1), list(3, (redisReply *[]){number(0), number(1), number(2)})};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        check_fails(read_map(list(1, (redisReply *[]){wrong[i]}), map), CODE_INTERNAL, "does not understand");
}

static void there_is_an_end_to_masters(void **state) {
    struct slot_map *map = *state;
    for (int i = 0; i < SLOT_MASTERS_MAX; i++)
        assert_int_equal(slot_map_master(map, "host", i), i);
    assert_int_equal(slot_map_master(map, "host", SLOT_MASTERS_MAX), -1);
    assert_int_equal(slot_map_master(map, "host", 5), 5);
}

/* --- Redirections --------------------------------------------------------------------------------------- */

static bool read_redirection(const char *line, struct redirection *redirection) {
    redisReply reply = {.type = REDIS_REPLY_ERROR, .str = (char *)line, .len = strlen(line)};
    return redirection_read(&reply, "asked", redirection);
}

static void redirections_are_read(void **state) {
    struct redirection to;
    (void)state;
    assert_true(read_redirection("MOVED 3999 127.0.0.1:6381", &to));
    assert_false(to.ask);
    assert_int_equal(to.slot, 3999);
    assert_string_equal(to.to.host, "127.0.0.1");
    assert_int_equal(to.to.port, 6381);
    assert_true(read_redirection("ASK 16383 ::1:6381", &to));
    assert_true(to.ask);
    assert_string_equal(to.to.host, "::1");
    assert_true(read_redirection("MOVED 0 :6381", &to));
    assert_string_equal(to.to.host, "asked");
    static const char *const others[] = {"ERR MOVED 1 a:1", "MOVED", "MOVED 16384 a:1", "MOVED -1 a:1",
        "MOVED x a:1", "MOVED 1 a", "MOVED 1 a:0", "MOVED 1 a:65536", "ASK 1 a:-1", "TRYAGAIN",
        "MOVEDX 1 a:1"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_false(read_redirection(others[i], &to));
    assert_false(redirection_read(NULL, "asked", &to));
}

/* --- Programs ------------------------------------------------------------------------------------------- */

static int setup(void **state) {
    *state = calloc(1, sizeof(struct slot_map));
    return *state ? 0 : -1;
}

static int teardown(void **state) {
    free(*state);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slots_are_those_of_the_specification),
        cmocka_unit_test(only_what_stands_in_the_first_braces_counts),
        cmocka_unit_test(the_key_of_a_command_is_found),
        cmocka_unit_test_setup_teardown(ranges_name_their_masters, setup, teardown),
        cmocka_unit_test_setup_teardown(unknown_hosts_are_understood, setup, teardown),
        cmocka_unit_test_setup_teardown(nonsense_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(there_is_an_end_to_masters, setup, teardown),
        cmocka_unit_test(redirections_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
