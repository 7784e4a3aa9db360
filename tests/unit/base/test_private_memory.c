/* Private memory is used as malloc's is. Whether core dumps have it is looked at in test_secrets.c of the
 * integration tests. */
#include "base/private_memory.h"
#include "support/check.h"

#include <stdalign.h>
#include <stdint.h>
#include <string.h>

static void it_is_zeroed_and_aligned(void **state) {
    static const char zeros[5000];
    (void)state;
    for (size_t size = 0; size <= sizeof zeros; size += 500) {
        char *memory = private_alloc(size);
        assert_non_null(memory);
        assert_int_equal((uintptr_t)memory % alignof(max_align_t), 0);
        assert_memory_equal(memory, zeros, size);
        memset(memory, 'x', size);
        private_free(memory);
    }
}

static void it_grows_and_shrinks_with_what_is_in_it(void **state) {
    (void)state;
    char *memory = private_realloc(NULL, 7);
    strcpy(memory, "secret");
    memory = private_realloc(memory, 10000);
    assert_string_equal(memory, "secret");
    assert_int_equal(memory[9999], 0);
    memset(memory, 'x', 10000);
    memory = private_realloc(memory, 4);
    assert_memory_equal(memory, "xxxx", 4);
    private_free(memory);
}

static void absurd_sizes_are_refused(void **state) {
    (void)state;
    assert_null(private_alloc(SIZE_MAX));
    assert_null(private_alloc(SIZE_MAX / 2));
    char *memory = private_alloc(7);
    strcpy(memory, "secret");
    assert_null(private_realloc(memory, SIZE_MAX));
    assert_string_equal(memory, "secret");
    private_free(memory);
}

static void freeing_is_safe_on_null(void **state) {
    (void)state;
    private_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_zeroed_and_aligned),
        cmocka_unit_test(it_grows_and_shrinks_with_what_is_in_it),
        cmocka_unit_test(absurd_sizes_are_refused),
        cmocka_unit_test(freeing_is_safe_on_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
