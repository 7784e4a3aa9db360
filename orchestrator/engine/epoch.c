#include "engine/epoch.h"

#include "engine/epoch_file.h"
#include "state/epoch_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* The epoch of one pipeline. */
struct watch {
    struct epochs *epochs;
    const struct pipeline *pipeline;
    struct log log;
    bool asking;                 /* an answer is to come */
    bool again;                  /* something was stored since it was asked for */
    bool known;                  /* answered on this connection */
    bool refused;                /* the store could not answer, and the log has it */
    bool check_refused;          /* the same of the months */
    bool checking;               /* the months are being looked at */
    enum month_scope check_next; /* which are to be, when the answer is there */
    bool rebuilding;             /* as the engine was told */
    enum forgotten lost;         /* the loss that is noted, and was told; and how many months of it */
    size_t lost_months;
};

struct epochs {
    struct epochs_parts parts;
    struct watch *watches;
    struct epoch_memory *memories; /* of parts.pipelines */
    size_t unknown;                /* pipelines to be answered before on_known; 0: it was called */
    int sweeps;
    int64_t written_ms;
    bool cannot_write; /* and the log has it */
};

/* --- The file ------------------------------------------------------------------------------------------- */

static void write_file(struct epochs *epochs) {
    const struct epochs_parts *parts = &epochs->parts;
    if (!parts->file)
        return;
    struct result result =
        epoch_file_write(parts->file, parts->pipelines, parts->pipeline_count, epochs->memories);
    if (!is_ok(result) && !epochs->cannot_write)
        log_warning(parts->log,
            "the store's epoch cannot be remembered: after a restart nobody will notice that it forgot: %s",
            result.text);
    epochs->cannot_write = !is_ok(result);
    epochs->written_ms = clock_now_ms(&parts->clock);
}

static void read_file(struct epochs *epochs) {
    const struct epochs_parts *parts = &epochs->parts;
    if (!parts->file)
        return;
    struct result result =
        epoch_file_read(parts->file, parts->pipelines, parts->pipeline_count, epochs->memories);
    if (!is_ok(result))
        log_warning(parts->log, "what was remembered of the store is not known: %s", result.text);
}

/* --- In words ------------------------------------------------------------------------------------------- */

/* Once, and again when it has become more. */
static void tell_loss(struct watch *watch, const struct lost_epoch *lost) {
    char text[LOST_EPOCH_TEXT_MAX];
    size_t months = lost->what == FORGOTTEN_MONTHS ? lost_epoch_months(lost) : 0;
    lost_epoch_describe(watch->pipeline, lost, text);
    if (watch->lost != lost->what || watch->lost_months != months)
        log_error(&watch->log, "%s", text);
    alerts_raise(watch->epochs->parts.alerts,
        &(struct alert){.kind = ALERT_EPOCH, .pipeline = watch->pipeline, .text = text});
    watch->lost_months = months;
}

static void tell_settled(struct watch *watch) {
    log_notice(&watch->log, "the loss of the store's state has been settled");
    alerts_resolve(watch->epochs->parts.alerts, ALERT_EPOCH, watch->pipeline, NULL,
        "the loss of the store's state has been settled");
}

/* The command that rebuilds waits until each replica has raised once more after this: then it knows. */
static void tell_rebuild(struct watch *watch, bool under_way) {
    const struct epochs_parts *parts = &watch->epochs->parts;
    watch->rebuilding = under_way;
    watch->again = true;
    if (under_way)
        log_notice(
            &watch->log, "a rebuild is under way: what is received is kept for it, and nothing is triggered");
    else
        log_notice(&watch->log, "the rebuild is over: triggers leave again");
    if (parts->on_rebuild)
        parts->on_rebuild(parts->context, watch->pipeline, under_way);
}

/* Nothing is remembered and nothing is there: that is no loss as far as anybody can know. */
static void tell_new(const struct watch *watch) {
    log_notice(&watch->log,
        "the store knows nothing of this pipeline yet: it is new, or it has forgotten. If it should know: "
        "phasegate replay --pipeline %s --seek 7d --rebuild",
        watch->pipeline->name);
}

/* --- Asking --------------------------------------------------------------------------------------------- */

static void ask(struct watch *watch);

