#include "cli/replica_table.h"

#include "printed.h"

#include <jansson.h>

#define NOW ((int64_t)1638640800000) /* 2021-12-04 18:00 */

static const struct term plain = {0};

static struct replica_report replica(const char *id, int64_t heard_ms_ago, bool stopped) {
    return (struct replica_report){.id = id,
        .host = "host",
        .version = "0.1.0",
        .pid = 71,
        .started_ms = NOW - 3600000,
        .seen_ms = NOW - heard_ms_ago,
        .every_ms = 5000,
        .stopped = stopped,
        .work = {.received = 12, .applied = 10, .duplicates = 2, .published = 4, .confirmed = 4}};
}

static struct replica_table table_of(const struct replica_report *replicas, size_t count) {
    return (struct replica_table){replicas, count, NOW, 30};
}

static void three_missing_heartbeats_are_silence(void **state) {
    (void)state;
    struct replica_report alive = replica("a", 15000, false), silent = replica("a", 15001, false);
    struct replica_report stopped = replica("a", 60000, true), ahead = replica("a", -60000, false);
    assert_int_equal(replica_standing(&alive, NOW), REPLICA_ALIVE);
    assert_int_equal(replica_standing(&silent, NOW), REPLICA_SILENT);
    assert_int_equal(replica_standing(&stopped, NOW), REPLICA_STOPPED);
    assert_int_equal(replica_standing(&ahead, NOW), REPLICA_ALIVE); /* its clock is */
}

static void check_table(const struct replica_report *replicas, size_t count, const char *expected) {
    struct replica_table table = table_of(replicas, count);
    struct printed printed;
    printed_start(&printed);
    replica_table_print(&table, &plain, printed.out);
    assert_string_equal(printed_end(&printed), expected);
    printed_free(&printed);
}

static void each_with_what_it_did(void **state) {
    (void)state;
    const struct replica_report replicas[] = {
        replica("host-71-5e1fa0c4", 2000, false),
        replica("host-72-0b", 720000, false),
        replica("host-73-0c", 60000, true),
    };
    check_table(replicas, 3,
        "replica           state    last heard  started (UTC)        version  received  applied  duplicates  "
        "quarantined  published  confirmed  taken over\n"
        "host-71-5e1fa0c4  alive       2 s ago  2021-12-04 17:00:00  0.1.0          12       10           2  "
        "          0          4          4           0\n"
        "host-72-0b        silent   12 min ago  2021-12-04 17:00:00  0.1.0          12       10           2  "
        "          0          4          4           0\n"
        "host-73-0c        stopped   1 min ago  2021-12-04 17:00:00  0.1.0          12       10           2  "
        "          0          4          4           0\n"
        "\n"
        "1 alive, 1 silent, 1 stopped in the last hour\n"
        "what a silent one had to publish is taken over when its lease (30 s) has run out\n");
}

static void nobody(void **state) {
    (void)state;
    check_table(NULL, 0, "no replica was heard of in the last hour; `phasegate serve` starts one\n");
}

static void the_same_as_json(void **state) {
    (void)state;
    const struct replica_report replicas[] = {replica("host-72-0b", 720000, false)};
    struct replica_table table = table_of(replicas, 1);
    struct printed printed;
    printed_start(&printed);
    check_ok(replica_table_print_json(&table, printed.out));
    json_t *object = json_loads(printed_end(&printed), 0, NULL), *work;
    const char *at, *id, *standing, *host, *version, *started, *heard;
    int pid, received, taken_over;
    assert_int_equal(json_unpack(object, "{s:s, s:[{s:s, s:s, s:s, s:i, s:s, s:s, s:s, s:o}]}", "at", &at,
                         "replicas", "id", &id, "state", &standing, "host", &host, "pid", &pid, "version",
                         &version, "started_at", &started, "heard_at", &heard, "work", &work),
        0);
    assert_int_equal(json_unpack(work, "{s:i, s:i}", "received", &received, "taken_over", &taken_over), 0);
    assert_int_equal(json_object_size(work), 7);
    assert_string_equal(at, "2021-12-04T18:00:00.000Z");
    assert_string_equal(standing, "silent");
    assert_string_equal(heard, "2021-12-04T17:48:00.000Z");
    assert_string_equal(started, "2021-12-04T17:00:00.000Z");
    assert_int_equal(pid, 71);
    assert_int_equal(received, 12);
    json_decref(object);
    printed_free(&printed);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_missing_heartbeats_are_silence),
        cmocka_unit_test(each_with_what_it_did),
        cmocka_unit_test(nobody),
        cmocka_unit_test(the_same_as_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
