#include "core/completion.h"

#include "base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static const char *const status_names[STATUS_COUNT] = {
    [STATUS_FAILED] = "failed",
    [STATUS_SKIPPED] = "skipped",
    [STATUS_NO_DATA] = "no_data",
    [STATUS_PARTIAL] = "partial",
    [STATUS_SUCCESS] = "success",
};

const char *status_name(enum status status) {
    return status_names[status];
}

bool status_parse(const char *text, enum status *status) {
    for (int i = 0; i < STATUS_COUNT; i++) {
        if (strcasecmp(text, status_names[i]) == 0) {
            *status = (enum status)i;
            return true;
        }
    }
    return false;
}

/*
 * What becomes of a completion, and why: satisfies and shortfall are two views of this one judgement, so that
 * what is shown can never differ from what was decided.
 */
enum judgement { SATISFIED, FAILED, EMPTY_HANDED, ROWS_NOT_TOLD, TOO_FEW_ROWS, TOO_PARTIAL };

/* Rows written of rows there were, 0 to 1. Doubles: the sum of two counts may pass INT64_MAX; and a quotient
 * that is exactly 0.95 becomes the same double as the 0.95 of the configuration. */
static double coverage(const struct completion *completion) {
    double written = (double)completion->record_count, all = written + (double)completion->records_failed;
    return all > 0 ? written / all : 0;
}

/* In the first days of a season there is little or nothing that a group could compute from. */
static bool may_be_empty(const struct completion *completion) {
    const struct processor *processor = completion->processor;
    return processor->allow_empty || (completion->day.bootstrap && processor->group > 0);
}

static enum judgement judge_rows(const struct completion *completion) {
    const struct processor *processor = completion->processor;
    bool partial = completion->status == STATUS_PARTIAL;
    if (completion->record_count == ROWS_UNKNOWN)
        return partial || processor->require_rows ? ROWS_NOT_TOLD : SATISFIED;
    /* A partial completion of which every row failed is not empty: there was something to write. */
    if (may_be_empty(completion) && completion->record_count == 0
        && !(partial && completion->records_failed > 0))
        return SATISFIED;
    if (completion->record_count < processor->min_rows)
        return TOO_FEW_ROWS;
    return partial && coverage(completion) < processor->min_coverage ? TOO_PARTIAL : SATISFIED;
}

static enum judgement judge(const struct completion *completion) {
    switch (completion->status) {
    case STATUS_FAILED:
        return FAILED;
    case STATUS_SKIPPED:
    case STATUS_NO_DATA:
        return may_be_empty(completion) ? SATISFIED : EMPTY_HANDED;
    case STATUS_PARTIAL:
    case STATUS_SUCCESS:
        break;
    }
    return judge_rows(completion);
}

bool completion_satisfies(const struct completion *completion) {
    return judge(completion) == SATISFIED;
}

static void tell_failure(const struct completion *completion, char *text, size_t size) {
    char shown[COMPLETION_ERROR_MAX + 1];
    const char *error = completion->error_message;
    if (error)
        snprintf(text, size, "failed: %s", text_show(error, strlen(error), shown, sizeof shown));
    else
        snprintf(text, size, "status failed");
}

char *completion_shortfall(const struct completion *completion, char *text, size_t size) {
    const struct processor *processor = completion->processor;
    const char *partial = completion->status == STATUS_PARTIAL ? "partial, " : "";
    switch (judge(completion)) {
    case SATISFIED:
        snprintf(text, size, "%s", "");
        break;
    case FAILED:
        tell_failure(completion, text, size);
        break;
    case EMPTY_HANDED:
        snprintf(text, size, "status %s", status_name(completion->status));
        break;
    case ROWS_NOT_TOLD:
        snprintf(text, size, "%srecord_count unknown; needs rows", partial);
        break;
    case TOO_FEW_ROWS:
        snprintf(text, size, "%s%" PRId64 " %s; needs %" PRId64, partial, completion->record_count,
            completion->record_count == 1 ? "row" : "rows", processor->min_rows);
        break;
    case TOO_PARTIAL: { /* rounded down: 94.99 % is not shown as 95.0 % */
        int tenths = (int)(coverage(completion) * 1000);
        snprintf(text, size, "partial %d.%d %% of rows; needs %g %%", tenths / 10, tenths % 10,
            processor->min_coverage * 100);
        break;
    }
    }
    return text;
}
