/* Every refusal of a configuration, word for word: file, line, key, what was wrong, what was expected. */
#include "support/check.h"
#include "unit/core/config_cases.h"

struct refusal {
    const char *from; /* in small_config */
    const char *to;
    const char *text;
};

static void refuse_all(const struct refusal *refusals, size_t count) {
    for (size_t i = 0; i < count; i++) {
        char text[CHANGED_MAX];
        struct config *config = NULL;
        changed(small_config, refusals[i].from, refusals[i].to, text);
        struct result r = config_parse("gate.yaml", text, strlen(text), NULL, &config);
        assert_string_equal(r.text, refusals[i].text);
        assert_int_not_equal(r.code, CODE_INTERNAL);
        assert_null(config);
    }
}

#define REFUSE(...)                                                                                          \
    refuse_all((const struct refusal[]){__VA_ARGS__},                                                        \
        sizeof((const struct refusal[]){__VA_ARGS__}) / sizeof(struct refusal))

static void shape(void **state) {
    (void)state;
    REFUSE({"  url:", "  urll:", "gate.yaml:2: store.urll: there is no such key; did you mean url?"},
        {"  kind: redis\n", "  colour: red\n",
            "gate.yaml:4: bus.colour: there is no such key; expected kind, url, username, password, "
            "password_file, sentinel_password, sentinel_password_file, project, endpoint, emulator, streams "
            "and lease_seconds"},
        {"bus:\n", "store:\n", "gate.yaml:3: store: given twice; expected once (first on line 1)"},
        {"  kind: redis\n", "  kind: redis\n  kind: pubsub\n",
            "gate.yaml:5: bus.kind: given twice; expected once (first on line 4)"},
        {"  - name: nba\n", "  - phase: x\n", "gate.yaml:6: pipelines[0].name: missing; it is required"},
        {", abbr: her", "", "gate.yaml:13: pipelines[0].processors[1].abbr: missing; it is required"},
        {"    triggers: {topic: phase4-start}\n", "",
            "gate.yaml:6: pipelines[0].triggers: missing; it is required"},
        {"{topic: phase4-start}", "{topic: phase4-start, subscription: x}",
            "gate.yaml:10: pipelines[0].triggers.subscription: there is no such key; expected topic"},
        {"  kind: redis\n", "  kind: [redis]\n",
            "gate.yaml:4: bus.kind: got a list, expected a single value"},
        {"bus:\n  kind: redis\n", "bus:\n",
            "gate.yaml:3: bus: got nothing, expected keys: kind, url, username, password, "
            "password_file, sentinel_password, sentinel_password_file, project, endpoint, emulator, streams "
            "and lease_seconds"},
        {"bus:\n  kind: redis\n", "bus: redis\n",
            "gate.yaml:3: bus: got a single value, expected keys: kind, url, username, password, "
            "password_file, sentinel_password, sentinel_password_file, project, endpoint, emulator, streams "
            "and lease_seconds"},
        {"[mackerel]\n        needs", "mackerel\n        needs",
            "gate.yaml:17: pipelines[0].groups[0].processors: got a single value, expected a list"},
        {"[salmon, herring]", "[salmon, {herring: 1}]",
            "gate.yaml:18: pipelines[0].groups[0].needs[1]: got keys with values, expected a single value"},
        {"[halibut]", "[]",
            "gate.yaml:19: pipelines[0].groups[1].processors: got 0 entries, expected 1 to 64"},
        {"\n      - {topic: phase3, subscription: gate-3}\n      - {topic: phase4, subscription: gate-4}",
            " []", "gate.yaml:7: pipelines[0].completions: got 0 entries, expected 1 to 64"},
        {"  kind: redis\n", "  ? [a]\n  : b\n", "gate.yaml:4: bus: expected a name as the key, got a list"});
}

static void yaml(void **state) {
    (void)state;
    REFUSE({"[mackerel]", "[mackerel",
               "gate.yaml:18: not valid YAML: did not find expected ',' or ']', while parsing a flow "
               "sequence that began "
               "on line 17"},
        {"[mackerel]", "*fish", "gate.yaml:17: *fish: aliases are not allowed; write it out"},
        {"[mackerel]", "\"\\0\"", "gate.yaml:17: a NUL character in a value"},
        {"[mackerel]", "[[[[[[[[[[[[[mackerel]]]]]]]]]]]]]", "gate.yaml:17: nested more than 16 deep"},
        {"", "---\nstore: {}\n", "gate.yaml:21: a second document starts here; expected one"},
        {"nba", "n\x01", "gate.yaml:6: not UTF-8 text: control characters are not allowed"},
        {"nba", "\xff", "gate.yaml:6: not UTF-8 text: invalid leading UTF-8 octet"});

    struct config *config = NULL;
    check_fails(
        config_parse("gate.yaml", "", 0, NULL, &config), CODE_INVALID, "gate.yaml:1: the file is empty");
    check_fails(config_parse("gate.yaml", "# no\n", 5, NULL, &config), CODE_INVALID,
        "gate.yaml:1: the file is empty");
    check_fails(config_parse("gate.yaml", "[]", 2, NULL, &config), CODE_INVALID,
        "gate.yaml:1: got a list, expected keys: store, bus, engine, log, alerts and pipelines");
}

