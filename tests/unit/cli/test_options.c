#include "cli/options.h"
#include "support/check.h"

#include <string.h>

struct fields {
    const char *text;
    int64_t count;
    bool flag;
    struct option_list list;
};

static const struct option_row rows[] = {
    {"text", 't', OPTION_TEXT, "TEXT", offsetof(struct fields, text), "a text"},
    {"count", 0, OPTION_COUNT, "N", offsetof(struct fields, count), "a count"},
    {"flag", 'f', OPTION_FLAG, NULL, offsetof(struct fields, flag), "a flag"},
    {"item", 0, OPTION_LIST, "ITEM", offsetof(struct fields, list), "a list"},
    {0},
};

enum { WORDS_MAX = 200 };

struct parsed {
    struct fields fields;
    struct common_options common;
    const char *words[WORDS_MAX];
    int operands;
};

/* Parses the words, which end with NULL, with the common options behind the table above. */
static struct result parse(struct parsed *parsed, const char *const *words) {
    memset(parsed, 0, sizeof *parsed);
    int count = 0;
    for (; words[count]; count++)
        parsed->words[count] = words[count];
    const struct option_target targets[] = {{rows, &parsed->fields}, {common_option_rows, &parsed->common}};
    options_clear(targets[0]);
    return options_parse(targets, 2, count, parsed->words, &parsed->operands);
}

#define PARSE(parsed, ...) parse((parsed), (const char *[]){__VA_ARGS__, NULL})

static void every_kind_is_set(void **state) {
    (void)state;
    struct parsed p;
    check_ok(PARSE(&p, "--text", "a", "--count=12", "-f", "--item", "x", "--item=y", "--json"));
    assert_string_equal(p.fields.text, "a");
    assert_int_equal(p.fields.count, 12);
    assert_true(p.fields.flag);
    assert_int_equal(p.fields.list.count, 2);
    assert_string_equal(p.fields.list.items[1], "y");
    assert_true(p.common.json);
    assert_int_equal(p.operands, 0);
}

static void absent_is_not_zero(void **state) {
    (void)state;
    struct parsed p;
    check_ok(PARSE(&p, "--flag"));
    assert_null(p.fields.text);
    assert_int_equal(p.fields.count, COUNT_ABSENT);
    check_ok(PARSE(&p, "--count", "0"));
    assert_int_equal(p.fields.count, 0);
}

static void operands_and_options_mix(void **state) {
    (void)state;
    struct parsed p;
    check_ok(PARSE(&p, "a", "-f", "b", "-t", "x", "-", "--", "--flag", "-z"));
    assert_int_equal(p.operands, 5);
    assert_string_equal(p.words[0], "a");
    assert_string_equal(p.words[1], "b");
    assert_string_equal(p.words[2], "-");
    assert_string_equal(p.words[3], "--flag");
    assert_string_equal(p.words[4], "-z");
}

static void a_value_may_look_like_an_option(void **state) {
    (void)state;
    struct parsed p;
    check_ok(PARSE(&p, "--text", "--flag", "--item=--flag", "--text="));
    assert_false(p.fields.flag);
    assert_string_equal(p.fields.text, "");
}

static void unknown_options_name_the_nearest(void **state) {
    (void)state;
    struct parsed p;
    check_fails(PARSE(&p, "--jsn"), CODE_INVALID, "unknown option --jsn; did you mean --json?");
    check_fails(PARSE(&p, "--cout=3"), CODE_INVALID, "did you mean --count?");
    check_fails(PARSE(&p, "--wonderful"), CODE_INVALID, "unknown option --wonderful");
    check_fails(PARSE(&p, "-x"), CODE_INVALID, "unknown option -x");
    check_fails(PARSE(&p, "-ff"), CODE_INVALID, "unknown option -ff");
    check_fails(PARSE(&p, "--fla"), CODE_INVALID, "unknown option --fla");
    check_fails(PARSE(&p, "--="), CODE_INVALID, "unknown option --");
    char longest[300];
    memset(longest, 'a', sizeof longest - 1);
    longest[0] = longest[1] = '-';
    longest[sizeof longest - 1] = '\0';
    check_fails(PARSE(&p, longest), CODE_INVALID, "unknown option --aaa");
}

static void values_are_checked(void **state) {
    (void)state;
    struct parsed p;
    check_fails(PARSE(&p, "--text"), CODE_INVALID, "--text needs a value: --text TEXT");
    check_fails(PARSE(&p, "-t"), CODE_INVALID, "-t needs a value");
    check_fails(PARSE(&p, "--flag=yes"), CODE_INVALID, "--flag takes no value");
    static const char *const wrong[] = {"", "-1", "+1", " 1", "1x", "one", "99999999999999999999"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        check_fails(PARSE(&p, "--count", wrong[i]), CODE_INVALID, "--count: \"");
}

static void a_list_has_a_maximum(void **state) {
    (void)state;
    struct parsed p;
    const char *words[2 * OPTION_LIST_MAX + 3];
    for (int i = 0; i <= OPTION_LIST_MAX; i++) {
        words[2 * i] = "--item";
        words[2 * i + 1] = "x";
    }
    words[2 * OPTION_LIST_MAX] = NULL;
    check_ok(parse(&p, words));
    assert_int_equal(p.fields.list.count, OPTION_LIST_MAX);
    words[2 * OPTION_LIST_MAX] = "--item";
    words[2 * OPTION_LIST_MAX + 2] = NULL;
    check_fails(parse(&p, words), CODE_LIMIT, "--item: given more than 64 times");
}

static void leading_options_end_at_the_first_operand(void **state) {
    (void)state;
    struct common_options common = {0};
    const struct option_target target = {common_option_rows, &common};
    const char *words[] = {"--json", "-c", "file.yaml", "status", "--unknown"};
    int used = 0;
    check_ok(options_parse_leading(&target, 1, 5, words, &used));
    assert_int_equal(used, 3);
    assert_string_equal(common.config, "file.yaml");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_is_set),
        cmocka_unit_test(absent_is_not_zero),
        cmocka_unit_test(operands_and_options_mix),
        cmocka_unit_test(a_value_may_look_like_an_option),
        cmocka_unit_test(unknown_options_name_the_nearest),
        cmocka_unit_test(values_are_checked),
        cmocka_unit_test(a_list_has_a_maximum),
        cmocka_unit_test(leading_options_end_at_the_first_operand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
