#include "base/result.h"
#include "base/text.h"
#include "support/check.h"

#include <string.h>

static void ok_is_ok_and_empty(void **state) {
    (void)state;
    assert_true(is_ok(ok()));
    assert_string_equal(ok().text, "");
    assert_false(ok().retryable);
}

static void fail_formats_its_text(void **state) {
    (void)state;
    struct result r = fail(CODE_NOT_FOUND, "no %s %d", "row", 7);
    assert_false(is_ok(r));
    assert_int_equal(r.code, CODE_NOT_FOUND);
    assert_string_equal(r.text, "no row 7");
}

static void only_unavailable_is_retryable(void **state) {
    (void)state;
    for (int code = CODE_INVALID; code <= CODE_INTERNAL; code++)
        assert_int_equal(fail((enum code)code, "x").retryable, code == CODE_UNAVAILABLE);
}

static void a_text_is_utf8_whatever_it_shows(void **state) {
    (void)state;
    assert_string_equal(fail(CODE_INVALID, "\"%.3s\"", "af\xc3\xa9").text, "\"af?\"");
    assert_string_equal(fail_within(fail(CODE_INVALID, "x"), "\xff").text, "?: x");
}

static void fail_within_says_where(void **state) {
    (void)state;
    struct result r = fail_within(fail(CODE_UNAVAILABLE, "refused"), "redis %s", "127.0.0.1");
    assert_string_equal(r.text, "redis 127.0.0.1: refused");
    assert_int_equal(r.code, CODE_UNAVAILABLE);
    assert_true(r.retryable);
}

static void fail_within_leaves_ok_alone(void **state) {
    (void)state;
    struct result r = fail_within(ok(), "reading");
    assert_true(is_ok(r));
    assert_string_equal(r.text, "");
}

static void a_long_text_is_cut(void **state) {
    (void)state;
    char many[2 * RESULT_TEXT_MAX];
    memset(many, 'x', sizeof many - 1);
    many[sizeof many - 1] = '\0';
    assert_int_equal(strlen(fail(CODE_INVALID, "%s", many).text), RESULT_TEXT_MAX - 1);
    struct result within = fail_within(fail(CODE_INVALID, "cause"), "%s", many);
    assert_int_equal(strlen(within.text), RESULT_TEXT_MAX - 1);
}

/* A reason goes into JSON, which takes no half characters. */
static void a_cut_text_stays_utf8(void **state) {
    (void)state;
    char many[2 * RESULT_TEXT_MAX] = "";
    for (int i = 0; i < RESULT_TEXT_MAX / 2; i++)
        strcat(many, "\xE2\x82\xAC");
    for (int shift = 0; shift < 3; shift++) {
        struct result r = fail(CODE_INVALID, "%.*s%s", shift, "abc", many);
        assert_true(text_is_utf8(r.text, strlen(r.text)));
        assert_in_range(strlen(r.text), RESULT_TEXT_MAX - 3, RESULT_TEXT_MAX - 1);
        struct result within = fail_within(r, "%.*s", shift, "abc");
        assert_true(text_is_utf8(within.text, strlen(within.text)));
    }
}

static void every_code_has_a_name(void **state) {
    (void)state;
    assert_string_equal(code_name(CODE_OK), "ok");
    assert_string_equal(code_name(CODE_NOT_FOUND), "not_found");
    for (int code = CODE_OK; code <= CODE_INTERNAL; code++)
        assert_non_null(code_name((enum code)code));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ok_is_ok_and_empty),
        cmocka_unit_test(fail_formats_its_text),
        cmocka_unit_test(only_unavailable_is_retryable),
        cmocka_unit_test(fail_within_says_where),
        cmocka_unit_test(fail_within_leaves_ok_alone),
        cmocka_unit_test(a_long_text_is_cut),
        cmocka_unit_test(a_cut_text_stays_utf8),
        cmocka_unit_test(a_text_is_utf8_whatever_it_shows),
        cmocka_unit_test(every_code_has_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
