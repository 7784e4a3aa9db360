/*
 * A doubly linked list whose links live in its members, so that moving something from one list to another
 * cannot fail. A list is a link of its own; a member that is in no list is linked to itself.
 */
#ifndef PHASEGATE_BUS_PUBSUB_LIST_H
#define PHASEGATE_BUS_PUBSUB_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list_link {
    struct list_link *previous;
    struct list_link *next;
};

#define list_entry(item, type, member) ((type *)(void *)((char *)(item)-offsetof(type, member)))

static inline void list_init(struct list_link *list) {
    list->previous = list->next = list;
}

static inline bool list_empty(const struct list_link *list) {
    return list->next == list;
}

static inline void list_insert_before(struct list_link *place, struct list_link *item) {
    item->previous = place->previous;
    item->next = place;
    place->previous->next = item;
    place->previous = item;
}

static inline void list_append(struct list_link *list, struct list_link *item) {
    list_insert_before(list, item);
}

static inline void list_prepend(struct list_link *list, struct list_link *item) {
    list_insert_before(list->next, item);
}

/* Takes it out of the list that it is in, if any. */
static inline void list_remove(struct list_link *item) {
    item->previous->next = item->next;
    item->next->previous = item->previous;
    list_init(item);
}

/* Everything in from goes to the end of to. */
static inline void list_append_all(struct list_link *to, struct list_link *from) {
    if (list_empty(from))
        return;
    from->next->previous = to->previous;
    to->previous->next = from->next;
    from->previous->next = to;
    to->previous = from->previous;
    list_init(from);
}

#endif
