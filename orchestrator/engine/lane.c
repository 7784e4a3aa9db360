#include "engine/lane.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

static int compare_lanes(const void *left, const void *right) {
    const struct lane *a = left, *b = right;
    if (a->pipeline != b->pipeline)
        return strcmp(a->pipeline->name, b->pipeline->name);
    return a->date < b->date ? -1 : a->date > b->date;
}

struct lane *lanes_find(const struct lanes *lanes, const struct pipeline *pipeline, game_date date) {
    struct lane wanted = {.pipeline = pipeline, .date = date};
    struct lane **found = tfind(&wanted, &lanes->tree, compare_lanes);
    return found ? *found : NULL;
}

struct lane *lanes_get(struct lanes *lanes, const struct pipeline *pipeline, game_date date) {
    struct lane *lane = lanes_find(lanes, pipeline, date);
    if (lane)
        return lane;
    lane = calloc(1, sizeof *lane);
    if (!lane)
        return NULL;
    lane->pipeline = pipeline;
    lane->date = date;
    if (!tsearch(lane, &lanes->tree, compare_lanes)) {
        free(lane);
        return NULL;
    }
    return lane;
}

static void lane_free(void *node) {
    struct lane *lane = node;
    for (struct outbound *outbound = lane->first, *next; outbound; outbound = next) {
        next = outbound->next;
        outbound_free(outbound);
    }
    free(lane);
}

void lanes_remove(struct lanes *lanes, struct lane *lane) {
    tdelete(lane, &lanes->tree, compare_lanes);
    lane_free(lane);
}

void lanes_clear(struct lanes *lanes) {
    tdestroy(lanes->tree, lane_free);
    lanes->tree = NULL;
}

/* The tree's nodes begin with what was put into them. */
static void visit(const void *node, VISIT when, void *context) {
    void (**each)(struct lane *) = context;
    if (when == postorder || when == leaf)
        (*each)(*(struct lane *const *)node);
}

void lanes_each(const struct lanes *lanes, void (*each)(struct lane *lane)) {
    twalk_r(lanes->tree, visit, &each);
}

bool lanes_have(const struct lanes *lanes, const struct pipeline *pipeline, const char *field) {
    game_date date;
    if (!is_ok(date_parse(field, strnlen(field, DATE_TEXT_MAX - 1), &date)))
        return false;
    const struct lane *lane = lanes_find(lanes, pipeline, date);
    for (const struct outbound *outbound = lane ? lane->first : NULL; outbound; outbound = outbound->next)
        if (strcmp(outbound->field, field) == 0)
            return true;
    return false;
}

static bool comes_before(const struct ticket *a, const struct ticket *b) {
    return a->run != b->run ? a->run < b->run : a->group < b->group;
}

bool lane_insert(struct lane *lane, struct outbound *outbound) {
    struct outbound **place = &lane->first;
    int count = 0;
    for (const struct outbound *other = lane->first; other; other = other->next)
        count++;
    if (count >= LANE_MAX)
        return false;
    if (*place)
        place = &(*place)->next;
    while (*place && comes_before(&(*place)->ticket, &outbound->ticket))
        place = &(*place)->next;
    outbound->next = *place;
    *place = outbound;
    return true;
}
