/* Folding: what is alike, how much of it is written, when it is summed up, and that nothing is lost of it. */
#include "base/log_fold.h"
#include "support/check.h"

#include <fcntl.h>
#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct fixture {
    int64_t now_ms;
    struct log_sink sink;
    struct log log;
    char out[1 << 20];
};

static int64_t now_of(void *context) {
    const struct fixture *f = context;
    return f->now_ms;
}

static int open_fixture(void **state) {
    static struct fixture f;
    f = (struct fixture){.now_ms = 1764874050512};
    f.sink = (struct log_sink){.fd = memfd_create("log", MFD_CLOEXEC),
        .format = LOG_FORMAT_JSON,
        .clock = {.now_ms = now_of, .context = &f},
        .fold = log_fold_new()};
    f.log = log_root(&f.sink);
    *state = &f;
    /* Else threads that write at once write to the same place: a memfd's offset has no lock. */
    bool appends = fcntl(f.sink.fd, F_SETFL, O_APPEND) == 0;
    return appends && f.sink.fold ? 0 : -1;
}

static int close_fixture(void **state) {
    struct fixture *f = *state;
    close(f->sink.fd);
    log_fold_free(&f->sink.fold);
    return 0;
}

/* Everything written since the last time. */
static const char *written(struct fixture *f) {
    lseek(f->sink.fd, 0, SEEK_SET);
    ssize_t length = read(f->sink.fd, f->out, sizeof f->out - 1);
    f->out[length > 0 ? length : 0] = '\0';
    assert_int_equal(ftruncate(f->sink.fd, 0), 0);
    lseek(f->sink.fd, 0, SEEK_SET);
    return f->out;
}

static size_t lines(struct fixture *f) {
    size_t count = 0;
    for (const char *at = written(f); (at = strchr(at, '\n')); at++)
        count++;
    return count;
}

static void say(struct fixture *f, size_t times) {
    for (size_t i = 0; i < times; i++)
        log_warning(&f->log, "message %zu: no \"date-%c\"", i, 'a' + (char)(i % 26));
}

static void a_handful_is_written_and_the_rest_is_summed_up(void **state) {
    struct fixture *f = *state;
    struct log log = log_with(&f->log, "pipeline", "nba");
    struct log with_id = log_with(&log, "message_id", "4711");
    for (int i = 1; i <= 5000; i++)
        log_warning(&with_id, "quarantined: %d is no date", i);
    assert_int_equal(lines(f), LOG_FOLD_LINES);
    f->now_ms += LOG_FOLD_PERIOD_MS - 1;
    log_flush(&f->sink, false);
    assert_int_equal(lines(f), 0);
    f->now_ms++;
    log_flush(&f->sink, false);
    json_t *entry = json_loads(written(f), 0, NULL);
    assert_string_equal(json_string_value(json_object_get(entry, "severity")), "WARNING");
    assert_string_equal(json_string_value(json_object_get(entry, "message")),
        "quarantined: 5000 is no date (4990 more like this in the last 60 s)");
    assert_string_equal(json_string_value(json_object_get(entry, "pipeline")), "nba");
    assert_null(json_object_get(entry, "message_id")); /* it was of one of them */
    assert_int_equal(json_integer_value(json_object_get(entry, "repeated")), 4990);
    json_decref(entry);
    log_flush(&f->sink, true);
    assert_int_equal(lines(f), 0);
}

static void text_says_it_too(void **state) {
    struct fixture *f = *state;
    f->sink.format = LOG_FORMAT_TEXT;
    say(f, LOG_FOLD_LINES + 3);
    written(f);
    log_flush(&f->sink, true);
    assert_non_null(
        strstr(written(f), "WARNING  message 12: no \"date-m\" (3 more like this in the last 0 s)\n"));
}

/* A flood that goes on takes two lines a period: the sum of the last one, and one to show what it is. */
static void a_flood_that_goes_on_is_two_lines_a_period(void **state) {
    struct fixture *f = *state;
    say(f, 1000);
    assert_int_equal(lines(f), LOG_FOLD_LINES);
    for (int period = 0; period < 5; period++) {
        f->now_ms += LOG_FOLD_PERIOD_MS;
        say(f, 1000);
        assert_int_equal(lines(f), 2);
    }
    f->now_ms += LOG_FOLD_PERIOD_MS;
    log_flush(&f->sink, false);
    assert_int_equal(lines(f), 1);
    f->now_ms += LOG_FOLD_PERIOD_MS; /* it was quiet for a period: as in the beginning */
    say(f, LOG_FOLD_LINES);
    assert_int_equal(lines(f), LOG_FOLD_LINES);
}

