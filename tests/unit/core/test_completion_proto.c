#include "base/text.h"
#include "core/completion.h"
#include "proto/phasegate.pb-c.h"
#include "support/check.h"
#include "support/nba.h"

#include <stdlib.h>
#include <string.h>

#define NOW_MS ((int64_t)1764874050512) /* 2025-12-04T18:47:30.512Z */

static const struct attribute binary = {"googclient_schemaencoding", "BINARY"};

static struct arena *arena;

static int set_up(void **state) {
    (void)state;
    arena = arena_new(1 << 20);
    return arena ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    arena_free(&arena);
    return 0;
}

/* A good completion, to be changed. protobuf-c's strings are char *, and nobody writes to them. */
static Phasegate__V1__Completion good(void) {
    Phasegate__V1__Completion c = PHASEGATE__V1__COMPLETION__INIT;
    c.processor_name = (char *)"PlayerGameSummaryProcessor";
    c.game_date = (char *)"2021-11-17";
    c.status = (char *)"success";
    return c;
}

static struct message message_of(const void *data, size_t size) {
    return (struct message){
        .id = "9188", .data = data, .size = size, .attributes = &binary, .attribute_count = 1};
}

static struct result decode(const Phasegate__V1__Completion *c, struct completion *completion) {
    size_t size = phasegate__v1__completion__get_packed_size(c);
    uint8_t *data = malloc(size);
    phasegate__v1__completion__pack(c, data);
    struct message message = message_of(data, size);
    struct result r = completion_decode(nba_pipeline(), &message, NOW_MS, arena, completion);
    free(data);
    return r;
}

static struct completion decoded(Phasegate__V1__Completion c) {
    struct completion completion = {0};
    check_ok(decode(&c, &completion));
    return completion;
}

static void every_field_is_read(void **state) {
    (void)state;
    Phasegate__V1__Completion c = good();
    c.pipeline = (char *)"nba";
    c.output_table = (char *)"player_game_summary";
    c.has_record_count = c.has_records_failed = true;
    c.record_count = 232;
    c.records_failed = 3;
    c.error_message = (char *)"three late";
    c.execution_id = (char *)"4f0c";
    c.correlation_id = (char *)"bf-20251204";
    c.timestamp = (char *)"2025-12-04T18:20:00Z";
    c.trigger_id = (char *)"nba/2021-11-17/g1/r1";
    c.trigger_message_id = (char *)"77";
    struct completion read = decoded(c);
    assert_int_equal(read.processor->index, PGS);
    assert_int_equal(read.date, 18948);
    assert_int_equal(read.status, STATUS_SUCCESS);
    assert_int_equal(read.record_count, 232);
    assert_int_equal(read.records_failed, 3);
    assert_int_equal(read.timestamp_ms, 1764872400000);
    assert_false(read.backfill);
    assert_string_equal(read.error_message, "three late");
    assert_string_equal(read.execution_id, "4f0c");
    assert_string_equal(read.correlation_id, "bf-20251204");
    assert_string_equal(read.trigger_id, "nba/2021-11-17/g1/r1");
    assert_string_equal(read.trigger_message_id, "77");
}

static void absent_rows_are_unknown_and_zero_is_zero(void **state) {
    (void)state;
    Phasegate__V1__Completion c = good();
    assert_int_equal(decoded(c).record_count, ROWS_UNKNOWN);
    assert_string_equal(decoded(c).execution_id, "9188");
    c.has_record_count = true;
    assert_int_equal(decoded(c).record_count, 0);
}

static void analysis_date_stands_in(void **state) {
    (void)state;
    Phasegate__V1__Completion c = good();
    c.game_date = NULL;
    c.analysis_date = (char *)"2021-11-18";
    assert_int_equal(decoded(c).date, 18949);
}

static void backfill_is_told_by_any_tag(void **state) {
    (void)state;
    for (int tag = 0; tag < 10; tag++) {
        Phasegate__V1__Completion c = good();
        Phasegate__V1__Metadata metadata = PHASEGATE__V1__METADATA__INIT;
        protobuf_c_boolean *const flags[][2] = {{&c.has_backfill, &c.backfill},
            {&c.has_backfill_mode, &c.backfill_mode}, {&c.has_is_backfill, &c.is_backfill},
            {&c.has_skip_downstream_trigger, &c.skip_downstream_trigger},
            {&metadata.has_backfill, &metadata.backfill},
            {&metadata.has_backfill_mode, &metadata.backfill_mode},
            {&metadata.has_is_backfill, &metadata.is_backfill},
            {&metadata.has_skip_downstream_trigger, &metadata.skip_downstream_trigger}};
        c.metadata = &metadata;
        assert_false(decoded(c).backfill);
        if (tag < 8)
            *flags[tag][0] = *flags[tag][1] = true;
        else if (tag == 8)
            c.trigger_source = (char *)"backfill";
        else
            metadata.trigger_source = (char *)"backfill";
        assert_true(decoded(c).backfill);
    }
}

