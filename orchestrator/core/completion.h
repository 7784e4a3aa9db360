/*
 * A completion: the event "processor P finished game date D", decoded from what a publisher sent and checked.
 * Reads exactly the fields of design.md section 3, in JSON or as a protobuf phasegate.v1.Completion, and
 * ignores others.
 */
#ifndef PHASEGATE_CORE_COMPLETION_H
#define PHASEGATE_CORE_COMPLETION_H

#include "base/arena.h"
#include "base/result.h"
#include "core/date.h"
#include "core/game_calendar.h"
#include "core/message.h"
#include "core/pipeline.h"

/* In rising order of what they are worth; of one execution, a worse outcome never replaces a better one. */
enum status { STATUS_FAILED, STATUS_SKIPPED, STATUS_NO_DATA, STATUS_PARTIAL, STATUS_SUCCESS };

enum { STATUS_COUNT = STATUS_SUCCESS + 1 };

#define ROWS_UNKNOWN ((int64_t)-1)
#define ROWS_MAX ((int64_t)1000000000000) /* far above any real table; a larger count is refused */

/* Limits of a message. */
enum {
    COMPLETION_BYTES_MAX = 1 << 20, /* of a message */
    COMPLETION_DEPTH_MAX = 32,      /* of nested JSON */
    COMPLETION_ID_MAX = 128,        /* bytes of any id; a longer one is refused */
    COMPLETION_ERROR_MAX = 200,     /* bytes of error_message that are kept */
};

/*
 * The attribute whose value BINARY says that a message is a protobuf: Pub/Sub's own, which only Pub/Sub can
 * set, and ours, for a message that was in quarantine and is published again.
 */
#define COMPLETION_ENCODING "googclient_schemaencoding"
#define COMPLETION_ENCODING_AGAIN "phasegate_schemaencoding"

struct completion {
    const struct processor *processor;
    game_date date;
    enum status status;
    int64_t record_count;   /* ROWS_UNKNOWN when absent: never the same as 0 */
    int64_t records_failed; /* 0 when absent */
    /* The publisher's; when that is absent or after now, when the bus took the message. Never after now. */
    int64_t timestamp_ms;
    bool backfill;
    struct game_day day;        /* what the calendar says of the date; the decoder leaves it unknown */
    const char *execution_id;   /* never NULL: the message id stands in */
    const char *correlation_id; /* NULL when absent, like the rest */
    const char *trigger_id;
    const char *trigger_message_id;
    const char *error_message;
};

/* "success" … ; never NULL. */
const char *status_name(enum status status);
bool status_parse(const char *text, enum status *status);

/*
 * Decodes a message that came for this pipeline. Strings live in the arena, of which JSON takes 8 KiB at
 * most, and a protobuf what it needs. now_ms bounds dates and timestamps. An empty text and JSON's null count
 * as absent; an id may be written as a whole number. CODE_INVALID or CODE_LIMIT when it cannot be understood;
 * the text is the reason that the quarantine shows. CODE_LIMIT also when the arena is full.
 * CODE_UNAVAILABLE when out of memory, which says nothing about the message.
 */
struct result completion_decode(const struct pipeline *pipeline, const struct message *message,
    int64_t now_ms, struct arena *arena, struct completion *completion) MUST_CHECK;

/*
 * Does it satisfy its processor? The rule of design.md section 4, first paragraph; in a season's bootstrap
 * period a group's processor is treated as allow_empty.
 */
bool completion_satisfies(const struct completion *completion);

/* Why it does not, in words for an operator ("0 rows; needs 1"); "" when it does. Returns text. */
char *completion_shortfall(const struct completion *completion, char *text, size_t size);

/*
 * The completion as a publisher sends it (contract/completion-*.json), for `publish`, the backfill tools and
 * tests. Data and attributes live in the arena. NULL when the arena is full or a text is not UTF-8.
 */
struct message *completion_encode(
    const struct pipeline *pipeline, const struct completion *completion, struct arena *arena);

#endif
