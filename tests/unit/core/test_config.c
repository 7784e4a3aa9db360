/* What a configuration that is taken means: pipelines, settings, and what the environment overrides. */
#include "core/config.h"
#include "support/check.h"
#include "support/nba.h"
#include "unit/core/config_cases.h"

static struct config *parse(const char *text, config_getenv_fn *environment) {
    struct config *config = NULL;
    check_ok(config_parse("gate.yaml", text, strlen(text), environment, &config));
    return config;
}

static void check_same_source(const struct source *a, const struct source *b) {
    assert_string_equal(a->topic, b->topic);
    if (b->subscription)
        assert_string_equal(a->subscription, b->subscription);
    else
        assert_null(a->subscription);
}

static void check_same_rules(const struct pipeline *a, const struct pipeline *b) {
    assert_int_equal(a->rerun, b->rerun);
    assert_int_equal(a->rerun_settle, b->rerun_settle);
    assert_int_equal(a->upstream_deadline, b->upstream_deadline);
    assert_int_equal(a->group_deadline, b->group_deadline);
    assert_int_equal(a->on_stall, b->on_stall);
    assert_int_equal(a->retrigger_limit, b->retrigger_limit);
    assert_string_equal(a->games_file, b->games_file);
    assert_string_equal(a->seasons_file, b->seasons_file);
    assert_int_equal(a->bootstrap_days, b->bootstrap_days);
}

/* The built-in configuration is the pipeline that the other tests build by hand. */
static void built_in(void **state) {
    (void)state;
    struct config *config = parse(config_default_yaml, NULL);
    assert_int_equal(config_pipeline_count(config), 1);
    const struct pipeline *pipeline = NULL;
    check_ok(config_pipeline(config, NULL, &pipeline));
    assert_ptr_equal(pipeline, config_pipeline_at(config, 0));
    const struct pipeline *nba = nba_pipeline();

    assert_string_equal(pipeline->name, nba->name);
    assert_string_equal(pipeline->phase, nba->phase);
    assert_string_equal(pipeline->definition, nba->definition);
    check_same_rules(pipeline, nba);
    assert_int_equal(pipeline->upstream, nba->upstream);
    assert_int_equal(pipeline->completion_count, nba->completion_count);
    for (int i = 0; i < nba->completion_count; i++)
        check_same_source(&pipeline->completions[i], &nba->completions[i]);
    check_same_source(&pipeline->triggers, &nba->triggers);

    assert_int_equal(pipeline->processor_count, nba->processor_count);
    for (int i = 0; i < nba->processor_count; i++) {
        const struct processor *is = &pipeline->processors[i], *expected = &nba->processors[i];
        assert_int_equal(is->index, expected->index);
        assert_int_equal(is->group, expected->group);
        assert_string_equal(is->name, expected->name);
        assert_string_equal(is->abbr, expected->abbr);
        assert_int_equal(is->min_rows, expected->min_rows);
        assert_true(is->min_coverage == expected->min_coverage);
        assert_int_equal(is->require_rows, expected->require_rows);
        assert_int_equal(is->allow_empty, expected->allow_empty);
        assert_int_equal(is->alias_count, expected->alias_count);
    }
    assert_int_equal(pipeline->group_count, nba->group_count);
    for (int g = 0; g < nba->group_count; g++) {
        assert_int_equal(pipeline->groups[g].number, g + 1);
        assert_int_equal(pipeline->groups[g].members, nba->groups[g].members);
        assert_int_equal(pipeline->groups[g].needs, nba->groups[g].needs);
        assert_int_equal(pipeline->groups[g].backfill_cap, nba->groups[g].backfill_cap);
    }
    config_free(&config);
    assert_null(config);
    config_free(&config);
}

/* Every name in use for a table of the real pipeline finds its processor. */
static void names_in_use(void **state) {
    (void)state;
    struct config *config = parse(config_default_yaml, NULL);
    const struct pipeline *pipeline = config_pipeline_at(config, 0);
    static const char *const words[] = {"pgs", "togs", "tdgs", "upgc", "utgc", "psza", "tdza", "pcf", "pdc",
        "mlfs", "ml_feature_store_v2", "PlayerGameSummaryProcessor",
        "AsyncUpcomingPlayerGameContextProcessor", "MLFeatureStoreProcessor"};
    static const int indexes[] = {
        PGS, TOGS, TDGS, UPGC, UTGC, PSZA, TDZA, PCF, PDC, MLFS, MLFS, PGS, UPGC, MLFS};
    for (size_t i = 0; i < sizeof indexes / sizeof *indexes; i++) {
        const struct processor *processor = pipeline_resolve(pipeline, words[i], NULL);
        assert_non_null(processor);
        assert_int_equal(processor->index, indexes[i]);
    }
    config_free(&config);
}

