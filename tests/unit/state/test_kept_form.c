/* The form of a kept message: the same message gives the same form, and everything in it comes back. */
#include "state/kept_form.h"

#include "support/check.h"

#include <stdlib.h>
#include <string.h>

static struct arena *arena;

static int open_arena(void **state) {
    (void)state;
    arena = arena_new(1 << 20);
    return arena ? 0 : -1;
}

static int close_arena(void **state) {
    (void)state;
    arena_free(&arena);
    return 0;
}

static const struct attribute attributes[] = {{"trigger_id", "nba/2021-11-17/g2/r1"}, {"note", "\"é\n"}};

static const struct message message = {.id = "1764502927104-3",
    .data = "{\n\0}\xff",
    .size = 5,
    .attributes = attributes,
    .attribute_count = 2,
    .published_ms = INT64_C(1764502927104)};

static void everything_comes_back(void **state) {
    struct kept_message kept;
    size_t size;
    char *form = kept_form_make(&message, &size);
    (void)state;
    assert_non_null(form);
    check_ok(kept_form_read(form, size, arena, &kept));
    assert_string_equal(kept.message.id, message.id);
    assert_int_equal(kept.message.published_ms, message.published_ms);
    assert_int_equal(kept.message.size, message.size);
    assert_memory_equal(kept.message.data, message.data, message.size);
    assert_int_equal(kept.message.attribute_count, 2);
    for (size_t i = 0; i < 2; i++)
        assert_string_equal(message_attribute(&kept.message, attributes[i].key), attributes[i].value);
    assert_int_equal(kept.form_size, size);
    assert_memory_equal(kept.form, form, size);
    free(form);
}

static void nothing_comes_back_too(void **state) {
    const struct message empty = {.id = "", .data = "", .published_ms = 1};
    struct kept_message kept;
    size_t size;
    char *form = kept_form_make(&empty, &size);
    (void)state;
    assert_non_null(form);
    check_ok(kept_form_read(form, size, arena, &kept));
    assert_string_equal(kept.message.id, "");
    assert_int_equal(kept.message.size, 0);
    assert_int_equal(kept.message.attribute_count, 0);
    free(form);
}

/* So that what is delivered twice is kept once. */
static void the_order_of_attributes_does_not_matter(void **state) {
    const struct attribute turned[] = {attributes[1], attributes[0]};
    struct message other = message;
    size_t size, other_size;
    (void)state;
    other.attributes = turned;
    char *form = kept_form_make(&message, &size), *same = kept_form_make(&other, &other_size);
    assert_int_equal(size, other_size);
    assert_memory_equal(form, same, size);
    free(form);
    free(same);
}

/* Every cut and every changed head is refused, or read without leaving the form. */
static void what_is_no_form_is_refused(void **state) {
    static const char *const wrong[] = {"", "\n", "1 2\n", "x y z\n", "9 2 1\na{}", "1 9 1\na{}",
        "18446744073709551615 2 1\na{}", "1 18446744073709551615 1\na{}", "1 2 1\na[]", "1 2 1\na{x"};
    struct kept_message kept;
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(kept_form_read(wrong[i], strlen(wrong[i]), arena, &kept).code, CODE_INVALID);
    size_t size;
    char *form = kept_form_make(&message, &size);
    for (size_t cut = 0; cut + message.size < size; cut++)
        assert_int_equal(kept_form_read(form, cut, arena, &kept).code, CODE_INVALID);
    free(form);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, open_arena, close_arena)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(everything_comes_back),
        TEST(nothing_comes_back_too),
        TEST(the_order_of_attributes_does_not_matter),
        TEST(what_is_no_form_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