static void different_kinds_are_never_folded_together(void **state) {
    struct fixture *f = *state;
    struct log nba = log_with(&f->log, "pipeline", "nba"), wnba = log_with(&f->log, "pipeline", "wnba");
    say(f, LOG_FOLD_LINES);
    written(f);
    log_warning(&f->log, "message 1: no \"date\" at all");
    log_error(&f->log, "message 1: no \"date-a\"");
    log_warning(&nba, "message 1: no \"date-a\"");
    log_warning(&wnba, "message 1: no \"date-a\"");
    assert_int_equal(lines(f), 4);
    log_warning(&f->log, "message 77: no \"date-zz\"");
    assert_int_equal(lines(f), 0);
}

static void what_goes_well_is_never_folded(void **state) {
    struct fixture *f = *state;
    for (int i = 0; i < 100; i++)
        log_info(&f->log, "published the trigger as message %d", i);
    assert_int_equal(lines(f), 100);
}

static void without_a_fold_everything_is_written(void **state) {
    struct fixture *f = *state;
    log_fold_free(&f->sink.fold);
    say(f, 100);
    log_flush(&f->sink, true);
    assert_int_equal(lines(f), 100);
}

static void a_clock_set_back_ends_the_period(void **state) {
    struct fixture *f = *state;
    say(f, 100);
    written(f);
    f->now_ms -= 3600 * 1000;
    say(f, 1);
    assert_int_equal(lines(f), 2);
}

/* More kinds than there is room for: the most silent one gives way, and what was folded of it is told. */
static void too_many_kinds_lose_nothing(void **state) {
    struct fixture *f = *state;
    enum { KINDS = 3 * LOG_FOLD_KINDS, TIMES = 15 };
    for (int kind = 0; kind < KINDS; kind++) {
        f->now_ms++;
        char word[4] = {(char)('a' + kind / 26), (char)('a' + kind % 26)};
        for (int i = 0; i < TIMES; i++)
            log_warning(&f->log, "strange %s", word);
    }
    log_flush(&f->sink, true);
    size_t total = 0;
    char *rest = strdup(written(f)), *all = rest;
    for (char *line; (line = strsep(&rest, "\n")) && *line;) {
        json_t *entry = json_loads(line, 0, NULL);
        const json_t *repeated = json_object_get(entry, "repeated");
        total += repeated ? (size_t)json_integer_value(repeated) : 1;
        json_decref(entry);
    }
    free(all);
    assert_int_equal(total, KINDS * TIMES);
}

static void *say_many(void *context) {
    say(context, 2000);
    return NULL;
}

static void threads_may_write_at_once(void **state) {
    struct fixture *f = *state;
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, say_many, f), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(lines(f), LOG_FOLD_LINES);
    log_flush(&f->sink, true);
    assert_non_null(strstr(written(f), "\"repeated\":7990"));
}

static void long_texts_are_cut(void **state) {
    struct fixture *f = *state;
    char text[2000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    struct log log = log_with(&f->log, "pipeline", text);
    for (int i = 0; i < 20; i++)
        log_warning(&log, "%s", text);
    written(f);
    log_flush(&f->sink, true);
    assert_int_equal(lines(f), 1);
    assert_non_null(strstr(f->out, "(10 more like this"));
}

#define with(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)

int main(void) {
    const struct CMUnitTest tests[] = {
        with(a_handful_is_written_and_the_rest_is_summed_up),
        with(text_says_it_too),
        with(a_flood_that_goes_on_is_two_lines_a_period),
        with(different_kinds_are_never_folded_together),
        with(what_goes_well_is_never_folded),
        with(without_a_fold_everything_is_written),
        with(a_clock_set_back_ends_the_period),
        with(too_many_kinds_lose_nothing),
        with(threads_may_write_at_once),
        with(long_texts_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
