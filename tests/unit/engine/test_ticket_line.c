#include "engine/ticket_line.h"

#include "support/check.h"

enum { MANY = 1000 };

static void the_oldest_and_the_youngest(void **state) {
    static struct ticket tickets[MANY];
    struct ticket_line line = {0};
    (void)state;
    assert_true(ticket_line_open(&line, MANY));
    assert_null(ticket_line_oldest(&line));
    assert_null(ticket_line_youngest(&line));
    for (int i = 0; i < MANY; i++) {
        tickets[i] = (struct ticket){.date = i * 7 % MANY / 2, .run = i * 7 % MANY % 2};
        ticket_line_add(&line, &tickets[i]);
    }
    for (int i = 0; i < MANY / 2; i++) {
        const struct ticket *oldest = ticket_line_oldest(&line), *youngest = ticket_line_youngest(&line);
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
    assert_ptr_equal(ticket_line_oldest(&line), &tickets[1]);
    assert_ptr_equal(ticket_line_youngest(&line), &tickets[0]);
    ticket_line_close(&line);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_oldest_and_the_youngest),
        cmocka_unit_test(out_of_the_middle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
