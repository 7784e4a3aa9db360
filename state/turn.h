/*
 * What comes in one turn of the loop and goes to Redis together when the turn is over: a call for each month,
 * in the order of dates, and of one date in the order in which it came.
 *
 * On the loop's thread. Only the files of the store's client include it.
 */
#ifndef PHASEGATE_STATE_TURN_H
#define PHASEGATE_STATE_TURN_H

#include "core/date.h"
#include "core/pipeline.h"

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

/* What waits begins with its place. */
struct turn_place {
    const struct pipeline *pipeline;
    game_date date;
    size_t number; /* in which it came; turn_list_add sets it */
};

struct turn_list {
    char *items;
    size_t item_size, count, room;
};

/* An empty one, of items of so many bytes. */
struct turn_list turn_list_of(size_t item_size);

/* A copy of the item; false when out of memory. */
bool turn_list_add(struct turn_list *list, const void *item) MUST_CHECK;

/* Valid until the next turn_list_add, _sort or _clear. */
void *turn_list_at(const struct turn_list *list, size_t index);
const struct turn_place *turn_list_place(const struct turn_list *list, size_t index);

/* Those of one pipeline, month and date side by side. */
void turn_list_sort(struct turn_list *list);

/* How many of a sorted list go into one call from the first on: of one month, and 32 at most. */
size_t turn_list_call(const struct turn_list *list, size_t first);

/* How many from the first on are of its date, in a sorted list of one month. */
size_t turn_list_date(const struct turn_list *list, size_t first);

bool turn_place_is_in(const struct turn_place *place, const struct pipeline *pipeline, const char *month);

/* Empty again, with nothing to free. */
void turn_list_clear(struct turn_list *list);

/* The turn's end. */
struct turn {
    uv_idle_t idle; /* active while anything waits for it: it keeps the loop from sleeping */
    void (*over)(void *context);
    void (*closed)(void *context);
    void *context;
};

void turn_init(struct turn *turn, uv_loop_t *loop, void (*over)(void *context), void *context);

/* Has over called once, when the turn is over. */
void turn_await(struct turn *turn);

/* over is not called any more; closed is, when the loop has let go of it. */
void turn_close(struct turn *turn, void (*closed)(void *context));

#endif
