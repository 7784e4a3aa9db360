/*
 * phasegate replay: triggers again what was triggered but never done, starts what should have started, opens
 * new runs; or moves the pipeline's subscriptions back in time.
 */
#include "base/clock.h"
#include "cli/command.h"
#include "cli/dates.h"
#include "cli/json_output.h"
#include "cli/lookup.h"
#include "cli/rebuild.h"
#include "cli/rebuild_window.h"
#include "cli/replay_print.h"
#include "cli/replay_seek.h"
#include "cli/words.h"
#include "state/epoch.h"

#include <inttypes.h>
#include <stdlib.h>

struct replay_fields {
    struct date_options dates;
    int64_t from_group;
    bool rerun;
    bool missed;
    bool running;
    bool dry_run;
    const char *seek;
    bool rebuild;
    int64_t quiet;
    bool accept_loss;
};

#define FIELD(member) offsetof(struct replay_fields, member)

static const struct option_row rows[] = {
    DATE_OPTION_ROWS(struct replay_fields, dates),
    {"from-group", 0, OPTION_COUNT, "N", FIELD(from_group),
        "only group N or a later one; of a new run, its first group"},
    {"rerun", 0, OPTION_FLAG, NULL, FIELD(rerun),
        "open a new run: from the first stale group, from --from-group, or from group 1"},
    {"missed", 0, OPTION_FLAG, NULL, FIELD(missed),
        "what should have been triggered and was not; all dates unless some are named"},
    {"running", 0, OPTION_FLAG, NULL, FIELD(running), "also where a group may still be at work"},
    {"seek", 0, OPTION_TEXT, "TIME", FIELD(seek),
        "receive again what was published since: 2025-12-04T18:20:00Z, 2025-12-04, 6h, 3d"},
    {"rebuild", 0, OPTION_FLAG, NULL, FIELD(rebuild),
        "with --seek, after the store forgot: its state is made anew, without a second trigger"},
    {"quiet", 0, OPTION_COUNT, "SECONDS", FIELD(quiet),
        "with --rebuild over Pub/Sub: all has been received when nothing came for so long (60)"},
    {"accept-loss", 0, OPTION_FLAG, NULL, FIELD(accept_loss),
        "nothing has to be rebuilt: the store's loss counts as settled"},
    {"dry-run", 'n', OPTION_FLAG, NULL, FIELD(dry_run), "print what would be done, and do not"},
    {0},
};

/* --- Dates ---------------------------------------------------------------------------------------------- */

static struct result make_request(
    const struct replay_fields *fields, const struct pipeline *pipeline, struct replay_request *request) {
    if (fields->rerun && fields->missed)
        return fail(
            CODE_INVALID, "--rerun and --missed: a run that was missed is no run to follow; give one");
    if (fields->from_group != COUNT_ABSENT
        && (fields->from_group < 1 || fields->from_group > pipeline->group_count))
        return fail(CODE_INVALID, "--from-group: pipeline %s has groups 1 to %d", pipeline->name,
            pipeline->group_count);
    *request = (struct replay_request){.replay = fields->rerun ? REPLAY_RERUN
            : fields->missed                                   ? REPLAY_MISSED
                                                               : REPLAY_AGAIN,
        .from_group = fields->from_group == COUNT_ABSENT ? 0 : (int)fields->from_group};
    return ok();
}

static struct result choose_dates(const struct invocation *call, struct lookup *lookup,
    const struct replay_request *request, game_date **dates, size_t *count) {
    const struct replay_fields *fields = call->fields;
    struct result r =
        dates_choose(&fields->dates, call->operands, call->operand_count, lookup->setup.arena, dates, count);
    if (!is_ok(r) || *count > 0)
        return r;
    if (request->replay != REPLAY_MISSED)
        return fail(CODE_INVALID,
            "which dates? --dates A,B,C, or --start-date and --end-date; --missed finds them by itself");
    return reader_newest(lookup->reader, lookup->pipeline, DATES_MAX, lookup->setup.arena, dates, count);
}

