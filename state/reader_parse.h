/* The forms of the values in the store (README.md), read back into structs. No I/O. */
#ifndef PHASEGATE_STATE_READER_PARSE_H
#define PHASEGATE_STATE_READER_PARSE_H

#include "state/reader.h"

#include <hiredis/hiredis.h>

/* hash: the HGETALL reply of a date. Fields of processors that the pipeline does not know are passed over. */
struct result parse_date(const struct pipeline *pipeline, game_date date, const redisReply *hash,
    struct arena *arena, struct date_state *state) MUST_CHECK;

/* hash and list: the replies for the date and its history; merged, oldest first. */
struct result parse_history(const struct pipeline *pipeline, game_date date, const redisReply *hash,
    const redisReply *list, struct arena *arena, struct history_entry **entries, size_t *count,
    int64_t *dropped) MUST_CHECK;

/* hash: the HGETALL reply of a quarantine entry. */
struct result parse_quarantined(
    const char *id, const redisReply *hash, struct arena *arena, struct quarantined *entry) MUST_CHECK;

#endif
