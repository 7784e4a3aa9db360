/*
 * Long random histories, applied to the store and to the model of the rules; after each step answer, state,
 * outbox, slots and history have to agree, and the invariants of the design have to hold in what the store
 * shows. The clock is simulated. A history that fails is shrunk to few steps before it is printed.
 *
 * PHASEGATE_SEED=n repeats the history of that seed; PHASEGATE_HISTORIES=n says how many there are.
 */
#include "support/check.h"
#include "support/story_play.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

enum { HISTORIES = 100, LAST_STEPS = 15, HISTORY_EVERY = 16, SHRINK_SECONDS = 60 };

/* --- Shrinking ------------------------------------------------------------------------------------------ */

/* Some steps of a history, in order. */
struct selection {
    struct step steps[STORY_STEPS_MAX];
    int count;
};

/* Plays them; true when it fails, and then cuts what came after. */
static bool selection_fails(struct store_harness *harness, const struct story *story,
    struct selection *selection, struct difference *difference) {
    struct play play;
    play_begin(&play, harness, story, NULL);
    bool agrees = true;
    int played = 0;
    while (played < selection->count && agrees)
        agrees = play_step(&play, &selection->steps[played++], true);
    if (agrees)
        agrees = play_end(&play, story->now_ms);
    selection->count = played;
    play_free(&play);
    *difference = play.difference;
    return !agrees;
}

/* A failing history that is being shrunk, for no longer than till the deadline. */
struct shrinking {
    struct store_harness *harness;
    const struct story *story;
    struct selection selection;
    struct difference difference;
    uint64_t deadline_ns;
};

/* Leaves out each run of length steps that is not needed to fail. True when there was one. */
static bool leave_out(struct shrinking *shrinking, int length) {
    static struct selection candidate;
    struct selection *selection = &shrinking->selection;
    bool any = false;
    for (int first = selection->count - length; first >= 0 && uv_hrtime() < shrinking->deadline_ns;
         first -= length) {
        struct difference found;
        candidate = *selection;
        candidate.count -= length;
        memmove(&candidate.steps[first], &candidate.steps[first + length],
            (size_t)(candidate.count - first) * sizeof *candidate.steps);
        if (!selection_fails(shrinking->harness, shrinking->story, &candidate, &found))
            continue;
        *selection = candidate;
        shrinking->difference = found;
        any = true;
        first = first > selection->count ? selection->count : first;
    }
    return any;
}

static void shrink(struct shrinking *shrinking) {
    for (int length = shrinking->selection.count / 2; length > 1; length /= 2)
        leave_out(shrinking, length);
    while (leave_out(shrinking, 1))
        ;
}

/* --- Reports -------------------------------------------------------------------------------------------- */

static void print_steps(const struct story *story, const struct step *steps, int first, int end) {
    char text[STORY_TEXT_MAX];
    for (int i = first; i < end; i++)
        print_error("%5d. %s\n", i + 1, story_tell(story, &steps[i], text));
}

static void report(
    struct store_harness *harness, struct story *story, uint64_t seed, const struct difference *difference) {
    static struct shrinking shrinking;
    struct selection *selection = &shrinking.selection;
    char text[STORY_TEXT_MAX];
    int first = story->count > LAST_STEPS ? story->count - LAST_STEPS : 0;
    print_error("PHASEGATE_SEED=%" PRIu64 " fails at step %d: %s\nThe pipeline: %s", seed, story->count,
        difference->text, story_tell_pipeline(story, text, sizeof text));
    print_error("The last steps:\n");
    print_steps(story, story->steps, first, story->count);
    shrinking = (struct shrinking){.harness = harness, .story = story, .difference = *difference};
    shrinking.deadline_ns = uv_hrtime() + SHRINK_SECONDS * UINT64_C(1000000000);
    memcpy(selection->steps, story->steps, sizeof selection->steps);
    selection->count = story->count;
    shrink(&shrinking);
    print_error("The fewest steps that fail: %s\n", shrinking.difference.text);
    print_steps(story, selection->steps, 0, selection->count);
}

/* --- The test ------------------------------------------------------------------------------------------- */

static bool story_agrees(
    struct store_harness *harness, struct story *story, struct tally *tally, struct difference *difference) {
    struct play play;
    play_begin(&play, harness, story, tally);
    bool agrees = true;
    while (story->count < story->wanted && agrees) {
        const struct step *step = story_next(story, play.model);
        agrees = play_step(&play, step, story->count % HISTORY_EVERY == 0);
    }
    agrees = agrees && play_end(&play, story->now_ms);
    play_free(&play);
    *difference = play.difference;
    return agrees;
}

static uint64_t environment_number(const char *name, uint64_t absent) {
    const char *text = getenv(name);
    return text && *text ? strtoull(text, NULL, 10) : absent;
}

static void print_tally(const struct tally *tally) {
    for (int i = 0; i < HAPPENING_COUNT; i++)
        print_message("%10" PRIu64 " %s\n", tally->counts[i], happening_words((enum happening)i));
}

static void the_store_does_what_the_rules_say(void **state) {
    (void)state;
    bool given = getenv("PHASEGATE_SEED") != NULL;
    uint64_t seed = dice_seed(), histories = environment_number("PHASEGATE_HISTORIES", given ? 1 : HISTORIES);
    struct store_harness *harness = harness_open((struct redis_server_options){0});
    struct tally tally = {0};
    print_message("%" PRIu64 " histories from PHASEGATE_SEED=%" PRIu64 "\n", histories, seed);
    for (uint64_t i = 0; i < histories; i++) {
        struct difference difference;
        struct story *story = story_new(seed + i);
        bool agrees = story_agrees(harness, story, &tally, &difference);
        if (!agrees)
            report(harness, story, seed + i, &difference);
        story_free(&story);
        if (!agrees)
            fail_msg("the store and the rules disagree");
    }
    print_tally(&tally);
    harness_close(&harness);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_store_does_what_the_rules_say)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
