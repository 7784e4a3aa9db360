/* A message as bytes: read from a file with attributes from the command line, and shown, whatever it
 * contains. */
#ifndef PHASEGATE_CLI_RAW_MESSAGE_H
#define PHASEGATE_CLI_RAW_MESSAGE_H

#include "base/arena.h"
#include "base/result.h"
#include "cli/options.h"
#include "core/message.h"

#include <jansson.h>
#include <stdio.h>

enum { RAW_BYTES_MAX = 10 << 20 }; /* what Pub/Sub takes */

/* The bytes of a file, or of standard input for "-", and attributes "key=value"; all in the arena. */
struct result raw_message_read(const char *file_name, const struct option_list *attributes,
    struct arena *arena, const struct message **message) MUST_CHECK;

/* Attributes and payload: text as it is, with control characters escaped; bytes that are no text as \xNN. */
void raw_message_print(const struct message *message, FILE *out);

/* {"attributes": {…}, "data": "…", "data_base64": "…"}: data is null when it is not UTF-8. NULL: out of
 * memory. */
json_t *raw_message_json(const struct message *message);

#endif
