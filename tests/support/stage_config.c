#include "support/stage_config.h"

#include "core/config.h"
#include "support/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_LINE "  - name:"
#define GROUP_LINE "      - processors:"

/* Is this the line "    key: …" of the pipeline? */
static bool is_key(const char *line, const char *key) {
    size_t length = strlen(key);
    return strncmp(line, "    ", 4) == 0 && strncmp(line + 4, key, length) == 0 && line[4 + length] == ':';
}

static bool is_set(const char *line, const struct stage_setting *settings) {
    for (; settings && settings->key; settings++)
        if (is_key(line, settings->key))
            return true;
    return false;
}

static void write_settings(FILE *file, const struct stage_setting *settings) {
    for (; settings && settings->key; settings++)
        fprintf(file, "    %s: %s\n", settings->key, settings->value);
}

/* What stands deeper than the pipeline's keys belongs to the one above it. */
static bool is_deeper(const char *line) {
    return strncmp(line, "     ", 5) == 0;
}

/* The settings stand below the pipeline's name, and the built-in ones of the same keys nowhere. */
void stage_config_pipelines(FILE *file, int backfill_cap, const struct stage_setting *settings) {
    bool replaced = false;
    for (const char *line = strstr(config_default_yaml, "\npipelines:") + 1, *end; *line; line = end + 1) {
        end = strchr(line, '\n');
        replaced = is_set(line, settings) || (replaced && is_deeper(line));
        if (replaced)
            continue;
        fprintf(file, "%.*s\n", (int)(end - line), line);
        if (backfill_cap > 0 && strncmp(line, GROUP_LINE, strlen(GROUP_LINE)) == 0)
            fprintf(file, "        backfill_cap: %d\n", backfill_cap);
        if (strncmp(line, NAME_LINE, strlen(NAME_LINE)) == 0)
            write_settings(file, settings);
    }
}

char *stage_config_yaml(const char *url, int backfill_cap, const struct stage_setting *settings) {
    char *yaml = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&yaml, &size);
    if (!file)
        fail_msg("out of memory");
    fprintf(file,
        "store: {url: \"%s\"}\nbus: {kind: redis}\nlog: {level: debug}\n"
        "engine: {lease_seconds: 1}\n",
        url);
    stage_config_pipelines(file, backfill_cap, settings);
    fclose(file);
    return yaml;
}
