/* The demo's own check must see each fault: here it listens to a bus that the test plays. */
#include "cli/demo_check.h"

#include "bus/bus_ops.h"
#include "core/trigger.h"
#include "support/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct receiver receiver;
static struct subscription subscription;
static int acked;

static struct result subscribe(
    struct bus *bus, const struct source *source, struct receiver to, struct subscription **made) {
    (void)source;
    receiver = to;
    subscription.bus = bus;
    *made = &subscription;
    return ok();
}

static void ack(struct delivery *delivery) {
    (void)delivery;
    acked++;
}

static const struct bus_ops ops = {.subscribe = subscribe, .ack = ack};
static struct bus bus = {&ops};

static struct config *config;
static struct arena *arena;
static struct story story;
static struct check *check;

static const char *no_environment(const char *name) {
    (void)name;
    return NULL;
}

static int set_up(void **state) {
    (void)state;
    acked = 0;
    arena = arena_new(8 << 20);
    check_ok(
        config_parse("built-in", config_default_yaml, strlen(config_default_yaml), no_environment, &config));
    check_ok(story_read(config, arena, &story));
    check_ok(check_start(&bus, &story, &(struct source){"triggers", "check"}, &check));
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    check_free(&check);
    config_free(&config);
    arena_free(&arena);
    return 0;
}

static void emit(game_date date, int group) {
    struct trigger trigger = {.date = date, .group = group, .run = 1};
    struct delivery delivery = {.subscription = &subscription};
    delivery.message = *trigger_encode(story.pipeline, &trigger, arena);
    receiver.on_delivery(receiver.context, &delivery);
}

static game_date thanksgiving(void) {
    game_date date = 0;
    check_ok(date_parse("2021-11-25", 10, &date));
    return date;
}

/* All the triggers that the story expects, but those of skip, which lacks the groups from `from` on. */
static void emit_all(game_date skip, int from) {
    for (size_t i = 0; i < story.date_count; i++) {
        for (int group = 1; group <= story.pipeline->group_count; group++) {
            bool expected = story.dates[i] != thanksgiving() && !(story.dates[i] == skip && group >= from);
            if (expected)
                emit(story.dates[i], group);
        }
    }
}

/* The report's verdict, and its text. */
static bool report(char *text, size_t size) {
    struct term term = {.color = false};
    FILE *out = fmemopen(text, size, "w");
    bool good = check_report(check, &term, out);
    fclose(out);
    return good;
}

static void expect_fault(const char *line) {
    char text[1024];
    assert_false(report(text, sizeof text));
    if (!strstr(text, line))
        fail_msg("the report lacks \"%s\":\n%s", line, text);
}

static void sixty_in_order_are_well(void **state) {
    (void)state;
    char text[1024];
    emit_all(0, 0);
    assert_true(report(text, sizeof text));
    assert_non_null(strstr(text, "15 dates x 4 groups = 60 triggers came out (expected 60)"));
    assert_int_equal(check_triggers(check), 60);
    assert_int_equal(acked, 60);
}

static void a_lost_one_is_seen(void **state) {
    (void)state;
    emit_all(story.dates[3], 4);
    expect_fault("FAILED  14 dates x 4 groups = 59 triggers");
}

static void a_doubled_one_is_seen(void **state) {
    (void)state;
    emit_all(0, 0);
    emit(story.dates[2], 2);
    expect_fault("FAILED  no trigger came twice (1 doubled)");
}

static void a_misordered_one_is_seen(void **state) {
    (void)state;
    emit_all(story.dates[0], 2);
    emit(story.dates[0], 3);
    emit(story.dates[0], 2);
    emit(story.dates[0], 4);
    expect_fault("FAILED  in order 1 to 4 on every date");
}

static void one_for_a_date_without_games_is_seen(void **state) {
    (void)state;
    emit_all(0, 0);
    emit(thanksgiving(), 1);
    expect_fault("FAILED  none for 2021-11-25, which had no games (1 unexpected)");
}

static void something_else_on_the_topic_is_seen(void **state) {
    (void)state;
    emit_all(0, 0);
    struct delivery delivery = {.subscription = &subscription, .message = {.data = "{}", .size = 2}};
    receiver.on_delivery(receiver.context, &delivery);
    expect_fault("(1 unexpected)");
}

/* What the stand-ins answer with where Phase 4 never ran. */
static void stand_ins_answer_with_real_counts(void **state) {
    (void)state;
    game_date date = 0;
    check_ok(date_parse("2021-11-18", 10, &date));
    const struct processor *pcf = pipeline_processor(story.pipeline, "pcf");
    const struct processor *mlfs = pipeline_processor(story.pipeline, "mlfs");
    assert_int_equal(story_answer(&story, pcf, date), 212);
    check_ok(date_parse("2021-11-16", 10, &date));
    assert_int_equal(story_answer(&story, mlfs, date), 105);
}

#define test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        test(sixty_in_order_are_well),
        test(a_lost_one_is_seen),
        test(a_doubled_one_is_seen),
        test(a_misordered_one_is_seen),
        test(one_for_a_date_without_games_is_seen),
        test(something_else_on_the_topic_is_seen),
        test(stand_ins_answer_with_real_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
