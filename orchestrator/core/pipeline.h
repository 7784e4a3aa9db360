/*
 * A pipeline: one named set of processors, groups and needs. It is read from the configuration once, checked,
 * and never changed; everything that knows a processor's or a group's name asks it.
 *
 * Processors are numbered by their place in the definition; sets of processors are bit masks over those
 * numbers. Groups are numbered from 1, as in trigger ids. Processors of no group are upstream: the Phase 3 of
 * the design.
 */
#ifndef PHASEGATE_CORE_PIPELINE_H
#define PHASEGATE_CORE_PIPELINE_H

#include "base/arena.h"
#include "base/result.h"

#include <stddef.h>
#include <stdint.h>

enum {
    PIPELINE_PROCESSORS_MAX = 64,
    PIPELINE_GROUPS_MAX = 16,
    PIPELINE_NAME_MAX = 40, /* bytes: pipeline and processor names; [a-z0-9_-] */
    PIPELINE_ABBR_MAX = 8,
};

typedef uint64_t processor_set; /* bit i: processor i */

struct processor {
    int index;
    int group; /* 0: upstream; else the group it belongs to */
    const char *name;
    const char *abbr; /* short and unique; names its fields in the store and its column in the grid */
    const char *const *aliases;
    size_t alias_count;
    int64_t min_rows;    /* rows below it do not satisfy; at least 1 */
    double min_coverage; /* of a partial completion, 0 to 1 */
    bool require_rows;   /* an unknown record_count does not satisfy */
    bool allow_empty;    /* no_data, skipped and zero rows satisfy too */
};

struct group {
    int number; /* from 1 */
    processor_set members;
    processor_set needs;
    int backfill_cap; /* backfill triggers of this group in flight at once (rule 8); at least 1 */
};

enum rerun { RERUN_AUTO, RERUN_HOLD };           /* a new run opens by itself, or only an operator opens it */
enum on_stall { STALL_REPORT, STALL_RETRIGGER }; /* what a group's deadline leads to, besides the report */

/* Where messages come from or go to: a Pub/Sub topic with a subscription, or a stream with a consumer group.
 */
struct source {
    const char *topic;
    const char *subscription; /* NULL where only published */
};

struct pipeline {
    const char *name;
    const struct processor *processors;
    int processor_count;
    const struct group *groups; /* groups[g - 1] is group g */
    int group_count;
    processor_set upstream;
    const struct source *completions;
    int completion_count;
    struct source triggers;
    const char *phase; /* of the triggers: "phase_4_precompute" */

    /* Rules 5 and 9 of design.md section 4; times in seconds. */
    enum rerun rerun;
    int rerun_settle;      /* without a further re-run, before a new run opens */
    int upstream_deadline; /* from the first completion to the group's start, 0: none */
    int group_deadline;    /* from triggered to done, 0: none */
    enum on_stall on_stall;
    int retrigger_limit; /* how often a run's group is triggered again by its deadline */

    /* The calendar's files, as configured, "" for none; relative to the configuration file's directory. */
    const char *games_file;
    const char *seasons_file;
    int bootstrap_days; /* from a season's first game date on */

    const char *definition; /* the form that the store's functions read, see state/README.md */
};

/*
 * Which processor a completion speaks of: exact name, abbreviation or alias of processor_name; of
 * output_table; then the class name with leading Async and trailing Processor removed, in snake case
 * (design.md section 3). Either may be NULL. NULL when none matches.
 */
const struct processor *pipeline_resolve(
    const struct pipeline *pipeline, const char *processor_name, const char *output_table);

/* The processor with exactly this name, abbreviation or alias; NULL when there is none. */
const struct processor *pipeline_processor(const struct pipeline *pipeline, const char *name);

/* The known name or alias that is most like an unknown one, for messages; NULL when none is near. */
const char *pipeline_nearest(const struct pipeline *pipeline, const char *name);

/* Builds the store's form of the definition (pipeline->definition) in the arena; NULL when the arena is full.
 */
const char *pipeline_definition(const struct pipeline *pipeline, struct arena *arena);

#endif
