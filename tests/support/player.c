#include "support/player.h"

#include "bus/bus.h"
#include "core/completion.h"
#include "core/trigger.h"
#include "support/check.h"
#include "support/daemon.h"
#include "support/trigger_contract.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    DEADLINE_MS = 30000,
    RETRY_MS = 50,
    EVENT_BYTES_MAX = 16 * 1024,
    KEPT_BYTES_MAX = 64 * 1024 * 1024,
    FAULT_MAX = 600,
    MESSAGE_ID_MAX = 64,
};

/* One message on its way to the bus, until the bus has confirmed it. */
struct outgoing {
    struct outgoing *next; /* while waiting to be published again */
    struct player *player;
    struct arena *arena;
    struct message *message;
    const char *topic;
};

struct played_date {
    processor_set published; /* satisfying completions, by processor */
    struct player_trigger triggers[PLAYER_GROUPS];
    char last_id[PLAYER_GROUPS][MESSAGE_ID_MAX]; /* of the newest delivery of each trigger */
    bool answered[PLAYER_GROUPS];
};

struct player {
    struct player_options options;
    uv_loop_t loop;
    uv_timer_t retry;
    struct log log;
    struct bus *bus;
    struct arena *kept;
    struct played_date *dates;
    size_t triggers; /* distinct */
    size_t unconfirmed;
    struct outgoing *waiting;
    int answers; /* how often each is published; 0: none */
    player_sight *sight;
    void *sight_context;
    char fault[FAULT_MAX];
    struct result created;
    int creating;
};

static const struct source trigger_source = {
    .topic = "nba-phase4-trigger", .subscription = "player-triggers"};

/* --- Publishing ----------------------------------------------------------------------------------------- */

static void on_published(void *context, struct result result, const char *message_id);

static void try_publish(struct outgoing *outgoing) {
    bus_publish(outgoing->player->bus, outgoing->topic, outgoing->message, on_published, outgoing);
}

static void outgoing_free(struct outgoing *outgoing) {
    outgoing->player->unconfirmed--;
    arena_free(&outgoing->arena);
    free(outgoing);
}

static void on_retry(uv_timer_t *timer) {
    struct player *player = timer->data;
    struct outgoing *next = player->waiting;
    player->waiting = NULL;
    while (next) {
        struct outgoing *outgoing = next;
        next = outgoing->next;
        try_publish(outgoing);
    }
}

static void on_published(void *context, struct result result, const char *message_id) {
    struct outgoing *outgoing = context;
    struct player *player = outgoing->player;
    (void)message_id;
    if (is_ok(result)) {
        outgoing_free(outgoing);
        return;
    }
    outgoing->next = player->waiting;
    player->waiting = outgoing;
    if (!uv_is_closing((uv_handle_t *)&player->retry) && !uv_is_active((uv_handle_t *)&player->retry))
        uv_timer_start(&player->retry, on_retry, RETRY_MS, 0);
}

static struct outgoing *outgoing_new(struct player *player, const char *topic) {
    struct outgoing *outgoing = calloc(1, sizeof *outgoing);
    if (!outgoing || !(outgoing->arena = arena_new(EVENT_BYTES_MAX + 2 * COMPLETION_BYTES_MAX)))
        fail_msg("out of memory");
    outgoing->player = player;
    outgoing->topic = topic;
    player->unconfirmed++;
    return outgoing;
}

/* A copy that lives as long as the arena. */
static struct message *copy_message(const struct message *message, struct arena *arena) {
    struct message *copy = arena_alloc(arena, sizeof *copy);
    struct attribute *attributes = arena_alloc(arena, (message->attribute_count + 1) * sizeof *attributes);
    if (!copy || !attributes)
        fail_msg("the arena for messages is full");
    for (size_t i = 0; i < message->attribute_count; i++)
        attributes[i] = (struct attribute){arena_strdup(arena, message->attributes[i].key),
            arena_strdup(arena, message->attributes[i].value)};
    *copy = *message;
    copy->id = arena_strdup(arena, message->id);
    copy->data = arena_copy(arena, message->data ? message->data : "", message->size);
    copy->attributes = attributes;
    copy->ordering_key = arena_strdup(arena, message->ordering_key);
    if (!copy->data)
        fail_msg("the arena for messages is full");
    return copy;
}

void player_publish_message(struct player *player, const char *topic, const struct message *message) {
    struct outgoing *outgoing = outgoing_new(player, topic);
    outgoing->message = copy_message(message, outgoing->arena);
    try_publish(outgoing);
}