static void defaults(void **state) {
    (void)state;
    struct config *config = parse(config_default_yaml, NULL);
    assert_string_equal(config_store(config)->url, "");
    assert_string_equal(config_store(config)->username, "");
    assert_string_equal(config_store(config)->password, "");
    assert_int_equal(config_bus(config)->kind, BUS_REDIS);
    assert_string_equal(config_bus(config)->url, "");
    assert_string_equal(config_bus(config)->project, "");
    assert_int_equal(config_bus(config)->streams, 8);
    assert_int_equal(config_bus(config)->lease_seconds, 60);
    assert_int_equal(config_engine(config)->in_hand_max, 1000);
    assert_int_equal(config_engine(config)->drain_seconds, 30);
    assert_string_equal(config_log(config)->level, "info");
    assert_string_equal(config_log(config)->format, "auto");
    config_free(&config);
}

/* What a pipeline says nothing of is as the built-in one spells it out. */
static void defaults_of_a_pipeline(void **state) {
    (void)state;
    struct config *config = parse(small_config, NULL);
    const struct pipeline *pipeline = config_pipeline_at(config, 0);
    check_same_rules(pipeline, nba_pipeline());
    assert_int_equal(pipeline->groups[0].backfill_cap, 15);
    assert_int_equal(pipeline->groups[1].backfill_cap, 15);
    config_free(&config);
}

static void rules_from_file(void **state) {
    (void)state;
    char text[CHANGED_MAX], more[CHANGED_MAX];
    changed(small_config, "  - name: nba\n",
        "  - name: nba\n    rerun: hold\n    rerun_settle: 0\n    upstream_deadline: 60\n"
        "    group_deadline: 31536000\n    on_stall: retrigger\n    retrigger_limit: 100\n"
        "    games_file: games.csv\n    seasons_file: /etc/seasons.csv\n    bootstrap_days: 0\n",
        text);
    changed(
        text, "        needs: [mackerel]\n", "        needs: [mackerel]\n        backfill_cap: 1\n", more);
    struct config *config = parse(more, NULL);
    const struct pipeline *pipeline = config_pipeline_at(config, 0);
    check_same_rules(pipeline,
        &(struct pipeline){.rerun = RERUN_HOLD,
            .upstream_deadline = 60,
            .group_deadline = 31536000,
            .on_stall = STALL_RETRIGGER,
            .retrigger_limit = 100,
            .games_file = "games.csv",
            .seasons_file = "/etc/seasons.csv"});
    assert_string_equal(strchr(pipeline->definition, '@'), "@hold,60000,31536000000,100");
    assert_int_equal(pipeline->groups[0].backfill_cap, 15);
    assert_int_equal(pipeline->groups[1].backfill_cap, 1);
    config_free(&config);
}

static void from_file(void **state) {
    (void)state;
    char text[CHANGED_MAX];
    changed(small_config, "  kind: redis\n",
        "  kind: pubsub\n  project: sea\n  streams: 16\n  emulator: \"[::1]:8085\"\n"
        "engine: {in_hand_max: 1, drain_seconds: 0}\nlog: {level: critical, format: json}\n",
        text);
    char more[CHANGED_MAX];
    changed(text, "min_rows: 3",
        "min_rows: 1000000000000, min_coverage: 0.5, require_rows: true, allow_empty: true", more);
    struct config *config = parse(more, NULL);
    assert_int_equal(config_bus(config)->kind, BUS_PUBSUB);
    assert_string_equal(config_bus(config)->project, "sea");
    assert_string_equal(config_bus(config)->emulator, "[::1]:8085");
    assert_int_equal(config_bus(config)->streams, 16);
    assert_int_equal(config_engine(config)->in_hand_max, 1);
    assert_int_equal(config_engine(config)->drain_seconds, 0);
    assert_string_equal(config_log(config)->level, "critical");
    assert_string_equal(config_log(config)->format, "json");
    const struct processor *mackerel = &config_pipeline_at(config, 0)->processors[2];
    assert_int_equal(mackerel->min_rows, 1000000000000);
    assert_true(mackerel->min_coverage == 0.5);
    assert_true(mackerel->require_rows);
    assert_true(mackerel->allow_empty);
    assert_int_equal(mackerel->group, 1);
    assert_string_equal(config_pipeline_at(config, 0)->processors[0].aliases[0], "salmon_v2");
    config_free(&config);
}

/* --- The environment. ----------------------------------------------------------------------------------- */

static const char *const *variables; /* name, value, name, value …, NULL */

