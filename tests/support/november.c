#include "support/november.h"

#include "support/check.h"
#include "support/nba.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MINUTE_MS = 60 * 1000 };

static struct record record_of(const struct processor *processor, int64_t rows, bool done) {
    struct record record = {
        .mark = rows > 0 ? RECORD_COUNTS : RECORD_SHORT,
        .status = STATUS_SUCCESS,
        .record_count = rows,
        .timestamp_ms = NOVEMBER_NOW_MS - 60 * MINUTE_MS,
        .arrived_ms = NOVEMBER_NOW_MS - 60 * MINUTE_MS,
        .backfill = true,
        .execution_id = "bf-20211204",
    };
    if (processor->group > 0 && done)
        record.run = 1;
    else if (processor->group > 0)
        record.mark = rows > 0 ? RECORD_PREMATURE : RECORD_NONE;
    return record;
}

static void finish_groups(struct date_state *state) {
    state->run = 1;
    for (int g = 0; g < nba_pipeline()->group_count; g++)
        state->groups[g] = (struct group_state){
            .phase = GROUP_DONE,
            .run = 1,
            .ready_ms = NOVEMBER_NOW_MS - (40 - 10 * g) * MINUTE_MS,
            .triggered_ms = NOVEMBER_NOW_MS - (40 - 10 * g) * MINUTE_MS + 200,
            .ended_ms = NOVEMBER_NOW_MS - (31 - 10 * g) * MINUTE_MS,
            .backfill = true,
            .bus_message_id = "9188",
        };
}

static void close_no_games(struct date_state *state) {
    state->no_games_ms = NOVEMBER_NOW_MS;
    for (int i = 0; i < NBA_PROCESSORS; i++) {
        state->records[i].status = STATUS_NO_DATA;
        state->records[i].mark = i < PSZA ? RECORD_SHORT : RECORD_NONE;
    }
}

/* "2021-11-15,241,389,…" */
static void read_line(const char *line, struct date_state *state) {
    check_ok(date_parse(line, 10, &state->date));
    int64_t rows[NBA_PROCESSORS];
    const char *at = line + 10;
    bool whole = true, empty = true;
    for (int i = 0; i < NBA_PROCESSORS; i++) {
        char *end;
        rows[i] = strtoll(at + 1, &end, 10);
        at = end;
        whole = whole && rows[i] > 0;
        empty = empty && (i >= PSZA || rows[i] == 0);
    }
    state->known = true;
    for (int i = 0; i < NBA_PROCESSORS; i++)
        state->records[i] = record_of(&nba_pipeline()->processors[i], rows[i], whole);
    if (whole)
        finish_groups(state);
    if (empty)
        close_no_games(state);
}

void november_states(const char *file_name, struct date_state states[NOVEMBER_DATES]) {
    FILE *file = fopen(file_name, "r");
    char line[256];
    assert_non_null(file);
    assert_non_null(fgets(line, sizeof line, file));
    memset(states, 0, NOVEMBER_DATES * sizeof *states);
    for (int i = 0; i < NOVEMBER_DATES; i++) {
        assert_non_null(fgets(line, sizeof line, file));
        read_line(line, &states[i]);
    }
    fclose(file);
}
