/* Configuration files: what is taken can be shown, and what was shown is the same configuration. */
#include "core/config.h"
#include "fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *no_environment(const char *name) {
    (void)name;
    return NULL;
}

static struct result parse(const char *text, size_t length, struct config **config) {
    return config_parse("fuzz.yaml", text, length, no_environment, config);
}

/* Of each line, cuts off what says where its value came from. */
static void cut_origins(char *text) {
    char *to = text;
    for (char *line = text; *line;) {
        size_t length = strcspn(line, "\n"), kept = length;
        for (size_t i = 0; i + 4 <= length; i++)
            if (memcmp(line + i, "  # ", 4) == 0)
                kept = i;
        bool ended = line[length] == '\n';
        memmove(to, line, kept);
        to += kept;
        if (ended)
            *to++ = '\n';
        line += length + ended;
    }
    *to = '\0';
}

/* What config_show prints, freed with free. */
static char *shown(const struct config *config) {
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    fuzz_check(out);
    config_show(config, out);
    fclose(out);
    return text;
}

static void check_json(const struct config *config) {
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    fuzz_check(out);
    config_show_json(config, out);
    fclose(out);
    fuzz_check(size > 2 && text[0] == '{');
    free(text);
}

static void check_definitions(const struct config *a, const struct config *b) {
    fuzz_check(config_pipeline_count(a) == config_pipeline_count(b));
    for (int i = 0; i < config_pipeline_count(a); i++)
        fuzz_check(fuzz_same(config_pipeline_at(a, i)->definition, config_pipeline_at(b, i)->definition));
}

static void check_round(const struct config *config) {
    char *first = shown(config);
    struct config *again = NULL;
    fuzz_check(is_ok(parse(first, strlen(first), &again)));
    char *second = shown(again);
    check_definitions(config, again);
    cut_origins(first);
    cut_origins(second);
    fuzz_check(strcmp(first, second) == 0);
    config_free(&again);
    free(first);
    free(second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct config *config = NULL;
    char *text = fuzz_text(data, size);
    struct result result = parse(text, size, &config);
    if (is_ok(result)) {
        check_json(config);
        check_round(config);
    } else {
        fuzz_check_reason(result);
        fuzz_check(!config && strncmp(result.text, "fuzz.yaml", 9) == 0);
    }
    config_free(&config);
    free(text);
    return 0;
}
