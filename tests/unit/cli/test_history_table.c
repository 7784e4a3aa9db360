#include "cli/history_table.h"
#include "printed.h"
#include "support/nba.h"

static const struct term utf8 = {.utf8 = true};

#define AT(minute) ((int64_t)1638640800000 + (minute)*60000) /* 2021-12-04 18:00 and so many minutes */

static struct history_entry completion(int minute, int processor, struct record record) {
    record.execution_id = "e1";
    return (struct history_entry){.at_ms = AT(minute),
        .kind = HISTORY_COMPLETION,
        .verdict = "applied",
        .times = 1,
        .processor = &nba_pipeline()->processors[processor],
        .record = record};
}

static struct history_entry step(int minute, enum history_kind kind, int group, int run, const char *why) {
    return (struct history_entry){
        .at_ms = AT(minute), .kind = kind, .group = group, .run = run, .verdict = why, .times = 1};
}

static struct history_entry times(struct history_entry entry, int64_t times) {
    entry.times = times;
    return entry;
}

static struct history history_of(const struct history_entry *entries, size_t count) {
    return (struct history){nba_pipeline(), &utf8, 18948, entries, count, 0};
}

static void check_table(const struct history_entry *entries, size_t count, const char *expected) {
    struct history history = history_of(entries, count);
    struct printed printed;
    printed_start(&printed);
    history_print(&history, printed.out);
    assert_string_equal(printed_end(&printed), expected);
    printed_free(&printed);
}

static const struct record fine = {RECORD_COUNTS, .status = STATUS_SUCCESS, .record_count = 22};

/* A re-run, its new run, a stall in it, and what was done about that. */
static void every_kind_in_words(void **state) {
    (void)state;
    struct history_entry published = step(2, HISTORY_TRIGGERED, 1, 1, NULL);
    published.bus_message_id = "9188";
    const struct history_entry entries[] = {
        completion(0, PGS, fine),
        step(1, HISTORY_READY, 1, 1, NULL),
        published,
        completion(10, UPGC, fine),
        step(10, HISTORY_STALE, 1, 1, NULL),
        step(20, HISTORY_RUN, 1, 2, "rerun"),
        times(step(140, HISTORY_STALLED, 1, 2, NULL), 2),
        step(141, HISTORY_REPLAYED, 1, 2, "stall"),
        step(150, HISTORY_REPLAYED, 1, 2, "operator"),
        step(160, HISTORY_CANCELLED, 2, 2, NULL),
        step(170, HISTORY_RUN, 2, 3, "operator"),
        step(180, HISTORY_STALLED, 2, 0, NULL),
        step(190, HISTORY_NO_GAMES, 0, 0, NULL),
    };
    check_table(entries, sizeof entries / sizeof entries[0],
        "time (UTC)           what        processor or group            status   rows  execution\n"
        "2021-12-04 18:00:00  completion  player_game_summary           success    22  e1\n"
        "2021-12-04 18:01:00  ready       group 1, run 1\n"
        "2021-12-04 18:02:00  triggered   group 1, run 1                                          message "
        "9188\n"
        "2021-12-04 18:10:00  completion  upcoming_player_game_context  success    22  e1\n"
        "2021-12-04 18:10:00  stale       from group 1                                            re-run of "
        "upcoming_player_game_context\n"
        "2021-12-04 18:20:00  new_run     run 2, from group 1                                     re-run of "
        "upcoming_player_game_context at 2021-12-04 18:10:00\n"
        "2021-12-04 20:20:00  stalled     group 1, run 2                                          its "
        "deadline "
        "passed · 2 times in a row\n"
        "2021-12-04 20:21:00  replayed    group 1, run 2                                          after its "
        "deadline\n"
        "2021-12-04 20:30:00  replayed    group 1, run 2                                          by an "
        "operator\n"
        "2021-12-04 20:40:00  cancelled   group 2, run 2                                          by an "
        "operator\n"
        "2021-12-04 20:50:00  new_run     run 3, from group 2                                     by an "
        "operator\n"
        "2021-12-04 21:00:00  stalled     group 2                                                 its "
        "deadline "
        "passed\n"
        "2021-12-04 21:10:00  no_games\n");
}

/* What became of it later does not change how it came. */
static void the_past_is_shown_as_it_was(void **state) {
    (void)state;
    struct record old = fine, failed = {RECORD_SHORT, .set_aside = true, .status = STATUS_FAILED},
                  old_failure = {RECORD_OLD, .status = STATUS_FAILED};
    old.mark = RECORD_OLD;
    const struct history_entry entries[] = {
        completion(0, PCF, old), completion(1, PDC, failed), completion(2, MLFS, old_failure)};
    check_table(entries, 3,
        "time (UTC)           what        processor or group        status   rows  execution\n"
        "2021-12-04 18:00:00  completion  player_composite_factors  success    22  e1\n"
        "2021-12-04 18:01:00  completion  player_daily_cache        failed      ✗  e1\n"
        "2021-12-04 18:02:00  completion  ml_feature_store          failed      ✗  e1\n");
}

static void nothing_and_what_is_gone(void **state) {
    (void)state;
    check_table(NULL, 0, "nothing was ever received for 2021-11-17\n");
    const struct history_entry entry = step(0, HISTORY_DONE, 4, 1, NULL);
    struct history history = history_of(&entry, 1);
    history.dropped = 2;
    struct printed printed;
    printed_start(&printed);
    history_print(&history, printed.out);
    check_contains(
        printed_end(&printed), "2 things that happened to 2021-11-17 earlier are no longer kept\n");
    printed_free(&printed);
}

static void check_text(const json_t *object, const char *key, const char *expected) {
    const char *text = json_string_value(json_object_get(object, key));
    if (expected)
        assert_string_equal(text, expected);
    else
        assert_null(text);
}

static void json_of_runs_and_stalls(void **state) {
    (void)state;
    const struct history_entry entries[] = {
        completion(10, UPGC, fine),
        step(10, HISTORY_STALE, 1, 1, NULL),
        step(20, HISTORY_RUN, 1, 2, "rerun"),
        times(step(140, HISTORY_STALLED, 1, 2, NULL), 2),
        step(150, HISTORY_REPLAYED, 1, 2, "stall"),
        step(160, HISTORY_CANCELLED, 1, 2, NULL),
    };
    static const struct {
        const char *kind, *processor, *verdict, *why;
        int times;
    } expected[] = {
        {"completion", "upcoming_player_game_context", "applied", NULL, 1},
        {"stale", "upcoming_player_game_context", NULL, NULL, 1},
        {"new_run", "upcoming_player_game_context", NULL, "rerun", 1},
        {"stalled", NULL, NULL, NULL, 2},
        {"replayed", NULL, NULL, "stall", 1},
        {"cancelled", NULL, NULL, NULL, 1},
    };
    struct history history = history_of(entries, sizeof entries / sizeof entries[0]);
    json_t *json = history_json(&history), *list = json_object_get(json, "entries");
    assert_int_equal(json_array_size(list), history.count);
    for (size_t i = 0; i < history.count; i++) {
        const json_t *entry = json_array_get(list, i);
        check_text(entry, "kind", expected[i].kind);
        check_text(entry, "processor", expected[i].processor);
        check_text(entry, "verdict", expected[i].verdict);
        check_text(entry, "why", expected[i].why);
        assert_int_equal(json_integer_value(json_object_get(entry, "times")), expected[i].times);
    }
    json_decref(json);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_in_words),
        cmocka_unit_test(the_past_is_shown_as_it_was),
        cmocka_unit_test(nothing_and_what_is_gone),
        cmocka_unit_test(json_of_runs_and_stalls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
