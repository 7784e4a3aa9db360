#include "cli/rebuild.h"

#include "base/clock.h"
#include "bus/streams_past.h"
#include "cli/backlog.h"
#include "cli/dates.h"
#include "cli/rebuild_window.h"
#include "core/completion.h"
#include "state/months.h"
#include "state/rebuild.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LOOK_EVERY_MS = 200,
    REPLICA_WAIT_MS = 25000,   /* at most, for who is there */
    REPLICA_SILENT_MS = 15000, /* three sweeps: who has not raised the epoch for so long is not */
    PAGE = 200,
    PAGE_BYTES_MAX = 512 << 20,
    EVENT_BYTES_MAX = 8 * COMPLETION_BYTES_MAX,
    SENT_MAX = 1000000,
};

/* In one place while it runs. */
struct work {
    struct rebuild *rebuild;
    const struct pipeline *pipeline;
    struct reader *reader;
    struct session *session;
    struct store *store;
    struct game_calendar *calendar;
    struct window window;
    struct arena *page;  /* of the messages */
    struct arena *event; /* of one completion */
    size_t next_sent;    /* triggers before it were told to the store */
    int64_t since_ms;    /* when the rebuild began */
    struct months months;
    bool ended;
};

static int64_t now_ms(void) {
    struct clock clock = clock_system();
    return clock_now_ms(&clock);
}

static void wait_a_little(struct work *work) {
    static const bool never = false;
    session_run(work->session, &never, LOOK_EVERY_MS);
}

/* --- The daemons learn of it ---------------------------------------------------------------------------- */

static void on_begun(void *context, struct result result, int64_t since_ms) {
    struct work *work = context;
    work->since_ms = since_ms;
    window_answered(&work->window, result);
}

static struct result begin(struct work *work) {
    if (window_room(&work->window))
        store_rebuild_begin(
            work->store, work->pipeline, now_ms(), work->rebuild->seek->time_ms, on_begun, work);
    return window_finish(&work->window);
}

static const struct replica_raises *find_replica(const struct rebuild_state *state, const char *name) {
    for (size_t i = 0; i < state->replica_count; i++)
        if (strcmp(state->replicas[i].name, name) == 0)
            return &state->replicas[i];
    return NULL;
}

static int64_t newest_raise(const struct rebuild_state *state) {
    int64_t newest = 0;
    for (size_t i = 0; i < state->replica_count; i++)
        newest = state->replicas[i].at_ms > newest ? state->replicas[i].at_ms : newest;
    return newest;
}

/* The replicas that know, and how many of those that are there do not yet: the first raise after the
 * beginning tells one of it, the second shows that it heard. */
static void count_replicas(const struct rebuild_state *first, const struct rebuild_state *now,
    int64_t waited_ms, size_t *know, size_t *missing) {
    int64_t recent_ms = newest_raise(now) - REPLICA_SILENT_MS;
    *know = *missing = 0;
    for (size_t i = 0; i < now->replica_count; i++) {
        const struct replica_raises *replica = &now->replicas[i];
        const struct replica_raises *before = find_replica(first, replica->name);
        int64_t raises = replica->count - (before ? before->count : 0);
        if (raises >= 2)
            ++*know;
        else if (raises > 0 || (replica->at_ms >= recent_ms && waited_ms < REPLICA_SILENT_MS))
            ++*missing;
    }
}

static struct result await_replicas(struct work *work) {
    struct rebuild_state *states = arena_alloc(work->rebuild->lookup->setup.arena, 2 * sizeof *states);
    int64_t begun_ms = now_ms(), waited_ms = 0;
    size_t know = 0, missing = 1;
    if (!states)
        return fail(CODE_LIMIT, "out of memory");
    struct result r = reader_rebuild(work->reader, work->pipeline, &states[0]);
    while (is_ok(r) && waited_ms < REPLICA_WAIT_MS
        && (missing > 0 || (know == 0 && waited_ms < REPLICA_SILENT_MS))) {
        wait_a_little(work);
        waited_ms = now_ms() - begun_ms;
        r = reader_rebuild(work->reader, work->pipeline, &states[1]);
        if (is_ok(r))
            count_replicas(&states[0], &states[1], waited_ms, &know, &missing);
    }
    work->rebuild->replicas = know;
    if (is_ok(r) && know == 0)
        return fail(CODE_UNAVAILABLE,
            "no `phasegate serve` is at work on this store, and one has to receive the messages; start it, "
            "and "
            "give this command again");
    return r;
}

