/*
 * What is posted: a template of JSON with placeholders such as {{text}}, filled in as JSON wants its strings.
 * Pure functions.
 */
#ifndef PHASEGATE_ALERTS_BODY_H
#define PHASEGATE_ALERTS_BODY_H

#include "base/result.h"

#include <stdint.h>

/* None is NULL; all are UTF-8. */
struct body_facts {
    const char *text;
    const char *kind;
    const char *pipeline;
    const char *subject;
    const char *state;
    int64_t at_ms;
};

enum { BODY_PLACEHOLDERS_MAX = 16 };

/* Slack's: {"text": "{{slack}}"}. */
extern const char body_slack[];

/* CODE_INVALID: a placeholder that there is not, too many of them, or JSON that is none once it is filled in.
 */
struct result body_check(const char *template) MUST_CHECK;

/* Fills in a template that has passed the check. NULL when out of memory; else the caller frees it. */
char *body_fill(const char *template, const struct body_facts *facts);

#endif