static const char *environment(const char *name) {
    for (const char *const *v = variables; *v; v += 2)
        if (strcmp(v[0], name) == 0)
            return v[1];
    return NULL;
}

static struct config *parse_with(const char *text, const char *const *set) {
    variables = set;
    return parse(text, environment);
}

static void environment_overrides(void **state) {
    (void)state;
    struct config *config = parse_with(small_config,
        (const char *[]){"PHASEGATE_STORE_URL", "unix:///run/r.sock", "PHASEGATE_STORE_USERNAME", "gate",
            "PHASEGATE_STORE_PASSWORD", "s3cret", "PHASEGATE_BUS", "pubsub", "PHASEGATE_BUS_URL", "redis://b",
            "PHASEGATE_BUS_USERNAME", "gull", "PHASEGATE_BUS_PASSWORD", "kelp", "PHASEGATE_PROJECT", "sea",
            "PHASEGATE_ENDPOINT", "eu:443", "PUBSUB_EMULATOR_HOST", "localhost:8085", "PHASEGATE_LOG_LEVEL",
            "debug", "PHASEGATE_LOG_FORMAT", "text", NULL});
    assert_string_equal(config_store(config)->url, "unix:///run/r.sock");
    assert_string_equal(config_store(config)->username, "gate");
    assert_string_equal(config_store(config)->password, "s3cret");
    assert_int_equal(config_bus(config)->kind, BUS_PUBSUB);
    assert_string_equal(config_bus(config)->url, "redis://b");
    assert_string_equal(config_bus(config)->username, "gull");
    assert_string_equal(config_bus(config)->password, "kelp");
    assert_string_equal(config_bus(config)->project, "sea");
    assert_string_equal(config_bus(config)->endpoint, "eu:443");
    assert_string_equal(config_bus(config)->emulator, "localhost:8085");
    assert_string_equal(config_log(config)->level, "debug");
    assert_string_equal(config_log(config)->format, "text");
    config_free(&config);
}

static void empty_variable_is_unset(void **state) {
    (void)state;
    struct config *config = parse_with(small_config, (const char *[]){"PHASEGATE_STORE_URL", "", NULL});
    assert_string_equal(config_store(config)->url, "redis://127.0.0.1:6379/0");
    config_free(&config);
}

/* GOOGLE_CLOUD_PROJECT is set on many machines for other reasons: it never beats what somebody wrote for us.
 */
static void ambient_project(void **state) {
    (void)state;
    char text[CHANGED_MAX];
    changed(small_config, "redis\n", "pubsub\n  project: sea\n", text);
    struct config *config = parse_with(text, (const char *[]){"GOOGLE_CLOUD_PROJECT", "lake", NULL});
    assert_string_equal(config_bus(config)->project, "sea");
    config_free(&config);

    config = parse_with(
        text, (const char *[]){"GOOGLE_CLOUD_PROJECT", "lake", "PHASEGATE_PROJECT", "ocean", NULL});
    assert_string_equal(config_bus(config)->project, "ocean");
    config_free(&config);

    changed(small_config, "redis\n", "pubsub\n", text);
    config = parse_with(text, (const char *[]){"GOOGLE_CLOUD_PROJECT", "lake", NULL});
    assert_string_equal(config_bus(config)->project, "lake");
    config_free(&config);
}

static void refuse_variable(const char *name, const char *value, const char *text) {
    struct config *config = NULL;
    variables = (const char *[]){name, value, NULL};
    struct result r = config_parse("gate.yaml", small_config, strlen(small_config), environment, &config);
    assert_string_equal(r.text, text);
    assert_int_equal(r.code, CODE_INVALID);
}

static void bad_variables(void **state) {
    (void)state;
    refuse_variable("PHASEGATE_BUS", "Redis",
        "PHASEGATE_BUS: got \"Redis\", expected redis or pubsub; did you mean redis?");
    refuse_variable(
        "PHASEGATE_BUS", "\x1b[31m\xff", "PHASEGATE_BUS: got \"\\x1b[31m\\xff\", expected redis or pubsub");
    refuse_variable("PUBSUB_EMULATOR_HOST", "localhost:x",
        "PUBSUB_EMULATOR_HOST: got \"localhost:x\", expected host:port");
    refuse_variable("PUBSUB_EMULATOR_HOST", "localhost:65536",
        "PUBSUB_EMULATOR_HOST: got \"localhost:65536\", expected host:port");
    refuse_variable(
        "PHASEGATE_LOG_FORMAT", "xml", "PHASEGATE_LOG_FORMAT: got \"xml\", expected auto, json or text");
    refuse_variable("PHASEGATE_STORE_PASSWORD", "s3cret\n",
        "PHASEGATE_STORE_PASSWORD: expected text of at most 1024 bytes in UTF-8, without control characters");
    refuse_variable("PHASEGATE_STORE_URL", "redis://\xff",
        "PHASEGATE_STORE_URL: expected text of at most 1024 bytes in UTF-8, without control characters");
}

