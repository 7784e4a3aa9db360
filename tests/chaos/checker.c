#include "chaos/checker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A growing array; its elements are never moved apart but by sorting. */
struct list {
    void *items;
    size_t count, room;
};

struct excuse {
    int64_t from_ms, until_ms;
};

struct checker {
    const struct pipeline *pipeline;
    int64_t deadline_ms;
    struct list fed, came, excuses;
};

/* All there is of one date, in order of time. */
struct day {
    const struct checker *checker;
    struct chaos_verdict *verdict;
    game_date date;
    const struct fed *fed;
    size_t fed_count;
    const struct came *came;
    size_t came_count;
};

static bool append(struct list *list, const void *item, size_t size) {
    if (list->count == list->room) {
        size_t room = list->room > 0 ? 2 * list->room : 1024;
        void *items = realloc(list->items, room * size);
        if (!items)
            return false;
        list->items = items;
        list->room = room;
    }
    memcpy((char *)list->items + list->count++ * size, item, size);
    return true;
}

static int by_date_and_time(game_date a, int64_t a_ms, game_date b, int64_t b_ms) {
    if (a != b)
        return a < b ? -1 : 1;
    return a_ms < b_ms ? -1 : a_ms > b_ms;
}

static int compare_fed(const void *left, const void *right) {
    const struct fed *a = left, *b = right;
    return by_date_and_time(a->date, a->at_ms, b->date, b->at_ms);
}

static int compare_came(const void *left, const void *right) {
    const struct came *a = left, *b = right;
    return by_date_and_time(a->date, a->at_ms, b->date, b->at_ms);
}

/* --- Faults found --------------------------------------------------------------------------------------- */

static void found(struct day *day, size_t *count, int group, int run, const char *what) {
    struct chaos_verdict *verdict = day->verdict;
    char date[DATE_TEXT_MAX];
    ++*count;
    if (verdict->example_count < VERDICT_EXAMPLES_MAX)
        snprintf(verdict->examples[verdict->example_count++], VERDICT_TEXT_MAX, "%s/%s/g%d/r%d: %s",
            day->checker->pipeline->name, date_format(day->date, date), group, run, what);
}

/* --- What was fed --------------------------------------------------------------------------------------- */

/* Was a satisfying completion of the processor, for this run (0: upstream), fed by then? */
static bool satisfied_by(const struct day *day, int processor, int run, int64_t by_ms) {
    for (size_t i = 0; i < day->fed_count && day->fed[i].at_ms <= by_ms; i++)
        if (day->fed[i].processor == processor && day->fed[i].run == run && day->fed[i].satisfies)
            return true;
    return false;
}

static bool all_satisfied_by(const struct day *day, processor_set set, int run, int64_t by_ms) {
    const struct pipeline *pipeline = day->checker->pipeline;
    for (int p = 0; p < pipeline->processor_count; p++) {
        int of_run = pipeline->processors[p].group == 0 ? 0 : run;
        if (set >> p & 1 && !satisfied_by(day, p, of_run, by_ms))
            return false;
    }
    return true;
}

/* The newest by its own timestamp, which speaks for its processor in the end; NULL when none was fed. */
static const struct fed *newest(const struct day *day, int processor, int run) {
    const struct fed *best = NULL;
    for (size_t i = 0; i < day->fed_count; i++) {
        const struct fed *fed = &day->fed[i];
        if (fed->processor == processor && fed->run == run
            && (!best || fed->timestamp_ms > best->timestamp_ms))
            best = fed;
    }
    return best;
}

/* Does each processor of the set end well? */
static bool all_end_well(const struct day *day, processor_set set, int run) {
    const struct pipeline *pipeline = day->checker->pipeline;
    for (int p = 0; p < pipeline->processor_count; p++) {
        const struct fed *last = set >> p & 1 ? newest(day, p, run) : NULL;
        if (set >> p & 1 && !(last && last->satisfies))
            return false;
    }
    return true;
}

/* May it be a re-run: does it come, by its own timestamp, after one that satisfied? */
static bool may_rerun(const struct day *day, const struct fed *fed) {
    for (size_t i = 0; i < day->fed_count && fed->run == 0; i++) {
        const struct fed *other = &day->fed[i];
        if (other->processor == fed->processor && other->run == 0 && other->satisfies
            && other->timestamp_ms < fed->timestamp_ms)
            return true;
    }
    return false;
}

