#include "chaos/outside.h"

#include "bus/bus.h"
#include "chaos/trace.h"
#include "core/completion.h"
#include "support/check.h"
#include "support/daemon.h"
#include "support/loop.h"
#include "support/nba.h"
#include "support/trigger_contract.h"

#include <inttypes.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    RETRY_MS = 100,
    EVENT_BYTES_MAX = 64 * 1024,
    FORGOTTEN_MS = 300000, /* longer than any message waits, on a slow machine too */
    CREATE_MS = 60000,
    ID_MAX = 64,
    RUNS_MAX = 8,
    DATES_MAX = 6007,
};

/* The wall clock of the completions' own timestamps: 2025-12-04 18:00 UTC, so that contents repeat. */
#define EPOCH_MS ((int64_t)1764871200000)

/* A completion that was published, kept to be published once more. */
struct sent {
    struct event event;
    int64_t at_ms;
    char execution[ID_MAX], trigger_id[ID_MAX], message_id[ID_MAX];
};

/* An answer to come. */
struct pending {
    struct pending *next;
    int64_t due_ms;
    int times;
    int run;
    bool satisfies;
    struct sent sent;
};

/* One message on its way to the bus, until the bus has confirmed it. */
struct outgoing {
    struct outgoing *next;
    struct outside *outside;
    struct arena *arena;
    struct message *message;
    const char *topic;
};

struct known_trigger {
    game_date date;
    int group, run;
};

struct outside {
    struct outside_options options;
    int64_t start_ms;
    uv_loop_t loop;
    uv_timer_t retry;
    struct log log;
    struct bus *bus;
    struct pending *pending;
    struct outgoing *waiting;
    size_t unconfirmed, published, broken;
    struct sent *sent;
    size_t sent_count, sent_room;
    int64_t started_over_ms;
    struct known_trigger *known;
    size_t known_count, known_room;
    int creating;
    struct result created;
};

static const struct source trigger_source = {.topic = "nba-phase4-trigger", .subscription = "chaos-triggers"};

int64_t outside_now_ms(void) {
    return clock_system().now_ms(NULL);
}

static void *grow(void *items, size_t count, size_t *room, size_t size) {
    if (count < *room)
        return items;
    *room = *room > 0 ? 2 * *room : 1024;
    void *grown = realloc(items, *room * size);
    if (!grown)
        fail_msg("out of memory");
    return grown;
}

/* FNV-1a; source: http://www.isthe.com/chongo/tech/comp/fnv/ */
static uint64_t digest(const char *text, size_t length) {
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ (unsigned char)text[i]) * UINT64_C(0x100000001b3);
    return hash;
}

/* --- Publishing ----------------------------------------------------------------------------------------- */

static void on_published(void *context, struct result result, const char *message_id);

static void try_publish(struct outgoing *outgoing) {
    bus_publish(outgoing->outside->bus, outgoing->topic, outgoing->message, on_published, outgoing);
}

static void outgoing_free(struct outgoing *outgoing) {
    outgoing->outside->unconfirmed--;
    arena_free(&outgoing->arena);
    free(outgoing);
}

static void on_retry(uv_timer_t *timer) {
    struct outside *outside = timer->data;
    struct outgoing *next = outside->waiting;
    outside->waiting = NULL;
    while (next) {
        struct outgoing *outgoing = next;
        next = outgoing->next;
        try_publish(outgoing);
    }
}

static void on_published(void *context, struct result result, const char *message_id) {
    struct outgoing *outgoing = context;
    struct outside *outside = outgoing->outside;
    (void)message_id;
    if (is_ok(result)) {
        outgoing_free(outgoing);
        return;
    }
    outgoing->next = outside->waiting;
    outside->waiting = outgoing;
    if (!uv_is_closing((uv_handle_t *)&outside->retry) && !uv_is_active((uv_handle_t *)&outside->retry))
        uv_timer_start(&outside->retry, on_retry, RETRY_MS, 0);
}

