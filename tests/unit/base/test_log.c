#include "base/log.h"
#include "base/text.h"
#include "support/check.h"

#include <fcntl.h>
#include <jansson.h>
#include <string.h>
#include <unistd.h>

static int64_t fixed_now(void *context) {
    (void)context;
    return 1764874050512; /* 2025-12-04T18:47:30.512Z */
}

/* A sink that writes into a pipe, and what came out of it. */
struct fixture {
    int pipe[2];
    struct log_sink sink;
    struct log log;
    char out[1 << 16];
};

static void open_fixture(struct fixture *f, enum log_format format) {
    assert_int_equal(pipe2(f->pipe, O_NONBLOCK), 0);
    f->sink = (struct log_sink){
        .fd = f->pipe[1], .format = format, .least = LOG_INFO, .clock = {.now_ms = fixed_now}};
    f->log = log_root(&f->sink);
}

/* What one read(2) gives, and closes the pipe. */
static const char *written(struct fixture *f) {
    ssize_t length = read(f->pipe[0], f->out, sizeof f->out - 1);
    f->out[length > 0 ? length : 0] = '\0';
    close(f->pipe[0]);
    close(f->pipe[1]);
    return f->out;
}

static void json_lines_have_severity_time_message_and_fields(void **state) {
    (void)state;
    static struct fixture f;
    open_fixture(&f, LOG_FORMAT_JSON);
    struct log pipeline = log_with(&f.log, "pipeline", "nba");
    struct log date = log_with(&pipeline, "game_date", "2021-11-17");
    log_warning(&date, "%d of %d", 3, 5);
    assert_string_equal(written(&f),
        "{\"severity\":\"WARNING\",\"time\":\"2025-12-04T18:47:30.512Z\",\"message\":\"3 of 5\","
        "\"pipeline\":\"nba\",\"game_date\":\"2021-11-17\"}\n");
}

static void text_lines_are_for_reading(void **state) {
    (void)state;
    static struct fixture f;
    open_fixture(&f, LOG_FORMAT_TEXT);
    struct log pipeline = log_with(&f.log, "pipeline", "nba");
    log_info(&pipeline, "ready");
    assert_string_equal(written(&f), "18:47:30 INFO     ready pipeline=nba\n");
}

static void color_is_only_where_it_is_asked_for(void **state) {
    (void)state;
    static struct fixture f;
    open_fixture(&f, LOG_FORMAT_TEXT);
    f.sink.color = true;
    struct log pipeline = log_with(&f.log, "pipeline", "nba");
    log_error(&pipeline, "gone");
    assert_string_equal(written(&f), "18:47:30 \033[31mERROR    gone\033[0m\033[2m pipeline=nba\033[0m\n");
}

static void lines_below_the_least_are_dropped(void **state) {
    (void)state;
    static struct fixture f;
    open_fixture(&f, LOG_FORMAT_TEXT);
    log_debug(&f.log, "too fine");
    log_info(&f.log, "kept");
    assert_string_equal(written(&f), "18:47:30 INFO     kept\n");
}

static void without_a_sink_nothing_happens(void **state) {
    (void)state;
    struct log log = log_root(NULL);
    struct log with = log_with(&log, "key", "value");
    log_critical(&with, "nobody hears");
}

static void a_null_value_leaves_the_field_out(void **state) {
    (void)state;
    static struct fixture f;
    open_fixture(&f, LOG_FORMAT_JSON);
    struct log none = log_with(&f.log, "correlation_id", NULL);
    struct log some = log_with(&none, "pipeline", "nba");
    log_info(&some, "x");
    assert_null(strstr(written(&f), "correlation_id"));
    assert_non_null(strstr(f.out, "\"pipeline\":\"nba\""));
}

static void json_keeps_quotes_newlines_and_utf8(void **state) {
    (void)state;
    static struct fixture f;
    open_fixture(&f, LOG_FORMAT_JSON);
    log_info(&f.log, "%s", "say \"Jokić\"\nagain");
    json_t *entry = json_loads(written(&f), 0, NULL);
    assert_string_equal(json_string_value(json_object_get(entry, "message")), "say \"Jokić\"\nagain");
    json_decref(entry);
}

/* Bytes of strangers, in the message and in a field, are never lost and never break the line. */
static void what_is_not_utf8_is_shown(void **state) {
    (void)state;
    static struct fixture f;
    open_fixture(&f, LOG_FORMAT_JSON);
    struct log field = log_with(&f.log, "message_id", "\xFE!");
    log_info(&field, "bad \xFF byte");
    json_t *entry = json_loads(written(&f), 0, NULL);
    assert_string_equal(json_string_value(json_object_get(entry, "message")), "bad \\xff byte");
    assert_string_equal(json_string_value(json_object_get(entry, "message_id")), "\\xfe!");
    json_decref(entry);
}

static void text_stays_one_harmless_line(void **state) {
    (void)state;
    static struct fixture f;
    open_fixture(&f, LOG_FORMAT_TEXT);
    struct log field = log_with(&f.log, "id", "a\nb\033[2J");
    log_info(&field, "first\nsecond\r\033[31m");
    assert_string_equal(written(&f), "18:47:30 INFO     first\\x0asecond\\x0d\\x1b[31m id=a\\x0ab\\x1b[2J\n");
}

static void long_messages_are_cut_between_characters(void **state) {
    (void)state;
    char many[6001] = "";
    for (int i = 0; i < 2000; i++)
        memcpy(many + 3 * i, "\xE2\x82\xAC", 4);
    for (int format = LOG_FORMAT_JSON; format <= LOG_FORMAT_TEXT; format++) {
        static struct fixture f;
        open_fixture(&f, (enum log_format)format);
        log_info(&f.log, "%s", many);
        written(&f);
        assert_in_range(strlen(f.out), 1000, 1200);
        assert_true(text_is_utf8(f.out, strlen(f.out)));
        assert_int_equal(f.out[strlen(f.out) - 1], '\n');
        assert_null(strstr(f.out, "\\x"));
    }
}

/* Whatever the fields, a line ends in its newline and stays below what a pipe takes in one piece. */
static void long_fields_are_cut(void **state) {
    (void)state;
    char value[5001];
    memset(value, 'v', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    static struct fixture f;
    open_fixture(&f, LOG_FORMAT_TEXT);
    struct log chain[20] = {log_with(&f.log, "field", value)};
    for (int i = 1; i < 20; i++)
        chain[i] = log_with(&chain[i - 1], "field", value);
    log_info(&chain[19], "%s", value);
    written(&f);
    assert_true(strlen(f.out) < 4096);
    assert_ptr_equal(strchr(f.out, '\n'), f.out + strlen(f.out) - 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_lines_have_severity_time_message_and_fields),
        cmocka_unit_test(text_lines_are_for_reading),
        cmocka_unit_test(color_is_only_where_it_is_asked_for),
        cmocka_unit_test(lines_below_the_least_are_dropped),
        cmocka_unit_test(without_a_sink_nothing_happens),
        cmocka_unit_test(a_null_value_leaves_the_field_out),
        cmocka_unit_test(json_keeps_quotes_newlines_and_utf8),
        cmocka_unit_test(what_is_not_utf8_is_shown),
        cmocka_unit_test(text_stays_one_harmless_line),
        cmocka_unit_test(long_messages_are_cut_between_characters),
        cmocka_unit_test(long_fields_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
