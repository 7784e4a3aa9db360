#include "cli/replica_table.h"

#include "cli/json_output.h"
#include "cli/table.h"
#include "cli/words.h"

#include <inttypes.h>

enum { SILENT_AFTER = 3 }; /* heartbeats that did not come */

enum { COLUMN_ID, COLUMN_STANDING, COLUMN_HEARD, COLUMN_STARTED, COLUMN_VERSION, COLUMN_WORK };

#define WORK_COLUMN(member, title, meaning) {title, true, 2},
static const struct table_column columns[] = {[COLUMN_ID] = {"replica", false, 0},
    [COLUMN_STANDING] = {"state", false, 2},
    [COLUMN_HEARD] = {"last heard", true, 2},
    [COLUMN_STARTED] = {"started (UTC)", false, 2},
    [COLUMN_VERSION] = {"version", false, 2},
    REPLICA_WORK(WORK_COLUMN)};

enum { COLUMNS = sizeof columns / sizeof columns[0] };

static const struct {
    const char *name;
    enum tone tone;
} standings[] = {
    [REPLICA_ALIVE] = {"alive", TONE_GOOD},
    [REPLICA_SILENT] = {"silent", TONE_BAD},
    [REPLICA_STOPPED] = {"stopped", TONE_DIM},
};

enum replica_standing replica_standing(const struct replica_report *replica, int64_t now_ms) {
    if (replica->stopped)
        return REPLICA_STOPPED;
    return now_ms - replica->seen_ms > SILENT_AFTER * replica->every_ms ? REPLICA_SILENT : REPLICA_ALIVE;
}

static int64_t work_of(const struct replica_report *replica, size_t index) {
#define WORK_VALUE(member, title, meaning) replica->work.member,
    const int64_t values[] = {REPLICA_WORK(WORK_VALUE)};
    return values[index];
}

static enum tone cell(const void *context, size_t row, size_t column, char *text) {
    const struct replica_table *table = context;
    const struct replica_report *replica = &table->replicas[row];
    enum replica_standing standing = replica_standing(replica, table->now_ms);
    switch (column) {
    case COLUMN_ID:
        words_shown(replica->id, text, TABLE_CELL_MAX);
        break;
    case COLUMN_STANDING:
        snprintf(text, TABLE_CELL_MAX, "%s", standings[standing].name);
        return standings[standing].tone;
    case COLUMN_HEARD: {
        char ago[WORDS_DURATION_MAX];
        snprintf(text, TABLE_CELL_MAX, "%s ago", words_duration(table->now_ms - replica->seen_ms, ago));
        break;
    }
    case COLUMN_STARTED:
        words_time(replica->started_ms, text);
        break;
    case COLUMN_VERSION:
        words_shown(replica->version, text, TABLE_CELL_MAX);
        break;
    default:
        snprintf(text, TABLE_CELL_MAX, "%" PRId64, work_of(replica, column - COLUMN_WORK));
    }
    return standing == REPLICA_STOPPED ? TONE_DIM : TONE_PLAIN;
}

static size_t count_of(const struct replica_table *table, enum replica_standing standing) {
    size_t count = 0;
    for (size_t i = 0; i < table->count; i++)
        count += replica_standing(&table->replicas[i], table->now_ms) == standing ? 1 : 0;
    return count;
}

void replica_table_print(const struct replica_table *table, const struct term *term, FILE *out) {
    const struct table cells = {columns, COLUMNS, table->count, cell, table};
    if (table->count == 0) {
        fputs("no replica was heard of in the last hour; `phasegate serve` starts one\n", out);
        return;
    }
    table_print(&cells, term, out);
    size_t silent = count_of(table, REPLICA_SILENT);
    fprintf(out, "\n%zu alive, %zu silent, %zu stopped in the last hour\n", count_of(table, REPLICA_ALIVE),
        silent, count_of(table, REPLICA_STOPPED));
    if (silent > 0)
        fprintf(out, "what a silent one had to publish is taken over when its lease (%d s) has run out\n",
            table->lease_seconds);
}

static json_t *replica_json(const struct replica_report *replica, int64_t now_ms) {
    json_t *object = json_object(), *work = json_object();
#define PUT_WORK(member, title, meaning) json_put(&work, #member, json_integer(replica->work.member));
    REPLICA_WORK(PUT_WORK)
    json_put(&object, "id", json_text(replica->id));
    json_put(&object, "state", json_text(standings[replica_standing(replica, now_ms)].name));
    json_put(&object, "host", json_text(replica->host));
    json_put(&object, "pid", json_integer(replica->pid));
    json_put(&object, "version", json_text(replica->version));
    json_put(&object, "started_at", json_time(replica->started_ms));
    json_put(&object, "heard_at", json_time(replica->seen_ms));
    json_put(&object, "work", work);
    return object;
}

struct result replica_table_print_json(const struct replica_table *table, FILE *out) {
    json_t *object = json_object(), *replicas = json_array();
    for (size_t i = 0; i < table->count; i++)
        json_push(&replicas, replica_json(&table->replicas[i], table->now_ms));
    json_put(&object, "at", json_time(table->now_ms));
    json_put(&object, "replicas", replicas);
    return json_print(object, out);
}