/* The outbox is read before the dates: a trigger that leaves it in between is then not taken for lost. */
static struct result plan(const struct invocation *call, struct lookup *lookup, struct replay_work *work) {
    struct backfill_state backfill;
    struct replay_outbox outbox;
    struct date_state *states;
    game_date *dates;
    size_t count;
    struct result r = choose_dates(call, lookup, &work->request, &dates, &count);
    if (is_ok(r))
        r = reader_outbox(
            lookup->reader, lookup->pipeline, lookup->setup.arena, &outbox.triggers, &outbox.count);
    if (is_ok(r))
        r = lookup_dates(lookup, dates, count, &states);
    if (is_ok(r))
        r = reader_backfill(lookup->reader, lookup->pipeline, lookup->setup.arena, &backfill);
    if (!is_ok(r))
        return r;
    replay_outbox_sort(&outbox);
    work->paused_ms = backfill.paused_ms;
    return replay_work_plan(work, states, count, &outbox);
}

static struct result print(const struct invocation *call, const struct replay_work *work) {
    if (call->common->json)
        return json_print(replay_json(work), call->out);
    replay_print(work, &call->term, call->out);
    return ok();
}

/* What an operator has to know when the store went away in the midst of it. */
static struct result how_far(const struct replay_work *work, struct result cause) {
    size_t unanswered = replay_work_count(work, OUTCOME_UNANSWERED);
    size_t left = replay_work_count(work, OUTCOME_PLANNED);
    if (cause.code != CODE_UNAVAILABLE || unanswered + left == 0)
        return cause;
    if (work->request.replay == REPLAY_RERUN)
        return fail(CODE_UNAVAILABLE,
            "%s; %zu dates were not sent and %zu not answered: these may have their new run, see `phasegate "
            "status` before you open another",
            cause.text, left, unanswered);
    return fail(CODE_UNAVAILABLE,
        "%s; %zu dates were not sent and %zu not answered: replay them all again, which is harmless",
        cause.text, left, unanswered);
}

static struct result send_planned(
    const struct invocation *call, struct lookup *lookup, struct replay_work *work) {
    struct session *session;
    struct result r = session_open(&lookup->setup, call->common->verbose, &session);
    if (!is_ok(r))
        return r;
    r = how_far(work, replay_work_do(work, session));
    session_close(&session);
    return r;
}

static bool is_yes(const struct replay_work *work) {
    bool found_missed = work->request.replay == REPLAY_MISSED && work->dry_run
        && replay_work_count(work, OUTCOME_PLANNED) > 0;
    return !found_missed && replay_work_count(work, OUTCOME_LEFT_ALONE) == 0;
}

static struct result replay_dates(const struct invocation *call, bool *answer) {
    const struct replay_fields *fields = call->fields;
    struct clock clock = clock_system();
    struct lookup lookup;
    struct result r = lookup_open(call->common, &lookup);
    if (!is_ok(r))
        return r;
    struct replay_work work = {.pipeline = lookup.pipeline,
        .dry_run = fields->dry_run,
        .running = fields->running,
        .now_ms = clock_now_ms(&clock),
        .arena = lookup.setup.arena};
    r = make_request(fields, lookup.pipeline, &work.request);
    if (is_ok(r))
        r = plan(call, &lookup, &work);
    if (is_ok(r)) {
        if (!work.dry_run)
            r = send_planned(call, &lookup, &work);
        struct result printed = print(call, &work);
        *answer = is_yes(&work);
        r = is_ok(r) ? printed : r;
    }
    lookup_close(&lookup);
    return r;
}

/* --- Seek ----------------------------------------------------------------------------------------------- */

static struct result move(const struct invocation *call, const struct setup *setup, struct seek *seek) {
    struct session *session;
    struct result r = session_open(setup, call->common->verbose, &session);
    if (!is_ok(r))
        return r;
    r = seek_subscriptions(session, seek, setup->arena);
    session_close(&session);
    return r;
}