/* Random, so that no two stores have the same. */
static char *make_identity(char text[EPOCH_IDENTITY_MAX]) {
    unsigned char bytes[(EPOCH_IDENTITY_MAX - 1) / 2];
    if (getrandom(bytes, sizeof bytes, GRND_NONBLOCK) != sizeof bytes)
        memset(bytes, 0, sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(text + 2 * i, 3, "%02x", bytes[i]);
    return text;
}

static struct epoch_memory *memory_of(struct watch *watch) {
    return &watch->epochs->memories[watch - watch->epochs->watches];
}

static void take(struct watch *watch, const struct epoch *epoch) {
    struct epochs *epochs = watch->epochs;
    struct epoch_memory *memory = memory_of(watch);
    bool new_identity = strcmp(memory->identity, epoch->now.identity) != 0;
    if (!memory->identity[0] && epoch->now.value == 1)
        tell_new(watch);
    if (new_identity) {
        store_forget_months(epochs->parts.store, watch->pipeline);
        watch->check_next = MONTHS_ALL;
    }
    *memory = epoch->now;
    if (new_identity || epoch->now.seen_ms - epochs->written_ms >= EPOCH_WRITE_MS)
        write_file(epochs);
    if (epoch->lost.what)
        tell_loss(watch, &epoch->lost);
    else if (watch->lost)
        tell_settled(watch);
    watch->lost = epoch->lost.what;
    if (watch->rebuilding != epoch->rebuilding)
        tell_rebuild(watch, epoch->rebuilding);
}

static void know(struct watch *watch) {
    struct epochs *epochs = watch->epochs;
    if (watch->known)
        return;
    watch->known = true;
    if (--epochs->unknown == 0)
        epochs->parts.on_known(epochs->parts.context);
}

/* Said once. */
static void note_refusal(struct watch *watch, struct result result, bool *noted) {
    bool refused = !is_ok(result) && !result.retryable;
    if (refused && !*noted)
        log_error(&watch->log, "it would not be noticed if the store forgot: %s", result.text);
    *noted = refused;
}

static void check_months(struct watch *watch);

/* Months on a node that is away are left for later; the others go on. What was wanted meanwhile, by another
 * connection perhaps, is behind it. */
static void on_checked(void *context, struct result result, int lost) {
    struct watch *watch = context;
    watch->checking = false;
    note_refusal(watch, result, &watch->check_refused);
    if (lost > 0)
        ask(watch); /* it is told from there */
    if (watch->check_next == MONTHS_NONE)
        know(watch);
    else if (!watch->asking)
        check_months(watch);
}

static void check_months(struct watch *watch) {
    const struct epochs_parts *parts = &watch->epochs->parts;
    enum month_scope scope = watch->check_next;
    if (watch->checking)
        return;
    watch->checking = true;
    watch->check_next = MONTHS_NONE;
    store_check_months(parts->store, watch->pipeline, memory_of(watch)->identity, scope,
        clock_now_ms(&parts->clock), on_checked, watch);
}

/* A store that cannot answer for good holds up nothing else: what can be done without an epoch is. */
static void on_raised(void *context, struct result result, const struct epoch *epoch) {
    struct watch *watch = context;
    watch->asking = false;
    note_refusal(watch, result, &watch->refused);
    if (is_ok(result))
        take(watch, epoch);
    if (is_ok(result) && watch->check_next)
        check_months(watch);
    else if (!is_ok(result) && !result.retryable)
        know(watch);
    if (is_ok(result) && watch->again)
        ask(watch);
}

static void ask(struct watch *watch) {
    const struct epochs_parts *parts = &watch->epochs->parts;
    char fresh[EPOCH_IDENTITY_MAX];
    if (watch->asking)
        return;
    watch->asking = true;
    watch->again = false;
    store_raise_epoch(parts->store, watch->pipeline, parts->replica, make_identity(fresh), memory_of(watch),
        clock_now_ms(&parts->clock), on_raised, watch);
}

static void ask_with_months(struct watch *watch, enum month_scope scope) {
    watch->check_next = scope > watch->check_next ? scope : watch->check_next;
    ask(watch);
}

void epochs_store_ready(struct epochs *epochs) {
    epochs->unknown = (size_t)epochs->parts.pipeline_count;
    for (size_t i = 0; i < (size_t)epochs->parts.pipeline_count; i++)
        epochs->watches[i].known = false;
    for (int i = 0; i < epochs->parts.pipeline_count; i++)
        ask_with_months(&epochs->watches[i], MONTHS_ALL);
}

/* The turns of the pipelines are spread over the minute. */
void epochs_sweep(struct epochs *epochs) {
    int turn = epochs->sweeps++ % EPOCH_SWEEPS_OF_TURN;
    for (int i = 0; i < epochs->parts.pipeline_count; i++)
        ask_with_months(&epochs->watches[i], i % EPOCH_SWEEPS_OF_TURN == turn ? MONTHS_ALL : MONTHS_CHANGED);
}

void epochs_touch(struct epochs *epochs, const struct pipeline *pipeline) {
    for (int i = 0; i < epochs->parts.pipeline_count; i++) {
        struct watch *watch = &epochs->watches[i];
        if (watch->pipeline != pipeline)
            continue;
        if (watch->asking)
            watch->again = true;
        else
            ask(watch);
    }
}

bool epochs_rebuilding(const struct epochs *epochs, const struct pipeline *pipeline) {
    for (int i = 0; i < epochs->parts.pipeline_count; i++)
        if (epochs->watches[i].pipeline == pipeline)
            return epochs->watches[i].rebuilding;
    return false;
}

/* --- Life ----------------------------------------------------------------------------------------------- */

struct epochs *epochs_new(struct epochs_parts parts) {
    size_t count = (size_t)parts.pipeline_count;
    struct epochs *epochs = calloc(1, sizeof *epochs);
    struct watch *watches = calloc(count, sizeof *watches);
    struct epoch_memory *memories = calloc(count, sizeof *memories);
    if (!epochs || !watches || !memories) {
        free(epochs);
        free(watches);
        free(memories);
        return NULL;
    }
    *epochs = (struct epochs){.parts = parts, .watches = watches, .memories = memories};
    for (size_t i = 0; i < count; i++)
        watches[i] = (struct watch){.epochs = epochs,
            .pipeline = parts.pipelines[i],
            .log = log_with(parts.log, "pipeline", parts.pipelines[i]->name)};
    read_file(epochs);
    return epochs;
}

void epochs_free(struct epochs **epochs) {
    if (!*epochs)
        return;
    write_file(*epochs);
    free((*epochs)->memories);
    free((*epochs)->watches);
    free(*epochs);
    *epochs = NULL;
}
