#include "cli/setup.h"
#include "support/check.h"
#include "support/temp_dir.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct temp_dir dir;

static int set_up(void **state) {
    (void)state;
    dir = temp_dir_make();
    static const char *const names[] = {"PHASEGATE_CONFIG", "PHASEGATE_DATA", "PHASEGATE_STORE_URL",
        "PHASEGATE_STORE_PASSWORD", "PHASEGATE_BUS", "PHASEGATE_BUS_URL", "PHASEGATE_BUS_USERNAME",
        "PHASEGATE_BUS_PASSWORD", "PHASEGATE_PROJECT", "PHASEGATE_STORE_PASSWORD_FILE",
        "PHASEGATE_STORE_SENTINEL_PASSWORD", "PHASEGATE_STORE_SENTINEL_PASSWORD_FILE",
        "PHASEGATE_BUS_SENTINEL_PASSWORD_FILE"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        unsetenv(names[i]);
    setenv("HOME", "/home/somebody", 1);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    temp_dir_remove(&dir);
    return 0;
}

/* The built-in configuration with one piece of text replaced, as a file in the test's directory. */
static const char *write_config(const char *from, const char *to) {
    static char path[128];
    snprintf(path, sizeof path, "%s/phasegate.yaml", dir.path);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    const char *at = strstr(config_default_yaml, from);
    assert_non_null(at);
    fprintf(file, "%.*s%s%s", (int)(at - config_default_yaml), config_default_yaml, to, at + strlen(from));
    fclose(file);
    return path;
}

static void embedded_by_default(void **state) {
    (void)state;
    struct setup setup;
    struct redis_settings settings;
    const struct pipeline *pipeline;
    check_ok(setup_load(&(struct common_options){0}, &setup));
    assert_true(setup.embedded);
    assert_true(setup.embedded_bus);
    check_ok(setup_redis(&setup, &settings));
    assert_string_equal(settings.path, "/home/somebody/.phasegate/redis.sock");
    check_ok(setup_pipeline(&setup, &pipeline));
    assert_string_equal(pipeline->name, "nba");
    setup_close(&setup);
}

static void the_data_directory_has_an_order(void **state) {
    (void)state;
    struct setup setup;
    const char *path;
    setenv("PHASEGATE_DATA", "/var/data", 1);
    check_ok(setup_load(&(struct common_options){0}, &setup));
    check_ok(setup_socket(&setup, &path));
    assert_string_equal(path, "/var/data/redis.sock");
    setup_close(&setup);
    check_ok(setup_load(&(struct common_options){.data = "here"}, &setup));
    check_ok(setup_socket(&setup, &path));
    assert_string_equal(path, "here/redis.sock");
    setup_close(&setup);
}

static void no_data_directory_at_all(void **state) {
    (void)state;
    struct setup setup;
    const char *path;
    unsetenv("HOME");
    check_ok(setup_load(&(struct common_options){0}, &setup));
    check_fails(setup_socket(&setup, &path), CODE_INVALID, "no data directory: give --data DIR");
    setup_close(&setup);
}

static void a_socket_path_has_a_maximum(void **state) {
    (void)state;
    struct setup setup;
    const char *path;
    char name[200] = "";
    memset(name, 'a', 96); /* 96 + "/redis.sock" = 107, the most that sun_path holds */
    check_ok(setup_load(&(struct common_options){.data = name}, &setup));
    check_ok(setup_socket(&setup, &path));
    setup_close(&setup);
    name[96] = 'a';
    check_ok(setup_load(&(struct common_options){.data = name}, &setup));
    check_fails(setup_socket(&setup, &path), CODE_INVALID, "too long for a socket");
    setup_close(&setup);
}

static void a_store_of_its_own(void **state) {
    (void)state;
    struct setup setup;
    struct redis_settings settings;
    bool on_redis;
    const char *file = write_config("url: \"\"", "url: redis://127.0.0.1:7001/3");
    check_ok(setup_load(&(struct common_options){.config = file}, &setup));
    assert_false(setup.embedded);
    check_ok(setup_redis(&setup, &settings));
    assert_int_equal(settings.port, 7001);
    assert_int_equal(settings.database, 3);
    check_ok(setup_bus_redis(&setup, &settings, &on_redis));
    assert_true(on_redis);
    assert_int_equal(settings.port, 7001);
    setup_close(&setup);
    check_ok(setup_load(&(struct common_options){.config = file, .embedded = true}, &setup));
    check_ok(setup_redis(&setup, &settings));
    assert_non_null(settings.path);
    check_ok(setup_bus_redis(&setup, &settings, &on_redis));
    assert_non_null(settings.path);
    setup_close(&setup);
}

static void store_and_bus_have_passwords_of_their_own(void **state) {
    (void)state;
    struct setup setup;
    struct redis_settings settings;
    bool on_redis;
    setenv("PHASEGATE_STORE_URL", "redis://127.0.0.1:7001", 1);
    setenv("PHASEGATE_STORE_PASSWORD", "secret", 1);
    setenv("PHASEGATE_BUS_URL", "redis://elsewhere:7002", 1);
    check_ok(setup_load(&(struct common_options){0}, &setup));
    check_ok(setup_redis(&setup, &settings));
    assert_string_equal(settings.password, "secret");
    assert_null(settings.username);
    check_ok(setup_bus_redis(&setup, &settings, &on_redis));
    assert_string_equal(settings.host, "elsewhere");
    assert_null(settings.password);
    setup_close(&setup);
    setenv("PHASEGATE_BUS_USERNAME", "bus", 1);
    setenv("PHASEGATE_BUS_PASSWORD", "other", 1);
    check_ok(setup_load(&(struct common_options){0}, &setup));
    check_ok(setup_bus_redis(&setup, &settings, &on_redis));
    assert_string_equal(settings.username, "bus");
    assert_string_equal(settings.password, "other");
    setup_close(&setup);
}

/* A password in a file of the test's directory, named by the variable. */
static void name_password_file(const char *variable, const char *name, const char *password, mode_t mode) {
    char path[160];
    snprintf(path, sizeof path, "%s/%s", dir.path, name);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    fputs(password, file);
    fclose(file);
    assert_int_equal(chmod(path, mode), 0);
    setenv(variable, path, 1);
}

static void sentinels_have_passwords_of_their_own(void **state) {
    (void)state;
    struct setup setup;
    struct redis_settings settings;
    bool on_redis;
    setenv("PHASEGATE_STORE_URL", "sentinel://a,b/main", 1);
    setenv("PHASEGATE_BUS_URL", "sentinel://c/other", 1);
    name_password_file("PHASEGATE_STORE_PASSWORD_FILE", "1", "store\n", 0600);
    name_password_file("PHASEGATE_STORE_SENTINEL_PASSWORD_FILE", "2", "store's sentinels\n", 0600);
    name_password_file("PHASEGATE_BUS_SENTINEL_PASSWORD_FILE", "3", "bus's sentinels\n", 0600);
    check_ok(setup_load(&(struct common_options){0}, &setup));
    check_ok(setup_redis(&setup, &settings));
    assert_string_equal(settings.password, "store");
    assert_string_equal(settings.sentinel_password, "store's sentinels");
    check_ok(setup_bus_redis(&setup, &settings, &on_redis));
    assert_null(settings.password);
    assert_string_equal(settings.sentinel_password, "bus's sentinels");
    setup_close(&setup);
    setenv("PHASEGATE_STORE_SENTINEL_PASSWORD", "written", 1);
    name_password_file("PHASEGATE_BUS_SENTINEL_PASSWORD_FILE", "3", "", 0600);
    check_ok(setup_load(&(struct common_options){0}, &setup));
    check_ok(setup_redis(&setup, &settings));
    assert_string_equal(settings.sentinel_password, "written");
    check_fails(setup_bus_redis(&setup, &settings, &on_redis), CODE_INVALID, "bus.sentinel_password_file: ");
    setup_close(&setup);
}

static void pubsub_is_not_on_a_redis(void **state) {
    (void)state;
    struct setup setup;
    struct redis_settings settings;
    bool on_redis;
    setenv("PHASEGATE_BUS", "pubsub", 1);
    setenv("PHASEGATE_PROJECT", "p", 1);
    check_ok(setup_load(&(struct common_options){0}, &setup));
    assert_true(setup.embedded);
    assert_false(setup.embedded_bus);
    check_ok(setup_bus_redis(&setup, &settings, &on_redis));
    assert_false(on_redis);
    setup_close(&setup);
    check_ok(setup_load(&(struct common_options){.embedded = true}, &setup));
    check_ok(setup_bus_redis(&setup, &settings, &on_redis));
    assert_true(on_redis);
    setup_close(&setup);
}

static void files_that_cannot_be_read(void **state) {
    (void)state;
    struct setup setup;
    check_fails(setup_load(&(struct common_options){.config = "/nonexistent.yaml"}, &setup), CODE_INVALID,
        "/nonexistent.yaml: cannot be opened");
    check_fails(
        setup_load(&(struct common_options){.config = dir.path}, &setup), CODE_INVALID, "cannot be read");
    check_fails(setup_load(&(struct common_options){.config = "/dev/zero"}, &setup), CODE_LIMIT,
        "/dev/zero: is larger than");
    setenv("PHASEGATE_CONFIG", "/elsewhere.yaml", 1);
    check_fails(
        setup_load(&(struct common_options){0}, &setup), CODE_INVALID, "/elsewhere.yaml: cannot be opened");
    check_ok(setup_load(&(struct common_options){.config = write_config("nba", "nba")}, &setup));
    assert_string_not_equal(setup.config_name, "/elsewhere.yaml");
    setup_close(&setup);
}

/* --- The calendar. -------------------------------------------------------------------------------------- */

/* A file in the test's directory. */
static void write_file(const char *name, const char *text, size_t length) {
    char path[160];
    snprintf(path, sizeof path, "%s/%s", dir.path, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, length, file), length);
    fclose(file);
}

