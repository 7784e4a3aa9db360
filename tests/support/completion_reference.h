/*
 * Completions in JSON read a second time, by jansson, which builds a tree of all that is in a message: what
 * the daemon's reader has to agree with, in what it takes, in every field, and in the reasons but for the
 * words about syntax. They may differ where jansson refuses a key that nobody reads because it comes twice or
 * holds a NUL, and where it overlooks a NUL byte behind a number or a word, which is no JSON.
 */
#ifndef PHASEGATE_TESTS_SUPPORT_COMPLETION_REFERENCE_H
#define PHASEGATE_TESTS_SUPPORT_COMPLETION_REFERENCE_H

#include "base/arena.h"
#include "core/message.h"

#include <stdbool.h>

/* Do both readers agree on the message? If not, why says where; it lives in the arena, as what is read does.
 */
bool completion_reference_agrees(const struct message *message, struct arena *arena, const char **why);

#endif
