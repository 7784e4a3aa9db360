/* phasegate config: check a configuration, show the one in force, print the reference and the built-in one.
 */
#include "cli/alerts_setup.h"
#include "cli/command.h"
#include "cli/json_output.h"
#include "cli/setup.h"
#include "cli/words.h"

#include <string.h>

static void print_pipeline(const struct invocation *call, const struct pipeline *pipeline) {
    fprintf(call->out, "  pipeline %s: %d processors, %d of them upstream; %d group%s; listens to",
        pipeline->name, pipeline->processor_count, set_count(pipeline->upstream), pipeline->group_count,
        pipeline->group_count == 1 ? "" : "s");
    for (int i = 0; i < pipeline->completion_count; i++)
        fprintf(call->out, "%s %s", i > 0 ? "," : "", pipeline->completions[i].topic);
    fprintf(call->out, "; triggers go to %s\n", pipeline->triggers.topic);
}

static void print_warnings(const struct invocation *call, const struct setup *setup) {
    char text[SETUP_WARNING_MAX];
    for (int i = 0; setup_warning(setup, i, text); i++)
        term_print(&call->term, call->out, TONE_WARN, "  warning: %s\n", text);
}

static json_t *warnings_json(const struct setup *setup) {
    json_t *warnings = json_array();
    char text[SETUP_WARNING_MAX];
    for (int i = 0; setup_warning(setup, i, text); i++)
        json_push(&warnings, json_text(text));
    return warnings;
}

static struct result print_checked(const struct invocation *call, const struct setup *setup) {
    if (!call->common->json) {
        term_print(&call->term, call->out, TONE_GOOD, "%s is fine\n", setup->config_name);
        for (int i = 0; i < config_pipeline_count(setup->config); i++)
            print_pipeline(call, config_pipeline_at(setup->config, i));
        print_warnings(call, setup);
        return ok();
    }
    json_t *pipelines = json_array(), *object = json_object();
    for (int i = 0; i < config_pipeline_count(setup->config); i++)
        json_push(&pipelines, json_text(config_pipeline_at(setup->config, i)->name));
    json_put(&object, "file", json_text(setup->config_name));
    json_put(&object, "fine", json_true());
    json_put(&object, "pipelines", pipelines);
    json_put(&object, "warnings", warnings_json(setup));
    return json_print(object, call->out);
}

/* Addresses are part of what is checked: a wrong one is said now, not at the first connection. */
static struct result check_addresses(const struct setup *setup) {
    struct redis_settings settings;
    bool on_redis;
    struct result r = setup_redis(setup, &settings);
    return is_ok(r) ? setup_bus_redis(setup, &settings, &on_redis) : r;
}

/* So is the calendar: it is read once in vain, for every pipeline. */
static struct result check_calendars(const struct setup *setup) {
    struct result r = ok();
    for (int i = 0; i < config_pipeline_count(setup->config) && is_ok(r); i++) {
        struct game_calendar *calendar = NULL;
        r = setup_calendar(setup, config_pipeline_at(setup->config, i), &calendar);
        game_calendar_free(&calendar);
    }
    return r;
}

static struct result check(const struct invocation *call) {
    struct common_options common = *call->common;
    if (call->operand_count > 1)
        common.config = call->operands[1];
    struct setup setup;
    struct result r = setup_load(&common, &setup);
    if (!is_ok(r))
        return r;
    struct alerts_settings alerts;
    bool wanted;
    r = check_addresses(&setup);
    if (is_ok(r))
        r = setup_alerts(&setup, &alerts, &wanted);
    if (is_ok(r))
        r = check_calendars(&setup);
    if (is_ok(r))
        r = print_checked(call, &setup);
    setup_close(&setup);
    return r;
}

static struct result show(const struct invocation *call) {
    struct setup setup;
    struct result r = setup_load(call->common, &setup);
    if (!is_ok(r))
        return r;
    if (call->common->json)
        config_show_json(setup.config, call->out);
    else
        config_show(setup.config, call->out);
    setup_close(&setup);
    return ok();
}

static struct result reference(const struct invocation *call) {
    config_reference(call->out);
    return ok();
}

static struct result print_default(const struct invocation *call) {
    fputs(config_default_yaml, call->out);
    return ok();
}

static const struct verb {
    const char *name;
    int operands_max;
    struct result (*run)(const struct invocation *call);
} verbs[] = {
    {"check", 2, check}, {"show", 1, show}, {"reference", 1, reference}, {"default", 1, print_default}};

static struct result run(const struct invocation *call, bool *answer) {
    (void)answer;
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        if (strcmp(verbs[i].name, call->operands[0]) != 0)
            continue;
        if (call->operand_count > verbs[i].operands_max)
            return fail(CODE_INVALID, "config %s: what is \"%.60s\"?", verbs[i].name,
                call->operands[verbs[i].operands_max]);
        return verbs[i].run(call);
    }
    return fail(CODE_INVALID, "config %.40s: expected check, show, reference or default", call->operands[0]);
}

const struct command config_command = {
    .name = "config",
    .synopsis = "check [FILE] | show | reference | default",
    .summary = "check a configuration, show the one in force",
    .description =
        "check      is the configuration right, with its calendar files? Every error names file, line, key\n"
        "           and what was expected\n"
        "show       the settings in force, with where each came from; secrets are not shown\n"
        "reference  every key: type, default, environment variable, meaning; as Markdown\n"
        "default    the configuration that is built in, as a file to start from\n"
        "\n"
        "Exit status: 0 fine; 2 the configuration is wrong.\n",
    .operands_min = 1,
    .operands_max = 2,
    .run = run,
};