/* --- Which triggers were sent --------------------------------------------------------------------------- */

struct sent_list {
    struct work *work;
    size_t room;
};

static struct result add_sent(void *context, const struct message *message) {
    struct sent_list *list = context;
    struct rebuild *rebuild = list->work->rebuild;
    const char *id = message_attribute(message, "trigger_id");
    struct sent_trigger sent = {.published_ms = message->published_ms};
    if (!id || !trigger_parse_id(list->work->pipeline, id, &sent.trigger))
        return ok();
    snprintf(sent.message_id, sizeof sent.message_id, "%s", message->id);
    if (rebuild->sent_count == list->room) {
        size_t room = list->room > 0 ? 2 * list->room : 1024;
        struct sent_trigger *more = room <= SENT_MAX ? realloc(rebuild->sent, room * sizeof *more) : NULL;
        if (!more)
            return fail(CODE_LIMIT, "there are too many triggers to be looked through");
        rebuild->sent = more;
        list->room = room;
    }
    rebuild->sent[rebuild->sent_count++] = sent;
    return ok();
}

static struct result read_sent(struct work *work) {
    struct redis_settings settings;
    struct sent_list list = {.work = work};
    bool on_redis = false;
    struct result r = setup_bus_redis(&work->rebuild->lookup->setup, &settings, &on_redis);
    if (!is_ok(r) || !on_redis)
        return r;
    work->rebuild->knows_triggers = true;
    return streams_past(
        &settings, work->pipeline->triggers.topic, work->rebuild->seek->time_ms, add_sent, &list);
}

struct telling {
    struct work *work;
    struct sent_trigger *sent;
};

static void on_sent(void *context, struct result result, bool has_place) {
    struct telling *telling = context;
    struct work *work = telling->work;
    telling->sent->has_place = has_place;
    free(telling);
    window_answered(&work->window, result);
}

static void tell_sent(struct work *work, struct sent_trigger *sent) {
    struct telling *telling = malloc(sizeof *telling);
    if (!telling || !window_room(&work->window)) {
        if (!telling)
            work->window.failure = fail(CODE_LIMIT, "out of memory");
        free(telling);
        return;
    }
    *telling = (struct telling){work, sent};
    store_rebuild_sent(
        work->store, work->pipeline, &sent->trigger, sent->published_ms, sent->message_id, on_sent, telling);
}

/* Those that were published before then, a moment that is not theirs: what a trigger follows from comes
 * before it at the same moment. */
static void tell_sent_before(struct work *work, int64_t before_ms) {
    const struct rebuild *rebuild = work->rebuild;
    for (; work->next_sent < rebuild->sent_count; work->next_sent++) {
        struct sent_trigger *sent = &rebuild->sent[work->next_sent];
        if (sent->published_ms >= before_ms)
            return;
        tell_sent(work, sent);
    }
}

/* At the end: the rest, then those that had no place when it was their turn. */
static struct result tell_sent_rest(struct work *work) {
    tell_sent_before(work, INT64_MAX);
    struct result r = window_finish(&work->window);
    for (size_t i = 0; i < work->rebuild->sent_count && is_ok(r); i++)
        if (!work->rebuild->sent[i].has_place)
            tell_sent(work, &work->rebuild->sent[i]);
    return is_ok(r) ? window_finish(&work->window) : r;
}

/* --- Taking the messages -------------------------------------------------------------------------------- */

/* One message that is taken; in the page's arena. */
struct taking {
    struct work *work;
    const struct message *message;
};