static struct result prepare_seek(
    const struct invocation *call, const struct setup *setup, struct seek *seek) {
    const struct replay_fields *fields = call->fields;
    struct redis_settings settings;
    struct clock clock = clock_system();
    bool on_redis = false;
    *seek = (struct seek){.now_ms = clock_now_ms(&clock), .dry_run = fields->dry_run};
    struct result r = setup_pipeline(setup, &seek->pipeline);
    if (is_ok(r))
        r = fail_within(seek_time_parse(fields->seek, seek->now_ms, &seek->time_ms), "--seek");
    if (is_ok(r))
        r = setup_bus_redis(setup, &settings, &on_redis);
    if (!is_ok(r))
        return r;
    seek->pubsub = !on_redis;
    seek->moves =
        arena_alloc(setup->arena, ((size_t)seek->pipeline->completion_count + 1) * sizeof *seek->moves);
    for (int i = 0; seek->moves && i < seek->pipeline->completion_count; i++)
        seek->moves[i].source = &seek->pipeline->completions[i];
    return seek->moves ? ok() : fail(CODE_INTERNAL, "out of memory");
}

static struct result print_seek(const struct invocation *call, const struct seek *seek) {
    if (call->common->json)
        return json_print(seek_json(seek), call->out);
    seek_print(seek, call->out);
    return ok();
}

static struct result seek_back(const struct invocation *call) {
    struct setup setup;
    struct seek seek;
    struct result r = setup_load(call->common, &setup);
    if (!is_ok(r))
        return r;
    r = prepare_seek(call, &setup, &seek);
    if (is_ok(r)) {
        if (!seek.dry_run)
            r = move(call, &setup, &seek);
        struct result printed = print_seek(call, &seek);
        r = is_ok(r) ? printed : r;
    }
    setup_close(&setup);
    return r;
}

/* --- After the store forgot ----------------------------------------------------------------------------- */

enum { QUIET_REDIS_S = 10, QUIET_PUBSUB_S = 60 }; /* Pub/Sub may take a minute to begin */

static struct result print_rebuild(const struct invocation *call, const struct rebuild *rebuild) {
    if (call->common->json) {
        json_t *object = seek_json(rebuild->seek);
        json_put(&object, "rebuild", rebuild_json(rebuild));
        return json_print(object, call->out);
    }
    rebuild_print(rebuild, call->out);
    return ok();
}

static struct result rebuild_store(const struct invocation *call) {
    const struct replay_fields *fields = call->fields;
    struct lookup lookup;
    struct seek seek;
    struct result r = lookup_open(call->common, &lookup);
    if (!is_ok(r))
        return r;
    r = prepare_seek(call, &lookup.setup, &seek);
    if (is_ok(r) && seek.dry_run) {
        r = print_seek(call, &seek);
    } else if (is_ok(r)) {
        int64_t quiet_s = fields->quiet != COUNT_ABSENT ? fields->quiet
            : seek.pubsub                               ? QUIET_PUBSUB_S
                                                        : QUIET_REDIS_S;
        struct rebuild rebuild = {.lookup = &lookup, .seek = &seek, .quiet_ms = quiet_s * 1000};
        r = rebuild_run(&rebuild, call->common->verbose);
        if (is_ok(r))
            r = print_rebuild(call, &rebuild);
        free(rebuild.sent);
    }
    lookup_close(&lookup);
    return r;
}

static void on_settled(void *context, struct result result) {
    window_answered(context, result);
}

static struct result accept_loss(const struct invocation *call) {
    struct setup setup;
    const struct pipeline *pipeline;
    struct store *store;
    struct window window = {0};
    struct result r = setup_load(call->common, &setup);
    if (!is_ok(r))
        return r;
    r = setup_pipeline(&setup, &pipeline);
    if (is_ok(r))
        r = session_open(&setup, call->common->verbose, &window.session);
    if (is_ok(r))
        r = session_store(window.session, &store);
    if (is_ok(r) && window_room(&window)) {
        store_settle_epoch(store, pipeline, on_settled, &window);
        r = window_finish(&window);
    }
    session_close(&window.session);
    setup_close(&setup);
    return r;
}

