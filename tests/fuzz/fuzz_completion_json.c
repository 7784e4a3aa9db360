/* Completions as publishers write them: read as jansson would read them, and see completion_round.h. */
#include "fuzz/completion_round.h"
#include "fuzz/fuzz.h"
#include "support/completion_reference.h"

#include "core/completion.h"

#include <stdio.h>

enum { ARENA_BYTES = 8 * COMPLETION_BYTES_MAX };

static void check_reference(const struct message *message) {
    struct arena *arena = fuzz_arena(ARENA_BYTES);
    const char *why = NULL;
    if (!completion_reference_agrees(message, arena, &why)) {
        fprintf(stderr, "%s\n", why);
        fuzz_check(!"the readers agree");
    }
    arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct message message = {.id = "9188", .data = data, .size = size, .published_ms = FUZZ_NOW_MS - 1000};
    check_reference(&message);
    completion_round(&message);
    return 0;
}