/* --- What came ------------------------------------------------------------------------------------------ */

static const struct came *first_of(const struct day *day, int group, int run) {
    for (size_t i = 0; i < day->came_count; i++)
        if (day->came[i].group == group && day->came[i].run == run)
            return &day->came[i];
    return NULL;
}

static bool came_before(const struct day *day, int group, int64_t before_ms) {
    for (size_t i = 0; i < day->came_count && day->came[i].at_ms < before_ms; i++)
        if (day->came[i].group == group)
            return true;
    return false;
}

/* For the first time in its run: a repeat starts nothing. */
static bool came_since(const struct day *day, int group, int64_t since_ms) {
    for (size_t i = 0; i < day->came_count; i++) {
        const struct came *came = &day->came[i];
        if (came->group == group && came->at_ms >= since_ms && first_of(day, group, came->run) == came)
            return true;
    }
    return false;
}

static int last_run(const struct day *day) {
    int run = 0;
    for (size_t i = 0; i < day->came_count; i++)
        run = day->came[i].run > run ? day->came[i].run : run;
    return run;
}

static bool came_as_this_message(const struct day *day, const struct came *came) {
    for (const struct came *other = day->came; other < came; other++)
        if (other->message == came->message)
            return true;
    return false;
}

/* --- Judging one trigger -------------------------------------------------------------------------------- */

static bool is_excused(const struct checker *checker, int64_t first_ms, int64_t again_ms) {
    const struct excuse *excuses = checker->excuses.items;
    for (size_t i = 0; i < checker->excuses.count; i++)
        if (excuses[i].from_ms <= again_ms && excuses[i].until_ms >= first_ms)
            return true;
    return false;
}

/* The one before this of the same trigger. */
static const struct came *previous(const struct day *day, const struct came *again) {
    const struct came *came = again - 1;
    while (came > day->came && (came->group != again->group || came->run != again->run))
        came--;
    return came;
}

static bool is_due(const struct day *day, const struct came *again) {
    int64_t deadline_ms = day->checker->deadline_ms;
    return deadline_ms > 0 && again->at_ms - previous(day, again)->at_ms >= deadline_ms;
}

static void judge_repeat(struct day *day, const struct came *first, const struct came *again) {
    struct chaos_verdict *verdict = day->verdict;
    if (again->decision != first->decision)
        found(day, &verdict->doubled, again->group, again->run, "two decisions under one id");
    else if (is_excused(day->checker, first->at_ms, again->at_ms))
        verdict->repeats++;
    else if (is_due(day, again))
        verdict->repeats++, verdict->retriggered++;
    else
        found(day, &verdict->doubled, again->group, again->run, "published again, and no fault excuses it");
}

static void judge_needs(struct day *day, const struct came *came) {
    const struct group *group = &day->checker->pipeline->groups[came->group - 1];
    if (!all_satisfied_by(day, group->needs, came->run, came->at_ms))
        found(day, &day->verdict->partial, came->group, came->run, "came before its needs were satisfied");
}

static void judge_order(struct day *day, const struct came *came) {
    const struct came *before = came->group > 1 ? first_of(day, came->group - 1, came->run) : NULL;
    if (came->group == 1)
        return;
    processor_set members = day->checker->pipeline->groups[came->group - 2].members;
    if (!before || before->at_ms > came->at_ms)
        found(day, &day->verdict->misordered, came->group, came->run,
            "came before the trigger of the group before it");
    else if (!all_satisfied_by(day, members, came->run, came->at_ms))
        found(day, &day->verdict->misordered, came->group, came->run,
            "came before the group before it was answered");
}

/* Each run after the first takes a re-run of its own. */
static void judge_run(struct day *day, const struct came *came) {
    int reruns = 0;
    for (size_t i = 0; i < day->fed_count && day->fed[i].at_ms <= came->at_ms; i++)
        reruns += may_rerun(day, &day->fed[i]) ? 1 : 0;
    if (came->run < 1 || came->run > 1 + reruns)
        found(day, &day->verdict->doubled, came->group, came->run, "nothing justifies this run");
}

