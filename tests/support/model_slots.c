#include "support/model_parts.h"

#include <stdlib.h>

/* Where the group's slots have the trigger's; -1 when it has none. */
static int slot_of(const struct model *model, const struct trigger *trigger) {
    const struct slot *slots = model->slots[trigger->group - 1];
    for (int i = 0; i < model->slot_count[trigger->group - 1]; i++)
        if (slots[i].date == trigger->date && slots[i].run == trigger->run)
            return i;
    return -1;
}

static void give_back(struct model *model, int group, int slot) {
    struct slot *slots = model->slots[group - 1];
    slots[slot] = slots[--model->slot_count[group - 1]];
}

static int drop_expired(struct model *model, int group, int64_t now_ms) {
    int dropped = 0;
    for (int i = model->slot_count[group - 1] - 1; i >= 0; i--) {
        if (model->slots[group - 1][i].expires_ms > now_ms)
            continue;
        give_back(model, group, i);
        dropped++;
    }
    return dropped;
}

/* Whoever comes for a trigger that has left, late, touches nothing: the slot may be in use. */
enum claim model_claim(struct model *model, const struct trigger *trigger, int64_t now_ms) {
    const struct pipeline *pipeline = model->pipeline;
    const struct day *day = model_day(model, trigger->date);
    int *count = &model->slot_count[trigger->group - 1];
    if (!day->in_outbox[trigger->group - 1] || day->triggers[trigger->group - 1].run != trigger->run)
        return CLAIM_GONE;
    if (model->paused_ms != 0)
        return CLAIM_PAUSED;
    drop_expired(model, trigger->group, now_ms);
    int slot = slot_of(model, trigger);
    if (slot < 0 && *count >= pipeline->groups[trigger->group - 1].backfill_cap)
        return CLAIM_FULL;
    if (slot < 0 && *count == MODEL_SLOTS_MAX)
        abort();
    if (slot < 0)
        slot = (*count)++;
    model->slots[trigger->group - 1][slot] = (struct slot){.date = trigger->date,
        .run = trigger->run,
        .expires_ms =
            pipeline->group_deadline == 0 ? INT64_MAX : now_ms + (int64_t)pipeline->group_deadline * MS};
    return CLAIM_GRANTED;
}

void model_release(struct model *model, const struct trigger *trigger) {
    int slot = slot_of(model, trigger);
    if (slot >= 0)
        give_back(model, trigger->group, slot);
}

static bool in_flight(struct model *model, int group, const struct slot *slot) {
    const struct day *day = model_day(model, slot->date);
    const struct group_state *state = &day->seen.groups[group - 1];
    return state->run == slot->run && (state->phase == GROUP_READY || state->phase == GROUP_TRIGGERED)
        && !day_is_stalled(day, group);
}

int model_reclaim(struct model *model, int group, int64_t now_ms) {
    int freed = drop_expired(model, group, now_ms);
    for (int i = model->slot_count[group - 1] - 1; i >= 0; i--) {
        if (in_flight(model, group, &model->slots[group - 1][i]))
            continue;
        give_back(model, group, i);
        freed++;
    }
    return freed;
}

void model_pause(struct model *model, bool paused, int64_t now_ms) {
    if (!paused)
        model->paused_ms = 0;
    else if (model->paused_ms == 0)
        model->paused_ms = now_ms;
}

/* --- What is to be seen --------------------------------------------------------------------------------- */

int64_t model_paused_ms(const struct model *model) {
    return model->paused_ms;
}

int model_slots(const struct model *model, int group) {
    return model->slot_count[group - 1];
}

size_t model_waiting(const struct model *model, struct trigger triggers[MODEL_OUTBOX_MAX]) {
    size_t count = model_outbox(model, triggers), waiting = 0;
    for (size_t i = 0; i < count; i++)
        if (triggers[i].backfill && slot_of(model, &triggers[i]) < 0)
            triggers[waiting++] = triggers[i];
    return waiting;
}