/* The strings of an event that is kept are its own. */
static void point_to_own(struct sent *sent) {
    sent->event.execution = sent->event.correlation = sent->execution;
    sent->event.trigger_id = sent->trigger_id[0] ? sent->trigger_id : NULL;
    sent->event.trigger_message_id = sent->message_id[0] ? sent->message_id : NULL;
}

static void publish(struct outside *outside, struct sent *sent) {
    struct outgoing *outgoing = calloc(1, sizeof *outgoing);
    if (!outgoing || !(outgoing->arena = arena_new(EVENT_BYTES_MAX)))
        fail_msg("out of memory");
    point_to_own(sent);
    outgoing->outside = outside;
    outgoing->topic = event_topic(sent->event.processor);
    outgoing->message = event_encode(&sent->event, outgoing->arena);
    outside->unconfirmed++;
    outside->published++;
    try_publish(outgoing);
}

/* Tells the checker, then publishes it so many times. */
static void feed(struct outside *outside, struct sent *sent, int run, bool satisfies, int times) {
    const struct event *event = &sent->event;
    sent->at_ms = outside_now_ms();
    const struct fed fed = {.at_ms = sent->at_ms,
        .date = event->date,
        .processor = event->processor,
        .run = run,
        .satisfies = satisfies,
        .timestamp_ms = event->timestamp_ms};
    if (!checker_feed(outside->options.checker, &fed))
        fail_msg("out of memory");
    trace_fed(outside->options.trace, &fed, sent->execution);
    outside->sent = grow(outside->sent, outside->sent_count, &outside->sent_room, sizeof *sent);
    outside->sent[outside->sent_count++] = *sent;
    for (int i = 0; i < times; i++)
        publish(outside, sent);
}

static void fail_somehow(struct event *event, int choice) {
    event->status = choice % 3 == 0 ? "failed" : choice % 3 == 1 ? "no_data" : "success";
    event->rows = 0;
}

void outside_feed(struct outside *outside, const struct planned_event *planned) {
    struct sent sent = {.event = {.processor = planned->processor,
                            .date = planned->date,
                            .form = planned->form,
                            .tag = planned->tag,
                            .rows = event_rows(planned->processor, planned->date),
                            .timestamp_ms = EPOCH_MS + planned->said_ms}};
    snprintf(sent.execution, sizeof sent.execution, "up-%d-%d-%d", (int)planned->date, planned->processor,
        planned->said_ms);
    if (!planned->satisfies)
        fail_somehow(&sent.event, planned->said_ms);
    feed(outside, &sent, 0, planned->satisfies, planned->times);
}

/* --- Answering ------------------------------------------------------------------------------------------ */

static void wait_to_answer(struct outside *outside, const struct pending *answer) {
    struct pending *pending = malloc(sizeof *pending);
    if (!pending)
        fail_msg("out of memory");
    *pending = *answer;
    pending->next = outside->pending;
    outside->pending = pending;
}

static void plan_pending(struct outside *outside, const struct trigger_facts *facts, int processor,
    const struct message *trigger) {
    struct planned_answer planned =
        plan_answer(outside->options.plan, facts->date, facts->group, facts->run, processor);
    int64_t now_ms = outside_now_ms();
    struct pending answer = {
        .due_ms = now_ms + planned.after_ms, .times = planned.times, .run = facts->run, .satisfies = true};
    struct sent *sent = &answer.sent;
    sent->event = (struct event){.processor = processor,
        .date = facts->date,
        .form = (enum event_form)((facts->date + processor) % EVENT_FORMS),
        .rows = event_rows(processor, facts->date),
        .timestamp_ms = now_ms + planned.after_ms};
    if (planned.how == ANSWER_BY_TRIGGER_ID)
        snprintf(sent->trigger_id, ID_MAX, "%s", message_attribute(trigger, "trigger_id"));
    else if (planned.how == ANSWER_BY_MESSAGE_ID)
        snprintf(sent->message_id, ID_MAX, "%s", trigger->id);
    snprintf(sent->execution, ID_MAX, "answer-%d-%d-%d", (int)facts->date, facts->run, processor);
    if (planned.fails_first) {
        struct pending failure = answer;
        failure.satisfies = false;
        failure.sent.event.status = "failed";
        snprintf(failure.sent.execution, ID_MAX, "failure-%d-%d-%d", (int)facts->date, facts->run, processor);
        wait_to_answer(outside, &failure);
        answer.due_ms += planned.repair_ms;
        sent->event.timestamp_ms += planned.repair_ms;
    }
    wait_to_answer(outside, &answer);
}

