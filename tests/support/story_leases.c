#include "support/story_leases.h"

#include <stdio.h>
#include <string.h>

enum { LEASE_MS = 3600000, FIELD_MAX = 64 };

/* By the step's time, so that a step stands for itself when others are left out. */
static const char *actor_of(const struct step *step) {
    static const char *const actors[] = {"", "one", "two"};
    return actors[step->now_ms % 3];
}

void leases_begin(struct lease_book *book, struct store_harness *harness, const struct step *step) {
    book->actor = actor_of(step);
    harness_be(harness, book->actor, LEASE_MS);
}

static struct leased *find(struct lease_book *book, const struct trigger *trigger) {
    for (size_t i = 0; i < book->count; i++) {
        const struct trigger *other = &book->entries[i].trigger;
        if (other->date == trigger->date && other->group == trigger->group && other->run == trigger->run)
            return &book->entries[i];
    }
    return NULL;
}

enum claim leases_claim(struct lease_book *book, const struct trigger *trigger) {
    struct leased *leased = find(book, trigger);
    if (!leased || !*book->actor)
        return CLAIM_GRANTED;
    if (*leased->holder && strcmp(leased->holder, book->actor) != 0)
        return CLAIM_THEIRS;
    leased->holder = book->actor;
    return CLAIM_GRANTED;
}

/* A live trigger that is new in the outbox is the actor's, unless an operator put it there. */
static void bring_up_to_date(struct lease_book *book, const struct step *step, const struct model *model) {
    static struct trigger triggers[MODEL_OUTBOX_MAX];
    static struct lease_book now;
    now = (struct lease_book){.actor = book->actor, .count = model_outbox(model, triggers)};
    for (size_t i = 0; i < now.count; i++) {
        const struct leased *before = find(book, &triggers[i]);
        const char *decided = triggers[i].backfill || step->kind == STEP_REPLAY ? "" : book->actor;
        now.entries[i] = (struct leased){.trigger = triggers[i], .holder = before ? before->holder : decided};
    }
    *book = now;
}

static const char *field_of(const struct trigger *trigger, char text[FIELD_MAX]) {
    char date[DATE_TEXT_MAX];
    snprintf(text, FIELD_MAX, "%s/g%d/r%d", date_format(trigger->date, date), trigger->group, trigger->run);
    return text;
}

/* "one 1764502957104", or NULL. */
static const char *lease_in(const redisReply *leases, const char *field) {
    for (size_t i = 0; i + 1 < leases->elements; i += 2)
        if (strcmp(leases->element[i]->str, field) == 0)
            return leases->element[i + 1]->str;
    return NULL;
}

static bool is_held(const char *lease, const char *holder) {
    size_t length = strlen(holder);
    return lease && strncmp(lease, holder, length) == 0 && lease[length] == ' ';
}

/* Exactly those, and none that has outlived its entry. */
static bool same_leases(
    const struct lease_book *book, const redisReply *leases, struct difference *difference) {
    size_t expected = 0;
    for (size_t i = 0; i < book->count; i++) {
        const struct leased *leased = &book->entries[i];
        char field[FIELD_MAX];
        const char *got = lease_in(leases, field_of(&leased->trigger, field));
        if (!*leased->holder)
            continue;
        expected++;
        if (!is_held(got, leased->holder))
            return differs(difference, "the lease of %s is \"%s\", expected %s's", field, got ? got : "",
                leased->holder);
    }
    return leases->elements / 2 == expected
        || differs(difference, "there are %zu leases, expected %zu", leases->elements / 2, expected);
}

static bool shows_what_is_open(const struct lease_book *book, struct store_harness *harness,
    const struct pipeline *pipeline, struct difference *difference) {
    const struct trigger *triggers;
    size_t shown = 0, expected = 0;
    struct result result = harness_try_outbox(harness, pipeline, &triggers, &shown);
    for (size_t i = 0; i < book->count; i++) {
        const char *holder = book->entries[i].holder;
        expected += !*holder || !*book->actor || strcmp(holder, book->actor) == 0 ? 1 : 0;
    }
    if (!is_ok(result))
        return differs(difference, "reading the outbox as a replica failed: %s", result.text);
    return shown == expected
        || differs(difference, "\"%s\" is shown %zu entries, expected %zu", book->actor, shown, expected);
}

bool leases_agree(struct lease_book *book, struct store_harness *harness, const struct step *step,
    const struct model *model, const struct pipeline *pipeline, struct difference *difference) {
    static const char script[] =
        "local all = {} for _, key in ipairs(redis.call('KEYS', 'pg:*:leases')) do "
        "for _, part in ipairs(redis.call('HGETALL', key)) do all[#all + 1] = part end end return all";
    bring_up_to_date(book, step, model);
    bool agrees = shows_what_is_open(book, harness, pipeline, difference);
    harness_be(harness, "", 0);
    redisReply *leases = redis_server_ask(harness->server, "EVAL %s 0", script);
    agrees = agrees && same_leases(book, leases, difference);
    freeReplyObject(leases);
    return agrees;
}
