/*
 * One call for several things that wait for it: sent together, a call for each month, and each is told its
 * own part of the answer. A function that is called so answers an array: which call of the lane this was
 * (month_memory.h), then for each thing, in their order, what became of it.
 *
 * On the loop's thread. Only the files of the store's client include it.
 */
#ifndef PHASEGATE_STATE_BATCH_H
#define PHASEGATE_STATE_BATCH_H

#include "state/call.h"
#include "state/turn.h"

struct batch_kind {
    const char *function; /* of the library */
    size_t item_size;     /* of what waits, which begins with its place */

    /* Puts the call for the whole list together: sorted, of one month, as many as go into one call. */
    void (*write)(struct store *store, struct call *call, const char *function, const struct turn_list *list);

    /* What became of the item; part is NULL unless result is ok, and valid during the call. */
    void (*tell)(struct store *store, const void *item, struct result result, const redisReply *part);
};

/* A copy of the item waits in the list; out of memory, it is told so before this returns. */
void batch_add(struct store *store, const struct batch_kind *kind, struct turn_list *list, const void *item);

/*
 * Sends all that waits in the list, and leaves it empty: what comes again, because it is told before this
 * returns, waits in the list for the next time.
 */
void batch_send(struct store *store, const struct batch_kind *kind, struct turn_list *list);

#endif