static void on_quarantined(void *context, struct result result, const struct quarantine_drops *drops) {
    struct work *work = context;
    (void)drops;
    window_answered(&work->window, result);
}

/* What the store refuses for good must not hold up the others. */
static void quarantine(const struct taking *taking, const char *reason) {
    struct work *work = taking->work;
    const struct config_engine *config = config_engine(work->rebuild->lookup->setup.config);
    const struct quarantine_limits limits = {.age_ms = config->quarantine_days * INT64_C(86400000),
        .bytes = config->quarantine_megabytes * INT64_C(1048576)};
    work->rebuild->refused++;
    work->window.under_way++;
    store_quarantine(work->store, work->pipeline, taking->message, work->pipeline->completions[0].topic,
        reason, limits, now_ms(), on_quarantined, work);
}

static void on_applied(void *context, struct result result, const struct applied *applied) {
    const struct taking *taking = context;
    (void)applied;
    if (!is_ok(result) && !result.retryable) {
        quarantine(taking, result.text);
        result = ok();
    }
    window_answered(&taking->work->window, result);
}

static void on_done(void *context, struct result result) {
    struct work *work = context;
    window_answered(&work->window, result);
}

static void take(struct work *work, const struct message *message) {
    struct completion completion;
    struct taking *taking = arena_alloc(work->page, sizeof *taking);
    arena_reset(work->event);
    if (!taking) {
        work->window.failure = fail(CODE_LIMIT, "out of memory");
        return;
    }
    *taking = (struct taking){work, message};
    struct result r =
        completion_decode(work->pipeline, message, message->published_ms, work->event, &completion);
    if (!is_ok(r)) {
        quarantine(taking, r.text);
        return;
    }
    completion.day = game_calendar_day(work->calendar, completion.date);
    if (!window_room(&work->window))
        return;
    store_rebuild_apply(work->store, work->pipeline, &completion, message->published_ms, on_applied, taking);
    if (!months_has(&work->months, work->pipeline, completion.date)) {
        r = window_finish(&work->window);
        months_add(&work->months, work->pipeline, completion.date);
    }
}

static struct result take_page(struct work *work, const struct kept_message *messages, size_t count) {
    for (size_t i = 0; i < count && is_ok(work->window.failure); i++) {
        tell_sent_before(work, messages[i].message.published_ms);
        take(work, &messages[i].message);
    }
    struct result r = window_finish(&work->window);
    for (size_t i = 0; i < count && is_ok(r); i++)
        if (window_room(&work->window))
            store_rebuild_taken(work->store, work->pipeline, &messages[i], on_done, work);
    work->rebuild->messages += is_ok(r) ? count : 0;
    return is_ok(r) ? window_finish(&work->window) : r;
}

static struct result take_all(struct work *work) {
    struct kept_message *messages;
    size_t count = 0;
    struct result r;
    do {
        arena_reset(work->page);
        r = reader_rebuild_messages(work->reader, work->pipeline, PAGE, work->page, &messages, &count);
        if (is_ok(r))
            r = take_page(work, messages, count);
    } while (is_ok(r) && count > 0);
    return r;
}

/* --- What is there now ---------------------------------------------------------------------------------- */

static struct result look(struct work *work) {
    struct rebuild *rebuild = work->rebuild;
    struct arena *arena = rebuild->lookup->setup.arena;
    game_date *dates;
    struct date_state *states;
    struct result r =
        reader_newest(work->reader, work->pipeline, DATES_MAX, arena, &dates, &rebuild->date_count);
    if (is_ok(r))
        r = lookup_dates(rebuild->lookup, dates, rebuild->date_count, &states);
    if (is_ok(r))
        r = reader_outbox(work->reader, work->pipeline, arena, &rebuild->outbox, &rebuild->outbox_count);
    if (!is_ok(r))
        return r;
    rebuild->dates = dates;
    rebuild->states = states;
    return ok();
}

