/* A noted loss as text: what is kept of it, and what people are told. */
#include "state/epoch_text.h"

#include "support/check.h"
#include "support/nba.h"

#include <string.h>

static void a_loss_is_read(void **state) {
    struct lost_epoch lost = lost_epoch_parse("older 1764502927104 1764502928000 1764502926000");
    (void)state;
    assert_int_equal(lost.what, FORGOTTEN_OLDER);
    assert_int_equal(lost.since_ms, INT64_C(1764502927104));
    assert_int_equal(lost.noticed_ms, INT64_C(1764502928000));
    assert_int_equal(lost.seek_ms, INT64_C(1764502926000));
}

static void what_is_none_is_no_loss(void **state) {
    static const char *const none[] = {NULL, "", "older", "older 1 2", "nothing 1 2 3", "strange 1 2 3"};
    (void)state;
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        struct lost_epoch lost = lost_epoch_parse(none[i]);
        assert_int_equal(lost.what, FORGOTTEN_NOTHING);
        assert_int_equal(lost.since_ms + lost.noticed_ms + lost.seek_ms, 0);
    }
}

/* An older store is complete up to a moment, so less has to come again; with a minute for the clocks. */
static void the_command_goes_back_far_enough(void **state) {
    char command[LOST_EPOCH_COMMAND_MAX];
    struct lost_epoch lost = {.what = FORGOTTEN_OLDER, .seek_ms = INT64_C(1764502926000)};
    (void)state;
    assert_string_equal(lost_epoch_command(nba_pipeline(), &lost, command),
        "phasegate replay --pipeline nba --seek 2025-11-30T11:41:06.000Z --rebuild");
    lost.seek_ms = 0;
    assert_string_equal(lost_epoch_command(nba_pipeline(), &lost, command),
        "phasegate replay --pipeline nba --seek 7d --rebuild");
}

static void the_longest_text_is_whole(void **state) {
    char text[LOST_EPOCH_TEXT_MAX], command[LOST_EPOCH_COMMAND_MAX], name[PIPELINE_NAME_MAX + 1];
    struct pipeline pipeline = *nba_pipeline();
    (void)state;
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    pipeline.name = name;
    for (enum forgotten what = FORGOTTEN_EMPTY; what <= FORGOTTEN_OTHER; what++) {
        struct lost_epoch lost = {.what = what, .since_ms = 1, .seek_ms = INT64_C(1764502926000)};
        lost_epoch_command(&pipeline, &lost, command);
        lost_epoch_describe(&pipeline, &lost, text);
        assert_string_equal(text + strlen(text) - strlen(" --rebuild"), " --rebuild");
        assert_non_null(strstr(text, command));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_loss_is_read),
        cmocka_unit_test(what_is_none_is_no_loss),
        cmocka_unit_test(the_command_goes_back_far_enough),
        cmocka_unit_test(the_longest_text_is_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
