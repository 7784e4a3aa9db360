/* Completions as protobuf phasegate.v1.Completion. */
#include "core/completion.h"
#include "fuzz/completion_round.h"
#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const struct attribute encoding = {COMPLETION_ENCODING, "BINARY"};
    completion_round(&(struct message){.id = "9188",
        .data = data,
        .size = size,
        .attributes = &encoding,
        .attribute_count = 1,
        .published_ms = FUZZ_NOW_MS - 1000});
    return 0;
}
