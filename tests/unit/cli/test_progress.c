#include "cli/progress.h"
#include "printed.h"

static const struct term terminal = {.utf8 = true, .width = 100}, narrow = {.width = 30}, log_file = {0};
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

static void a_terminal_is_redrawn_in_place(void **state) {
    (void)state;
    struct progress progress = progress_start(&terminal, printed.out, 1000);
    assert_true(progress_due(&progress, 1000));
    progress_show(&progress, 1000, "one");
    assert_false(progress_due(&progress, 1099));
    assert_true(progress_due(&progress, 1100));
    progress_show(&progress, 1100, "two");
    progress_clear(&progress);
    progress_clear(&progress);
    assert_string_equal(printed_end(&printed), "\rone\033[K\rtwo\033[K\r\033[K");
}

static void a_line_is_cut_to_the_terminal(void **state) {
    (void)state;
    struct progress progress = progress_start(&narrow, printed.out, 0);
    progress_show(&progress, 0, "0123456789012345678901234567890123456789");
    assert_string_equal(printed_end(&printed), "\r01234567890123456789012345...\033[K");
}

static void a_log_gets_plain_lines_now_and_then(void **state) {
    (void)state;
    struct progress progress = progress_start(&log_file, printed.out, 1000);
    assert_false(progress_due(&progress, 1000));
    assert_false(progress_due(&progress, 5999));
    assert_true(progress_due(&progress, 6000));
    progress_show(&progress, 6000, "sent 1 of 2");
    assert_false(progress_due(&progress, 10999));
    progress_clear(&progress);
    assert_string_equal(printed_end(&printed), "sent 1 of 2\n");
}

static void without_a_place_nothing_is_shown(void **state) {
    (void)state;
    struct progress progress = progress_start(&terminal, NULL, 0);
    assert_false(progress_due(&progress, 1000000));
    progress_show(&progress, 1000000, "lost");
    progress_clear(&progress);
}

static void check_text(const struct term *term, size_t done, size_t total, int64_t ms, const char *expected) {
    char text[PROGRESS_TEXT_MAX];
    assert_string_equal(progress_text(term, "sent", done, total, ms, text), expected);
}

static void the_rate_says_how_much_is_left(void **state) {
    (void)state;
    check_text(&log_file, 0, 4590, 100, "sent 0 of 4590, 0 %");
    check_text(&log_file, 1000, 4590, 500, "sent 1000 of 4590, 21 %, 2000/s, 1 s left");
    check_text(&log_file, 10, 4590, 20000, "sent 10 of 4590, 0 %, 0.5/s, 2 h 32 min left");
    check_text(&log_file, 4590, 4590, 5000, "sent 4590 of 4590, 100 %, 918/s, 0 s left");
    check_text(&log_file, 5, 5, 0, "sent 5 of 5, 100 %");
    check_text(&log_file, 0, 0, 10, "sent 0 of 0, 100 %");
}

static void the_bar_fills(void **state) {
    (void)state;
    check_text(&narrow, 0, 12, 0, "[........................]  sent 0 of 12, 0 %");
    check_text(&narrow, 6, 12, 0, "[############............]  sent 6 of 12, 50 %");
    check_text(&narrow, 12, 12, 0, "[########################]  sent 12 of 12, 100 %");
    check_text(&terminal, 6, 12, 0, "[████████████░░░░░░░░░░░░]  sent 6 of 12, 50 %");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_terminal_is_redrawn_in_place, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_line_is_cut_to_the_terminal, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_log_gets_plain_lines_now_and_then, set_up, tear_down),
        cmocka_unit_test(without_a_place_nothing_is_shown),
        cmocka_unit_test(the_rate_says_how_much_is_left),
        cmocka_unit_test(the_bar_fills),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