static void write_text(const char *name, const char *text) {
    write_file(name, text, strlen(text));
}

/* The built-in pipeline with other calendar files, of a configuration in the test's directory. */
static struct result load_calendar(const char *games, const char *seasons, struct game_calendar **calendar) {
    struct setup setup;
    check_ok(setup_load(&(struct common_options){.config = write_config("nba", "nba")}, &setup));
    struct pipeline pipeline = *config_pipeline_at(setup.config, 0);
    pipeline.games_file = games;
    pipeline.seasons_file = seasons;
    pipeline.bootstrap_days = 3;
    struct result r = setup_calendar(&setup, &pipeline, calendar);
    setup_close(&setup);
    return r;
}

static void check_games(const char *games) {
    struct game_calendar *calendar = NULL;
    check_ok(load_calendar(games, "", &calendar));
    assert_int_equal(game_calendar_day(calendar, 0).games, GAMES_PLAYED);
    game_calendar_free(&calendar);
}

static void refuse_calendar(const char *games, const char *seasons, enum code code, const char *why) {
    struct game_calendar *calendar = NULL;
    char text[400];
    snprintf(text, sizeof text, "calendar of pipeline nba: %s%s", dir.path, why);
    check_fails(load_calendar(games, seasons, &calendar), code, text);
    assert_null(calendar);
}

