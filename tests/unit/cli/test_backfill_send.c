/* The sender against a bus that the test plays: what it does when the bus fails, refuses or is silent. */
#include "cli/backfill_send.h"

#include "bus/bus_ops.h"
#include "printed.h"
#include "support/loop.h"
#include "support/nba.h"

#define DAY ((game_date)18948)

enum { ITEMS = 1000, PENDING_MAX = 1024 };

/* --- The bus: answers what was published on the loop's next turn. --------------------------------------- */

struct pending {
    bus_published_fn *published;
    void *context;
    char execution[COMPLETION_ID_MAX + 1];
};

static struct {
    struct bus bus;
    uv_timer_t timer;
    struct pending pending[PENDING_MAX];
    size_t count;
    size_t most;      /* under way at once */
    size_t published; /* in all */
    size_t confirmed;
    size_t fail_next; /* so many are answered as unavailable */
    size_t refuse_at; /* the so-many-th publish is refused; 0: none */
    bool silent;
    int times[ITEMS]; /* confirmed, by date */
    struct interrupt *interrupt;
    size_t interrupt_at; /* confirmations */
} world;

static int date_of(const char *execution) {
    game_date date;
    check_ok(date_parse(strchr(execution, '/') + 1, 10, &date));
    return date - DAY;
}

static struct result answer_to(const struct pending *pending) {
    if (world.fail_next > 0) {
        world.fail_next--;
        return fail(CODE_UNAVAILABLE, "the bus is away");
    }
    world.confirmed++;
    world.times[date_of(pending->execution)]++;
    if (world.confirmed == world.interrupt_at)
        world.interrupt->count++;
    return ok();
}

static void on_timer(uv_timer_t *timer) {
    (void)timer;
    size_t count = world.count;
    struct pending pending[PENDING_MAX];
    memcpy(pending, world.pending, count * sizeof *pending);
    world.count = 0;
    for (size_t i = 0; i < count; i++) {
        struct result result = answer_to(&pending[i]);
        pending[i].published(pending[i].context, result, is_ok(result) ? "1-0" : NULL);
    }
}

static void on_refuse(uv_timer_t *timer) {
    struct pending *pending = &world.pending[--world.count];
    (void)timer;
    pending->published(pending->context, fail(CODE_REFUSED, "no such topic"), NULL);
    uv_timer_start(&world.timer, on_timer, 1, 0);
}

static void publish(struct bus *bus, const char *topic, const struct message *message,
    bus_published_fn *published, void *context) {
    (void)bus;
    assert_string_equal(topic, nba_pipeline()->completions[0].topic);
    assert_true(world.count < PENDING_MAX);
    struct pending *pending = &world.pending[world.count++];
    *pending = (struct pending){.published = published, .context = context};
    const char *id = strstr(message->data, "\"execution_id\":");
    assert_non_null(id);
    assert_int_equal(sscanf(id, "\"execution_id\": \"%128[^\"]\"", pending->execution), 1);
    world.published++;
    world.most = world.count > world.most ? world.count : world.most;
    if (world.silent)
        return;
    bool refuse = world.refuse_at == world.published;
    if (refuse || !uv_is_active((uv_handle_t *)&world.timer))
        uv_timer_start(&world.timer, refuse ? on_refuse : on_timer, 1, 0);
}

static const struct bus_ops ops = {.publish = publish};

/* --- The sender ----------------------------------------------------------------------------------------- */

static uv_loop_t loop;
static struct arena *arena;
static struct plan_item items[ITEMS];
static struct plan_date dates[ITEMS];
static struct backfill_plan plan;
static struct interrupt interrupt;
static struct send_settings settings;
static struct send_report report;

static int set_up(void **state) {
    (void)state;
    memset(&world, 0, sizeof world);
    world.bus.ops = &ops;
    world.interrupt = &interrupt;
    interrupt = (struct interrupt){0};
    arena = arena_new(1 << 20);
    uv_loop_init(&loop);
    uv_timer_init(&loop, &world.timer);
    for (int i = 0; i < ITEMS; i++) {
        items[i] =
            (struct plan_item){.date = DAY + i, .processor = &nba_pipeline()->processors[PGS], .rows = 1};
        dates[i] = (struct plan_date){.date = DAY + i, .first = (size_t)i, .count = 1};
    }
    plan = (struct backfill_plan){.pipeline = nba_pipeline(),
        .id = "bf",
        .items = items,
        .item_count = ITEMS,
        .dates = dates,
        .date_count = ITEMS};
    settings = (struct send_settings){.patience_ms = 5000, .interrupt = &interrupt};
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    uv_close((uv_handle_t *)&world.timer, NULL);
    loop_close(&loop);
    arena_free(&arena);
    return 0;
}

static void send_all(void) {
    backfill_send(&loop, &world.bus, &plan, &settings, arena, &report);
}

