/*
 * What a completion says, field by field, before it is checked against a pipeline: what the readers of the
 * two forms fill, and completion_decode.c checks. Only completion_*.c and their tests include it.
 */
#ifndef PHASEGATE_CORE_COMPLETION_FIELDS_H
#define PHASEGATE_CORE_COMPLETION_FIELDS_H

#include "base/arena.h"
#include "base/result.h"
#include "core/message.h"

#include <stdint.h>

/* Texts are NULL when absent or empty, and live in the arena. */
struct completion_fields {
    const char *pipeline;
    const char *processor_name;
    const char *output_table;
    const char *game_date;
    const char *analysis_date;
    const char *status;
    const char *execution_id;
    const char *correlation_id;
    const char *trigger_id;
    const char *trigger_message_id;
    const char *timestamp;
    const char *error_message;
    int64_t record_count;   /* ROWS_UNKNOWN when absent */
    int64_t records_failed; /* 0 when absent */
    bool backfill;
};

enum text_kind {
    TEXT_WORD,  /* compared or parsed: longer than COMPLETION_WORD_MAX, it is cut, which makes it wrong as it
                   was */
    TEXT_ID,    /* kept as it is; publishers also write ids as whole numbers */
    TEXT_PROSE, /* for people: cut at COMPLETION_ERROR_MAX */
};

enum { COMPLETION_WORD_MAX = 512 };

struct text_field {
    const char *name;
    size_t offset; /* of its pointer in struct completion_fields */
    enum text_kind kind;
};

/* Every text that is read, in the order in which a fault in it is most worth reporting: X(name, kind). */
#define COMPLETION_TEXTS(X)                                                                                  \
    X(pipeline, TEXT_WORD)                                                                                   \
    X(processor_name, TEXT_WORD)                                                                             \
    X(output_table, TEXT_WORD)                                                                               \
    X(game_date, TEXT_WORD)                                                                                  \
    X(analysis_date, TEXT_WORD)                                                                              \
    X(status, TEXT_WORD)                                                                                     \
    X(execution_id, TEXT_ID)                                                                                 \
    X(correlation_id, TEXT_ID)                                                                               \
    X(trigger_id, TEXT_ID)                                                                                   \
    X(trigger_message_id, TEXT_ID)                                                                           \
    X(timestamp, TEXT_WORD)                                                                                  \
    X(error_message, TEXT_PROSE)

/* The flags that tag a completion as backfill, wherever they stand: X(name). */
#define COMPLETION_FLAGS(X) X(backfill) X(backfill_mode) X(is_backfill) X(skip_downstream_trigger)

#define COMPLETION_ONE(...) +1
enum {
    COMPLETION_TEXT_COUNT = COMPLETION_TEXTS(COMPLETION_ONE),
    COMPLETION_FLAG_COUNT = COMPLETION_FLAGS(COMPLETION_ONE),
};

extern const struct text_field completion_texts[COMPLETION_TEXT_COUNT];
extern const char *const completion_flags[COMPLETION_FLAG_COUNT];

/* Keeps a text that came for a field: checks that it is one, cuts it where its kind says so. */
struct result completion_set_text(struct completion_fields *fields, const struct text_field *field,
    const char *text, size_t length, struct arena *arena) MUST_CHECK;

/* "true" and "1", "false", "0" and "", in any case. */
bool completion_flag_parse(const char *text, bool *flag);

/* Does this trigger_source tag a completion as backfill? source may be NULL. */
bool completion_source_is_backfill(const char *source);

/* The readers of the two forms. They fill what the message has, and set backfill only to true. */
struct result completion_read_json(
    const struct message *message, struct arena *arena, struct completion_fields *fields) MUST_CHECK;
struct result completion_read_proto(
    const struct message *message, struct arena *arena, struct completion_fields *fields) MUST_CHECK;

#endif