static void no_calendar(void **state) {
    (void)state;
    struct game_calendar *calendar = (struct game_calendar *)&dir;
    check_ok(load_calendar("", "", &calendar));
    assert_null(calendar);
}

static void calendar_files_stand_beside_the_configuration(void **state) {
    (void)state;
    char path[200];
    write_text("games.csv", "game_date,num_games\n1970-01-01,2\n");
    check_games("games.csv");
    check_games("./games.csv");
    snprintf(path, sizeof path, "%s/games.csv", dir.path);
    check_games(path);
}

static void the_builtin_configuration_stands_in_the_working_directory(void **state) {
    (void)state;
    struct setup setup;
    struct game_calendar *calendar = NULL;
    char before[4096];
    write_text("games.csv", "game_date,num_games\n1970-01-01,2\n");
    assert_non_null(getcwd(before, sizeof before));
    assert_int_equal(chdir(dir.path), 0);
    check_ok(setup_load(&(struct common_options){0}, &setup));
    struct pipeline pipeline = *config_pipeline_at(setup.config, 0);
    pipeline.games_file = "games.csv";
    check_ok(setup_calendar(&setup, &pipeline, &calendar));
    assert_int_equal(chdir(before), 0);
    assert_true(game_calendar_has_games(calendar));
    game_calendar_free(&calendar);
    setup_close(&setup);
}