/* --- Several pipelines. --------------------------------------------------------------------------------- */

static const char second_pipeline[] =
    "  - name: wnba\n"
    "    completions: [{topic: wphase3, subscription: gate-3}]\n"
    "    triggers: {topic: phase4-start}\n"
    "    processors: [{name: salmon, abbr: sal}, {name: eel, abbr: eel}]\n"
    "    groups: [{processors: [eel], needs: [salmon]}]\n";

static struct result parse_two(const char *from, const char *to, struct config **config) {
    char second[CHANGED_MAX], text[CHANGED_MAX];
    changed(second_pipeline, from, to, second);
    changed(small_config, "", second, text);
    return config_parse("gate.yaml", text, strlen(text), NULL, config);
}

static void several_pipelines(void **state) {
    (void)state;
    struct config *config = NULL;
    check_ok(parse_two("", "", &config));
    assert_int_equal(config_pipeline_count(config), 2);
    const struct pipeline *pipeline = NULL;
    check_ok(config_pipeline(config, "wnba", &pipeline));
    assert_string_equal(pipeline->name, "wnba");
    assert_string_equal(pipeline->phase, "phase_4_precompute");
    assert_string_equal(pipeline->definition, "sal;eel<sal;@600000,21600000,7200000,0");
    pipeline = NULL;
    check_fails(config_pipeline(config, NULL, &pipeline), CODE_INVALID,
        "gate.yaml has several pipelines; name one of nba, wnba");
    check_fails(config_pipeline(config, "wnbaa", &pipeline), CODE_NOT_FOUND,
        "no pipeline is called \"wnbaa\" in gate.yaml; did you mean wnba? There are: nba, wnba");
    check_fails(config_pipeline(config, "cricket", &pipeline), CODE_NOT_FOUND,
        "no pipeline is called \"cricket\" in gate.yaml; there are: nba, wnba");
    assert_null(pipeline);
    config_free(&config);
}

static void refuse_two(const char *from, const char *to, const char *text) {
    struct config *config = NULL;
    struct result r = parse_two(from, to, &config);
    assert_string_equal(r.text, text);
}

static void between_pipelines(void **state) {
    (void)state;
    refuse_two("wnba", "nba",
        "gate.yaml:21: pipelines[1].name: \"nba\" is the name of pipelines[0] already; expected one of its "
        "own");
    refuse_two("wphase3", "phase3",
        "gate.yaml:22: pipelines[1].completions[0].subscription: \"gate-3\" is received by "
        "pipelines[0].completions[0] "
        "on line 8 already; expected a subscription of its own");
    refuse_two("phase4-start", "phase3",
        "gate.yaml:23: pipelines[1].triggers.topic: \"phase3\" is the topic of pipelines[0].completions[0] "
        "too, so that "
        "triggers would come back as completions; expected a topic of its own");
    refuse_two("wphase3", "phase4-start",
        "gate.yaml:10: pipelines[0].triggers.topic: \"phase4-start\" is the topic of "
        "pipelines[1].completions[0] too, "
        "so that triggers would come back as completions; expected a topic of its own");
}

/* In Pub/Sub a subscription has one topic; consumer groups of two streams may share a name. */
static void subscription_of_two_topics(void **state) {
    (void)state;
    char text[CHANGED_MAX], pubsub[CHANGED_MAX];
    struct config *config = NULL;
    changed(small_config, "", second_pipeline, text);
    changed(text, "redis\n", "pubsub\n  project: sea\n", pubsub);
    struct result r = config_parse("gate.yaml", pubsub, strlen(pubsub), NULL, &config);
    assert_string_equal(r.text,
        "gate.yaml:23: pipelines[1].completions[0].subscription: \"gate-3\" is received by "
        "pipelines[0].completions[0] "
        "on line 9 already; expected a subscription of its own");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(built_in),
        cmocka_unit_test(names_in_use),
        cmocka_unit_test(defaults),
        cmocka_unit_test(defaults_of_a_pipeline),
        cmocka_unit_test(from_file),
        cmocka_unit_test(rules_from_file),
        cmocka_unit_test(environment_overrides),
        cmocka_unit_test(empty_variable_is_unset),
        cmocka_unit_test(ambient_project),
        cmocka_unit_test(bad_variables),
        cmocka_unit_test(several_pipelines),
        cmocka_unit_test(between_pipelines),
        cmocka_unit_test(subscription_of_two_topics),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