static void settings(void **state) {
    (void)state;
    REFUSE({"redis\n", "rabbit\n", "gate.yaml:4: bus.kind: got \"rabbit\", expected redis or pubsub"},
        {"redis\n", "pub_sub\n",
            "gate.yaml:4: bus.kind: got \"pub_sub\", expected redis or pubsub; did you mean pubsub?"},
        {"redis\n", "\"\"\n", "gate.yaml:4: bus.kind: got \"\", expected redis or pubsub"},
        {"redis\n", "\"\\x1b[31m\"\n", "gate.yaml:4: bus.kind: got \"\\x1b[31m\", expected redis or pubsub"},
        {"redis\n", "redis\n  streams: 0\n",
            "gate.yaml:5: bus.streams: got \"0\", expected a whole number from 1 to 16"},
        {"redis\n", "redis\n  streams: 17\n",
            "gate.yaml:5: bus.streams: got \"17\", expected a whole number from 1 to 16"},
        {"redis\n", "redis\n  streams: 4x\n",
            "gate.yaml:5: bus.streams: got \"4x\", expected a whole number from 1 to 16"},
        {"redis\n", "redis\n  streams: 99999999999999999999\n",
            "gate.yaml:5: bus.streams: got \"99999999999999999999\", expected a whole number from 1 to 16"},
        {"redis\n", "redis\n  lease_seconds: 9\n",
            "gate.yaml:5: bus.lease_seconds: got \"9\", expected a whole number from 10 to 600"},
        {"redis\n", "redis\n  endpoint: https://pubsub.example\n",
            "gate.yaml:5: bus.endpoint: got \"https://pubsub.example\", expected host:port"},
        {"redis\n", "redis\n  emulator: localhost\n",
            "gate.yaml:5: bus.emulator: got \"localhost\", expected host:port"},
        {"redis\n", "pubsub\n",
            "gate.yaml:4: bus.project: none; the bus pubsub needs the id of a Google Cloud project, here or "
            "in "
            "PHASEGATE_PROJECT"},
        {"redis\n", "redis\nlog: {level: warn}\n",
            "gate.yaml:5: log.level: got \"warn\", expected debug, info, notice, warning, error or critical"},
        {"redis\n", "redis\nstore: {password: \"s3cret\\n\"}\n",
            "gate.yaml:5: store: given twice; expected once (first on line 1)"},
        {"0\nbus", "0\n  password: \"s3cret\\n\"\nbus",
            "gate.yaml:3: store.password: expected text of at most 1024 bytes in UTF-8, without control "
            "characters"},
        {"min_rows: 3", "min_rows: 0",
            "gate.yaml:14: pipelines[0].processors[2].min_rows: got \"0\", expected a whole number from 1 to "
            "1000000000000"},
        {"min_rows: 3", "min_coverage: 1.01",
            "gate.yaml:14: pipelines[0].processors[2].min_coverage: got \"1.01\", expected a number from 0 "
            "to 1"},
        {"min_rows: 3", "min_coverage: nan",
            "gate.yaml:14: pipelines[0].processors[2].min_coverage: got \"nan\", expected a number from 0 to "
            "1"},
        {"min_rows: 3", "require_rows: yes",
            "gate.yaml:14: pipelines[0].processors[2].require_rows: got \"yes\", expected true or false"});
}

