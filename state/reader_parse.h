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

/* The forms of a record and of a started group, without their other fields. False when it is none. */
bool parse_record(const struct processor *processor, const char *text, struct record *record);
bool parse_group(const char *text, struct arena *arena, struct group_state *group);
bool parse_phase(const char *text, enum group_phase *phase);

/* A whole number as the store writes them, 0 when text is none. What no store wrote is brought within 15
   digits, and a run or a group within 9: so sums and differences of two hold in their type. */
int64_t number_in(const char *text);
int small_number_in(const char *text);

/* The value of a field in an HGETALL reply, or NULL; as a number_in(), 0 when absent. */
const char *field_of(const redisReply *hash, const char *field);
int64_t number_of(const redisReply *hash, const char *field);

/* CODE_INTERNAL: what stands in the store is not what README.md says. */
struct result unreadable(game_date date, const char *field, const char *value) MUST_CHECK;

#endif