static void answer_due(struct outside *outside) {
    int64_t now_ms = outside_now_ms();
    struct pending **place = &outside->pending;
    while (*place) {
        struct pending *pending = *place;
        if (pending->due_ms > now_ms) {
            place = &pending->next;
            continue;
        }
        *place = pending->next;
        feed(outside, &pending->sent, pending->run, pending->satisfies, pending->times);
        free(pending);
    }
}

/* --- Triggers ------------------------------------------------------------------------------------------- */

/* What it says of the decision: all but the row counts, which may have changed when it was published again.
 */
static uint64_t decision_digest(const struct message *message) {
    json_t *body = json_loadb(message->data, message->size, 0, NULL);
    json_object_del(body, "upstream");
    char *text = json_dumps(body, JSON_SORT_KEYS | JSON_COMPACT);
    uint64_t hash = text ? digest(text, strlen(text)) : 0;
    free(text);
    json_decref(body);
    return hash;
}

/* Has this trigger come before? From now on it has. */
static bool is_known(struct outside *outside, const struct trigger_facts *facts) {
    for (size_t i = 0; i < outside->known_count; i++) {
        const struct known_trigger *known = &outside->known[i];
        if (known->date == facts->date && known->group == facts->group && known->run == facts->run)
            return true;
    }
    outside->known = grow(outside->known, outside->known_count, &outside->known_room, sizeof *outside->known);
    outside->known[outside->known_count++] = (struct known_trigger){facts->date, facts->group, facts->run};
    return false;
}

static void take_trigger(struct outside *outside, const struct message *message) {
    const struct pipeline *nba = nba_pipeline();
    struct trigger_facts facts;
    char why[RESULT_TEXT_MAX];
    int64_t now_ms = outside_now_ms();
    if (!trigger_contract_read(&outside->options.plan->made.pipeline, message, &facts, why)) {
        outside->broken++;
        printf("not a trigger: %s\n", why);
        return;
    }
    int64_t at_ms =
        message->published_ms > 0 && message->published_ms < now_ms ? message->published_ms : now_ms;
    const struct came came = {.at_ms = at_ms,
        .date = facts.date,
        .group = facts.group,
        .run = facts.run,
        .message = digest(message->id, strlen(message->id)),
        .decision = decision_digest(message)};
    if (!checker_take(outside->options.checker, &came))
        fail_msg("out of memory");
    trace_came(outside->options.trace, &came);
    if (is_known(outside, &facts))
        return;
    for (int p = 0; p < NBA_PROCESSORS; p++)
        if (nba->processors[p].group == facts.group)
            plan_pending(outside, &facts, p, message);
}

static void on_delivery(void *context, struct delivery *delivery) {
    take_trigger(context, &delivery->message);
    bus_ack(delivery);
}

/* --- Topics --------------------------------------------------------------------------------------------- */

static void on_created(void *context, struct result result) {
    struct outside *outside = context;
    outside->creating--;
    if (!is_ok(result))
        outside->created = result;
}

static bool is_created(void *context) {
    const struct outside *outside = context;
    return outside->creating == 0;
}

