#include "redis/internal.h"
#include "redis/link.h"
#include "support/check.h"

#include <signal.h>
#include <string.h>

static redisReply error_reply(const char *text) {
    return (redisReply){.type = REDIS_REPLY_ERROR, .str = (char *)text, .len = strlen(text)};
}

static void an_error_is_of_the_kind_that_its_first_word_says(void **state) {
    (void)state;
    const struct {
        const char *text;
        enum code code;
    } cases[] = {
        {"LOADING Redis is loading the dataset in memory", CODE_UNAVAILABLE},
        {"MASTERDOWN Link with MASTER is down", CODE_UNAVAILABLE},
        {"CLUSTERDOWN The cluster is down", CODE_UNAVAILABLE},
        {"OOM command not allowed when used memory > 'maxmemory'.", CODE_UNAVAILABLE},
        {"MISCONF Redis is configured to save RDB snapshots", CODE_UNAVAILABLE},
        {"READONLY You can't write against a read only replica.", CODE_UNAVAILABLE},
        {"NOREPLICAS Not enough good replicas to write.", CODE_UNAVAILABLE},
        {"BUSY Redis is busy running a script.", CODE_UNAVAILABLE},
        {"TRYAGAIN Multiple keys request during rehashing of slot", CODE_UNAVAILABLE},
        {"MOVED 3999 127.0.0.1:6381", CODE_UNAVAILABLE},
        {"ASK 3999 127.0.0.1:6381", CODE_UNAVAILABLE},
        {"NOAUTH Authentication required.", CODE_REFUSED},
        {"WRONGPASS invalid username-password pair", CODE_REFUSED},
        {"NOPERM this user has no permissions", CODE_REFUSED},
        {"BUSYGROUP Consumer Group name already exists", CODE_INTERNAL},
        {"ERR BUSY", CODE_INTERNAL},
        {"OOM", CODE_UNAVAILABLE},
        {"", CODE_INTERNAL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        redisReply reply = error_reply(cases[i].text);
        struct result r = redis_reply_result(&reply);
        check_fails(r, cases[i].code, cases[i].text);
        assert_int_equal(r.retryable, cases[i].code == CODE_UNAVAILABLE);
    }
}

static void no_reply_is_unavailable_and_others_are_ok(void **state) {
    (void)state;
    check_fails(redis_reply_result(NULL), CODE_UNAVAILABLE, "broke");
    redisReply nil = {.type = REDIS_REPLY_NIL}, status = {.type = REDIS_REPLY_STATUS, .str = (char *)"OOM"};
    check_ok(redis_reply_result(&nil));
    check_ok(redis_reply_result(&status));
}

static void a_login_is_refused_or_waits(void **state) {
    (void)state;
    redisReply range = error_reply("ERR DB index is out of range"), loading = error_reply("LOADING");
    check_fails(redis_login_result(&range), CODE_REFUSED, "out of range");
    check_fails(redis_login_result(&loading), CODE_UNAVAILABLE, "LOADING");
    check_fails(redis_login_result(NULL), CODE_UNAVAILABLE, "broke");
}

static void an_unknown_login_is_not_repeated(void **state) {
    redisReply unknown =
        error_reply("ERR unknown command 'AUTH', with args beginning with: 'default' 'secret' ");
    struct result r = redis_login_result(&unknown);
    (void)state;
    check_fails(r, CODE_REFUSED, "ERR unknown command 'AUTH'");
    assert_null(strstr(r.text, "secret"));
}

static void handler(int signal_number) {
    (void)signal_number;
}

static void a_broken_pipe_is_ignored_unless_somebody_handles_it(void **state) {
    (void)state;
    struct sigaction action;
    signal(SIGPIPE, SIG_DFL);
    redis_ignore_broken_pipe();
    sigaction(SIGPIPE, NULL, &action);
    assert_true(action.sa_handler == SIG_IGN);
    signal(SIGPIPE, handler);
    redis_ignore_broken_pipe();
    sigaction(SIGPIPE, NULL, &action);
    assert_true(action.sa_handler == handler);
}

static void what_is_no_text_reads_as_an_empty_one(void **state) {
    (void)state;
    redisReply text = {.type = REDIS_REPLY_STRING, .str = (char[]){"x"}, .len = 1};
    redisReply nothing = {.type = REDIS_REPLY_NIL}, number = {.type = REDIS_REPLY_INTEGER, .integer = 7};
    redisReply *elements[] = {&text, &nothing, &number};
    const redisReply array = {.type = REDIS_REPLY_ARRAY, .elements = 3, .element = elements};
    assert_string_equal(redis_reply_text(&array, 0), "x");
    assert_string_equal(redis_reply_text(&array, 1), "");
    assert_string_equal(redis_reply_text(&array, 2), "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_error_is_of_the_kind_that_its_first_word_says),
        cmocka_unit_test(no_reply_is_unavailable_and_others_are_ok),
        cmocka_unit_test(a_login_is_refused_or_waits),
        cmocka_unit_test(an_unknown_login_is_not_repeated),
        cmocka_unit_test(what_is_no_text_reads_as_an_empty_one),
        cmocka_unit_test(a_broken_pipe_is_ignored_unless_somebody_handles_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
