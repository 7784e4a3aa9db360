/*
 * The one result type: every function that can fail returns it. It carries what kind of failure it is,
 * whether trying again may help (ack or nack, exit status and back-off are decided by that), and one sentence
 * for the person who reads it: what was wrong, where, and what to do.
 *
 * A result is a value: no ownership, safe to copy between threads. Out-parameters are set only when it is ok.
 */
#ifndef PHASEGATE_BASE_RESULT_H
#define PHASEGATE_BASE_RESULT_H

#include <stdbool.h>

enum code {
    CODE_OK = 0,
    CODE_INVALID,     /* the input is wrong; the same input will be wrong again */
    CODE_NOT_FOUND,   /* what was asked for is not there */
    CODE_REFUSED,     /* permission, version or state forbids it */
    CODE_LIMIT,       /* too large, too deep, too many */
    CODE_UNAVAILABLE, /* bus or store unreachable: always retryable */
    CODE_INTERNAL,    /* a fault of ours or of a library */
};

enum { RESULT_TEXT_MAX = 400 };

struct result {
    enum code code;
    bool retryable;
    char text[RESULT_TEXT_MAX]; /* NUL-terminated UTF-8, cut between characters if longer; empty when ok */
};

/* Marks a function whose result may not be dropped. */
#define MUST_CHECK __attribute__((warn_unused_result))

#define PRINTF_LIKE(format_index, first_argument)                                                            \
    __attribute__((format(printf, format_index, first_argument)))

static inline bool is_ok(struct result r) {
    return r.code == CODE_OK;
}

static inline struct result ok(void) {
    return (struct result){.code = CODE_OK};
}

/* A failure with a formatted text. Retryable exactly when the code is CODE_UNAVAILABLE. */
struct result fail(enum code code, const char *format, ...) PRINTF_LIKE(2, 3) MUST_CHECK;

/* Puts "<formatted text>: " before the text of a failure, to say where it happened; an ok result stays as it
 * is. */
struct result fail_within(struct result cause, const char *format, ...) PRINTF_LIKE(2, 3) MUST_CHECK;

/* "invalid", "unavailable" …: for logs. Never NULL. */
const char *code_name(enum code code);

#endif
