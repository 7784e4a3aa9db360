/* Coverage made by hand: real calendars, dates that are whole, and those of November 2021 as they were found.
 */
#ifndef PHASEGATE_TESTS_UNIT_CLI_COVERED_H
#define PHASEGATE_TESTS_UNIT_CLI_COVERED_H

#include "cli/coverage.h"
#include "support/check.h"
#include "support/nba.h"
#include "support/november.h"

#include <stdio.h>
#include <string.h>

enum { COVERED_DATES_MAX = 2000, CALENDAR_BYTES_MAX = 8192 };

/* A coverage with room, and what it rests on. Of each test anew: covering_start, covering_end. */
struct covering {
    struct game_calendar *calendar;
    struct covered_date dates[COVERED_DATES_MAX];
    struct coverage coverage;
};

/* Both texts may be NULL. */
static inline void covering_start(struct covering *covering, const char *games, const char *seasons) {
    *covering = (struct covering){0};
    check_ok(game_calendar_parse((struct calendar_text){"games.csv", games},
        (struct calendar_text){"seasons.csv", seasons}, 14, &covering->calendar));
    covering->coverage = (struct coverage){.pipeline = nba_pipeline(),
        .calendar = covering->calendar,
        .dates = covering->dates,
        .now_ms = NOVEMBER_NOW_MS};
}

static inline void covering_end(struct covering *covering) {
    game_calendar_free(&covering->calendar);
}

static inline void read_calendar(const char *path, char text[CALENDAR_BYTES_MAX]) {
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    text[fread(text, 1, CALENDAR_BYTES_MAX - 1, file)] = '\0';
    fclose(file);
}

/* The real calendar, and November 2021 as it was found. */
static inline void covering_november(struct covering *covering) {
    char games[CALENDAR_BYTES_MAX], seasons[CALENDAR_BYTES_MAX];
    static struct date_state found[NOVEMBER_DATES];
    read_calendar(TEST_DATA "/nov2021_games.csv", games);
    read_calendar(TEST_DATA "/season_starts.csv", seasons);
    covering_start(covering, games, seasons);
    november_states(SOURCE_DIR "/deploy/demo/nov2021_row_counts.csv", found);
    for (int i = 0; i < NOVEMBER_DATES; i++)
        coverage_add(&covering->coverage, &found[i], false);
}

static inline game_date date_of(const char *text) {
    game_date date;
    check_ok(date_parse(text, strlen(text), &date));
    return date;
}

/* Every table there, every group done in run 1. */
static inline struct date_state whole_date(const char *text) {
    const struct pipeline *pipeline = nba_pipeline();
    struct date_state state = {.date = date_of(text), .known = true, .run = 1};
    for (int i = 0; i < pipeline->processor_count; i++)
        state.records[i] = (struct record){.mark = RECORD_COUNTS,
            .status = STATUS_SUCCESS,
            .record_count = 22,
            .run = pipeline->processors[i].group > 0,
            .execution_id = "e1"};
    for (int g = 0; g < pipeline->group_count; g++)
        state.groups[g] = (struct group_state){.phase = GROUP_DONE, .run = 1};
    return state;
}

/* The same, up to where this group has the given phase and its members have not come back. */
static inline struct date_state date_until(const char *text, int group, enum group_phase phase) {
    const struct pipeline *pipeline = nba_pipeline();
    struct date_state state = whole_date(text);
    for (int i = 0; i < pipeline->processor_count; i++)
        if (pipeline->processors[i].group >= group)
            state.records[i] = (struct record){0};
    for (int g = group; g <= pipeline->group_count; g++)
        state.groups[g - 1] = (struct group_state){0};
    int64_t ready_ms = phase == GROUP_WAITING ? 0 : NOVEMBER_NOW_MS - 60000;
    state.groups[group - 1] =
        (struct group_state){.phase = phase, .run = 1, .ready_ms = ready_ms, .triggered_ms = ready_ms};
    return state;
}

#endif
