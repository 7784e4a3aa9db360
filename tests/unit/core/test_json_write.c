#include "core/json_write.h"

#include "support/check.h"

#include <string.h>

static struct arena *arena;
static struct json_writer writer;

static int set_up(void **state) {
    (void)state;
    arena = arena_new(1 << 16);
    writer = (struct json_writer){.arena = arena};
    return arena ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    arena_free(&arena);
    return 0;
}

static void check_written(const char *expected) {
    assert_false(writer.full);
    assert_int_equal(writer.length, strlen(expected));
    assert_memory_equal(writer.text, expected, writer.length);
}

static void commas_stand_between_values(void **state) {
    (void)state;
    json_open(&writer, NULL, '{');
    json_open(&writer, "none", '[');
    json_close(&writer, ']');
    json_open(&writer, "some", '[');
    json_put_number(&writer, NULL, 1);
    json_put_text(&writer, NULL, "{[");
    json_open(&writer, NULL, '{');
    json_close(&writer, '}');
    json_put_flag(&writer, NULL, true);
    json_close(&writer, ']');
    json_put_flag(&writer, "flag", false);
    json_put_text(&writer, "nobody", NULL);
    json_close(&writer, '}');
    check_written("{\"none\":[],\"some\":[1,\"{[\",{},true],\"flag\":false,\"nobody\":null}");
}

static void numbers_are_whole(void **state) {
    (void)state;
    json_open(&writer, NULL, '[');
    json_put_number(&writer, NULL, INT64_MIN);
    json_put_number(&writer, NULL, 0);
    json_put_number(&writer, NULL, INT64_MAX);
    json_close(&writer, ']');
    check_written("[-9223372036854775808,0,9223372036854775807]");
}

static void what_json_reserves_is_escaped(void **state) {
    (void)state;
    json_put_text(&writer, NULL, "\x01\"\\/\b\t\n\v\f\r\x1F \x7F\xC5\xBD");
    check_written("\"\\u0001\\\"\\\\/\\b\\t\\n\\u000B\\f\\r\\u001F \x7F\xC5\xBD\"");
}

/* With each length of what comes before, so that each part is cut off once by the end of the room. */
static void what_is_outgrown_is_taken_along(void **state) {
    (void)state;
    static char text[3000];
    for (size_t length = 900; length < 1100; length++) {
        arena_reset(arena);
        writer = (struct json_writer){.arena = arena};
        memset(text, 'x', length);
        text[length] = '\0';
        json_open(&writer, NULL, '[');
        json_put_text(&writer, NULL, text);
        json_put_text(&writer, NULL, "\"");
        json_put_flag(&writer, NULL, true);
        json_close(&writer, ']');
        assert_false(writer.full);
        assert_int_equal(writer.length, length + 14);
        assert_memory_equal(writer.text, "[\"", 2);
        assert_memory_equal(writer.text + 2, text, length);
        assert_memory_equal(writer.text + 2 + length, "\",\"\\\"\",true]", 12);
    }
}

static void a_full_arena_stays_full(void **state) {
    (void)state;
    static char text[2000];
    memset(text, 'x', sizeof text - 1);
    struct arena *small = arena_new(1500);
    writer = (struct json_writer){.arena = small};
    json_put_text(&writer, NULL, "there is room for this");
    assert_false(writer.full);
    json_put_text(&writer, NULL, text);
    assert_true(writer.full);
    json_put_text(&writer, "key", "and not for this");
    assert_true(writer.full);
    arena_free(&small);
}

#define test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        test(commas_stand_between_values),
        test(numbers_are_whole),
        test(what_json_reserves_is_escaped),
        test(what_is_outgrown_is_taken_along),
        test(a_full_arena_stays_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
