/* What alerts say: the whole sentence for each cause, and that the command to look survives long texts. */
#include "alerts/words.h"

#include "support/check.h"
#include "support/nba.h"

#include <string.h>

enum { DATE = 18948 /* 2021-11-17 */ };

#define AT INT64_C(1764871200000) /* 2025-12-04 18:00 UTC */

static char text[ALERT_TEXT_MAX];

static void stalls(void **state) {
    struct alert_look look = {.stands = true, .since_ms = AT, .waits_for = "togs,tdgs"};
    (void)state;
    words_stall(nba_pipeline(), DATE, 1, &look, text);
    assert_string_equal(text,
        "stalled: 2021-11-17 group 1 cannot start, it waits for togs,tdgs; past its deadline of 21600 s "
        "since "
        "2025-12-04 18:00 UTC. Look: phasegate explain 2021-11-17 --pipeline nba");
    look.run = 2;
    look.waits_for = NULL;
    words_stall(nba_pipeline(), DATE, 2, &look, text);
    assert_string_equal(text,
        "stalled: 2021-11-17 group 2 (run 2) was triggered and is not done, it waits for nothing; past its "
        "deadline "
        "of 7200 s since 2025-12-04 18:00 UTC. Look: phasegate explain 2021-11-17 --pipeline nba");
}

static void failures(void **state) {
    struct alert_look look = {.stands = true, .run = 1, .since_ms = AT, .failure = "pcf: no\nmemory"};
    (void)state;
    words_failed(nba_pipeline(), DATE, 2, &look, text);
    assert_string_equal(text,
        "failed: 2021-11-17 group 2 (run 1) at 2025-12-04 18:00 UTC: pcf: no\\x0amemory. The groups after it "
        "wait. "
        "Look: phasegate explain 2021-11-17 --pipeline nba; again: phasegate replay --dates 2021-11-17 "
        "--pipeline "
        "nba");
}

/* Whatever a processor says, the commands are there. */
static void a_failure_that_says_much(void **state) {
    char much[5000];
    struct alert_look look = {.stands = true, .run = 1, .since_ms = AT, .failure = much};
    (void)state;
    memset(much, '\xff', sizeof much - 1);
    much[sizeof much - 1] = '\0';
    words_failed(nba_pipeline(), DATE, 2, &look, text);
    assert_non_null(strstr(text, "phasegate replay --dates 2021-11-17 --pipeline nba"));
}

static void ends(void **state) {
    static const struct {
        const char *phase;
        const char *words;
    } cases[] = {{"done", "2021-11-17 group 2, which had stalled, is done"},
        {"failed", "2021-11-17 group 2, which had stalled, has failed"},
        {"no_games", "2021-11-17 group 2, which had stalled, is not needed: the date has no games"},
        {NULL, "2021-11-17 group 2, which had stalled, starts again in a new run"}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct alert_look look = {.phase = cases[i].phase};
        words_over(ALERT_STALL, DATE, 2, &look, text);
        assert_string_equal(text, cases[i].words);
    }
}

static void a_backfill(void **state) {
    const struct alert_sum sum = {.stalls = 300, .failures = 12, .since_ms = AT};
    (void)state;
    words_backfill(nba_pipeline(), &sum, "2021-11-02", 1, "psza", text);
    assert_string_equal(text,
        "backfill: 300 groups are stalled and 12 failed, new ones since 2025-12-04 18:00 UTC; first: "
        "2021-11-02 "
        "group 1 waits for psza. Look: phasegate status --start-date 2021-11-02 --pipeline nba");
}

static void the_outbox(void **state) {
    (void)state;
    words_outbox(nba_pipeline(), 1, "2021-11-17/g2/r1", AT, AT + 720000, text);
    assert_string_equal(text,
        "1 trigger waits in the outbox and cannot be published; 2021-11-17/g2/r1 has waited for 12 min, "
        "since "
        "2025-12-04 18:00 UTC. Nothing is lost. Is the bus there? Look: phasegate status --pipeline nba, and "
        "the "
        "daemon's log");
}

static void the_whole_message(void **state) {
    char longest[2 * ALERT_TEXT_MAX];
    (void)state;
    words_message(nba_pipeline(), true, "it is over", text);
    assert_string_equal(text, "phasegate nba: resolved: it is over");
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    words_message(nba_pipeline(), false, longest, text);
    assert_int_equal(strlen(text), ALERT_TEXT_MAX - 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stalls),
        cmocka_unit_test(failures),
        cmocka_unit_test(a_failure_that_says_much),
        cmocka_unit_test(ends),
        cmocka_unit_test(a_backfill),
        cmocka_unit_test(the_outbox),
        cmocka_unit_test(the_whole_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
