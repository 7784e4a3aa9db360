#include "bus/pubsub_names.h"
#include "support/check.h"

#include <string.h>

static void ids_become_full_names(void **state) {
    (void)state;
    char name[PUBSUB_NAME_MAX];
    check_ok(pubsub_topic_name("p", "completions", name));
    assert_string_equal(name, "projects/p/topics/completions");
    check_ok(pubsub_subscription_name("p", "phasegate", name));
    assert_string_equal(name, "projects/p/subscriptions/phasegate");
}

static void full_names_stay(void **state) {
    (void)state;
    char name[PUBSUB_NAME_MAX];
    check_ok(pubsub_topic_name("p", "projects/q/topics/t", name));
    assert_string_equal(name, "projects/q/topics/t");
}

static void what_cannot_be_a_name_is_refused(void **state) {
    (void)state;
    char name[PUBSUB_NAME_MAX] = "untouched", longest[PUBSUB_NAME_MAX + 1];
    check_fails(pubsub_topic_name("p", "", name), CODE_INVALID, "topics is empty");
    check_fails(pubsub_subscription_name("p", NULL, name), CODE_INVALID, "subscriptions is empty");
    memset(longest, 'x', PUBSUB_NAME_MAX);
    longest[PUBSUB_NAME_MAX] = '\0';
    check_fails(pubsub_topic_name("p", longest, name), CODE_INVALID, "too long");
    memcpy(longest, "projects/", 9);
    check_fails(pubsub_topic_name("p", longest, name), CODE_INVALID, "too long");
    assert_string_equal(name, "untouched");
    longest[PUBSUB_NAME_MAX - 1] = '\0';
    check_ok(pubsub_topic_name("p", longest, name));
    assert_string_equal(name, longest);
}

static void routing_is_percent_encoded(void **state) {
    (void)state;
    char text[PUBSUB_ROUTING_MAX];
    assert_string_equal(
        pubsub_routing("topic", "projects/p/topics/a-b_c.d~e", text), "topic=projects/p/topics/a-b_c.d~e");
    assert_string_equal(pubsub_routing("topic", "a+b%c d\xc3\xa9", text), "topic=a%2Bb%25c%20d%C3%A9");
}

static void routing_has_room_for_the_longest_name(void **state) {
    (void)state;
    char name[PUBSUB_NAME_MAX], text[PUBSUB_ROUTING_MAX];
    memset(name, '+', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    pubsub_routing("subscription", name, text);
    assert_true(strlen(text) < sizeof text);
    assert_true(strlen(text) > sizeof text - 4);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_become_full_names),
        cmocka_unit_test(full_names_stay),
        cmocka_unit_test(what_cannot_be_a_name_is_refused),
        cmocka_unit_test(routing_is_percent_encoded),
        cmocka_unit_test(routing_has_room_for_the_longest_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
