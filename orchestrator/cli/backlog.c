#include "cli/backlog.h"

#include "base/clock.h"
#include "bus/bus.h"
#include "state/rebuild.h"
#include "state/replicas.h"

#include <string.h>

enum {
    LOOK_EVERY_MS = 200,
    PROMPT_MS = 1000, /* an answer of the bus that takes longer is no sign of quiet */
    FIRST_QUIET = 4,  /* times the quiet time, before anything came: the bus takes its time to move */
    STUCK_MS = 300000,
    UNSAID_EVERY_MS = 1000, /* how often a bus is asked that does not say what is left */
    REPLICAS_BYTES_MAX = 4 << 20,
};

/* One question to the bus about all subscriptions; in the arena, since it may be answered when nobody waits
 * any more. */
struct question {
    struct bus_backlog *backlogs;
    int open;
    bool answered;
    struct result result; /* the first failure */
};

struct receiving {
    struct session *session;
    struct bus *bus;
    const struct pipeline *pipeline;
    struct question *question;
    struct arena *replicas; /* for what they say, emptied each time */
    int64_t asked_ms;
    int64_t quiet_since_ms, moved_ms; /* since when nothing has come, and when it last became less */
    int64_t quiet_ms;                 /* for how long of that a replica is known to have been receiving */
    int64_t kept_ms, waiting;         /* as last seen */
    bool known, all;                  /* does the bus say what is left; and is that nothing? */
    bool away;                        /* the bus did not answer, or not in time */
    bool received;                    /* does a replica receive, as far as was heard? */
    bool coming;                      /* something has come */
};

static int64_t now_ms(void) {
    struct clock clock = clock_system();
    return clock_now_ms(&clock);
}

/* --- What the bus says ---------------------------------------------------------------------------------- */

static void on_looked(void *context, struct result result) {
    struct question *question = context;
    if (is_ok(question->result))
        question->result = result;
    question->answered = --question->open == 0;
}

static void ask(struct receiving *backlog) {
    struct question *question = backlog->question;
    int count = backlog->pipeline->completion_count;
    question->open = count;
    question->answered = false;
    question->result = ok();
    backlog->asked_ms = now_ms();
    for (int i = 0; i < count; i++)
        bus_look(
            backlog->bus, &backlog->pipeline->completions[i], &question->backlogs[i], on_looked, question);
}

/* What cannot pass is a failure; what can is no quiet. */
static struct result take_answer(struct receiving *backlog) {
    const struct question *question = backlog->question;
    backlog->away = !is_ok(question->result) || now_ms() - backlog->asked_ms > PROMPT_MS;
    backlog->known = backlog->all = false;
    if (!is_ok(question->result))
        return question->result.retryable ? ok() : question->result;
    backlog->known = backlog->all = true;
    for (int i = 0; i < backlog->pipeline->completion_count; i++) {
        backlog->known &= question->backlogs[i].left != BACKLOG_UNKNOWN;
        backlog->all &= question->backlogs[i].left == BACKLOG_NONE;
    }
    return ok();
}

static struct result look_at_bus(struct receiving *backlog) {
    struct question *question = backlog->question;
    if (question->open == 0 && !backlog->known && now_ms() - backlog->asked_ms < UNSAID_EVERY_MS)
        return ok();
    if (question->open == 0)
        ask(backlog);
    if (session_run(backlog->session, &question->answered, PROMPT_MS))
        return take_answer(backlog);
    backlog->away = true;
    backlog->all = false;
    return ok();
}

/* --- What the daemons have kept ------------------------------------------------------------------------- */

static struct result look_at_kept(struct receiving *backlog, const struct rebuild_state *state) {
    if (state->waiting >= REBUILD_MESSAGES_MAX)
        return fail(CODE_LIMIT,
            "more than %d messages were published since then; what has come is taken by giving this "
            "command again, with a later --seek",
            REBUILD_MESSAGES_MAX);
    bool came =
        state->last_kept_ms != backlog->kept_ms || (state->waiting != backlog->waiting && !backlog->waiting);
    if (came || backlog->away)
        backlog->quiet_since_ms = now_ms();
    backlog->coming |= came;
    if (state->waiting != backlog->waiting)
        backlog->moved_ms = now_ms();
    backlog->kept_ms = state->last_kept_ms;
    backlog->waiting = state->waiting;
    return ok();
}

/* --- What the daemons say ------------------------------------------------------------------------------- */

