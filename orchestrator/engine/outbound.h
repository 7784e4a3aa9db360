/*
 * One trigger on its way out. While it waits it is what its outbox entry says and nothing more; what is
 * sent is made when its turn comes.
 */
#ifndef PHASEGATE_ENGINE_OUTBOUND_H
#define PHASEGATE_ENGINE_OUTBOUND_H

#include "core/trigger.h"
#include "engine/gate.h"

struct outbound {
    struct outbound *next;
    struct ticket ticket;
    struct trigger trigger; /* one of backfill needs a slot … */
    bool granted;           /* … and has one, for this attempt */
    struct arena *arena;    /* of the following two; NULL before outbound_prepare */
    struct message *message;
    const char *bus_message_id; /* once the bus has confirmed */
    const char *field;          /* "2021-11-17/g2/r1" */
    int64_t rows[];             /* the trigger's, then its texts and the field */
};

/* A copy of what trigger_from_outbox has read of this field and its facts. NULL when out of memory. */
struct outbound *outbound_new(
    const struct pipeline *pipeline, const char *field, const struct trigger *trigger);

/* Makes the message, unless it is made. CODE_LIMIT when it is too large, CODE_UNAVAILABLE when out of memory.
 */
struct result outbound_prepare(struct outbound *outbound) MUST_CHECK;

/* Confirmed by the bus, as this message. When out of memory it stays unconfirmed, to be published again. */
void outbound_published(struct outbound *outbound, const char *bus_message_id);

char *outbound_id(const struct outbound *outbound, char text[TRIGGER_ID_MAX]);

void outbound_free(struct outbound *outbound);

#endif
