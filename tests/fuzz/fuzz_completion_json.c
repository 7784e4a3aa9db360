/* Completions as publishers write them. */
#include "fuzz/completion_round.h"
#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    completion_round(
        &(struct message){.id = "9188", .data = data, .size = size, .published_ms = FUZZ_NOW_MS - 1000});
    return 0;
}