static void judge_came(struct day *day, const struct came *came) {
    if (came_as_this_message(day, came))
        return;
    const struct came *first = first_of(day, came->group, came->run);
    if (first != came) {
        judge_repeat(day, first, came);
        return;
    }
    day->verdict->triggers++;
    judge_needs(day, came);
    judge_order(day, came);
    judge_run(day, came);
}

/* --- Judging what did not come -------------------------------------------------------------------------- */

static void judge_chain(struct day *day) {
    const struct pipeline *pipeline = day->checker->pipeline;
    int run = last_run(day) > 0 ? last_run(day) : 1;
    if (!all_end_well(day, pipeline->upstream, 0))
        return; /* nothing more has to come */
    for (int g = 1; g <= pipeline->group_count; g++) {
        if (g > 1 && !all_end_well(day, pipeline->groups[g - 2].members, run))
            return;
        if (!first_of(day, g, run)) {
            found(day, &day->verdict->lost, g, run, "never came, though its needs are satisfied");
            return;
        }
    }
}

/* A re-run that satisfies, of a date that was under way, starts it again. */
static void judge_reruns(struct day *day) {
    if (!all_end_well(day, day->checker->pipeline->upstream, 0))
        return;
    for (size_t i = 0; i < day->fed_count; i++) {
        const struct fed *fed = &day->fed[i];
        if (fed->run == 0 && may_rerun(day, fed) && newest(day, fed->processor, 0) == fed
            && came_before(day, 1, fed->at_ms) && !came_since(day, 1, fed->at_ms)) {
            found(day, &day->verdict->lost, 1, last_run(day) + 1, "never came, though its date was re-run");
            return;
        }
    }
}

static void judge_day(struct day *day) {
    day->verdict->dates += day->fed_count > 0 ? 1 : 0;
    for (size_t i = 0; i < day->came_count; i++)
        judge_came(day, &day->came[i]);
    judge_chain(day);
    judge_reruns(day);
}

void checker_judge(struct checker *checker, struct chaos_verdict *verdict) {
    const struct fed *fed = checker->fed.items;
    const struct came *came = checker->came.items;
    size_t f = 0, c = 0;
    *verdict = (struct chaos_verdict){.fed = checker->fed.count};
    if (fed)
        qsort(checker->fed.items, checker->fed.count, sizeof *fed, compare_fed);
    if (came)
        qsort(checker->came.items, checker->came.count, sizeof *came, compare_came);
    while (f < checker->fed.count || c < checker->came.count) {
        bool from_fed = f < checker->fed.count && (c == checker->came.count || fed[f].date <= came[c].date);
        struct day day = {.checker = checker,
            .verdict = verdict,
            .date = from_fed ? fed[f].date : came[c].date,
            .fed = fed ? fed + f : NULL,
            .came = came ? came + c : NULL};
        for (; f < checker->fed.count && fed[f].date == day.date; f++)
            day.fed_count++;
        for (; c < checker->came.count && came[c].date == day.date; c++)
            day.came_count++;
        judge_day(&day);
    }
}

/* --- Life ----------------------------------------------------------------------------------------------- */

struct checker *checker_new(const struct pipeline *pipeline, int64_t deadline_ms) {
    struct checker *checker = calloc(1, sizeof *checker);
    if (checker)
        *checker = (struct checker){.pipeline = pipeline, .deadline_ms = deadline_ms};
    return checker;
}

bool checker_feed(struct checker *checker, const struct fed *fed) {
    return append(&checker->fed, fed, sizeof *fed);
}

bool checker_take(struct checker *checker, const struct came *came) {
    return append(&checker->came, came, sizeof *came);
}

bool checker_excuse(struct checker *checker, int64_t from_ms, int64_t until_ms) {
    const struct excuse excuse = {from_ms, until_ms};
    return append(&checker->excuses, &excuse, sizeof excuse);
}

void checker_free(struct checker **checker) {
    if (!*checker)
        return;
    free((*checker)->fed.items);
    free((*checker)->came.items);
    free((*checker)->excuses.items);
    free(*checker);
    *checker = NULL;
}
