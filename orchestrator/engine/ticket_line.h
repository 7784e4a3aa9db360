/*
 * Tickets in order of date: a sorted array, the oldest at its end, from where it is taken. At most some ten
 * thousand pointers; a newcomer is usually the youngest, and makes room by moving them all, which takes
 * microseconds.
 */
#ifndef PHASEGATE_ENGINE_TICKET_LINE_H
#define PHASEGATE_ENGINE_TICKET_LINE_H

#include "engine/gate.h"
#include "state/months.h"

struct ticket_line {
    struct ticket **tickets; /* youngest first */
    size_t count;
    size_t room;
};

/* Room for so many; false when out of memory. Pages that are never used cost nothing. */
bool ticket_line_open(struct ticket_line *line, size_t room);
void ticket_line_close(struct ticket_line *line);

/* There has to be room. */
void ticket_line_add(struct ticket_line *line, struct ticket *ticket);

/* False when it is not in the line. */
bool ticket_line_remove(struct ticket_line *line, const struct ticket *ticket);

/* NULL when it is not there. */
struct ticket *ticket_line_find(const struct ticket_line *line, game_date date, int run);

/* Of those whose month is none of these; NULL when there is none. */
struct ticket *ticket_line_oldest(const struct ticket_line *line, const struct months *but);

/* NULL when nobody waits. */
struct ticket *ticket_line_youngest(const struct ticket_line *line);

/* Does the date of a come before that of b, or, of the same date, its run? */
bool ticket_is_older(const struct ticket *a, const struct ticket *b);

#endif
