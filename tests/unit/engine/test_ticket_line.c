#include "engine/ticket_line.h"

#include "support/check.h"

enum { MANY = 1000 };

static const struct months none;

static void the_oldest_and_the_youngest(void **state) {
    static struct ticket tickets[MANY];
    struct ticket_line line = {0};
    (void)state;
    assert_true(ticket_line_open(&line, MANY));
    assert_null(ticket_line_oldest(&line, &none));
    assert_null(ticket_line_youngest(&line));
    for (int i = 0; i < MANY; i++) {
        tickets[i] = (struct ticket){.date = i * 7 % MANY / 2, .run = i * 7 % MANY % 2};
        ticket_line_add(&line, &tickets[i]);
    }
    for (int i = 0; i < MANY / 2; i++) {
        const struct ticket *oldest = ticket_line_oldest(&line, &none),
                            *youngest = ticket_line_youngest(&line);
        assert_int_equal(oldest->date * 2 + oldest->run, i);
        assert_int_equal(youngest->date * 2 + youngest->run, MANY - 1 - i);
        assert_true(ticket_line_remove(&line, oldest));
        assert_false(ticket_line_remove(&line, oldest));
        assert_true(ticket_line_remove(&line, youngest));
    }
    assert_int_equal(line.count, 0);
    ticket_line_close(&line);
}

static void out_of_the_middle(void **state) {
    struct ticket tickets[] = {{.date = 3}, {.date = 1}, {.date = 2}}, other = {.date = 2};
    struct ticket_line line = {0};
    (void)state;
    assert_true(ticket_line_open(&line, 3));
    for (int i = 0; i < 3; i++)
        ticket_line_add(&line, &tickets[i]);
    assert_false(ticket_line_remove(&line, &other));
    assert_true(ticket_line_remove(&line, &tickets[2]));
    assert_ptr_equal(ticket_line_oldest(&line, &none), &tickets[1]);
    assert_ptr_equal(ticket_line_youngest(&line), &tickets[0]);
    ticket_line_close(&line);
}

static void the_oldest_of_other_months(void **state) {
    static const struct pipeline pipeline;
    struct ticket tickets[] = {
        {&pipeline, .date = 18932}, {&pipeline, .date = 18961}, {&pipeline, .date = 18962}};
    struct ticket_line line = {0};
    struct months but = {0};
    (void)state;
    assert_true(ticket_line_open(&line, 3));
    for (int i = 0; i < 3; i++)
        ticket_line_add(&line, &tickets[i]);
    months_add(&but, &pipeline, 18940); /* 2021-11 */
    assert_ptr_equal(ticket_line_oldest(&line, &but), &tickets[2]);
    months_add(&but, &pipeline, 18962); /* 2021-12 */
    assert_null(ticket_line_oldest(&line, &but));
    months_clear(&but);
    assert_ptr_equal(ticket_line_oldest(&line, &but), &tickets[0]);
    ticket_line_close(&line);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_oldest_and_the_youngest),
        cmocka_unit_test(out_of_the_middle),
        cmocka_unit_test(the_oldest_of_other_months),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
