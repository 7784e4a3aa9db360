/* The form in which a message is kept: "17 2 1764502927104\n", its id, its attributes as JSON, its data. */
#ifndef PHASEGATE_STATE_KEPT_FORM_H
#define PHASEGATE_STATE_KEPT_FORM_H

#include "state/rebuild.h"

/* The same message always has the same form. NULL when out of memory; freed with free. */
char *kept_form_make(const struct message *message, size_t *size);

/* The message's parts live in the arena, the form among them. CODE_INVALID when it is none. */
struct result kept_form_read(
    const char *form, size_t size, struct arena *arena, struct kept_message *kept) MUST_CHECK;

#endif
