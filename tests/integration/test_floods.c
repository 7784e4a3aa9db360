/*
 * Floods, measured in pairs with quiet times in one run: how long do other dates wait for their trigger while
 * one date's duplicates pour in, and while messages that nothing can be done with are tried for ever?
 *
 * PHASEGATE_FLOOD says how many duplicates there are in all (100000 in the long form).
 */
#include "support/check.h"
#include "support/daemon.h"
#include "support/patience.h"
#include "support/stage.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    FLOOD = 5000,
    ROUNDS = 5,
    STUCK = 1200,
    /* more than may be in hand */ AT_MOST_TIMES = 5,
    AT_MOST_MS = 1500
};

#define STREAM "pg:bus:{nba-phase3-complete}"

struct pairs {
    double quiet[ROUNDS], flooded[ROUNDS];
};

static double trigger_ms(struct stage *stage, game_date date) {
    double start = (double)uv_hrtime() / 1e6;
    stage_phase3(stage, date, false);
    return (double)stage_until_trigger(stage, date, 1, 1, 1)->seen_ms - start;
}

static int by_size(const void *left, const void *right) {
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static double median(double *values) {
    qsort(values, ROUNDS, sizeof *values, by_size);
    return values[ROUNDS / 2];
}

static void check_pairs(struct pairs *pairs, const char *what) {
    double quiet = median(pairs->quiet), flooded = median(pairs->flooded);
    print_message("%s: %.0f ms, without %.0f ms (medians of %d)\n", what, flooded, quiet, ROUNDS);
    if (flooded > AT_MOST_TIMES * quiet + patient_ms(AT_MOST_MS))
        fail_msg("other dates are held up");
}

static struct stage *start(void) {
    struct stage *stage = stage_open((struct stage_options){.daemon = PHASEGATE_BINARY});
    stage_start(stage);
    return stage;
}

/* The newest entry of the stream, so many times again. */
static void repeat(struct stage *stage, int times) {
    static const char script[] =
        "local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1][2] "
        "for i = 1, ARGV[1] do redis.call('XADD', KEYS[1], '*', unpack(last)) end";
    redis_server_do(stage_server(stage), "EVAL %s 1 %s %d", script, STREAM, times);
}

/*
 * The duplicates come in portions, each before another date's events. A bus hands out in the order of
 * publishing, so what is measured has a portion before it.
 */
static void duplicates(void **state) {
    (void)state;
    const char *wanted = getenv("PHASEGATE_FLOOD");
    int portion = (wanted ? atoi(wanted) : FLOOD) / ROUNDS;
    struct stage *stage = start();
    struct pairs pairs;
    game_date date = STAGE_DATE - 30;
    for (int i = 0; i < ROUNDS; i++) {
        pairs.quiet[i] = trigger_ms(stage, date++);
        stage_complete(stage, PGS, STAGE_DATE, false);
        stage_until_handled(stage);
        double before = (double)uv_hrtime() / 1e6;
        repeat(stage, portion);
        stage_until_handled(stage);
        double portion_ms = (double)uv_hrtime() / 1e6 - before;
        repeat(stage, portion);
        pairs.flooded[i] = trigger_ms(stage, date++) - portion_ms; /* beyond working off what was before it */
        stage_until_handled(stage);
    }
    check_pairs(&pairs, "behind duplicates");
    stage_stop(stage);
    stage_close(&stage);
}

/* Bad messages, and the quarantine's key is something else: they can neither be kept nor acked. */
static void messages_that_are_stuck(void **state) {
    (void)state;
    struct stage *stage = start();
    struct redis_server *server = stage_server(stage);
    struct pairs pairs;
    game_date date = STAGE_DATE - 30;
    for (int i = 0; i < ROUNDS; i++)
        pairs.quiet[i] = trigger_ms(stage, date++);
    redis_server_do(server, "SET pg:{nba}:quarantine %s", "somebody was here");
    redis_server_do(server, "XADD %s * data %s", STREAM, "{}");
    repeat(stage, STUCK - 1);
    stage_until_said(stage, "cannot be put into quarantine");
    for (int i = 0; i < ROUNDS; i++)
        pairs.flooded[i] = trigger_ms(stage, date++);
    check_pairs(&pairs, "among messages that are stuck");
    assert_in_range(stage_said(stage, "cannot be put into quarantine"), 1, 30); /* folded */
    redis_server_do(server, "DEL pg:{nba}:quarantine"); /* somebody mends it: each is kept, and acked */
    stage_until_handled(stage);
    assert_int_equal(redis_server_ask_number(server, "ZCARD pg:{nba}:quarantine"), STUCK);
    stage_stop(stage);
    stage_close(&stage);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(duplicates),
        cmocka_unit_test(messages_that_are_stuck),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
