/* What holds of every completion that was decoded, and the round through its encoder. */
#ifndef PHASEGATE_TESTS_FUZZ_COMPLETION_ROUND_H
#define PHASEGATE_TESTS_FUZZ_COMPLETION_ROUND_H

#include "core/message.h"

/* Decodes the message for the pipeline nba, and checks what comes of it. */
void completion_round(const struct message *message);

#endif
