#include "cli/words.h"
#include "support/check.h"
#include "support/nba.h"

static void durations_have_two_units_at_most(void **state) {
    (void)state;
    static const struct {
        int64_t ms;
        const char *text;
    } cases[] = {
        {-5, "0 s"},
        {0, "0 s"},
        {59999, "59 s"},
        {60000, "1 min"},
        {12 * 60000 + 30000, "12 min"},
        {3600000, "1 h 0 min"},
        {3 * 3600000 + 5 * 60000, "3 h 5 min"},
        {52 * 3600000LL, "2 d 4 h"},
        {1600000000000, "18518 d 12 h"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[WORDS_DURATION_MAX];
        assert_string_equal(words_duration(cases[i].ms, text), cases[i].text);
    }
}

static void times_are_utc_to_the_second(void **state) {
    (void)state;
    char text[WORDS_TIME_MAX];
    assert_string_equal(words_time(1638640800999, text), "2021-12-04 18:00:00");
}

static void processors_in_the_pipelines_order(void **state) {
    (void)state;
    char text[64];
    words_processors(nba_pipeline(), SET(TDGS) | SET(PGS), true, text, sizeof text);
    assert_string_equal(text, "pgs, tdgs");
    words_processors(nba_pipeline(), SET(PCF), false, text, sizeof text);
    assert_string_equal(text, "player_composite_factors");
    words_processors(nba_pipeline(), 0, false, text, sizeof text);
    assert_string_equal(text, "");
}

static void an_option_takes_abbreviations_without_blanks(void **state) {
    (void)state;
    char text[64];
    assert_string_equal(words_operand(nba_pipeline(), SET(TDGS) | SET(PGS), text, sizeof text), "pgs,tdgs");
}

static void a_short_buffer_keeps_whole_names(void **state) {
    (void)state;
    char text[12];
    words_processors(nba_pipeline(), ~(processor_set)0, true, text, sizeof text);
    assert_true(text[sizeof text - 1] == '\0');
}

static void counts_have_a_plural(void **state) {
    (void)state;
    char text[32];
    assert_string_equal(words_count(1, "date", "dates", text, sizeof text), "1 date");
    assert_string_equal(words_count(0, "date", "dates", text, sizeof text), "0 dates");
}

static void texts_from_outside_cannot_move_the_cursor(void **state) {
    (void)state;
    char text[64];
    assert_string_equal(words_shown("a\033[2Jb\n", text, sizeof text), "a\\x1b[2Jb\\x0a");
    assert_string_equal(words_shown(NULL, text, sizeof text), "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_have_two_units_at_most),
        cmocka_unit_test(times_are_utc_to_the_second),
        cmocka_unit_test(processors_in_the_pipelines_order),
        cmocka_unit_test(an_option_takes_abbreviations_without_blanks),
        cmocka_unit_test(a_short_buffer_keeps_whole_names),
        cmocka_unit_test(counts_have_a_plural),
        cmocka_unit_test(texts_from_outside_cannot_move_the_cursor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
