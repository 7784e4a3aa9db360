#include "bench/runner/crew.h"

#include "base/clock.h"
#include "bus/bus.h"
#include "core/trigger.h"
#include "support/check.h"
#include "support/daemon.h"
#include "support/event.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    EVENT_BYTES_MAX = 16 * 1024,
    CONNECT_MS = 30000,
    CONFIRM_MS = 600000,
    UNCONFIRMED_MAX = 2000,
    UPSTREAM = 5,
};

struct crew {
    struct crew_options options;
    uv_loop_t loop;
    struct log log;
    struct bus *bus;
    struct arena *arena;
    size_t unconfirmed;
    bool done;
    bool answers;
    game_date next, end; /* dates whose completions are to be published */
    int next_processor;
};

static const struct source trigger_source = {.topic = "nba-phase4-trigger", .subscription = "bench-triggers"};

/* --- Publishing ----------------------------------------------------------------------------------------- */

static void publish_more(struct crew *crew) {
    while (crew->next < crew->end && crew->unconfirmed < UNCONFIRMED_MAX) {
        crew_publish(crew, crew->next, PGS + crew->next_processor);
        crew->next_processor = (crew->next_processor + 1) % UPSTREAM;
        crew->next += crew->next_processor == 0;
    }
}

static void on_published(void *context, struct result result, const char *message_id) {
    struct crew *crew = context;
    (void)message_id;
    check_ok(result);
    crew->unconfirmed--;
    publish_more(crew);
}

void crew_publish(struct crew *crew, game_date date, int processor) {
    char execution[40], correlation[24];
    snprintf(execution, sizeof execution, "4f0c7f0e-9a3d-4a53-8f4f-%08x%04x", (unsigned)date, processor);
    snprintf(correlation, sizeof correlation, "morning-ops-%08d", (int)date);
    const struct event event = {.processor = processor,
        .date = date,
        .rows = event_rows(processor, date),
        .execution = execution,
        .correlation = correlation,
        .timestamp_ms = clock_system().now_ms(NULL)};
    arena_reset(crew->arena);
    crew->unconfirmed++;
    bus_publish(crew->bus, event_topic(processor), event_encode(&event, crew->arena), on_published, crew);
}

static void publish_dates(struct crew *crew, game_date first, int count) {
    crew->next = first;
    crew->end = first + count;
    crew->next_processor = 0;
    publish_more(crew);
}

static bool all_confirmed(void *context) {
    const struct crew *crew = context;
    return crew->unconfirmed == 0 && crew->next == crew->end;
}

void crew_publish_upstream(struct crew *crew, game_date first, int count) {
    publish_dates(crew, first, count);
    loop_until(&crew->loop, all_confirmed, crew, CONFIRM_MS, "the bus to take the completions");
}

void crew_play(struct crew *crew, game_date first, int count, loop_condition *condition, void *context,
    int deadline_ms) {
    crew->answers = true;
    publish_dates(crew, first, count);
    loop_until(&crew->loop, condition, context, deadline_ms, "all dates to be done");
    crew->answers = false;
}

void crew_until(
    struct crew *crew, loop_condition *condition, void *context, int deadline_ms, const char *waited_for) {
    loop_until(&crew->loop, condition, context, deadline_ms, waited_for);
}

/* --- Triggers ------------------------------------------------------------------------------------------- */

static void answer(struct crew *crew, const struct trigger *trigger) {
    for (int i = 0; i < NBA_PROCESSORS; i++)
        if (nba_pipeline()->groups[trigger->group - 1].members & SET(i))
            crew_publish(crew, trigger->date, i);
}

static void on_delivery(void *context, struct delivery *delivery) {
    struct crew *crew = context;
    const char *id = message_attribute(&delivery->message, "trigger_id");
    struct trigger trigger = {0};
    if (!id || !trigger_parse_id(nba_pipeline(), id, &trigger))
        fail_msg("a trigger has the id %s", id ? id : "(none)");
    if (crew->options.on_trigger)
        crew->options.on_trigger(crew->options.context, trigger.date, trigger.group);
    if (crew->answers)
        answer(crew, &trigger);
    bus_ack(delivery);
}

/* --- Life ----------------------------------------------------------------------------------------------- */

static void on_done(void *context, struct result result) {
    check_ok(result);
    *(bool *)context = true;
}

static void create(struct crew *crew, const struct source *source) {
    crew->done = false;
    bus_create(crew->bus, source, on_done, &crew->done);
    loop_until_true(&crew->loop, &crew->done, CONNECT_MS, "topics and subscriptions");
}

void crew_subscribe_peer(struct crew *crew, const char *subscription) {
    create(crew, &(struct source){nba_pipeline()->completions[0].topic, subscription});
}

static struct result open_bus(struct crew *crew) {
    if (!crew->options.pubsub)
        return bus_open_streams(
            &crew->loop, &(struct streams_settings){.redis = crew->options.redis}, &crew->log, &crew->bus);
    const char *project = crew->options.project ? crew->options.project : DAEMON_PROJECT;
    const struct pubsub_settings settings = {.project = project, .emulator = crew->options.pubsub};
    return bus_open_pubsub(&crew->loop, &settings, &crew->log, &crew->bus);
}

struct crew *crew_new(struct crew_options options) {
    struct crew *crew = calloc(1, sizeof *crew);
    if (!crew || !(crew->arena = arena_new(EVENT_BYTES_MAX)))
        fail_msg("out of memory");
    crew->options = options;
    crew->log = (struct log){0};
    uv_loop_init(&crew->loop);
    check_ok(open_bus(crew));
    for (int i = 0; i < nba_pipeline()->completion_count; i++)
        create(crew, &nba_pipeline()->completions[i]);
    struct subscription *subscription;
    struct receiver receiver = {.on_delivery = on_delivery, .context = crew};
    if (options.receives) {
        create(crew, &trigger_source);
        check_ok(bus_subscribe(crew->bus, &trigger_source, receiver, &subscription));
    } else {
        create(crew, &(struct source){.topic = trigger_source.topic});
    }
    return crew;
}

void crew_free(struct crew **crew) {
    if (!*crew)
        return;
    (*crew)->done = false;
    bus_close((*crew)->bus, on_done, &(*crew)->done);
    loop_until_true(&(*crew)->loop, &(*crew)->done, CONNECT_MS, "the bus to close");
    loop_close(&(*crew)->loop);
    arena_free(&(*crew)->arena);
    free(*crew);
    *crew = NULL;
}

uv_loop_t *crew_loop(struct crew *crew) {
    return &crew->loop;
}