static void seasons_come_with_the_configured_bootstrap(void **state) {
    (void)state;
    struct game_calendar *calendar = NULL;
    write_text("seasons.csv", "season,first_game_date\n1970,1970-01-01\n");
    check_ok(load_calendar("", "seasons.csv", &calendar));
    assert_string_equal(game_calendar_season(calendar, 0)->name, "1970"); /* it keeps nothing of the setup */
    assert_true(game_calendar_day(calendar, 2).bootstrap);
    assert_false(game_calendar_day(calendar, 3).bootstrap);
    game_calendar_free(&calendar);
}

static void a_bad_calendar(void **state) {
    (void)state;
    refuse_calendar("games.csv", "", CODE_INVALID, "/games.csv: cannot be opened: No such file");
    refuse_calendar(".", "", CODE_INVALID, "/.: cannot be read: ");
    write_text("games.csv", "game_date,num_games\n1970-01-01,2\nYESTERDAY,3\n");
    refuse_calendar("games.csv", "", CODE_INVALID, "/games.csv:3: \"YESTERDAY\" is not a date");
    static const char nul[] = "game_date,num_games\n1970-01-01,2\n\0\n";
    write_file("games.csv", nul, sizeof nul - 1);
    refuse_calendar("games.csv", "", CODE_INVALID, "/games.csv: has NUL bytes");
    write_text("games.csv", "game_date,num_games\n");
    write_text("s.csv", "season,first_game_date\na,b\n");
    refuse_calendar("games.csv", "s.csv", CODE_INVALID, "/s.csv:2: \"b\" is not a date");
    struct game_calendar *calendar = NULL;
    check_fails(load_calendar("/dev/zero", "", &calendar), CODE_LIMIT, "/dev/zero: is larger than");
    assert_null(calendar);
}

static void an_unknown_pipeline(void **state) {
    (void)state;
    struct setup setup;
    const struct pipeline *pipeline;
    check_ok(setup_load(&(struct common_options){.pipeline = "nbb"}, &setup));
    check_fails(setup_pipeline(&setup, &pipeline), CODE_INVALID, "nba");
    setup_close(&setup);
}

static void only_an_unreachable_embedded_server_is_explained(void **state) {
    (void)state;
    struct setup setup;
    check_ok(setup_load(&(struct common_options){0}, &setup));
    check_fails(setup_explain(&setup, fail(CODE_UNAVAILABLE, "no answer")), CODE_UNAVAILABLE,
        "no answer; is `phasegate serve --embedded` running");
    struct result other = setup_explain(&setup, fail(CODE_INVALID, "wrong"));
    assert_string_equal(other.text, "wrong");
    check_ok(setup_explain(&setup, ok()));
    setup_close(&setup);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(embedded_by_default, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_data_directory_has_an_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_data_directory_at_all, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_socket_path_has_a_maximum, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_store_of_its_own, set_up, tear_down),
        cmocka_unit_test_setup_teardown(store_and_bus_have_passwords_of_their_own, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sentinels_have_passwords_of_their_own, set_up, tear_down),
        cmocka_unit_test_setup_teardown(pubsub_is_not_on_a_redis, set_up, tear_down),
        cmocka_unit_test_setup_teardown(files_that_cannot_be_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_calendar, set_up, tear_down),
        cmocka_unit_test_setup_teardown(calendar_files_stand_beside_the_configuration, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            the_builtin_configuration_stands_in_the_working_directory, set_up, tear_down),
        cmocka_unit_test_setup_teardown(seasons_come_with_the_configured_bootstrap, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_bad_calendar, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_unknown_pipeline, set_up, tear_down),
        cmocka_unit_test_setup_teardown(only_an_unreachable_embedded_server_is_explained, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
