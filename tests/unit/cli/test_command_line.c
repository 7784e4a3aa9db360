#include "cli/command_line.h"
#include "printed.h"

struct words {
    const char *text;
    bool flag;
    int64_t count;
    struct option_list list;
};

#define FIELD(member) offsetof(struct words, member)

static const struct option_row rows[] = {
    {"text", 0, OPTION_TEXT, "T", FIELD(text), ""},
    {"flag", 0, OPTION_FLAG, NULL, FIELD(flag), ""},
    {"count", 0, OPTION_COUNT, "N", FIELD(count), ""},
    {"list", 0, OPTION_LIST, "A", FIELD(list), ""},
    {0},
};

static const char *const none[] = {NULL};
static struct printed printed;

static int set_up(void **state) {
    (void)state;
    printed_start(&printed);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    printed_free(&printed);
    return 0;
}

static void a_shell_reads_back_what_was_meant(void **state) {
    (void)state;
    command_line_word(printed.out, "2021-11-17,2021-11-18");
    command_line_word(printed.out, "two words");
    command_line_word(printed.out, "");
    command_line_word(printed.out, "it's");
    command_line_word(printed.out, "$HOME;`id`*");
    assert_string_equal(
        printed_end(&printed), " 2021-11-17,2021-11-18 'two words' '' 'it'\\''s' '$HOME;`id`*'");
}

static void what_was_given_is_said_again(void **state) {
    (void)state;
    const struct words words = {
        .text = "a b", .flag = true, .count = 0, .list = {.items = {"x", "y"}, .count = 2}};
    command_line_options(printed.out, rows, &words, none);
    assert_string_equal(printed_end(&printed), " --text 'a b' --flag --count 0 --list x --list y");
}

static void what_was_not_given_is_not_said(void **state) {
    (void)state;
    struct words words = {0};
    options_clear((struct option_target){rows, &words});
    command_line_options(printed.out, rows, &words, none);
    assert_string_equal(printed_end(&printed), "");
}

static void exceptions_are_left_out(void **state) {
    (void)state;
    static const char *const except[] = {"flag", "list", NULL};
    const struct words words = {.text = "t", .flag = true, .count = 7, .list = {.items = {"x"}, .count = 1}};
    command_line_options(printed.out, rows, &words, except);
    assert_string_equal(printed_end(&printed), " --text t --count 7");
}

static void where_is_said_and_how_is_not(void **state) {
    (void)state;
    const struct common_options common = {
        .config = "my file.yaml", .pipeline = "nba", .embedded = true, .json = true, .verbose = true};
    command_line_where(printed.out, &common);
    assert_string_equal(printed_end(&printed), " --config 'my file.yaml' --pipeline nba --embedded");
}

static void an_option_that_is_not_allowed_is_named(void **state) {
    (void)state;
    static const char *const allowed[] = {"text", "flag", NULL};
    struct words words = {0};
    options_clear((struct option_target){rows, &words});
    words.text = "t";
    assert_null(option_not_allowed(rows, &words, allowed));
    words.count = 0;
    assert_string_equal(option_not_allowed(rows, &words, allowed), "count");
    assert_string_equal(option_not_allowed(rows, &words, none), "text");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_shell_reads_back_what_was_meant, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_given_is_said_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_not_given_is_not_said, set_up, tear_down),
        cmocka_unit_test_setup_teardown(exceptions_are_left_out, set_up, tear_down),
        cmocka_unit_test_setup_teardown(where_is_said_and_how_is_not, set_up, tear_down),
        cmocka_unit_test(an_option_that_is_not_allowed_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