static void rules(void **state) {
    (void)state;
    REFUSE({"  - name: nba\n", "  - name: nba\n    rerun: manual\n",
               "gate.yaml:7: pipelines[0].rerun: got \"manual\", expected auto or hold"},
        {"  - name: nba\n", "  - name: nba\n    on_stall: retriger\n",
            "gate.yaml:7: pipelines[0].on_stall: got \"retriger\", expected report or retrigger; did you "
            "mean "
            "retrigger?"},
        {"  - name: nba\n", "  - name: nba\n    rerun_settle: 604801\n",
            "gate.yaml:7: pipelines[0].rerun_settle: got \"604801\", expected a whole number from 0 to "
            "604800"},
        {"  - name: nba\n", "  - name: nba\n    group_deadline: 2h\n",
            "gate.yaml:7: pipelines[0].group_deadline: got \"2h\", expected a whole number from 0 to "
            "31536000"},
        {"  - name: nba\n", "  - name: nba\n    retrigger_limit: 0\n",
            "gate.yaml:7: pipelines[0].retrigger_limit: got \"0\", expected a whole number from 1 to 100"},
        {"  - name: nba\n", "  - name: nba\n    bootstrap_days: 367\n",
            "gate.yaml:7: pipelines[0].bootstrap_days: got \"367\", expected a whole number from 0 to 366"},
        {"  - name: nba\n", "  - name: nba\n    game_file: x\n",
            "gate.yaml:7: pipelines[0].game_file: there is no such key; did you mean games_file?"},
        {"", "        backfill_cap: 0\n",
            "gate.yaml:21: pipelines[0].groups[1].backfill_cap: got \"0\", expected a whole number from 1 to "
            "10000"},
        {"", "        backfill_cap: 10001\n",
            "gate.yaml:21: pipelines[0].groups[1].backfill_cap: got \"10001\", expected a whole number from "
            "1 to 10000"});
}

static void names(void **state) {
    (void)state;
    REFUSE({"nba", "NBA", "gate.yaml:6: pipelines[0].name: \"NBA\" has a 'N', expected only a-z, 0-9 and _-"},
        {"nba", "\"nba:x\"",
            "gate.yaml:6: pipelines[0].name: \"nba:x\" has a ':', expected only a-z, 0-9 and _-"},
        {"nba", "\"{nba}\"",
            "gate.yaml:6: pipelines[0].name: \"{nba}\" has a '{', expected only a-z, 0-9 and _-"},
        {"nba", "nba/x",
            "gate.yaml:6: pipelines[0].name: \"nba/x\" has a '/', expected only a-z, 0-9 and _-"},
        {"nba", "\"\"", "gate.yaml:6: pipelines[0].name: empty; expected 1 to 40 of a-z, 0-9 and _-"},
        {"nba", "a2345678901234567890123456789012345678901",
            "gate.yaml:6: pipelines[0].name: \"a2345678901234567890123456789012345678901\" has 41 bytes, "
            "expected at "
            "most 40"},
        {"name: herring", "name: Herring",
            "gate.yaml:13: pipelines[0].processors[1].name: \"Herring\" has a 'H', expected only a-z, 0-9 "
            "and _-"},
        {"abbr: her", "abbr: h-r",
            "gate.yaml:13: pipelines[0].processors[1].abbr: \"h-r\" has a '-', expected only a-z, 0-9 and _"},
        {"abbr: her", "abbr: herringss",
            "gate.yaml:13: pipelines[0].processors[1].abbr: \"herringss\" has 9 bytes, expected at most 8"},
        {"salmon_v2", "\"salmon v2\"",
            "gate.yaml:12: pipelines[0].processors[0].aliases[0]: \"salmon v2\" has a ' ', expected only "
            "letters, "
            "digits and _-."},
        {"salmon_v2", "\"\"",
            "gate.yaml:12: pipelines[0].processors[0].aliases[0]: \"\" has 0 bytes, expected 1 to 40"},
        {"name: herring", "name: salmon",
            "gate.yaml:13: pipelines[0].processors[1].name: \"salmon\" is taken by "
            "pipelines[0].processors[0].name on "
            "line 12; expected a word of its own"},
        {"abbr: her", "abbr: sal",
            "gate.yaml:13: pipelines[0].processors[1].abbr: \"sal\" is taken by "
            "pipelines[0].processors[0].abbr on "
            "line 12; expected a word of its own"},
        {"abbr: her}", "abbr: her, aliases: [salmon_v2]}",
            "gate.yaml:13: pipelines[0].processors[1].aliases[0]: \"salmon_v2\" is taken by "
            "pipelines[0].processors[0].aliases[0] on line 12; expected a word of its own"},
        {"abbr: her}", "abbr: her, aliases: [herring]}",
            "gate.yaml:13: pipelines[0].processors[1].aliases[0]: \"herring\" is taken by "
            "pipelines[0].processors[1].name on line 13; expected a word of its own"},
        {"name: herring", "name: sal",
            "gate.yaml:13: pipelines[0].processors[1].name: \"sal\" is taken by "
            "pipelines[0].processors[0].abbr on "
            "line 12; expected a word of its own"});
}