static struct played_date *played(const struct player *player, game_date date) {
    bool plays = date >= player->options.first && date < player->options.first + player->options.count;
    return plays ? &player->dates[date - player->options.first] : NULL;
}

void player_publish(struct player *player, const struct event *event) {
    struct outgoing *outgoing = outgoing_new(player, event_topic(event->processor));
    struct played_date *date = played(player, event->date);
    outgoing->message = event_encode(event, outgoing->arena);
    if (date && (!event->status || strcmp(event->status, "success") == 0))
        date->published |= SET(event->processor);
    try_publish(outgoing);
}

void player_told(struct player *player, game_date date, processor_set processors) {
    played(player, date)->published |= processors;
}

size_t player_unconfirmed(const struct player *player) {
    return player->unconfirmed;
}

/* --- Answering: what the Phase 4 processors do ---------------------------------------------------------- */

enum answer_style { BY_TRIGGER_ID, BY_MESSAGE_ID, BY_ARRIVAL, ANSWER_STYLES };

static void answer_one(struct player *player, game_date date, int group, int processor, int times) {
    const struct player_trigger *trigger = player_trigger(player, date, group);
    enum answer_style style = (enum answer_style)((date + group) % ANSWER_STYLES);
    char execution[48];
    snprintf(execution, sizeof execution, "answer-%d-%d", (int)date, processor);
    struct event event = {.processor = processor,
        .date = date,
        .form = (enum event_form)((date + processor) % EVENT_FORMS),
        .rows = event_rows(processor, date),
        .execution = execution,
        .correlation = execution,
        .timestamp_ms = clock_system().now_ms(NULL)};
    if (style == BY_TRIGGER_ID)
        event.trigger_id = message_attribute(trigger->message, "trigger_id");
    else if (style == BY_MESSAGE_ID)
        event.trigger_message_id = trigger->message->id;
    for (int i = 0; i < times; i++)
        player_publish(player, &event);
}

static void answer(struct player *player, game_date date, int group, int times) {
    const struct group *answered = &nba_pipeline()->groups[group - 1];
    played(player, date)->answered[group - 1] = true;
    for (int i = 0; i < NBA_PROCESSORS; i++) {
        int processor = date % 2 ? i : NBA_PROCESSORS - 1 - i;
        if (answered->members & SET(processor))
            answer_one(player, date, group, processor, times);
    }
}

void player_answer(struct player *player, int times) {
    player->answers = times;
    for (int i = 0; times > 0 && i < player->options.count; i++)
        for (int g = 0; g < PLAYER_GROUPS; g++)
            if (player->dates[i].triggers[g].seen > 0 && !player->dates[i].answered[g])
                answer(player, player->options.first + i, g + 1, times);
}

void player_answer_trigger(struct player *player, game_date date, int group) {
    answer(player, date, group, 1);
}

/* --- Triggers ------------------------------------------------------------------------------------------- */

static void violated(struct player *player, const char *id, const char *what) {
    if (!player->fault[0])
        snprintf(player->fault, sizeof player->fault, "trigger %s: %s", id ? id : "without an id", what);
}

/* What had to be published before it may come. */
static void check_needs(struct player *player, const struct played_date *date, int group, const char *id) {
    const struct pipeline *nba = nba_pipeline();
    processor_set wanted = nba->groups[group - 1].needs;
    if (group > 1)
        wanted |= nba->groups[group - 2].members;
    if ((date->published & wanted) == wanted)
        return;
    for (int p = 0; p < NBA_PROCESSORS; p++)
        if (wanted & ~date->published & SET(p))
            violated(player, id, arena_printf(player->kept, "%s was not published", nba->processors[p].name));
}

static void take_trigger(struct player *player, const struct message *message) {
    struct trigger_facts facts;
    char why[RESULT_TEXT_MAX];
    const char *id = message_attribute(message, "trigger_id");
    if (!trigger_contract_read(nba_pipeline(), message, &facts, why)) {
        violated(player, id, why);
        return;
    }
    struct played_date *date = played(player, facts.date);
    if (!date || facts.run != 1) {
        violated(player, id, date ? "a second run was started" : "nobody plays that date");
        return;
    }
    struct player_trigger *trigger = &date->triggers[facts.group - 1];
    char *last_id = date->last_id[facts.group - 1];
    if (strcmp(last_id, message->id) != 0) {
        trigger->published++;
        snprintf(last_id, MESSAGE_ID_MAX, "%s", message->id);
    }
    if (trigger->seen++ > 0)
        return;
    trigger->order = player->triggers++;
    trigger->message = copy_message(message, player->kept);
    check_needs(player, date, facts.group, id);
    if (player->sight)
        player->sight(player->sight_context, facts.date, facts.group);
    if (player->answers > 0)
        answer(player, facts.date, facts.group, player->answers);
}

