#include "cli/raw_message.h"
#include "printed.h"
#include "support/temp_dir.h"

static struct temp_dir dir;
static struct arena *arena;

static int set_up(void **state) {
    (void)state;
    dir = temp_dir_make();
    arena = arena_new(64 << 20);
    return arena ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    arena_free(&arena);
    temp_dir_remove(&dir);
    return 0;
}

static const char *write_file(const void *data, size_t size) {
    static char path[128];
    snprintf(path, sizeof path, "%s/raw", dir.path);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
    return path;
}

static void bytes_come_as_they_are(void **state) {
    (void)state;
    const struct option_list attributes = {.items = {"a=1", "b=x=y", "c="}, .count = 3};
    const struct message *message;
    check_ok(raw_message_read(write_file("\0\xff{\n", 4), &attributes, arena, &message));
    assert_int_equal(message->size, 4);
    assert_memory_equal(message->data, "\0\xff{\n", 4);
    assert_string_equal(message_attribute(message, "a"), "1");
    assert_string_equal(message_attribute(message, "b"), "x=y");
    assert_string_equal(message_attribute(message, "c"), "");
}

static void what_is_wrong_is_named(void **state) {
    (void)state;
    const struct message *message;
    const struct option_list none = {0};
    for (size_t i = 0; i < 2; i++) {
        const struct option_list wrong = {.items = {i ? "=x" : "x"}, .count = 1};
        check_fails(raw_message_read("/dev/null", &wrong, arena, &message), CODE_INVALID, "is not KEY=VALUE");
    }
    check_fails(raw_message_read("/nonexistent", &none, arena, &message), CODE_INVALID,
        "/nonexistent cannot be opened");
    check_fails(raw_message_read(dir.path, &none, arena, &message), CODE_INVALID, "cannot be read");
    check_fails(raw_message_read("/dev/zero", &none, arena, &message), CODE_LIMIT, "larger than");
}

static void the_largest_message_passes(void **state) {
    (void)state;
    char *bytes = calloc(1, RAW_BYTES_MAX);
    const struct message *message;
    assert_non_null(bytes);
    check_ok(raw_message_read(write_file(bytes, RAW_BYTES_MAX), &(struct option_list){0}, arena, &message));
    assert_int_equal(message->size, RAW_BYTES_MAX);
    free(bytes);
}

static void payloads_are_shown_safely(void **state) {
    (void)state;
    const struct attribute attributes[] = {{"key", "va\033lue"}};
    static const char data[] = "{\n  \"a\": \"\xc3\xa9\"\n}\n\033[2J\xff";
    const struct message message = {
        .data = data, .size = sizeof data - 1, .attributes = attributes, .attribute_count = 1};
    struct printed printed;
    printed_start(&printed);
    raw_message_print(&message, printed.out);
    assert_string_equal(printed_end(&printed),
        "attribute  key=va\\x1blue\n"
        "payload    21 bytes\n"
        "  {\n"
        "    \"a\": \"é\"\n"
        "  }\n"
        "  \\x1b[2J\\xff\n");
    printed_free(&printed);
}

static void check_base64(const char *data, size_t size, const char *expected) {
    const struct message message = {.data = data, .size = size};
    json_t *json = raw_message_json(&message);
    assert_string_equal(json_string_value(json_object_get(json, "data_base64")), expected);
    json_decref(json);
}

/* The vectors of RFC 4648 section 10, and bytes above 127. */
static void base64_has_its_padding(void **state) {
    (void)state;
    check_base64("", 0, "");
    check_base64("f", 1, "Zg==");
    check_base64("fo", 2, "Zm8=");
    check_base64("foo", 3, "Zm9v");
    check_base64("foobar", 6, "Zm9vYmFy");
    check_base64("\xff\xfe\x00\xfb", 4, "//4A+w==");
}

static void data_is_null_when_it_is_no_text(void **state) {
    (void)state;
    const struct message binary = {.data = "\xff", .size = 1}, text = {.data = "a\0b", .size = 3};
    json_t *json = raw_message_json(&binary);
    assert_true(json_is_null(json_object_get(json, "data")));
    json_decref(json);
    json = raw_message_json(&text);
    assert_int_equal(json_string_length(json_object_get(json, "data")), 3);
    json_decref(json);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(bytes_come_as_they_are, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_wrong_is_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_largest_message_passes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(payloads_are_shown_safely, set_up, tear_down),
        cmocka_unit_test_setup_teardown(base64_has_its_padding, set_up, tear_down),
        cmocka_unit_test_setup_teardown(data_is_null_when_it_is_no_text, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
