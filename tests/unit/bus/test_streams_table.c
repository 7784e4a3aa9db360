#include "bus/streams_table.h"
#include "support/check.h"

#include <stdlib.h>

static struct entry *entry_of(uint64_t ms, uint64_t sequence) {
    struct entry *entry = calloc(1, sizeof *entry);
    assert_non_null(entry);
    entry->id = (struct stream_id){ms, sequence};
    return entry;
}

static void what_is_added_is_found_until_it_is_removed(void **state) {
    (void)state;
    struct entry_table table = {0};
    assert_null(table_find(&table, (struct stream_id){1, 1}));
    struct entry *entry = entry_of(1, 1);
    assert_true(table_add(&table, entry));
    assert_ptr_equal(table_find(&table, (struct stream_id){1, 1}), entry);
    assert_null(table_find(&table, (struct stream_id){1, 0}));
    assert_null(table_find(&table, (struct stream_id){0, 1}));
    table_remove(&table, entry);
    assert_null(table_find(&table, (struct stream_id){1, 1}));
    assert_int_equal(table.count, 0);
    free(entry);
    table_free_all(&table);
}

static void count_one(void *context, struct entry *entry) {
    (void)entry;
    ++*(size_t *)context;
}

static void many_are_kept_apart_while_it_grows(void **state) {
    (void)state;
    enum { TIMES = 100, EACH = 100 };
    struct entry_table table = {0};
    struct entry *entries[TIMES][EACH];
    for (uint64_t ms = 0; ms < TIMES; ms++) {
        for (uint64_t sequence = 0; sequence < EACH; sequence++) {
            entries[ms][sequence] = entry_of(1700000000000 + ms, sequence);
            assert_true(table_add(&table, entries[ms][sequence]));
        }
    }
    for (uint64_t ms = 0; ms < TIMES; ms += 2) {
        for (uint64_t sequence = 0; sequence < EACH; sequence++) {
            table_remove(&table, entries[ms][sequence]);
            free(entries[ms][sequence]);
        }
    }
    for (uint64_t ms = 0; ms < TIMES; ms++) {
        for (uint64_t sequence = 0; sequence < EACH; sequence++) {
            struct entry *found = table_find(&table, (struct stream_id){1700000000000 + ms, sequence});
            assert_ptr_equal(found, ms % 2 ? entries[ms][sequence] : NULL);
        }
    }
    size_t counted = 0;
    table_each(&table, count_one, &counted);
    assert_int_equal(counted, TIMES / 2 * EACH);
    assert_int_equal(table.count, counted);
    table_free_all(&table);
    assert_int_equal(table.count, 0);
    table_free_all(&table);
}

static void ids_as_redis_makes_them_spread_over_the_buckets(void **state) {
    (void)state;
    struct entry_table table = {0};
    for (uint64_t i = 0; i < 4096; i++)
        assert_true(table_add(&table, entry_of(1700000000000 + i / 8, i % 8)));
    size_t longest = 0;
    for (size_t i = 0; i < table.bucket_count; i++) {
        size_t length = 0;
        for (struct entry *entry = table.buckets[i]; entry; entry = entry->sibling)
            length++;
        longest = length > longest ? length : longest;
    }
    assert_in_range(longest, 1, 16);
    table_free_all(&table);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_added_is_found_until_it_is_removed),
        cmocka_unit_test(many_are_kept_apart_while_it_grows),
        cmocka_unit_test(ids_as_redis_makes_them_spread_over_the_buckets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
