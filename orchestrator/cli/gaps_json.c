#include "cli/gaps.h"
#include "cli/json_output.h"
#include "cli/survey.h"

#include <stdlib.h>

void gaps_print_list(const struct coverage *coverage, FILE *out) {
    const struct pipeline *pipeline = coverage->pipeline;
    for (size_t d = 0; d < coverage->count; d++) {
        const struct covered_date *covered = &coverage->dates[d];
        char date[DATE_TEXT_MAX];
        date_format(covered->date, date);
        for (int i = 0; i < pipeline->processor_count; i++)
            if (covered->missing >> i & 1)
                fprintf(out, "%s,%s,%s\n", date, pipeline->processors[i].abbr,
                    absence_name(covered->absences[i]));
    }
}

static json_t *date_json(const struct pipeline *pipeline, const struct covered_date *covered) {
    json_t *object = json_object(), *missing = json_array();
    for (int i = 0; i < pipeline->processor_count; i++) {
        if (!(covered->missing >> i & 1))
            continue;
        json_t *table = json_object();
        json_put(&table, "processor", json_text(pipeline->processors[i].name));
        json_put(&table, "reason", json_text(absence_name(covered->absences[i])));
        json_push(&missing, table);
    }
    json_put(&object, "game_date", json_date(covered->date));
    json_put(&object, "season", json_text(covered->season ? covered->season->name : NULL));
    json_put(&object, "bootstrap", json_boolean(covered->bootstrap));
    json_put(&object, "missing", missing);
    json_put(&object, "remedy", json_text(remedy_name(covered->remedy)));
    json_put(&object, "group", covered->group ? json_integer(covered->group) : json_null());
    return object;
}

static json_t *total_json(const struct pipeline *pipeline, const struct coverage_total *total) {
    json_t *object = json_object(), *processors = json_object();
    for (int i = 0; i < pipeline->processor_count; i++)
        json_put(&processors, pipeline->processors[i].name,
            survey_count_json(total->present[i], total->expected[i]));
    json_put(&object, "season", json_text(total->season ? total->season->name : NULL));
    json_put(&object, "dates", json_integer((json_int_t)total->dates));
    json_put(&object, "processors", processors);
    return object;
}

static json_t *seasons_json(const struct coverage *coverage) {
    struct coverage_total *totals = calloc(COVERAGE_TOTALS_MAX, sizeof *totals);
    json_t *seasons = totals ? json_array() : NULL;
    size_t count = totals ? coverage_by_season(coverage, totals) : 0;
    for (size_t i = 0; i < count; i++)
        json_push(&seasons, total_json(coverage->pipeline, &totals[i]));
    free(totals);
    return seasons;
}

void gaps_put_json(const struct coverage *coverage, bool all, json_t **object) {
    struct coverage_total total = coverage_of_all(coverage);
    json_t *dates = json_array();
    for (size_t i = 0; i < coverage->count; i++) {
        const struct covered_date *covered = &coverage->dates[i];
        if (all || covered->remedy != REMEDY_NONE)
            json_push(&dates, date_json(coverage->pipeline, covered));
    }
    json_put(object, "incomplete", json_integer((json_int_t)coverage_incomplete(coverage)));
    json_put(object, "dates", dates);
    json_put(object, "seasons", seasons_json(coverage));
    json_put(object, "totals", total_json(coverage->pipeline, &total));
}
