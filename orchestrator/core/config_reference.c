#include "core/config_schema.h"
#include "core/config_settings.h"

#include <stdio.h>
#include <string.h>

/* Keys that are no scalar settings: what the lists and their entries are called. */
struct structure {
    const char *key;
    const char *type;
    const char *meaning;
};

static const struct structure structures[] = {
    {"pipelines[].name", "name, required",
        "What the pipeline is called: in trigger ids, ordering keys, keys of the store, and for "
        "`--pipeline`"},
    {"pipelines[].completions[]", "list, required",
        "The subscriptions whose messages belong to this pipeline"},
    {"pipelines[].completions[].topic", "resource, required", "With Redis Streams: the stream"},
    {"pipelines[].completions[].subscription", "resource, required",
        "With Redis Streams: the consumer group. No two entries may receive the same"},
    {"pipelines[].triggers.topic", "resource, required",
        "Where triggers go. Not a topic of any `completions`"},
    {"pipelines[].processors[]", "list, required",
        "All processors. One that is in no group is upstream: the Phase 3 that comes from elsewhere"},
    {"pipelines[].processors[].name", "name, required",
        "As in `processor_name` or `output_table` of a completion"},
    {"pipelines[].processors[].abbr", "abbreviation, required",
        "Names its fields in the store and its column in `status`. Changing it makes the old records "
        "invisible"},
    {"pipelines[].processors[].aliases", "list of aliases",
        "Other names that publishers use for it. Names, abbreviations and aliases of a pipeline are all "
        "different"},
    {"pipelines[].groups[]", "list, required",
        "In this order: a group starts when the one before it is done and its needs are satisfied"},
    {"pipelines[].groups[].processors", "list of names, required", "Those that one trigger starts together"},
    {"pipelines[].groups[].needs", "list of names",
        "The processors that must be satisfied first: upstream ones and those of earlier groups. The first "
        "group has "
        "at least one"},
};

static const char introduction[] =
    "# Configuration\n"
    "\n"
    "One YAML file, named by `--config`; without it the built-in one, `deploy/phasegate.yaml`, is used.\n"
    "`phasegate config check` checks a file, and `phasegate config show` prints what is in force and where "
    "each value\n"
    "came from. This page is `phasegate config reference`.\n"
    "\n"
    "A setting's value is the environment variable's where that is set and not empty, else the file's, else "
    "the\n"
    "default. Unknown keys, keys given twice, aliases (`*name`) and values out of range are refused with "
    "file, line\n"
    "and key.\n";

static const char types[] =
    "\n"
    "## Types\n"
    "| type | what it may be |\n"
    "|---|---|\n"
    "| text | at most %d bytes of UTF-8 without control characters |\n"
    "| name | 1 to %d of `a-z`, `0-9`, `_`, `-` |\n"
    "| abbreviation | 1 to %d of `a-z`, `0-9`, `_` |\n"
    "| alias | 1 to %d of letters, digits, `_`, `-`, `.` |\n"
    "| resource | what Pub/Sub takes for an id: 3 to 255 of letters, digits and `-_.~+%%`, a letter first, "
    "not `goog` |\n"
    "\n"
    "At most %d pipelines; for each pipeline %d processors, %d groups, %d sources of completions; for each "
    "processor\n"
    "%d aliases; a file of %d KiB.\n";

static void put_type(FILE *out, const struct setting *setting) {
    char expects[160];
    if (setting->kind <= SETTING_URL)
        fputs("text", out);
    else
        fputs(setting_expects(setting, expects, sizeof expects), out);
}

static void put_environment(FILE *out, const struct setting *setting) {
    if (setting->environment)
        fprintf(out, "`%s`", setting->environment);
    if (setting->ambient)
        fprintf(out, "; `%s` where the file has none", setting->ambient);
}

static void put_setting(FILE *out, const char *prefix, const struct setting *setting) {
    fprintf(out, "| `%s.%s` | ", prefix, setting->key);
    put_type(out, setting);
    fprintf(
        out, " | %s%s%s | ", *setting->fallback ? "`" : "", setting->fallback, *setting->fallback ? "`" : "");
    put_environment(out, setting);
    fprintf(out, " | %s%s |\n", setting->meaning, setting->kind == SETTING_SECRET ? ". Never shown" : "");
}

static void put_head(FILE *out, const char *title) {
    fprintf(out, "\n## %s\n| key | type | default | environment | meaning |\n|---|---|---|---|---|\n", title);
}

void config_reference(FILE *out) {
    fputs(introduction, out);
    const char *section = "";
    for (int i = 0; i < CONFIG_SETTINGS; i++) {
        if (strcmp(section, config_settings[i].section) != 0)
            put_head(out, config_settings[i].section);
        section = config_settings[i].section;
        put_setting(out, section, &config_settings[i]);
    }
    put_head(out, "pipelines");
    for (int i = 0; i < CONFIG_PIPELINE_SETTINGS; i++)
        put_setting(out, "pipelines[]", &config_pipeline_settings[i]);
    for (size_t i = 0; i < sizeof structures / sizeof *structures; i++)
        fprintf(
            out, "| `%s` | %s |  |  | %s |\n", structures[i].key, structures[i].type, structures[i].meaning);
    for (int i = 0; i < CONFIG_PROCESSOR_SETTINGS; i++)
        put_setting(out, "pipelines[].processors[]", &config_processor_settings[i]);
    for (int i = 0; i < CONFIG_GROUP_SETTINGS; i++)
        put_setting(out, "pipelines[].groups[]", &config_group_settings[i]);
    fprintf(out, types, SETTING_TEXT_MAX, PIPELINE_NAME_MAX, PIPELINE_ABBR_MAX, PIPELINE_NAME_MAX,
        CONFIG_PIPELINES_MAX, PIPELINE_PROCESSORS_MAX, PIPELINE_GROUPS_MAX, CONFIG_SOURCES_MAX,
        CONFIG_ALIASES_MAX, CONFIG_BYTES_MAX / 1024);
}
