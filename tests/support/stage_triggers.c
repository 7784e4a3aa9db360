/* The stage: completions out, triggers in. */
#include "support/check.h"
#include "support/stage_internal.h"
#include "support/trigger_contract.h"

#include <stdio.h>
#include <string.h>

enum { EVENT_BYTES = 16 * 1024 };

/* --- Triggers ------------------------------------------------------------------------------------------- */

void stage_violated(struct stage *stage, const char *what, const char *id) {
    if (!stage->fault[0])
        snprintf(stage->fault, sizeof stage->fault, "%s: %s", id, what);
}

static struct seen *find(const struct stage *stage, game_date date, int group, int run) {
    for (size_t i = stage->seen_count; i-- > 0;) {
        const struct seen *seen = &stage->seen[i];
        if (seen->date == date && seen->group == group && seen->run == run)
            return (struct seen *)seen;
    }
    return NULL;
}

const struct seen *stage_find(const struct stage *stage, game_date date, int group, int run) {
    return find(stage, date, group, run);
}

size_t stage_seen(const struct stage *stage) {
    return stage->seen_count;
}

const struct seen *stage_trigger(const struct stage *stage, size_t index) {
    return &stage->seen[index];
}

size_t stage_count(const struct stage *stage, int group) {
    size_t count = 0;
    for (size_t i = 0; i < stage->seen_count; i++)
        count += stage->seen[i].group == group;
    return count;
}

size_t stage_in_flight(const struct stage *stage, int group) {
    size_t count = 0;
    for (size_t i = 0; i < stage->seen_count; i++)
        count += stage->seen[i].group == group && stage->seen[i].backfill && stage->seen[i].in_flight;
    return count;
}

static struct seen *note_trigger(struct stage *stage, const struct message *message) {
    struct trigger_facts facts;
    char why[RESULT_TEXT_MAX];
    if (!trigger_contract_read(nba_pipeline(), message, &facts, why)) {
        stage_violated(stage, why, "a trigger");
        return NULL;
    }
    struct seen *seen = find(stage, facts.date, facts.group, facts.run);
    if (!seen && stage->seen_count < SEEN_MAX) {
        seen = &stage->seen[stage->seen_count++];
        *seen = (struct seen){.date = facts.date,
            .group = facts.group,
            .run = facts.run,
            .backfill = facts.backfill,
            .seen_ms = uv_hrtime() / 1000000};
        snprintf(seen->id, sizeof seen->id, "%s", message_attribute(message, "trigger_id"));
    }
    return seen;
}

static void on_trigger(void *context, struct delivery *delivery) {
    struct stage *stage = context;
    struct seen *seen = note_trigger(stage, &delivery->message);
    bus_ack(delivery);
    if (!seen)
        return;
    seen->times++;
    if (seen->succeeded)
        return;
    seen->in_flight = true;
    if (stage_in_flight(stage, seen->group) > (size_t)stage->pipeline->groups[seen->group - 1].backfill_cap)
        stage_violated(stage, "more than the cap in flight", seen->id);
    if (stage->answers)
        stage_answer(stage, seen, "success");
}

struct receiver stage_receiver(struct stage *stage) {
    return (struct receiver){.on_delivery = on_trigger, .context = stage};
}

void stage_answer(struct stage *stage, const struct seen *trigger, const char *status) {
    processor_set members = stage->pipeline->groups[trigger->group - 1].members;
    struct seen *seen = find(stage, trigger->date, trigger->group, trigger->run);
    seen->in_flight = false;
    seen->succeeded = strcmp(status, "success") == 0;
    for (int i = 0; i < NBA_PROCESSORS; i++)
        if (members & SET(i))
            stage_tell(stage, i, trigger->date, trigger->backfill, status, trigger->id);
}

void stage_answer_all(struct stage *stage) {
    for (size_t i = 0; i < stage->seen_count; i++)
        if (stage->seen[i].in_flight)
            stage_answer(stage, &stage->seen[i], "success");
}

void stage_answer_always(struct stage *stage) {
    stage->answers = true;
    stage_answer_all(stage);
}

void stage_give_up(struct stage *stage, const struct seen *trigger) {
    find(stage, trigger->date, trigger->group, trigger->run)->in_flight = false;
}

/* --- Completions ---------------------------------------------------------------------------------------- */

static void on_confirmed(void *context, struct result result, const char *message_id) {
    struct stage *stage = context;
    (void)message_id;
    if (!is_ok(result))
        stage_violated(stage, result.text, "publishing a completion");
    stage->unconfirmed--;
}

void stage_tell(struct stage *stage, int processor, game_date date, bool backfill, const char *status,
    const char *trigger_id) {
    char execution[48];
    bool success = strcmp(status, "success") == 0;
    snprintf(execution, sizeof execution, "execution-%d", ++stage->executions);
    const struct event event = {.processor = processor,
        .date = date,
        .tag = backfill ? EVENT_METADATA : EVENT_LIVE,
        .status = status,
        .rows = success ? event_rows(processor, date) : 0,
        .execution = execution,
        .correlation = "stage",
        .trigger_id = trigger_id,
        .timestamp_ms = stage_now_ms(stage)};
    struct arena *arena = arena_new(EVENT_BYTES);
    stage->unconfirmed++;
    bus_publish(stage->bus, event_topic(processor), event_encode(&event, arena), on_confirmed, stage);
    arena_free(&arena);
}

void stage_complete(struct stage *stage, int processor, game_date date, bool backfill) {
    stage_tell(stage, processor, date, backfill, "success", NULL);
}

void stage_phase3(struct stage *stage, game_date date, bool backfill) {
    for (int processor = PGS; processor <= TDGS; processor++)
        stage_complete(stage, processor, date, backfill);
}