static void groups(void **state) {
    (void)state;
    REFUSE({"[halibut]", "[halibutt]",
               "gate.yaml:19: pipelines[0].groups[1].processors[0]: no processor is called \"halibutt\"; did "
               "you mean "
               "halibut?"},
        {"[salmon, herring]", "[salmon, dolphin]",
            "gate.yaml:18: pipelines[0].groups[0].needs[1]: no processor is called \"dolphin\"; expected one "
            "of "
            "pipelines[].processors"},
        {"[halibut]", "[halibut, mac]",
            "gate.yaml:19: pipelines[0].groups[1].processors[1]: mackerel is in group 1 already; a processor "
            "belongs to "
            "one group"},
        {"[halibut]", "[halibut, halibut]",
            "gate.yaml:19: pipelines[0].groups[1].processors[1]: halibut is in group 2 already; a processor "
            "belongs to "
            "one group"},
        {"[salmon, herring]", "[salmon, mackerel]",
            "gate.yaml:18: pipelines[0].groups[0].needs[1]: mackerel is in this group itself, so that the "
            "group would "
            "wait for ever; expected processors of earlier groups or of none"},
        {"[salmon, herring]", "[salmon, halibut]",
            "gate.yaml:18: pipelines[0].groups[0].needs[1]: halibut is in group 2, which starts after group "
            "1, so that "
            "this group would wait for ever; expected processors of earlier groups or of none"},
        {"[salmon, herring]", "[salmon, salmon_v2]",
            "gate.yaml:18: pipelines[0].groups[0].needs[1]: salmon is listed twice; expected once"},
        {"[salmon, herring]", "[]",
            "gate.yaml:18: pipelines[0].groups[0].needs: empty; the first group needs at least one "
            "processor, or "
            "nothing would ever start it"},
        {"        needs: [salmon, herring]\n", "",
            "gate.yaml:17: pipelines[0].groups[0].needs: empty; the first group needs at least one "
            "processor, or "
            "nothing would ever start it"});
}

static void too_many(void **state) {
    (void)state;
    char aliases[1024] = "salmon_v2", groups_list[2048] = "";
    for (int i = 1; i < 33; i++)
        sprintf(aliases + strlen(aliases), ", a%d", i);
    for (int i = 0; i < 15; i++)
        strcat(groups_list, "      - {processors: [halibut], needs: [mackerel]}\n");
    REFUSE({"salmon_v2", aliases,
               "gate.yaml:12: pipelines[0].processors[0].aliases: got 33 entries, expected 0 to 32"},
        {"", groups_list, "gate.yaml:17: pipelines[0].groups: got 17 entries, expected 1 to 16"});
}

static void sources(void **state) {
    (void)state;
    REFUSE({"topic: phase3", "topic: p3",
               "gate.yaml:8: pipelines[0].completions[0].topic: \"p3\" has 2 bytes, expected 3 to 255"},
        {"topic: phase3", "topic: projects/x/topics/phase3",
            "gate.yaml:8: pipelines[0].completions[0].topic: got \"projects/x/topics/phase3\", expected the "
            "id alone, "
            "without projects/…/"},
        {"gate-3", "3-gate",
            "gate.yaml:8: pipelines[0].completions[0].subscription: got \"3-gate\", expected a letter first, "
            "and not "
            "\"goog\""},
        {"gate-3", "google",
            "gate.yaml:8: pipelines[0].completions[0].subscription: got \"google\", expected a letter "
            "first, and not \"goog\""},
        {"phase4-start", "phase4 start",
            "gate.yaml:10: pipelines[0].triggers.topic: \"phase4 start\" has a ' ', expected only letters, "
            "digits and "
            "-_.~+%"},
        {"phase4-start", "phase4",
            "gate.yaml:10: pipelines[0].triggers.topic: \"phase4\" is the topic of "
            "pipelines[0].completions[1] too, so "
            "that triggers would come back as completions; expected a topic of its own"},
        {"{topic: phase4, subscription: gate-4}", "{topic: phase3, subscription: gate-3}",
            "gate.yaml:9: pipelines[0].completions[1].subscription: \"gate-3\" is received by "
            "pipelines[0].completions[0] on line 8 already; expected a subscription of its own"});
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shape),
        cmocka_unit_test(yaml),
        cmocka_unit_test(settings),
        cmocka_unit_test(rules),
        cmocka_unit_test(names),
        cmocka_unit_test(groups),
        cmocka_unit_test(too_many),
        cmocka_unit_test(sources),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
