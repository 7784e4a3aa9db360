#include "base/arena.h"
#include "support/check.h"

#include <stdalign.h>
#include <string.h>

static void memory_is_zeroed_and_aligned(void **state) {
    (void)state;
    struct arena *arena = arena_new(1 << 16);
    for (size_t size = 0; size < 200; size++) {
        unsigned char *memory = arena_alloc(arena, size);
        assert_non_null(memory);
        assert_int_equal((uintptr_t)memory % alignof(max_align_t), 0);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(memory[i], 0);
        memset(memory, 0xFF, size);
    }
    arena_free(&arena);
}

static void memory_is_zeroed_again_after_a_reset(void **state) {
    (void)state;
    struct arena *arena = arena_new(4096);
    memset(arena_alloc(arena, 1000), 0xFF, 1000);
    arena_reset(arena);
    unsigned char *memory = arena_alloc(arena, 1000);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(memory[i], 0);
    arena_free(&arena);
}

static void allocations_do_not_overlap(void **state) {
    (void)state;
    enum { COUNT = 500, SIZE = 37 };
    struct arena *arena = arena_new(COUNT * 48);
    unsigned char *memory[COUNT];
    for (int i = 0; i < COUNT; i++) {
        memory[i] = arena_alloc(arena, SIZE);
        assert_non_null(memory[i]);
        memset(memory[i], i & 0xFF, SIZE);
    }
    for (int i = 0; i < COUNT; i++)
        for (int j = 0; j < SIZE; j++)
            assert_int_equal(memory[i][j], i & 0xFF);
    arena_free(&arena);
}

/* Whatever the sizes and however they fall on blocks: below the maximum it gives, above it does not. */
static void the_maximum_is_exact(void **state) {
    (void)state;
    const size_t sizes[] = {16, 48, 1008, 3008, 4080, 4096, 5008, 20000};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        size_t max = 10 * sizes[s];
        struct arena *arena = arena_new(max + 15);
        for (int round = 0; round < 3; round++) {
            for (int i = 0; i < 10; i++)
                assert_non_null(arena_alloc(arena, sizes[s]));
            assert_null(arena_alloc(arena, 1));
            assert_null(arena_alloc(arena, 0));
            arena_reset(arena);
        }
        arena_free(&arena);
    }
}

static void a_refusal_leaves_room_for_less(void **state) {
    (void)state;
    struct arena *arena = arena_new(6000);
    assert_non_null(arena_alloc(arena, 3008));
    assert_null(arena_alloc(arena, 3008));
    assert_non_null(arena_alloc(arena, 2000));
    arena_free(&arena);
}

static void absurd_sizes_are_refused(void **state) {
    (void)state;
    struct arena *arena = arena_new(SIZE_MAX);
    for (size_t less = 0; less < 32; less++)
        assert_null(arena_alloc(arena, SIZE_MAX - less));
    assert_null(arena_copy(arena, "", SIZE_MAX));
    assert_non_null(arena_alloc(arena, 1));
    arena_free(&arena);
}

static void strings_are_copied(void **state) {
    (void)state;
    struct arena *arena = arena_new(4096);
    char text[] = "player_game_summary";
    char *copy = arena_strdup(arena, text);
    char *start = arena_strndup(arena, text, 6);
    text[0] = 'X';
    assert_string_equal(copy, "player_game_summary");
    assert_string_equal(start, "player");
    assert_string_equal(arena_strndup(arena, text, 0), "");
    assert_null(arena_strdup(arena, NULL));
    assert_string_equal(arena_printf(arena, "%s/%d", "nba", 7), "nba/7");
    arena_free(&arena);
}

static void bytes_are_copied_with_a_nul_behind(void **state) {
    (void)state;
    struct arena *arena = arena_new(4096);
    char *copy = arena_copy(arena, "a\0b", 3);
    assert_memory_equal(copy, "a\0b\0", 4);
    assert_string_equal(arena_copy(arena, NULL, 0), "");
    arena_free(&arena);
}

static void strings_past_the_maximum_are_null(void **state) {
    (void)state;
    struct arena *arena = arena_new(16);
    assert_null(arena_strdup(arena, "sixteen letters."));
    assert_null(arena_printf(arena, "%032d", 1));
    assert_string_equal(arena_printf(arena, "%015d", 1), "000000000000001");
    arena_free(&arena);
}

static void a_reset_gives_the_same_memory_again(void **state) {
    (void)state;
    struct arena *arena = arena_new(1 << 20);
    void *first = arena_alloc(arena, 100);
    for (int i = 0; i < 100; i++)
        assert_non_null(arena_alloc(arena, 4000));
    arena_reset(arena);
    assert_ptr_equal(arena_alloc(arena, 100), first);
    arena_free(&arena);
}

static void freeing_is_safe_on_null(void **state) {
    (void)state;
    struct arena *arena = NULL;
    arena_free(&arena);
    arena = arena_new(0);
    assert_null(arena_alloc(arena, 1));
    arena_reset(arena);
    arena_free(&arena);
    assert_null(arena);
}

/* Whether core dumps have it is looked at in tests/integration/test_secrets.c. */
static void a_private_one_is_like_any_other(void **state) {
    (void)state;
    struct arena *arena = arena_new_private(10000);
    char *first = arena_strdup(arena, "secret");
    assert_string_equal(first, "secret");
    assert_non_null(arena_alloc(arena, 9000));
    assert_null(arena_alloc(arena, 1000));
    arena_reset(arena);
    char *again = arena_alloc(arena, 7);
    assert_ptr_equal(again, first);
    assert_memory_equal(again, "\0\0\0\0\0\0", 7);
    arena_free(&arena);
    assert_null(arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_zeroed_and_aligned),
        cmocka_unit_test(memory_is_zeroed_again_after_a_reset),
        cmocka_unit_test(allocations_do_not_overlap),
        cmocka_unit_test(the_maximum_is_exact),
        cmocka_unit_test(a_refusal_leaves_room_for_less),
        cmocka_unit_test(absurd_sizes_are_refused),
        cmocka_unit_test(strings_are_copied),
        cmocka_unit_test(bytes_are_copied_with_a_nul_behind),
        cmocka_unit_test(strings_past_the_maximum_are_null),
        cmocka_unit_test(a_reset_gives_the_same_memory_again),
        cmocka_unit_test(freeing_is_safe_on_null),
        cmocka_unit_test(a_private_one_is_like_any_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
