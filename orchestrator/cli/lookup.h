/* What the reading commands share: configuration, pipeline, and a connection to the store. */
#ifndef PHASEGATE_CLI_LOOKUP_H
#define PHASEGATE_CLI_LOOKUP_H

#include "cli/setup.h"
#include "state/reader.h"

struct lookup {
    struct setup setup;
    const struct pipeline *pipeline;
    struct reader *reader;
};

/* After a failure there is nothing to close. CODE_UNAVAILABLE says how to start an embedded server. */
struct result lookup_open(const struct common_options *options, struct lookup *lookup) MUST_CHECK;

/* The same for what is of no pipeline: lookup->pipeline is NULL, and none need be named. */
struct result lookup_open_store(const struct common_options *options, struct lookup *lookup) MUST_CHECK;
void lookup_close(struct lookup *lookup);

/* The state of these dates, in the lookup's arena. */
struct result lookup_dates(
    struct lookup *lookup, const game_date *dates, size_t count, struct date_state **states) MUST_CHECK;

/* The same, as reader_dates_apart. */
struct result lookup_dates_apart(
    struct lookup *lookup, const game_date *dates, size_t count, struct date_state **states) MUST_CHECK;

#endif