static void check_sent(size_t expected) {
    assert_int_equal(report.sent, expected);
    assert_int_equal(backfill_plan_sent(&plan), expected);
    assert_int_equal(world.confirmed, expected);
    for (int i = 0; i < ITEMS; i++)
        assert_int_equal(world.times[i], items[i].sent);
}

static void many_are_in_flight_and_each_is_sent_once(void **state) {
    (void)state;
    send_all();
    check_ok(report.result);
    check_sent(ITEMS);
    assert_int_equal(world.most, SEND_WINDOW);
    assert_false(report.interrupted);
}

static void what_is_there_is_not_sent(void **state) {
    (void)state;
    for (int i = 0; i < ITEMS; i += 2)
        items[i].there = true;
    send_all();
    check_ok(report.result);
    check_sent(ITEMS / 2);
    assert_false(items[0].sent);
    assert_true(items[1].sent);
}

static void what_could_not_be_confirmed_is_tried_again(void **state) {
    (void)state;
    world.fail_next = 700;
    send_all();
    check_ok(report.result);
    check_sent(ITEMS);
    assert_int_equal(world.published, ITEMS + 700);
}

/* A failing bus is not hammered: of those that fail together one back-off comes. */
static void failures_wait(void **state) {
    (void)state;
    world.fail_next = 1000000;
    settings.patience_ms = 400;
    send_all();
    check_fails(report.result, CODE_UNAVAILABLE, "confirmed nothing for 0 s: the bus is away");
    check_sent(0);
    assert_true(world.published <= 5 * SEND_WINDOW);
    assert_true(world.published > SEND_WINDOW);
}

static void a_refusal_ends_it(void **state) {
    (void)state;
    world.refuse_at = 300;
    send_all();
    check_fails(report.result, CODE_REFUSED, "the bus refuses a completion: no such topic");
    assert_int_equal(report.under_way, 0);
    assert_true(report.sent >= 256 && report.sent < ITEMS);
    check_sent(report.sent);
}

static void silence_ends_it(void **state) {
    (void)state;
    world.silent = true;
    settings.patience_ms = 100;
    send_all();
    check_fails(report.result, CODE_UNAVAILABLE, "confirmed nothing");
    assert_int_equal(report.under_way, SEND_WINDOW);
    on_timer(&world.timer); /* an answer that comes after the end changes nothing */
    assert_int_equal(report.sent, 0);
    assert_int_equal(backfill_plan_sent(&plan), 0);
}

static void an_interrupt_finishes_what_is_under_way(void **state) {
    (void)state;
    world.interrupt_at = 300;
    send_all();
    check_ok(report.result);
    assert_true(report.interrupted);
    assert_int_equal(report.under_way, 0);
    assert_true(report.sent >= 300 && report.sent <= 300 + SEND_WINDOW);
    check_sent(report.sent);
    assert_int_equal(world.published, report.sent);
}

static void on_second_interrupt(uv_timer_t *timer) {
    (void)timer;
    interrupt.count = 2;
}

static void a_second_interrupt_gives_up(void **state) {
    (void)state;
    world.silent = true;
    settings.patience_ms = 600000;
    plan.item_count = plan.date_count = 10;
    uv_timer_start(&world.timer, on_second_interrupt, 20, 0);
    send_all();
    check_ok(report.result);
    assert_true(report.interrupted);
    assert_int_equal(report.under_way, 10);
}

static void an_interrupt_after_the_last_is_none(void **state) {
    (void)state;
    world.interrupt_at = ITEMS;
    send_all();
    check_sent(ITEMS);
    assert_false(report.interrupted);
}

static void the_rate_is_kept(void **state) {
    (void)state;
    plan.item_count = plan.date_count = 100;
    settings.rate = 200; /* 10 at once, the other 90 in 450 ms */
    send_all();
    check_ok(report.result);
    check_sent(100);
    assert_true(report.elapsed_ms >= 445);
    assert_true(world.most <= 20);
}

/* Between two completions there is nothing that the bus could confirm. */
static void a_slow_rate_is_no_silence(void **state) {
    (void)state;
    plan.item_count = plan.date_count = 3;
    settings.rate = 4;
    settings.patience_ms = 120;
    send_all();
    check_ok(report.result);
    check_sent(3);
}

static void an_empty_plan_is_over_at_once(void **state) {
    (void)state;
    plan.item_count = plan.date_count = 0;
    send_all();
    check_ok(report.result);
    check_sent(0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(many_are_in_flight_and_each_is_sent_once),
        TEST(what_is_there_is_not_sent),
        TEST(what_could_not_be_confirmed_is_tried_again),
        TEST(failures_wait),
        TEST(a_refusal_ends_it),
        TEST(silence_ends_it),
        TEST(an_interrupt_finishes_what_is_under_way),
        TEST(a_second_interrupt_gives_up),
        TEST(an_interrupt_after_the_last_is_none),
        TEST(the_rate_is_kept),
        TEST(a_slow_rate_is_no_silence),
        TEST(an_empty_plan_is_over_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
