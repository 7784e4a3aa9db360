/* Does a message follow the contract of a trigger (design.md section 3), as a consumer would read it? */
#ifndef PHASEGATE_TESTS_SUPPORT_TRIGGER_CONTRACT_H
#define PHASEGATE_TESTS_SUPPORT_TRIGGER_CONTRACT_H

#include "base/result.h"
#include "core/date.h"
#include "core/message.h"
#include "core/pipeline.h"

/* What it says. */
struct trigger_facts {
    game_date date;
    int group;
    int run;
    bool backfill;
};

/*
 * Reads a trigger of the pipeline, nba or one with other needs. False, with the reason in why, when it is
 * none, or when its body, its attributes and its ordering key do not all say the same.
 */
bool trigger_contract_read(const struct pipeline *pipeline, const struct message *message,
    struct trigger_facts *facts, char why[RESULT_TEXT_MAX]);

#endif