static int64_t receiving_ms(const struct replica_report *replica, const struct pipeline *pipeline) {
    for (size_t i = 0; i < replica->receiving_count; i++)
        if (strcmp(replica->receiving[i].pipeline, pipeline->name) == 0)
            return replica->receiving[i].for_ms;
    return 0;
}

/*
 * After an outage each stream of each daemon comes back in its own time, up to a minute after the bus. So
 * quiet is only what a replica has spent receiving from all subscriptions, by its own word: silence until its
 * last heartbeat counts, what comes after it does not yet. Clocks that differ shift that by as much.
 */
static struct result look_at_replicas(struct receiving *backlog, struct reader *reader) {
    struct replica_report *replicas;
    size_t count = 0;
    arena_reset(backlog->replicas);
    struct result r = reader_replicas(reader, backlog->replicas, &replicas, &count);
    backlog->quiet_ms = 0;
    backlog->received = false;
    for (size_t i = 0; i < count && is_ok(r); i++) {
        int64_t quiet_ms = replicas[i].seen_ms - backlog->quiet_since_ms;
        int64_t for_ms = receiving_ms(&replicas[i], backlog->pipeline);
        backlog->received |= for_ms > 0;
        quiet_ms = quiet_ms < for_ms ? quiet_ms : for_ms;
        if (quiet_ms > backlog->quiet_ms)
            backlog->quiet_ms = quiet_ms;
    }
    return r;
}

/* --- The end -------------------------------------------------------------------------------------------- */

static bool is_over(const struct receiving *backlog, int64_t quiet_ms) {
    if (backlog->known)
        return backlog->all;
    return backlog->quiet_ms >= quiet_ms * (backlog->coming ? 1 : FIRST_QUIET);
}

static const char *what_keeps_it(const struct receiving *backlog) {
    return backlog->away ? "the bus does not answer"
        : backlog->known || backlog->received
        ? "there is more on the bus"
        : "no `phasegate serve` receives from all of the pipeline's subscriptions";
}

static struct result check_moving(const struct receiving *backlog, int64_t quiet_ms) {
    if (now_ms() - backlog->moved_ms < STUCK_MS + quiet_ms * FIRST_QUIET)
        return ok();
    return fail(CODE_UNAVAILABLE,
        "nothing has come for %d minutes, and %s; is the bus there, and `phasegate serve` at work?",
        STUCK_MS / 60000, what_keeps_it(backlog));
}

static struct result await(
    struct receiving *backlog, struct reader *reader, int64_t quiet_ms, struct rebuild_state *state) {
    static const bool never = false;
    struct result r = ok();
    while (is_ok(r) && !is_over(backlog, quiet_ms)) {
        session_run(backlog->session, &never, LOOK_EVERY_MS);
        r = look_at_bus(backlog);
        if (is_ok(r))
            r = reader_rebuild(reader, backlog->pipeline, state);
        if (is_ok(r))
            r = look_at_kept(backlog, state);
        if (is_ok(r) && !backlog->known)
            r = look_at_replicas(backlog, reader);
        if (is_ok(r))
            r = check_moving(backlog, quiet_ms);
    }
    return r;
}

struct result backlog_await(struct session *session, struct reader *reader, const struct rebuild *rebuild) {
    struct arena *arena = rebuild->lookup->setup.arena;
    struct rebuild_state *state = arena_alloc(arena, sizeof *state);
    struct question *question = arena_alloc(arena, sizeof *question);
    size_t count = (size_t)rebuild->lookup->pipeline->completion_count;
    struct bus_backlog *backlogs = arena_alloc(arena, count * sizeof *backlogs);
    struct receiving backlog = {.session = session,
        .pipeline = rebuild->lookup->pipeline,
        .question = question,
        .replicas = arena_new(REPLICAS_BYTES_MAX),
        .quiet_since_ms = now_ms(),
        .moved_ms = now_ms()};
    if (!state || !question || !backlogs || !backlog.replicas) {
        arena_free(&backlog.replicas);
        return fail(CODE_LIMIT, "out of memory");
    }
    for (size_t i = 0; i < count; i++)
        backlogs[i] = (struct bus_backlog){.left = BACKLOG_UNKNOWN};
    *question = (struct question){.backlogs = backlogs, .result = ok()};
    struct result r = session_bus(session, &backlog.bus);
    if (is_ok(r))
        r = await(&backlog, reader, rebuild->quiet_ms, state);
    arena_free(&backlog.replicas);
    return r;
}
