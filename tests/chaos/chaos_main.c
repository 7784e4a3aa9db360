/*
 * The chaos test: feeds, breaks, waits until all is calm, and asks the checker. README.md says how to run it
 * and what came of it. Exit status 0 when nothing was lost, doubled, misordered or partial; 1 else; 2 for
 * wrong usage.
 */
#include "chaos/outside.h"
#include "chaos/world.h"
#include "support/check.h"
#include "support/patience.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    TURN_MS = 5,
    CALM_MS = 240000, /* the longest that anything may take when nothing is broken any more */
    QUIET_MS = 15000, /* for what must not come: longer than a sweep, a lease and a settle time */
    EXCUSE_MS =
        35000, /* a fault's consequences last: leases of messages and of the outbox, and a group's deadline */
    LOOK_MS = 1000,
    EXIT_USAGE = 2,
};

struct run {
    struct plan plan;
    struct checker *checker;
    struct world *world;
    struct outside *outside;
    struct chaos_verdict verdict;
    size_t done[CHAOS_FAULT_COUNT];
    size_t next_event, next_fault;
    size_t ended;
    FILE *trace;
};

/* --- Arguments ------------------------------------------------------------------------------------------ */

static int choice(const char *word, const char *const *words) {
    for (int i = 0; words[i]; i++)
        if (strcmp(word, words[i]) == 0)
            return i;
    return -1;
}

struct arguments {
    struct plan_options plan;
    const char *binary, *trace;
    int durability;
};

static bool read_argument(const char *name, const char *value, struct arguments *arguments) {
    struct plan_options *options = &arguments->plan;
    static const char *const forms[] = {"single", "sentinel", "cluster", NULL};
    static const char *const buses[] = {"emulator", "fake", "streams", NULL};
    static const char *const faults[] = {"all", "store", NULL};
    int form = choice(value, forms), bus = choice(value, buses), harm = choice(value, faults);
    char *end = (char *)value;
    if (strcmp(name, "--seconds") == 0)
        options->seconds = (int)strtol(value, &end, 10);
    else if (strcmp(name, "--seed") == 0)
        options->seed = strtoull(value, &end, 10);
    else if (strcmp(name, "--form") == 0 && form >= 0)
        return options->form = (enum chaos_form)form, true;
    else if (strcmp(name, "--bus") == 0 && bus >= 0)
        return options->bus = (enum chaos_bus)bus, true;
    else if (strcmp(name, "--faults") == 0 && harm >= 0)
        return options->store_only = harm == 1, true;
    else if (strcmp(name, "--durability") == 0)
        arguments->durability = (int)strtol(value, &end, 10);
    else if (strcmp(name, "--binary") == 0)
        return arguments->binary = value, true;
    else if (strcmp(name, "--trace") == 0)
        return arguments->trace = value, true;
    else
        return false;
    return end != value && *end == '\0';
}

static bool read_arguments(int argc, char **argv, struct arguments *arguments) {
    const struct plan_options *options = &arguments->plan;
    for (int i = 1; i < argc; i += 2)
        if (i + 1 == argc || !read_argument(argv[i], argv[i + 1], arguments))
            return false;
    return options->seconds >= 10 && !(options->bus == CHAOS_STREAMS && options->form != CHAOS_SINGLE);
}

/* --- The run -------------------------------------------------------------------------------------------- */

static void feed_due(struct run *run, int64_t elapsed_ms) {
    for (; run->next_event < run->plan.event_count; run->next_event++) {
        const struct planned_event *event = &run->plan.events[run->next_event];
        if (event->at_ms > elapsed_ms)
            return;
        outside_feed(run->outside, event);
    }
}

static void harm(struct run *run, const struct planned_fault *fault) {
    int64_t now_ms = outside_now_ms();
    if (!world_harm(run->world, fault, now_ms))
        return;
    run->done[fault->fault]++;
    if (!checker_excuse(run->checker, now_ms, now_ms + fault->duration_ms + EXCUSE_MS))
        fail_msg("out of memory");
}

static void harm_due(struct run *run, int64_t elapsed_ms) {
    for (; run->next_fault < run->plan.fault_count; run->next_fault++) {
        const struct planned_fault *fault = &run->plan.faults[run->next_fault];
        if (fault->at_ms > elapsed_ms)
            return;
        harm(run, fault);
    }
}

static void heal_due(struct run *run, int64_t now_ms) {
    if (world_heal(run->world, now_ms))
        outside_start_over(run->outside);
}

static void stir(struct run *run) {
    int64_t start_ms = outside_start_ms(run->outside), end_ms = start_ms + run->plan.options.seconds * 1000;
    int64_t look_ms = start_ms;
    while (outside_now_ms() < end_ms || run->next_event < run->plan.event_count) {
        int64_t now_ms = outside_now_ms();
        feed_due(run, now_ms - start_ms);
        harm_due(run, now_ms - start_ms);
        heal_due(run, now_ms);
        if (now_ms >= look_ms) {
            run->ended = world_look_after(run->world);
            look_ms = now_ms + LOOK_MS;
        }
        outside_turn(run->outside, TURN_MS);
    }
    heal_due(run, INT64_MAX);
    if (run->plan.options.bus != CHAOS_EMULATOR)
        return;
    /* It goes on handing messages to streams whose clients were killed, ten seconds each, until it ends. */
    harm(run, &(struct planned_fault){.fault = CHAOS_KILL_EMULATOR});
    heal_due(run, INT64_MAX);
}