static void wrong_contents_are_refused(void **state) {
    (void)state;
    struct completion none;
    Phasegate__V1__Completion c = good();
    c.has_record_count = true;
    c.record_count = -1;
    check_fails(decode(&c, &none), CODE_INVALID, "record_count is the number -1; expected a whole number");
    c.record_count = INT64_MAX;
    check_fails(decode(&c, &none), CODE_INVALID, "expected a whole number from 0 to 1000000000000");
    c = good();
    c.pipeline = (char *)"nbaa";
    check_fails(decode(&c, &none), CODE_INVALID, "says pipeline \"nbaa\"");
    c = good();
    c.correlation_id = (char *)"bad \xFF";
    check_fails(decode(&c, &none), CODE_INVALID, "correlation_id \"bad \\xff\" is not UTF-8");
    c = good();
    c.error_message = (char *)"\xC3(";
    check_fails(decode(&c, &none), CODE_INVALID, "error_message \"\\xc3(\" is not UTF-8");
}

static void what_is_not_the_protobuf_is_refused(void **state) {
    (void)state;
    static const char json[] = "{\"processor_name\": \"pgs\"}";
    struct completion none;
    struct message message = message_of(json, sizeof json - 1);
    check_fails(completion_decode(nba_pipeline(), &message, NOW_MS, arena, &none), CODE_INVALID,
        "not the protobuf phasegate.v1.Completion");
}

static void one_out_of_quarantine_says_so_under_our_name(void **state) {
    (void)state;
    const struct attribute encoding = {COMPLETION_ENCODING_AGAIN, "BINARY"};
    Phasegate__V1__Completion c = good();
    uint8_t data[256];
    struct message message = message_of(data, phasegate__v1__completion__pack(&c, data));
    message.attributes = &encoding;
    struct completion read;
    check_ok(completion_decode(nba_pipeline(), &message, NOW_MS, arena, &read));
    assert_int_equal(read.status, STATUS_SUCCESS);
}

static void json_says_that_it_is_json(void **state) {
    (void)state;
    static const char json[] =
        "{\"processor_name\": \"pgs\", \"game_date\": \"2021-11-17\", \"status\": \"success\"}";
    const struct attribute encoding = {"googclient_schemaencoding", "JSON"};
    struct message message = message_of(json, sizeof json - 1);
    message.attributes = &encoding;
    struct completion read;
    check_ok(completion_decode(nba_pipeline(), &message, NOW_MS, arena, &read));
}

/* Half a million tiny unknown fields make protobuf-c ask for many times the message's size. */
static void a_hostile_message_stays_within_the_arena(void **state) {
    (void)state;
    uint8_t *data = malloc(COMPLETION_BYTES_MAX);
    for (size_t i = 0; i + 2 < COMPLETION_BYTES_MAX; i += 3)
        memcpy(data + i, (uint8_t[]){0xC0, 0x3E, 0x00}, 3); /* field 1000, varint 0 */
    struct message message = message_of(data, COMPLETION_BYTES_MAX / 3 * 3);
    struct completion none;
    check_fails(completion_decode(nba_pipeline(), &message, NOW_MS, arena, &none), CODE_LIMIT,
        "does not fit into the memory for one message");
    free(data);
}

static void damaged_messages_never_hurt(void **state) {
    (void)state;
    Phasegate__V1__Completion c = good();
    c.execution_id = (char *)"4f0c";
    c.timestamp = (char *)"2025-12-04T18:20:00Z";
    c.has_record_count = true;
    c.record_count = 232;
    uint8_t sample[256], damaged[256];
    size_t length = phasegate__v1__completion__pack(&c, sample);
    srand(20211117);
    for (int round = 0; round < 100000; round++) {
        memcpy(damaged, sample, length);
        for (int edits = 1 + rand() % 3; edits > 0; edits--)
            damaged[(size_t)rand() % length] = (uint8_t)rand();
        struct message message = message_of(damaged, round % 8 ? length : (size_t)rand() % length);
        struct completion read;
        struct result r = completion_decode(nba_pipeline(), &message, NOW_MS, arena, &read);
        assert_true(is_ok(r) || (*r.text && text_is_utf8(r.text, strlen(r.text))));
        arena_reset(arena);
    }
}

#define test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        test(every_field_is_read),
        test(absent_rows_are_unknown_and_zero_is_zero),
        test(analysis_date_stands_in),
        test(backfill_is_told_by_any_tag),
        test(wrong_contents_are_refused),
        test(what_is_not_the_protobuf_is_refused),
        test(one_out_of_quarantine_says_so_under_our_name),
        test(json_says_that_it_is_json),
        test(a_hostile_message_stays_within_the_arena),
        test(damaged_messages_never_hurt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
