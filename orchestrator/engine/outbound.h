/*
 * One trigger on its way out. While it waits it is its outbox entry and nothing more; what is sent is made
 * when its turn comes.
 */
#ifndef PHASEGATE_ENGINE_OUTBOUND_H
#define PHASEGATE_ENGINE_OUTBOUND_H

#include "core/trigger.h"
#include "engine/gate.h"

struct outbound {
    struct outbound *next;
    struct ticket ticket; /* says which trigger it is */
    bool backfill;        /* it needs a slot … */
    bool granted;         /* … and has one, for this attempt */
    struct arena *arena;  /* of the following two; NULL before outbound_prepare */
    struct message *message;
    const char *bus_message_id; /* once the bus has confirmed */
    const char *facts;
    char field[]; /* "2021-11-17/g2/r1", then the facts */
};

/* A copy of the outbox entry, which trigger_from_outbox has read. NULL when out of memory. */
struct outbound *outbound_new(
    const struct pipeline *pipeline, const char *field, const char *facts, const struct trigger *trigger);

/* Makes the message, unless it is made. CODE_LIMIT when it is too large, CODE_UNAVAILABLE when out of memory.
 */
struct result outbound_prepare(struct outbound *outbound) MUST_CHECK;

/* Confirmed by the bus, as this message. When out of memory it stays unconfirmed, to be published again. */
void outbound_published(struct outbound *outbound, const char *bus_message_id);

char *outbound_id(const struct outbound *outbound, char text[TRIGGER_ID_MAX]);

void outbound_free(struct outbound *outbound);

#endif
