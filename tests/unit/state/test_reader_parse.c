/* Values that no phasegate has written: each is refused as unreadable, and none leads astray. */
#include "state/reader_parse.h"

#include "support/check.h"
#include "support/nba.h"

#include <string.h>

enum { FIELDS_MAX = 8, ARENA_BYTES = 1 << 20, DATE = 18948 };

struct hash {
    redisReply items[FIELDS_MAX], *pointers[FIELDS_MAX], reply;
};

/* A NULL among the texts is an element that is no text. */
static const redisReply *make(struct hash *hash, const char *const *texts, size_t count) {
    hash->reply = (redisReply){.type = REDIS_REPLY_ARRAY, .elements = count, .element = hash->pointers};
    for (size_t i = 0; i < count; i++) {
        hash->pointers[i] = &hash->items[i];
        hash->items[i] = (redisReply){.type = texts[i] ? REDIS_REPLY_STRING : REDIS_REPLY_NIL,
            .str = (char *)(uintptr_t)texts[i],
            .len = texts[i] ? strlen(texts[i]) : 0};
    }
    return &hash->reply;
}

static void refuse(const char *field, const char *value) {
    struct arena *arena = arena_new(ARENA_BYTES);
    struct date_state state;
    struct hash hash;
    const redisReply *reply = make(&hash, (const char *const[]){field, value}, 2);
    check_fails(parse_date(nba_pipeline(), DATE, reply, arena, &state), CODE_INTERNAL, field);
    arena_free(&arena);
}

static void groups_that_the_pipeline_has_not(void **state) {
    (void)state;
    refuse(".stall", "0 1 1764502927104");
    refuse(".stall", "5 1 1764502927104");
    refuse(".stall", "-3 1 1764502927104");
    refuse(".stale", "0 1764502927104 1764503527104 pgs");
    refuse(".stale", "99 1764502927104 1764503527104 pgs");
}

static void times_beyond_all_times(void **state) {
    (void)state;
    refuse(".g1", "done 1 1764502927104 +9223372036854775807 - b 9188");
    refuse(".g1", "done 1 -9223372036854775800 +1 -9000 b 9188");
}

static void fewer_than_no_rows(void **state) {
    (void)state;
    refuse("pgs", "+ success -241 0 1764502927104 1764502928000 b 0");
}

static void what_is_no_text(void **state) {
    (void)state;
    struct arena *arena = arena_new(ARENA_BYTES);
    struct date_state read;
    struct hash hash;
    const redisReply *reply = make(&hash, (const char *const[]){NULL, "x", ".run", NULL}, 4);
    check_ok(parse_date(nba_pipeline(), DATE, reply, arena, &read));
    assert_int_equal(read.run, 0);
    refuse("pgs", NULL);
    arena_free(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(groups_that_the_pipeline_has_not),
        cmocka_unit_test(times_beyond_all_times),
        cmocka_unit_test(fewer_than_no_rows),
        cmocka_unit_test(what_is_no_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
