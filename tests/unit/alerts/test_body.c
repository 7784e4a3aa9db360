/* The body of a post: placeholders, what JSON and Slack want of a text, and templates that are refused. */
#include "alerts/body.h"

#include "support/check.h"

#include <stdlib.h>
#include <string.h>

static const struct body_facts facts = {.text = "said \"no\" to a\\b\n<!channel> & co. — é",
    .kind = "failed",
    .pipeline = "nba",
    .subject = "2021-11-17/g2",
    .state = "raised",
    .at_ms = 1764871200000};

static void check_fills(const char *template, const char *expected) {
    check_ok(body_check(template));
    char *filled = body_fill(template, &facts);
    assert_string_equal(filled, expected);
    free(filled);
}

static void texts_are_escaped_for_json(void **state) {
    (void)state;
    check_fills("{\"a\": \"{{text}}\"}", "{\"a\": \"said \\\"no\\\" to a\\\\b\\u000a<!channel> & co. — é\"}");
}

/* A processor's error must not call the whole channel. */
static void and_for_slack(void **state) {
    (void)state;
    check_fills(body_slack, "{\"text\": \"said \\\"no\\\" to a\\\\b\\u000a&lt;!channel&gt; &amp; co. — é\"}");
}

static void every_placeholder(void **state) {
    (void)state;
    check_fills("{\"a\": [\"{{kind}} {{pipeline}}\", \"{{subject}}\"], \"b\": {\"{{state}}\": \"{{time}}\"}}",
        "{\"a\": [\"failed nba\", \"2021-11-17/g2\"], \"b\": {\"raised\": \"2025-12-04T18:00:00.000Z\"}}");
}

static void a_template_without_any(void **state) {
    (void)state;
    check_fills("{\"a\": 1}", "{\"a\": 1}");
}

static void what_is_refused(void **state) {
    (void)state;
    check_fails(
        body_check("{\"a\": \"{{texts}}\"}"), CODE_INVALID, "there is no placeholder {{texts}}; expected");
    check_fails(body_check("{\"a\": \"{{}}\"}"), CODE_INVALID, "there is no placeholder {{}}");
    check_fails(body_check("{\"a\": \"{{text\"}"), CODE_INVALID, "has no end");
    check_fails(body_check("{\"a\": {{text}}}"), CODE_INVALID, "inside quotes");
    check_fails(body_check("{\"a\": \"{{text}}\""), CODE_INVALID, "gives no JSON");
    check_fails(body_check("hello {{text}}"), CODE_INVALID, "gives no JSON");
    check_fails(body_check("{\"a\": \"\\{{state}}\"}"), CODE_INVALID, "no backslash before them");
    check_fails(body_check("{\"a\": \"\\u00{{kind}}\"}"), CODE_INVALID, "gives no JSON");
    check_ok(body_check("{\"a\": \"\\\\{{state}}\"}"));
}

static void too_many(void **state) {
    char template[16 * (BODY_PLACEHOLDERS_MAX + 2)] = "{\"a\": \"";
    (void)state;
    for (int i = 0; i < BODY_PLACEHOLDERS_MAX; i++)
        strcat(template, "{{kind}}");
    size_t length = strlen(template);
    strcat(template, "\"}");
    check_ok(body_check(template));
    strcpy(template + length, "{{kind}}\"}");
    check_fails(body_check(template), CODE_INVALID, "more than 16 placeholders");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_escaped_for_json),
        cmocka_unit_test(and_for_slack),
        cmocka_unit_test(every_placeholder),
        cmocka_unit_test(a_template_without_any),
        cmocka_unit_test(what_is_refused),
        cmocka_unit_test(too_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
