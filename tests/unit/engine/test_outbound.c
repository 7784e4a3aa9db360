#include "engine/outbound.h"

#include "support/check.h"
#include "support/nba.h"

#include <string.h>

#define FIELD "2021-11-17/g2/r3"
#define ROWS "\"upstream\":{\"psza\":280,\"tdza\":30,\"upgc\":382}"

/* What it was made of is gone by the time it is sent. */
static void what_is_sent_needs_nothing_of_the_entry(void **state) {
    (void)state;
    const char *const facts[] = {
        "{\"at\":1764874050512,\"backfill\":true,\"correlation\":\"bf-20251204\"," ROWS "}",
        "{\"at\":1764874050512,\"backfill\":false," ROWS "}"};
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) {
        struct arena *reading = arena_new(1 << 16), *kept = arena_new(1 << 16);
        struct trigger trigger;
        char field[] = FIELD, id[TRIGGER_ID_MAX];
        check_ok(trigger_from_outbox(nba_pipeline(), field, facts[i], reading, &trigger));
        const struct message *expected = trigger_encode(nba_pipeline(), &trigger, kept);
        struct outbound *outbound = outbound_new(nba_pipeline(), field, &trigger);
        memset(field, '#', sizeof field - 1);
        arena_free(&reading);
        memset(&trigger, 0, sizeof trigger);
        check_ok(outbound_prepare(outbound));
        assert_string_equal(outbound->field, FIELD);
        assert_string_equal(outbound_id(outbound, id), "nba/" FIELD);
        assert_int_equal(outbound->trigger.backfill, i == 0);
        assert_int_equal(outbound->message->size, expected->size);
        assert_memory_equal(outbound->message->data, expected->data, expected->size);
        assert_string_equal(message_attribute(outbound->message, "trigger_id"), "nba/" FIELD);
        outbound_free(outbound);
        arena_free(&kept);
    }
}

/* Each attempt sends the same message. */
static void it_is_made_once(void **state) {
    (void)state;
    struct trigger trigger;
    struct arena *reading = arena_new(1 << 16);
    check_ok(trigger_from_outbox(
        nba_pipeline(), FIELD, "{\"at\":1,\"backfill\":true," ROWS "}", reading, &trigger));
    struct outbound *outbound = outbound_new(nba_pipeline(), FIELD, &trigger);
    check_ok(outbound_prepare(outbound));
    const struct message *message = outbound->message;
    check_ok(outbound_prepare(outbound));
    assert_ptr_equal(outbound->message, message);
    outbound_free(outbound);
    arena_free(&reading);
}

static void one_that_is_too_large_is_refused(void **state) {
    (void)state;
    static char id[200 * 1024];
    static const int64_t rows[NBA_PROCESSORS];
    memset(id, 1, sizeof id - 1);
    struct trigger trigger = {.date = 18948, .group = 2, .run = 1, .correlation_id = id, .upstream = rows};
    struct outbound *outbound = outbound_new(nba_pipeline(), "2021-11-17/g2/r1", &trigger);
    check_fails(outbound_prepare(outbound), CODE_LIMIT, "a trigger of more than 262144 bytes");
    assert_null(outbound->arena);
    assert_null(outbound->message);
    outbound_free(outbound);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_sent_needs_nothing_of_the_entry),
        cmocka_unit_test(it_is_made_once),
        cmocka_unit_test(one_that_is_too_large_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
