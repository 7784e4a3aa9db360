/* What `config show` and `config reference` print: it parses again to the same, hides secrets, and is
 * complete. */
#include "core/config.h"
#include "core/config_schema.h"
#include "support/check.h"
#include "unit/core/config_cases.h"

#include <jansson.h>
#include <stdlib.h>

typedef void printer(const struct config *config, FILE *out);

/* What the printer prints; the caller frees it. */
static char *printed(printer *print, const struct config *config) {
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    print(config, out);
    fclose(out);
    return text;
}

static void print_reference(const struct config *config, FILE *out) {
    (void)config;
    config_reference(out);
}

static struct config *parse(const char *name, const char *text, config_getenv_fn *environment) {
    struct config *config = NULL;
    check_ok(config_parse(name, text, strlen(text), environment, &config));
    return config;
}

static const char *hostile_environment(const char *name) {
    if (strcmp(name, "PHASEGATE_STORE_URL") == 0)
        return "redis://gate:s3cret@127.0.0.1/0";
    if (strcmp(name, "PHASEGATE_STORE_USERNAME") == 0)
        return "O\"Brien\\ # é: {}";
    if (strcmp(name, "PHASEGATE_STORE_PASSWORD") == 0)
        return "s3cret";
    return NULL;
}

/* Removes the comments that say where a value came from: they differ after a round trip. */
static void strip_origins(char *text) {
    char *to = text;
    for (const char *from = text; *from;) {
        if (strncmp(from, "  # ", 4) == 0)
            from += strcspn(from, "\n");
        else
            *to++ = *from++;
    }
    *to = '\0';
}

static void check_round_trip(const char *text) {
    struct config *config = parse("gate.yaml", text, NULL);
    char *once = printed(config_show, config);
    config_free(&config);
    config = parse("shown.yaml", once, NULL);
    char *twice = printed(config_show, config);
    config_free(&config);
    strip_origins(once);
    strip_origins(twice);
    assert_string_equal(once, twice);
    free(once);
    free(twice);
}

static void round_trip(void **state) {
    (void)state;
    char text[CHANGED_MAX];
    check_round_trip(config_default_yaml);
    check_round_trip(small_config);
    changed(small_config, "min_rows: 3", "min_rows: 12, min_coverage: 0.123456789, require_rows: true", text);
    check_round_trip(text);
    changed(small_config, "  - name: nba\n",
        "  - name: nba\n    rerun: hold\n    on_stall: retrigger\n    games_file: 'a \"b\".csv'\n"
        "    group_deadline: 0\n",
        text);
    check_round_trip(text);
    changed(small_config, "", "        backfill_cap: 3\n", text);
    check_round_trip(text);
    changed(small_config, "nba", "\"null\"", text);
    check_round_trip(text);
    changed(small_config, "redis://127.0.0.1:6379/0", "'a\"b\\c # é: {}'", text);
    check_round_trip(text);
}

static void origins_and_secrets(void **state) {
    (void)state;
    struct config *config = parse("a\nb.yaml", small_config, hostile_environment);
    char *text = printed(config_show, config);
    assert_non_null(strstr(text, "  url: \"redis://***@127.0.0.1/0\"  # environment PHASEGATE_STORE_URL\n"));
    assert_non_null(
        strstr(text, "  username: \"O\\\"Brien\\\\ # é: {}\"  # environment PHASEGATE_STORE_USERNAME\n"));
    assert_non_null(strstr(text, "  password: \"***\"  # environment PHASEGATE_STORE_PASSWORD\n"));
    assert_non_null(strstr(text, "  kind: redis  # a\\x0ab.yaml:4\n"));
    assert_non_null(strstr(text, "  streams: 8  # default\n"));
    assert_non_null(strstr(text, "  - name: \"nba\"  # a\\x0ab.yaml:6\n"));
    assert_null(strstr(text, "s3cret"));
    struct config *again = parse("shown.yaml", text, NULL);
    assert_string_equal(config_store(again)->username, "O\"Brien\\ # é: {}");
    config_free(&again);
    free(text);

    text = printed(config_show_json, config);
    assert_null(strstr(text, "s3cret"));
    free(text);
    config_free(&config);
}

static void rules_are_shown(void **state) {
    (void)state;
    char capped[CHANGED_MAX], yaml[CHANGED_MAX];
    changed(small_config, "", "        backfill_cap: 3\n", capped);
    changed(capped, "  - name: nba\n", "  - name: nba\n    rerun: hold\n    seasons_file: s.csv\n", yaml);
    struct config *config = parse("gate.yaml", yaml, NULL);
    char *text = printed(config_show, config);
    assert_non_null(strstr(text,
        "    rerun: hold\n    rerun_settle: 600\n    upstream_deadline: 21600\n    group_deadline: 7200\n"
        "    on_stall: report\n    retrigger_limit: 3\n    games_file: \"\"\n    seasons_file: \"s.csv\"\n"
        "    bootstrap_days: 14\n"));
    assert_non_null(strstr(text, "\"herring\"]\n        backfill_cap: 15\n"));
    assert_non_null(strstr(text, "\"mackerel\"]\n        backfill_cap: 3\n"));
    free(text);

    text = printed(config_show_json, config);
    json_t *object = json_loads(text, 0, NULL);
    const char *rerun, *on_stall, *seasons;
    int settle, first, second;
    assert_int_equal(json_unpack(object, "{s:[{s:s, s:i, s:s, s:s, s:[{s:i}, {s:i}]}]}", "pipelines", "rerun",
                         &rerun, "rerun_settle", &settle, "on_stall", &on_stall, "seasons_file", &seasons,
                         "groups", "backfill_cap", &first, "backfill_cap", &second),
        0);
    assert_string_equal(rerun, "hold");
    assert_int_equal(settle, 600);
    assert_string_equal(on_stall, "report");
    assert_string_equal(seasons, "s.csv");
    assert_int_equal(first, 15);
    assert_int_equal(second, 3);
    json_decref(object);
    free(text);
    config_free(&config);
}

