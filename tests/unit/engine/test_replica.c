/* Who a replica is. What it says of itself is seen by tests/integration/test_replicas.c. */
#include "engine/replica.h"

#include "support/check.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void each_start_has_a_name_of_its_own(void **state) {
    (void)state;
    struct replica one, other;
    char process[24];
    replica_begin(&one, NULL, NULL, 30, 5000, 77);
    replica_begin(&other, NULL, NULL, 30, 5000, 77);
    snprintf(process, sizeof process, "-%ld-", (long)getpid());
    assert_string_not_equal(one.id, other.id);
    assert_memory_equal(one.id, one.host, strlen(one.host));
    assert_non_null(strstr(one.id, process));
    assert_null(strpbrk(one.id, " \t\n"));
    assert_int_equal(one.started_ms, 77);
    struct store_replica of_store = replica_of_store(&one);
    assert_string_equal(of_store.id, one.id);
    assert_int_equal(of_store.lease_ms, 30000);
}

static void a_name_that_is_given_stays(void **state) {
    (void)state;
    struct replica replica;
    replica_begin(&replica, NULL, "embedded", 30, 5000, 77);
    assert_string_equal(replica.id, "embedded");
    assert_string_equal(replica_of_store(&replica).id, "embedded");
}

/* So that a lease that is used up by half is renewed before it ends. */
static void a_lease_has_at_least_three_sweeps(void **state) {
    (void)state;
    struct replica replica;
    replica_begin(&replica, NULL, NULL, 30, 5000, 0);
    assert_int_equal(replica.sweep_ms, 5000);
    replica_begin(&replica, NULL, NULL, 1, 5000, 0);
    assert_int_equal(replica.sweep_ms, 333);
    assert_int_equal(replica.lease_ms, 1000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_start_has_a_name_of_its_own),
        cmocka_unit_test(a_name_that_is_given_stays),
        cmocka_unit_test(a_lease_has_at_least_three_sweeps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
