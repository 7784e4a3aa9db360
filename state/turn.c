#include "state/turn.h"

#include <stdlib.h>
#include <string.h>

/*
 * Most of one call: so many that a call's own cost is shared, and so few that nobody else waits for long
 * (Redis does nothing else meanwhile) and that it fits into what Redis reads at once, 16 KB.
 */
enum { CALL_MAX = 32, FIRST_ROOM = 64 };

/* --- What waits ----------------------------------------------------------------------------------------- */

struct turn_list turn_list_of(size_t item_size) {
    return (struct turn_list){.item_size = item_size};
}

bool turn_list_add(struct turn_list *list, const void *item) {
    if (list->count == list->room) {
        size_t room = list->room ? 2 * list->room : FIRST_ROOM;
        char *items = realloc(list->items, room * list->item_size);
        if (!items)
            return false;
        list->items = items;
        list->room = room;
    }
    struct turn_place *place = memcpy(turn_list_at(list, list->count), item, list->item_size);
    place->number = list->count++;
    return true;
}

void *turn_list_at(const struct turn_list *list, size_t index) {
    return list->items + index * list->item_size;
}

const struct turn_place *turn_list_place(const struct turn_list *list, size_t index) {
    return turn_list_at(list, index);
}

static int by_place(const void *left, const void *right) {
    const struct turn_place *a = left, *b = right;
    if (a->pipeline != b->pipeline)
        return a->pipeline < b->pipeline ? -1 : 1;
    if (a->date != b->date)
        return a->date < b->date ? -1 : 1;
    return a->number < b->number ? -1 : 1;
}

void turn_list_sort(struct turn_list *list) {
    if (list->count > 1)
        qsort(list->items, list->count, list->item_size, by_place);
}

bool turn_place_is_in(const struct turn_place *place, const struct pipeline *pipeline, const char *month) {
    char text[MONTH_TEXT_MAX];
    return place->pipeline == pipeline && strcmp(month_format(place->date, text), month) == 0;
}

size_t turn_list_call(const struct turn_list *list, size_t first) {
    const struct turn_place *place = turn_list_place(list, first);
    char month[MONTH_TEXT_MAX];
    size_t count = 1;
    month_format(place->date, month);
    while (count < CALL_MAX && first + count < list->count
        && turn_place_is_in(turn_list_place(list, first + count), place->pipeline, month))
        count++;
    return count;
}

size_t turn_list_date(const struct turn_list *list, size_t first) {
    size_t next = first + 1;
    while (next < list->count && turn_list_place(list, next)->date == turn_list_place(list, first)->date)
        next++;
    return next - first;
}

void turn_list_clear(struct turn_list *list) {
    free(list->items);
    *list = turn_list_of(list->item_size);
}

/* --- The turn's end ------------------------------------------------------------------------------------- */

static void on_idle(uv_idle_t *idle) {
    struct turn *turn = idle->data;
    uv_idle_stop(idle);
    turn->over(turn->context);
}

void turn_init(struct turn *turn, uv_loop_t *loop, void (*over)(void *context), void *context) {
    *turn = (struct turn){.over = over, .context = context};
    uv_idle_init(loop, &turn->idle);
    turn->idle.data = turn;
}

void turn_await(struct turn *turn) {
    uv_idle_start(&turn->idle, on_idle);
}

static void on_closed(uv_handle_t *handle) {
    struct turn *turn = handle->data;
    turn->closed(turn->context);
}

void turn_close(struct turn *turn, void (*closed)(void *context)) {
    turn->closed = closed;
    uv_close((uv_handle_t *)&turn->idle, on_closed);
}
