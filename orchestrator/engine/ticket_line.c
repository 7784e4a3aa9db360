#include "engine/ticket_line.h"

#include <stdlib.h>
#include <string.h>

bool ticket_is_older(const struct ticket *a, const struct ticket *b) {
    return a->date != b->date ? a->date < b->date : a->run < b->run;
}

bool ticket_line_open(struct ticket_line *line, size_t room) {
    line->tickets = malloc(room * sizeof(struct ticket *));
    line->room = line->tickets ? room : 0;
    line->count = 0;
    return line->tickets;
}

void ticket_line_close(struct ticket_line *line) {
    free(line->tickets);
    *line = (struct ticket_line){0};
}

/* The first place whose ticket is not younger. */
static size_t place_of(const struct ticket_line *line, const struct ticket *ticket) {
    size_t low = 0, high = line->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (ticket_is_older(ticket, line->tickets[middle]))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void ticket_line_add(struct ticket_line *line, struct ticket *ticket) {
    size_t place = place_of(line, ticket);
    memmove(&line->tickets[place + 1], &line->tickets[place], (line->count - place) * sizeof *line->tickets);
    line->tickets[place] = ticket;
    line->count++;
}

bool ticket_line_remove(struct ticket_line *line, const struct ticket *ticket) {
    size_t place = place_of(line, ticket);
    if (place == line->count || line->tickets[place] != ticket)
        return false;
    line->count--;
    memmove(&line->tickets[place], &line->tickets[place + 1], (line->count - place) * sizeof *line->tickets);
    return true;
}

struct ticket *ticket_line_find(const struct ticket_line *line, game_date date, int run) {
    const struct ticket wanted = {.date = date, .run = run};
    size_t place = place_of(line, &wanted);
    struct ticket *found = place < line->count ? line->tickets[place] : NULL;
    return found && found->date == date && found->run == run ? found : NULL;
}

struct ticket *ticket_line_oldest(const struct ticket_line *line, const struct months *but) {
    for (size_t i = line->count; i-- > 0;)
        if (!but->first || !months_has(but, line->tickets[i]->pipeline, line->tickets[i]->date))
            return line->tickets[i];
    return NULL;
}

struct ticket *ticket_line_youngest(const struct ticket_line *line) {
    return line->count > 0 ? line->tickets[0] : NULL;
}
