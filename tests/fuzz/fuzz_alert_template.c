/* The alerts' template: one that passes the check makes JSON of whatever is told. */
#include "alerts/body.h"
#include "fuzz/fuzz.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static void check_filled(const char *template, const struct body_facts *facts) {
    json_error_t error;
    char *filled = body_fill(template, facts);
    fuzz_check(filled);
    json_t *json = json_loads(filled, JSON_DECODE_ANY, &error);
    fuzz_check(json);
    json_decref(json);
    free(filled);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const struct body_facts plain = {
        "nba: stalled", "stall", "nba", "2021-11-17", "raised", FUZZ_NOW_MS};
    static const struct body_facts awkward = {
        "\"quoted\" \\ <tag> & {{text}}\n\x01 \xc3\xa4", "", "{{kind}}", "\"", "\\u0000", 0};
    char *template = fuzz_text(data, size);
    struct result result = body_check(template);
    if (is_ok(result)) {
        check_filled(template, &plain);
        check_filled(template, &awkward);
    } else {
        fuzz_check_reason(result);
    }
    free(template);
    return 0;
}