static void on_delivery(void *context, struct delivery *delivery) {
    take_trigger(context, &delivery->message);
    bus_ack(delivery);
}

void player_watch(struct player *player, player_sight *sight, void *context) {
    player->sight = sight;
    player->sight_context = context;
}

const struct player_trigger *player_trigger(const struct player *player, game_date date, int group) {
    return &played(player, date)->triggers[group - 1];
}

size_t player_triggers(const struct player *player) {
    return player->triggers;
}

/* --- Running -------------------------------------------------------------------------------------------- */

void player_check(const struct player *player) {
    if (player->fault[0])
        fail_msg("%s", player->fault);
}

struct wish {
    struct player *player;
    loop_condition *condition;
    void *context;
};

static bool holds_or_violated(void *context) {
    const struct wish *wish = context;
    return wish->player->fault[0] || wish->condition(wish->context);
}

void player_until(struct player *player, loop_condition *condition, void *context, int deadline_ms,
    const char *waited_for) {
    struct wish wish = {player, condition, context};
    loop_until(&player->loop, holds_or_violated, &wish, deadline_ms, waited_for);
    player_check(player);
}

static bool all_confirmed(void *context) {
    const struct player *player = context;
    return player->unconfirmed == 0;
}

void player_until_confirmed(struct player *player) {
    player_until(player, all_confirmed, player, DEADLINE_MS, "the bus to confirm what was published");
}

static bool is_violated(void *context) {
    const struct player *player = context;
    return player->fault[0] != '\0';
}

void player_run(struct player *player, int duration_ms) {
    loop_never(&player->loop, is_violated, player, duration_ms, "a violation of the order of triggers");
}

uv_loop_t *player_loop(struct player *player) {
    return &player->loop;
}

/* --- Life ----------------------------------------------------------------------------------------------- */

static void on_created(void *context, struct result result) {
    struct player *player = context;
    player->creating--;
    if (!is_ok(result))
        player->created = result;
}

static bool is_created(void *context) {
    const struct player *player = context;
    return player->creating == 0;
}

static struct result create(struct player *player) {
    const struct pipeline *nba = nba_pipeline();
    player->created = ok();
    player->creating = 1 + nba->completion_count;
    bus_create(player->bus, &trigger_source, on_created, player);
    for (int i = 0; i < nba->completion_count; i++)
        bus_create(player->bus, &(struct source){.topic = nba->completions[i].topic}, on_created, player);
    loop_until(&player->loop, is_created, player, DEADLINE_MS, "the player's topics to be made");
    return player->created;
}

static struct result open_bus(struct player *player) {
    if (!player->options.pubsub)
        return bus_open_streams(&player->loop, &(struct streams_settings){.redis = player->options.redis},
            &player->log, &player->bus);
    const struct pubsub_settings settings = {
        .project = DAEMON_PROJECT, .emulator = player->options.pubsub, .streams = 1, .lease_seconds = 10};
    return bus_open_pubsub(&player->loop, &settings, &player->log, &player->bus);
}

struct player *player_new(struct player_options options) {
    struct player *player = calloc(1, sizeof *player);
    if (!player || !(player->dates = calloc((size_t)options.count, sizeof *player->dates))
        || !(player->kept = arena_new(KEPT_BYTES_MAX)))
        fail_msg("out of memory");
    player->options = options;
    player->log = log_root(NULL);
    uv_loop_init(&player->loop);
    uv_timer_init(&player->loop, &player->retry);
    player->retry.data = player;
    struct subscription *subscription;
    struct receiver receiver = {.on_delivery = on_delivery, .context = player};
    check_ok(open_bus(player));
    struct result created = create(player);
    for (int attempt = 0; !is_ok(created) && created.retryable && attempt < 5; attempt++)
        created = create(player);
    check_ok(created);
    check_ok(bus_subscribe(player->bus, &trigger_source, receiver, &subscription));
    return player;
}

static void free_waiting(struct player *player) {
    while (player->waiting) {
        struct outgoing *outgoing = player->waiting;
        player->waiting = outgoing->next;
        outgoing_free(outgoing);
    }
}

void player_free(struct player **player) {
    if (!*player)
        return;
    uv_close((uv_handle_t *)&(*player)->retry, NULL);
    bus_close((*player)->bus, NULL, NULL);
    loop_close(&(*player)->loop);
    free_waiting(*player);
    arena_free(&(*player)->kept);
    free((*player)->dates);
    free(*player);
    *player = NULL;
}