static void as_json(void **state) {
    (void)state;
    struct config *config = parse("gate.yaml", small_config, hostile_environment);
    char *text = printed(config_show_json, config);
    config_free(&config);
    json_t *object = json_loads(text, 0, NULL);
    assert_non_null(strstr(text, "\"min_coverage\": 0.95,"));
    free(text);
    assert_non_null(object);

    const char *value, *from, *variable, *file;
    int line, streams;
    assert_int_equal(json_unpack(object, "{s:{s:{s:s, s:s, s:s}}}", "store", "password", "value", &value,
                         "from", &from, "variable", &variable),
        0);
    assert_string_equal(value, "***");
    assert_string_equal(from, "environment");
    assert_string_equal(variable, "PHASEGATE_STORE_PASSWORD");
    assert_int_equal(json_unpack(object, "{s:{s:{s:s, s:s, s:s, s:i}}}", "bus", "kind", "value", &value,
                         "from", &from, "file", &file, "line", &line),
        0);
    assert_string_equal(value, "redis");
    assert_string_equal(from, "file");
    assert_string_equal(file, "gate.yaml");
    assert_int_equal(line, 4);
    assert_int_equal(
        json_unpack(object, "{s:{s:{s:i, s:s}}}", "bus", "streams", "value", &streams, "from", &from), 0);
    assert_int_equal(streams, 8);
    assert_string_equal(from, "default");

    const char *topic, *alias, *member, *need;
    int rows, group;
    assert_int_equal(json_unpack(object, "{s:[{s:{s:s}, s:[{s:[s]}], s:[{s:[s], s:[s,s]}]}]}", "pipelines",
                         "triggers", "topic", &topic, "processors", "aliases", &alias, "groups", "processors",
                         &member, "needs", &need, &value),
        0);
    assert_string_equal(topic, "phase4-start");
    assert_string_equal(alias, "salmon_v2");
    assert_string_equal(member, "mackerel");
    assert_string_equal(need, "salmon");
    assert_string_equal(value, "herring");
    json_t *mackerel = json_array_get(
        json_object_get(json_array_get(json_object_get(object, "pipelines"), 0), "processors"), 2);
    assert_int_equal(json_unpack(mackerel, "{s:i, s:i}", "min_rows", &rows, "group", &group), 0);
    assert_int_equal(rows, 3);
    assert_int_equal(group, 1);
    json_decref(object);
}

/* --- The reference page. -------------------------------------------------------------------------------- */

static void check_documented(const char *page, const char *prefix, const cyaml_schema_value_t *schema) {
    char path[160], entry[200];
    if (schema->type == CYAML_SEQUENCE && schema->sequence.entry->type == CYAML_MAPPING) {
        snprintf(path, sizeof path, "%s[]", prefix);
        check_documented(page, path, schema->sequence.entry);
    } else if (schema->type == CYAML_MAPPING) {
        for (const cyaml_schema_field_t *field = schema->mapping.fields; field->key; field++) {
            snprintf(path, sizeof path, "%s%s%s", prefix, *prefix ? "." : "", field->key);
            check_documented(page, path, &field->value);
        }
    } else {
        snprintf(entry, sizeof entry, "| `%s` | ", prefix);
        if (!strstr(page, entry))
            fail_msg("%s is not in the reference", prefix);
    }
}

static void reference_has_every_key(void **state) {
    (void)state;
    char *page = printed(print_reference, NULL);
    check_documented(page, "", &config_schema);
    free(page);
}

static void reference_is_committed(void **state) {
    (void)state;
    char *page = printed(print_reference, NULL);
    const char *path = SOURCE_DIR "/deploy/CONFIGURATION.md";
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    char *committed = calloc(1, 1 << 16);
    assert_non_null(committed);
    size_t length = fread(committed, 1, (1 << 16) - 1, file);
    fclose(file);
    if (strlen(page) != length || strcmp(page, committed) != 0)
        fail_msg(
            "deploy/CONFIGURATION.md is stale; run: phasegate config reference > deploy/CONFIGURATION.md");
    free(committed);
    free(page);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),
        cmocka_unit_test(origins_and_secrets),
        cmocka_unit_test(rules_are_shown),
        cmocka_unit_test(as_json),
        cmocka_unit_test(reference_has_every_key),
        cmocka_unit_test(reference_is_committed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