/* -------------------------------------------------------------------------------------------------------- */

static struct result run(const struct invocation *call, bool *answer) {
    const struct replay_fields *fields = call->fields;
    bool dates =
        fields->dates.start || fields->dates.end || fields->dates.lists.count > 0 || call->operand_count > 0;
    if (!fields->seek && (fields->rebuild || fields->quiet != COUNT_ABSENT))
        return fail(
            CODE_INVALID, "--rebuild and --quiet need --seek TIME: since when is to be received again?");
    if (!fields->seek && !fields->accept_loss)
        return replay_dates(call, answer);
    if (fields->accept_loss && fields->seek)
        return fail(CODE_INVALID, "--accept-loss and --seek: is it to be rebuilt, or not? Give one");
    if (dates || fields->rerun || fields->missed || fields->running || fields->from_group != COUNT_ABSENT)
        return fail(CODE_INVALID,
            "--seek and --accept-loss are about the whole pipeline: they go with no dates, --rerun, "
            "--missed, --running or "
            "--from-group");
    if (fields->accept_loss)
        return accept_loss(call);
    return fields->rebuild ? rebuild_store(call) : seek_back(call);
}

enum { OPERANDS_MAX = DATES_MAX };

const struct command replay_command = {
    .name = "replay",
    .synopsis = "--dates A,B,C | --start-date DATE --end-date DATE | --missed | --seek TIME [--rebuild]",
    .summary = "trigger again what was not done or was missed; receive again what was published",
    .description =
        "For each date, the first group that is not done is triggered again, with the same trigger id: after "
        "a\n"
        "failure, a stall, a cancelled or lost trigger. A group that has its needs and was never started is\n"
        "started. All other dates are left as they are, and the output says why.\n"
        "\n"
        "  phasegate replay --dates 2021-11-17,2021-11-18 --dry-run\n"
        "  phasegate replay --start-date 2021-11-01 --end-date 2021-11-30 --rerun --from-group 2\n"
        "  phasegate replay --missed\n"
        "  phasegate replay --seek 6h\n"
        "\n"
        "Where a group was triggered, has not come back and is within its deadline, its processors may "
        "still\n"
        "be at work: such a date is left alone, with --rerun too, unless --running says otherwise. "
        "Consumers\n"
        "drop a second trigger of the same id; one of a new run has a new id, and is worked on beside the "
        "old.\n"
        "Nothing asks back: a script and a terminal see the same.\n"
        "\n"
        "--rerun opens a new run at once, needs or not; what is stale or not done is never carried over.\n"
        "--missed finds what should have been triggered and was not: groups that have their needs and were\n"
        "not started, cancelled triggers, triggers lost from the outbox. Without dates it looks at the "
        "newest\n"
        "5,000. --seek moves the pipeline's subscriptions back: what was published since is received again "
        "by\n"
        "`phasegate serve`, and changes nothing that is already recorded; it brings back what was dropped "
        "from\n"
        "the quarantine. Pub/Sub keeps messages for 7 days, Redis as many as the stream holds.\n"
        "\n"
        "After Redis forgot (`phasegate status` says so), --seek alone would trigger everything again. With\n"
        "--rebuild the daemons hold all triggers of the pipeline and keep what they receive; then it is "
        "taken\n"
        "in the order in which it was published, and what is known to be sent is not sent again: by the "
        "trigger\n"
        "stream on Redis, else by the answers. What goes out then, and what cannot be known, is printed.\n"
        "Broken off, it goes on with the same command. --accept-loss settles a loss without a rebuild.\n"
        "\n"
        "Exit status: 0, also when there was nothing to do; 1 when a date was left alone, or --missed\n"
        "--dry-run found something; 2 wrong usage; 3 when store or bus cannot be reached. What was done "
        "until\n"
        "then is printed; replaying again is harmless, but for --rerun, which would open one more run.\n",
    .options = rows,
    .fields_size = sizeof(struct replay_fields),
    .operands_max = OPERANDS_MAX,
    .run = run,
};
