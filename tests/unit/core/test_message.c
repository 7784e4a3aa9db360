#include "core/message.h"
#include "support/check.h"

static void attributes_are_found_by_key(void **state) {
    (void)state;
    const struct attribute attributes[] = {{"pipeline", "nba"}, {"empty", ""}, {"pipeline", "second"}};
    struct message message = {.attributes = attributes, .attribute_count = 3};
    assert_string_equal(message_attribute(&message, "pipeline"), "nba");
    assert_string_equal(message_attribute(&message, "empty"), "");
    assert_null(message_attribute(&message, "Pipeline"));
    assert_null(message_attribute(&message, "pipe"));
}

static void without_attributes_there_is_none(void **state) {
    (void)state;
    struct message message = {0};
    assert_null(message_attribute(&message, "pipeline"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attributes_are_found_by_key),
        cmocka_unit_test(without_attributes_there_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
