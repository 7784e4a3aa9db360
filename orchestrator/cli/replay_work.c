#include "cli/replay_work.h"

#include "base/clock.h"

enum {
    WINDOW = 128,       /* calls under way at once */
    SILENCE_MS = 10000, /* without any answer: the store is away */
};

/* --- Planning ------------------------------------------------------------------------------------------- */

static enum replay_outcome outcome_of_plan(const struct replay_work *work, const struct replay_plan *plan) {
    if (plan->what == REPLAYED_NOTHING)
        return OUTCOME_NOTHING;
    return plan->at_work && !work->running ? OUTCOME_LEFT_ALONE : OUTCOME_PLANNED;
}

struct result replay_work_plan(struct replay_work *work, const struct date_state *states, size_t count,
    const struct replay_outbox *outbox) {
    struct replay_item *items = arena_alloc(work->arena, (count + 1) * sizeof *items);
    if (!items)
        return fail(CODE_INTERNAL, "out of memory");
    for (size_t i = 0; i < count; i++) {
        const struct replay_plan plan =
            replay_plan_of(work->pipeline, &states[i], outbox, &work->request, work->now_ms);
        items[i] = (struct replay_item){.plan = plan,
            .outcome = outcome_of_plan(work, &plan),
            .group = plan.group,
            .run = plan.run,
            .due = plan.due};
    }
    work->items = items;
    work->count = count;
    return ok();
}

size_t replay_work_count(const struct replay_work *work, enum replay_outcome outcome) {
    size_t count = 0;
    for (size_t i = 0; i < work->count; i++)
        count += work->items[i].outcome == outcome;
    return count;
}

/* --- Doing ---------------------------------------------------------------------------------------------- */

/* In the work's arena: the store calls back for what is under way until the session is closed. */
struct sending {
    struct replay_work *work;
    struct store *store;
    size_t under_way;
    bool answered;         /* something was, since it was last looked at */
    struct result failure; /* the first */
};

struct sent {
    struct sending *sending;
    struct replay_item *item;
};

static void take_answer(struct replay_item *item, const struct replayed *replayed) {
    static const enum replay_outcome outcomes[] = {
        [REPLAYED_NOTHING] = OUTCOME_NOTHING,
        [REPLAYED_TRIGGER] = OUTCOME_TRIGGERED,
        [REPLAYED_START] = OUTCOME_STARTED,
        [REPLAYED_RUN] = OUTCOME_RUN,
    };
    item->outcome = outcomes[replayed->what];
    item->group = replayed->group;
    item->run = replayed->run;
    item->due = replayed->outbox_field != NULL;
}

static void take_failure(struct sending *sending, struct replay_item *item, struct result result) {
    char date[DATE_TEXT_MAX];
    if (result.code != CODE_UNAVAILABLE) {
        item->outcome = OUTCOME_FAILED;
        item->error = arena_strdup(sending->work->arena, result.text);
        result = fail_within(result, "%s", date_format(item->plan.state->date, date));
    }
    if (is_ok(sending->failure) || result.code == CODE_UNAVAILABLE)
        sending->failure = result;
}

static void on_replayed(void *context, struct result result, const struct replayed *replayed) {
    const struct sent *sent = context;
    struct sending *sending = sent->sending;
    sending->under_way--;
    sending->answered = true;
    if (is_ok(result))
        take_answer(sent->item, replayed);
    else
        take_failure(sending, sent->item, result);
}

static void send_item(struct sending *sending, struct replay_item *item) {
    struct replay_work *work = sending->work;
    struct sent *sent = arena_alloc(work->arena, sizeof *sent);
    struct clock clock = clock_system();
    if (!sent) {
        sending->failure = fail(CODE_UNAVAILABLE, "out of memory");
        return;
    }
    *sent = (struct sent){sending, item};
    item->outcome = OUTCOME_UNANSWERED;
    sending->under_way++;
    store_replay(sending->store, work->pipeline, item->plan.state->date, work->request.replay,
        work->request.from_group, clock_now_ms(&clock), on_replayed, sent);
}

static bool is_away(const struct sending *sending) {
    return sending->failure.code == CODE_UNAVAILABLE;
}

static void wait_for_answers(struct sending *sending, struct session *session) {
    sending->answered = false;
    if (!session_run(session, &sending->answered, SILENCE_MS))
        sending->failure = fail(CODE_UNAVAILABLE, "the store did not answer within %d s", SILENCE_MS / 1000);
}

struct result replay_work_do(struct replay_work *work, struct session *session) {
    struct sending *sending = arena_alloc(work->arena, sizeof *sending);
    if (!sending)
        return fail(CODE_INTERNAL, "out of memory");
    *sending = (struct sending){.work = work};
    if (replay_work_count(work, OUTCOME_PLANNED) == 0)
        return ok();
    struct result r = session_store(session, &sending->store);
    if (!is_ok(r))
        return r;
    for (size_t i = 0; i < work->count && !is_away(sending); i++) {
        if (work->items[i].outcome != OUTCOME_PLANNED)
            continue;
        send_item(sending, &work->items[i]);
        while (!is_away(sending) && sending->under_way >= WINDOW)
            wait_for_answers(sending, session);
    }
    while (!is_away(sending) && sending->under_way > 0)
        wait_for_answers(sending, session);
    return sending->failure;
}
