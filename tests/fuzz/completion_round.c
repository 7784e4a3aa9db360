#include "fuzz/completion_round.h"

#include "base/text.h"
#include "core/completion.h"
#include "fuzz/fuzz.h"
#include "support/nba.h"

#include <string.h>

enum { ARENA_BYTES = 8 * COMPLETION_BYTES_MAX };

static void check_id(const char *id) {
    if (id)
        fuzz_check(*id && strlen(id) <= COMPLETION_ID_MAX && text_is_utf8(id, strlen(id)));
}

static void check_fields(const struct completion *completion) {
    const struct pipeline *pipeline = nba_pipeline();
    fuzz_check(completion->processor == &pipeline->processors[completion->processor->index]);
    fuzz_check(completion->status >= STATUS_FAILED && completion->status <= STATUS_SUCCESS);
    fuzz_check(completion->record_count >= ROWS_UNKNOWN && completion->record_count <= ROWS_MAX);
    fuzz_check(completion->records_failed >= 0 && completion->records_failed <= ROWS_MAX);
    fuzz_check(completion->timestamp_ms <= FUZZ_NOW_MS);
    fuzz_check(completion->execution_id);
    check_id(completion->execution_id);
    check_id(completion->correlation_id);
    check_id(completion->trigger_id);
    check_id(completion->trigger_message_id);
    const char *error = completion->error_message;
    fuzz_check(!error || (strlen(error) <= COMPLETION_ERROR_MAX && text_is_utf8(error, strlen(error))));
}

/* Either it satisfies, or there are words for why it does not. */
static void check_judgement(const struct completion *completion) {
    char words[256];
    completion_shortfall(completion, words, sizeof words);
    fuzz_check(completion_satisfies(completion) == (words[0] == '\0'));
    fuzz_check(text_is_utf8(words, strlen(words)));
}

static void check_same(const struct completion *a, const struct completion *b) {
    fuzz_check(a->processor == b->processor);
    fuzz_check(a->date == b->date);
    fuzz_check(a->status == b->status);
    fuzz_check(a->record_count == b->record_count);
    fuzz_check(a->records_failed == b->records_failed);
    fuzz_check(a->timestamp_ms == b->timestamp_ms);
    fuzz_check(a->backfill == b->backfill);
    fuzz_check(fuzz_same(a->execution_id, b->execution_id));
    fuzz_check(fuzz_same(a->correlation_id, b->correlation_id));
    fuzz_check(fuzz_same(a->trigger_id, b->trigger_id));
    fuzz_check(fuzz_same(a->trigger_message_id, b->trigger_message_id));
    fuzz_check(fuzz_same(a->error_message, b->error_message));
}

static void check_round(const struct completion *completion) {
    struct arena *arena = fuzz_arena(ARENA_BYTES);
    struct completion again;
    const struct message *message = completion_encode(nba_pipeline(), completion, arena);
    fuzz_check(message);
    struct result result = completion_decode(nba_pipeline(), message, FUZZ_NOW_MS, arena, &again);
    fuzz_check(is_ok(result));
    check_same(completion, &again);
    arena_free(&arena);
}

void completion_round(const struct message *message) {
    struct arena *arena = fuzz_arena(ARENA_BYTES);
    struct completion completion;
    struct result result = completion_decode(nba_pipeline(), message, FUZZ_NOW_MS, arena, &completion);
    if (is_ok(result)) {
        check_fields(&completion);
        check_judgement(&completion);
        check_round(&completion);
    } else {
        fuzz_check_reason(result);
        fuzz_check(result.code == CODE_INVALID || result.code == CODE_LIMIT);
    }
    arena_free(&arena);
}