/* The daemons' subscriptions too, so that nothing fed is lost before they are there. */
static void create_all(struct outside *outside) {
    const struct pipeline *nba = nba_pipeline();
    int64_t end_ms = outside_now_ms() + CREATE_MS;
    do {
        outside->created = ok();
        outside->creating = 1 + nba->completion_count;
        bus_create(outside->bus, &trigger_source, on_created, outside);
        for (int i = 0; i < nba->completion_count; i++)
            bus_create(outside->bus, &nba->completions[i], on_created, outside);
        loop_until(&outside->loop, is_created, outside, CREATE_MS, "topics and subscriptions to be made");
    } while (!is_ok(outside->created) && outside->created.retryable && outside_now_ms() < end_ms);
    check_ok(outside->created);
}

void outside_start_over(struct outside *outside) {
    int64_t since_ms = outside->started_over_ms - FORGOTTEN_MS;
    outside->started_over_ms = outside_now_ms();
    create_all(outside);
    size_t count = outside->sent_count;
    for (size_t i = 0; i < count; i++)
        if (outside->sent[i].at_ms >= since_ms)
            publish(outside, &outside->sent[i]);
}

/* --- Running -------------------------------------------------------------------------------------------- */

void outside_turn(struct outside *outside, int wait_ms) {
    int timeout = uv_backend_timeout(&outside->loop);
    if (timeout < 0 || timeout > wait_ms)
        timeout = wait_ms;
    struct pollfd backend = {.fd = uv_backend_fd(&outside->loop), .events = POLLIN};
    if (timeout > 0)
        poll(&backend, 1, timeout);
    uv_run(&outside->loop, UV_RUN_NOWAIT);
    answer_due(outside);
}

bool outside_is_idle(const struct outside *outside) {
    return !outside->pending && outside->unconfirmed == 0;
}

int64_t outside_start_ms(const struct outside *outside) {
    return outside->start_ms;
}

size_t outside_broken(const struct outside *outside) {
    return outside->broken;
}

size_t outside_published(const struct outside *outside) {
    return outside->published;
}

/* --- Life ----------------------------------------------------------------------------------------------- */

static struct result open_bus(struct outside *outside) {
    const struct outside_options *options = &outside->options;
    if (!options->pubsub)
        return bus_open_streams(&outside->loop, &(struct streams_settings){.redis = options->redis},
            &outside->log, &outside->bus);
    const struct pubsub_settings settings = {
        .project = DAEMON_PROJECT, .emulator = options->pubsub, .streams = 1, .lease_seconds = 10};
    return bus_open_pubsub(&outside->loop, &settings, &outside->log, &outside->bus);
}

struct outside *outside_open(struct outside_options options) {
    struct outside *outside = calloc(1, sizeof *outside);
    struct subscription *subscription;
    if (!outside)
        fail_msg("out of memory");
    outside->options = options;
    outside->log = log_root(NULL);
    uv_loop_init(&outside->loop);
    uv_timer_init(&outside->loop, &outside->retry);
    outside->retry.data = outside;
    check_ok(open_bus(outside));
    create_all(outside);
    check_ok(bus_subscribe(outside->bus, &trigger_source,
        (struct receiver){.on_delivery = on_delivery, .context = outside}, &subscription));
    outside->start_ms = outside->started_over_ms = outside_now_ms();
    return outside;
}

static void free_lists(struct outside *outside) {
    while (outside->waiting) {
        struct outgoing *outgoing = outside->waiting;
        outside->waiting = outgoing->next;
        outgoing_free(outgoing);
    }
    while (outside->pending) {
        struct pending *pending = outside->pending;
        outside->pending = pending->next;
        free(pending);
    }
}

void outside_close(struct outside **outside) {
    if (!*outside)
        return;
    uv_close((uv_handle_t *)&(*outside)->retry, NULL);
    bus_close((*outside)->bus, NULL, NULL);
    loop_close(&(*outside)->loop);
    free_lists(*outside);
    free((*outside)->sent);
    free((*outside)->known);
    free(*outside);
    *outside = NULL;
}