static void give_slot(struct work *work, const struct date_state *state, int group) {
    const struct group_state *is = &state->groups[group - 1];
    const struct trigger trigger = {.date = state->date, .group = group, .run = is->run};
    int64_t until_ms = is->triggered_ms + (int64_t)work->pipeline->group_deadline * 1000;
    if (is->phase != GROUP_TRIGGERED || !is->backfill || until_ms <= now_ms())
        return;
    if (window_room(&work->window))
        store_rebuild_slot(work->store, work->pipeline, &trigger, until_ms, on_done, work);
}

/* Backfill triggers that are in flight have their slots again, so that the cap holds. */
static struct result give_slots(struct work *work) {
    for (size_t i = 0; i < work->rebuild->date_count; i++)
        for (int g = 1; g <= work->pipeline->group_count; g++)
            give_slot(work, &work->rebuild->states[i], g);
    return window_finish(&work->window);
}

static void on_ended(void *context, struct result result, bool ended) {
    struct work *work = context;
    work->ended = ended;
    window_answered(&work->window, result);
}

/* Messages that came meanwhile are taken, too, before it is over. */
static struct result take_and_end(struct work *work) {
    struct result r = ok();
    while (is_ok(r) && !work->ended) {
        r = take_all(work);
        if (is_ok(r))
            r = tell_sent_rest(work);
        if (is_ok(r))
            r = look(work);
        if (is_ok(r))
            r = give_slots(work);
        if (is_ok(r) && window_room(&work->window))
            store_rebuild_end(work->store, work->pipeline, on_ended, work);
        if (is_ok(r))
            r = window_finish(&work->window);
    }
    return r;
}

/* --- All of it ------------------------------------------------------------------------------------------ */

static struct result run(struct work *work) {
    struct rebuild *rebuild = work->rebuild;
    struct result r = begin(work);
    if (is_ok(r))
        r = await_replicas(work);
    if (is_ok(r))
        r = seek_subscriptions(work->session, rebuild->seek, rebuild->lookup->setup.arena);
    if (is_ok(r))
        r = backlog_await(work->session, work->reader, rebuild);
    if (is_ok(r))
        r = read_sent(work);
    if (is_ok(r))
        r = take_and_end(work);
    if (is_ok(r) || !work->since_ms)
        return r;
    return fail_within(r,
        "the rebuild is not over, and holds all triggers of the pipeline until it is; give "
        "the command again");
}

struct result rebuild_run(struct rebuild *rebuild, bool verbose) {
    const struct setup *setup = &rebuild->lookup->setup;
    struct work work = {.rebuild = rebuild,
        .pipeline = rebuild->lookup->pipeline,
        .reader = rebuild->lookup->reader,
        .page = arena_new(PAGE_BYTES_MAX),
        .event = arena_new(EVENT_BYTES_MAX)};
    struct result r = work.page && work.event ? ok() : fail(CODE_LIMIT, "out of memory");
    if (is_ok(r))
        r = setup_calendar(setup, work.pipeline, &work.calendar);
    if (is_ok(r))
        r = session_open(setup, verbose, &work.session);
    if (is_ok(r))
        r = session_store(work.session, &work.store);
    work.window.session = work.session;
    if (is_ok(r))
        r = run(&work);
    session_close(&work.session);
    game_calendar_free(&work.calendar);
    months_clear(&work.months);
    arena_free(&work.page);
    arena_free(&work.event);
    return r;
}

size_t rebuild_sent_groups(const struct rebuild *rebuild) {
    size_t count = 0;
    for (size_t i = 0; i < rebuild->date_count; i++)
        for (int g = 0; g < rebuild->lookup->pipeline->group_count; g++)
            count += rebuild->states[i].groups[g].triggered_ms > 0;
    return count;
}

bool rebuild_lacks_upstream(const struct rebuild *rebuild, const struct date_state *state) {
    const struct pipeline *pipeline = rebuild->lookup->pipeline;
    if (state->groups[0].phase != GROUP_WAITING || date_state_missing(pipeline, state, 1) == 0)
        return false;
    for (int i = 0; i < pipeline->processor_count; i++)
        if (pipeline->processors[i].group > 0 && state->records[i].mark == RECORD_PREMATURE)
            return true;
    return false;
}