static bool is_calm(struct run *run) {
    run->ended = world_look_after(run->world);
    checker_judge(run->checker, &run->verdict);
    return run->verdict.lost == 0 && outside_is_idle(run->outside);
}

/* Runs for so long, looking now and then; until calm, where asked for. */
static void go_on(struct run *run, int64_t duration_ms, bool until_calm) {
    int64_t end_ms = outside_now_ms() + duration_ms, look_ms = 0;
    while (outside_now_ms() < end_ms) {
        outside_turn(run->outside, TURN_MS);
        if (!until_calm || outside_now_ms() < look_ms)
            continue;
        if (is_calm(run))
            return;
        look_ms = outside_now_ms() + LOOK_MS;
    }
}

/* --- The report ----------------------------------------------------------------------------------------- */

static void report(const struct run *run) {
    const struct chaos_verdict *verdict = &run->verdict;
    size_t faults = 0;
    for (int f = 0; f < CHAOS_FAULT_COUNT; f++)
        faults += run->done[f];
    printf("events fed   %zu (published %zu times)\n", verdict->fed, outside_published(run->outside));
    printf("dates        %zu\n", verdict->dates);
    printf("needs        %s\n", run->plan.options.seed % 2 ? "of upstream only" : "as nba has them");
    printf("triggers     %zu\n", verdict->triggers);
    printf("repeats      %zu (%zu of them by a deadline)\n", verdict->repeats, verdict->retriggered);
    printf("faults       %zu\n", faults);
    for (int f = 0; f < CHAOS_FAULT_COUNT; f++)
        if (run->done[f] > 0)
            printf("  %4zu %s\n", run->done[f], chaos_fault_words((enum chaos_fault)f));
    printf("lost         %zu\ndoubled      %zu\nmisordered   %zu\npartial      %zu\n", verdict->lost,
        verdict->doubled, verdict->misordered, verdict->partial);
    for (size_t i = 0; i < verdict->example_count; i++)
        printf("  %s\n", verdict->examples[i]);
    if (outside_broken(run->outside) > 0)
        printf("messages that were no triggers: %zu\n", outside_broken(run->outside));
    if (run->ended > 0)
        printf("replicas that ended badly: %zu\n", run->ended);
}

static bool is_good(const struct run *run) {
    const struct chaos_verdict *verdict = &run->verdict;
    return verdict->lost + verdict->doubled + verdict->misordered + verdict->partial == 0
        && outside_broken(run->outside) == 0 && run->ended == 0 && verdict->triggers > 0;
}

static void open_run(struct run *run, const struct arguments *arguments) {
    struct plan_options options = arguments->plan;
    plan_make(&run->plan, options);
    run->checker =
        checker_new(&run->plan.made.pipeline, options.bus == CHAOS_EMULATOR ? WORLD_GROUP_DEADLINE_MS : 0);
    if (!run->checker)
        fail_msg("out of memory");
    if (arguments->trace && !(run->trace = fopen(arguments->trace, "we")))
        fail_msg("%s: %s", arguments->trace, strerror(errno));
    run->world = world_open((struct world_options){.binary = arguments->binary,
        .pipeline = &run->plan.made.pipeline,
        .form = options.form,
        .bus = options.bus,
        .durability = arguments->durability,
        .trace = run->trace});
    run->outside = outside_open((struct outside_options){.plan = &run->plan,
        .checker = run->checker,
        .pubsub = world_pubsub(run->world),
        .redis = world_redis(run->world),
        .trace = run->trace});
}

static void close_run(struct run *run) {
    outside_close(&run->outside);
    world_close(&run->world);
    checker_free(&run->checker);
    plan_free(&run->plan);
    if (run->trace)
        fclose(run->trace);
}

int main(int argc, char **argv) {
    struct arguments arguments = {.binary = PHASEGATE_BINARY,
        .durability = -1,
        .plan = {.seed = uv_hrtime() % 1000000, .seconds = 600, .form = CHAOS_SINGLE, .bus = CHAOS_FAKE}};
    struct run run = {0};
    if (!read_arguments(argc, argv, &arguments)) {
        fprintf(stderr,
            "usage: chaos [--seconds N] [--seed S] [--form single|sentinel|cluster] "
            "[--bus emulator|fake|streams] [--faults all|store] [--durability N] [--binary FILE] [--trace "
            "FILE]\n"
            "seconds: 10 or more; streams: in the form single only; durability: how many of Redis' replicas\n"
            "an ack waits for; binary: another phasegate; trace: what was fed, came and was broken, and "
            "when\n");
        return EXIT_USAGE;
    }
    signal(SIGPIPE, SIG_IGN);
    setvbuf(stdout, NULL, _IOLBF, 0);
    printf("seed         %" PRIu64 "\n", arguments.plan.seed);
    open_run(&run, &arguments);
    stir(&run);
    go_on(&run, patient_ms(CALM_MS), true);
    go_on(&run, QUIET_MS, false);
    is_calm(&run);
    run.ended += world_stop(run.world);
    report(&run);
    bool good = is_good(&run);
    close_run(&run);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
