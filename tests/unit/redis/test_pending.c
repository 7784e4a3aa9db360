#include "redis/pending.h"
#include "support/check.h"

static void number(void *context, const redisReply *reply) {
    (void)context, (void)reply;
}

static void push(struct pending_ring *ring, uintptr_t value) {
    assert_true(pending_reserve(ring));
    pending_push(ring, (struct pending){.reply = number, .context = (void *)value});
}

static uintptr_t pop(struct pending_ring *ring) {
    struct pending pending = pending_pop(ring);
    assert_ptr_equal(pending.reply, number);
    return (uintptr_t)pending.context;
}

static void first_in_is_first_out_while_it_grows_and_wraps(void **state) {
    (void)state;
    struct pending_ring ring = {0};
    uintptr_t in = 0, out = 0;
    for (int round = 0; round < 300; round++) {
        for (int i = 0; i < 7; i++)
            push(&ring, in++);
        for (int i = 0; i < 5; i++)
            assert_int_equal(pop(&ring), out++);
    }
    assert_int_equal(ring.count, in - out);
    while (ring.count > 0)
        assert_int_equal(pop(&ring), out++);
    assert_int_equal(in, out);
    pending_free(&ring);
}

static void it_has_a_maximum(void **state) {
    (void)state;
    struct pending_ring ring = {0};
    for (uintptr_t i = 0; i < PENDING_MAX; i++)
        push(&ring, i);
    assert_false(pending_reserve(&ring));
    assert_int_equal(pop(&ring), 0);
    push(&ring, PENDING_MAX);
    assert_false(pending_reserve(&ring));
    pending_free(&ring);
    assert_int_equal(ring.count, 0);
    pending_free(&ring);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_in_is_first_out_while_it_grows_and_wraps),
        cmocka_unit_test(it_has_a_maximum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
