#include "redis/settings.h"
#include "support/check.h"

#include <string.h>

static struct arena *arena;

static int setup(void **state) {
    (void)state;
    arena = arena_new(4096);
    return arena ? 0 : -1;
}

static int teardown(void **state) {
    (void)state;
    arena_free(&arena);
    return 0;
}

static void tcp_addresses_are_read(void **state) {
    (void)state;
    const struct {
        const char *url, *host, *described;
        int port, database;
    } cases[] = {
        {"redis://127.0.0.1:6380/5", "127.0.0.1", "redis://127.0.0.1:6380/5", 6380, 5},
        {"redis://cache.internal", "cache.internal", "redis://cache.internal:6379/0", 6379, 0},
        {"redis://cache:1", "cache", "redis://cache:1/0", 1, 0},
        {"redis://cache/", "cache", "redis://cache:6379/0", 6379, 0},
        {"redis://cache/12", "cache", "redis://cache:6379/12", 6379, 12},
        {"redis://", "127.0.0.1", "redis://127.0.0.1:6379/0", 6379, 0},
        {"redis://:7000", "127.0.0.1", "redis://127.0.0.1:7000/0", 7000, 0},
        {"redis://:65535/2", "127.0.0.1", "redis://127.0.0.1:65535/2", 65535, 2},
        {"redis://[::1]", "::1", "redis://[::1]:6379/0", 6379, 0},
        {"redis://[fe80::2]:7001/3", "fe80::2", "redis://[fe80::2]:7001/3", 7001, 3},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct redis_settings settings = {0};
        char text[200];
        check_ok(redis_settings_parse(cases[i].url, arena, &settings));
        assert_string_equal(settings.host, cases[i].host);
        assert_null(settings.path);
        assert_int_equal(settings.port, cases[i].port);
        assert_int_equal(settings.database, cases[i].database);
        assert_null(settings.password);
        assert_string_equal(redis_settings_describe(&settings, text, sizeof text), cases[i].described);
    }
}

static void unix_addresses_are_read(void **state) {
    (void)state;
    const struct {
        const char *url, *path;
        int database;
    } cases[] = {
        {"unix:///run/redis/redis.sock", "/run/redis/redis.sock", 0},
        {"unix:///run/redis.sock?db=7", "/run/redis.sock", 7},
        {"unix:///run/a@b/redis.sock", "/run/a@b/redis.sock", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct redis_settings settings = {0};
        char text[200];
        check_ok(redis_settings_parse(cases[i].url, arena, &settings));
        assert_string_equal(settings.path, cases[i].path);
        assert_null(settings.host);
        assert_int_equal(settings.database, cases[i].database);
        assert_string_equal(redis_settings_describe(&settings, text, sizeof text), cases[i].url);
    }
}

static void wrong_addresses_are_refused_and_nothing_is_set(void **state) {
    (void)state;
    const struct {
        const char *url, *why;
    } cases[] = {
        {"", "not a Redis address"},
        {"127.0.0.1:6379", "not a Redis address"},
        {"http://127.0.0.1", "not a Redis address"},
        {"Redis://127.0.0.1", "not a Redis address"},
        {"rediss://127.0.0.1", "TLS"},
        {"redis://cache:0x10", "port"},
        {"redis://cache:", "port"},
        {"redis://cache:65536", "port"},
        {"redis://cache:99999999999999999999", "port"},
        {"redis://cache:-1", "port"},
        {"redis://cache: 80", "port"},
        {"redis://cache/x", "database"},
        {"redis://one,two", "sentinel://… or cluster://…"},
        {"sentinel://one,two", "name of the master"},
        {"sentinel://one,two/", "name of the master"},
        {"sentinel://one,/mymaster", "without a host"},
        {"sentinel:///mymaster", "without a host"},
        {"sentinel://one:0x1/mymaster", "port"},
        {"sentinel://one/mymaster/x", "database"},
        {"cluster://", "without a host"},
        {"cluster://one,,two", "without a host"},
        {"cluster://one/0", "no databases"},
        {"redis://cache/1/2", "database"},
        {"redis://cache/10000", "database"},
        {"redis://[::1", "IPv6"},
        {"redis://[::1]x", "IPv6"},
        {"redis://[localhost]", "IPv6"},
        {"redis://[2/[2]:639", "IPv6"},
        {"unix://", "begin with /"},
        {"unix:///", "begin with /"},
        {"unix://run/redis.sock", "begin with /"},
        {"unix:///run/redis.sock?database=1", "?db=N"},
        {"unix:///run/redis.sock?db=", "database"},
        {"unix:///run/redis.sock?db=one", "database"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct redis_settings settings = {.port = -7};
        check_fails(redis_settings_parse(cases[i].url, arena, &settings), CODE_INVALID, cases[i].why);
        assert_int_equal(settings.port, -7);
    }
}

static void several_addresses_are_read(void **state) {
    (void)state;
    struct redis_settings settings = {0};
    char text[200];
    check_ok(redis_settings_parse("sentinel://one,two:7,[::1]:8/mymaster/3", arena, &settings));
    assert_int_equal(settings.kind, REDIS_BY_SENTINEL);
    assert_int_equal(settings.seed_count, 3);
    assert_string_equal(settings.seeds[0].host, "one");
    assert_int_equal(settings.seeds[0].port, 26379);
    assert_int_equal(settings.seeds[1].port, 7);
    assert_string_equal(settings.seeds[2].host, "::1");
    assert_int_equal(settings.seeds[2].port, 8);
    assert_string_equal(settings.master, "mymaster");
    assert_int_equal(settings.database, 3);
    assert_string_equal(redis_settings_describe(&settings, text, sizeof text),
        "sentinel://one:26379,two:7,[::1]:8/mymaster/3");
    check_ok(redis_settings_parse("cluster://one,two:7", arena, &settings));
    assert_int_equal(settings.kind, REDIS_BY_CLUSTER);
    assert_int_equal(settings.seed_count, 2);
    assert_int_equal(settings.seeds[0].port, 6379);
    assert_null(settings.master);
    assert_string_equal(redis_settings_describe(&settings, text, sizeof text), "cluster://one:6379,two:7");
}

static void there_is_an_end_to_addresses(void **state) {
    (void)state;
    struct redis_settings settings = {.port = -7};
    char url[512] = "cluster://a";
    for (int i = 1; i < REDIS_SEEDS_MAX; i++)
        strcat(url, ",a");
    check_ok(redis_settings_parse(url, arena, &settings));
    assert_int_equal(settings.seed_count, REDIS_SEEDS_MAX);
    strcat(url, ",a");
    check_fails(redis_settings_parse(url, arena, &settings), CODE_LIMIT, "more than 16 addresses");
}

static void a_copy_shares_nothing(void **state) {
    (void)state;
    char host[] = "one", master[] = "mymaster", password[] = "secret";
    struct redis_settings copy,
        settings = {.kind = REDIS_BY_SENTINEL,
            .seeds = {{.host = host, .port = 1}},
            .seed_count = 1,
            .master = master,
            .sentinel_password = password,
            .replicas = 2};
    check_ok(redis_settings_copy(&settings, arena, &copy));
    host[0] = master[0] = password[0] = '-';
    assert_string_equal(copy.seeds[0].host, "one");
    assert_string_equal(copy.master, "mymaster");
    assert_string_equal(copy.sentinel_password, "secret");
    assert_int_equal(copy.replicas, 2);
    assert_null(copy.password);
    struct arena *tiny = arena_new(1);
    check_fails(redis_settings_copy(&settings, tiny, &copy), CODE_LIMIT, "memory");
    arena_free(&tiny);
}

static void a_password_in_the_address_is_refused_and_not_repeated(void **state) {
    (void)state;
    const char *urls[] = {"redis://:secret@cache:6379", "redis://user:secret@cache", "redis://secret@cache/0",
        "secret@cache:1", "sentinel://:secret@one/mymaster", "cluster://secret@one"};
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        struct redis_settings settings;
        struct result r = redis_settings_parse(urls[i], arena, &settings);
        check_fails(r, CODE_INVALID, "password");
        assert_null(strstr(r.text, "secret"));
    }
    struct redis_settings settings;
    struct result r = redis_settings_parse("rediss://:secret@cache:6379", arena, &settings);
    check_fails(r, CODE_INVALID, "TLS");
    assert_null(strstr(r.text, "secret"));
}

static void a_description_holds_no_secret_and_is_cut(void **state) {
    (void)state;
    struct redis_settings settings = {.host = "cache", .port = 1, .username = "user", .password = "secret"};
    char text[200], small[8];
    assert_string_equal(redis_settings_describe(&settings, text, sizeof text), "redis://cache:1/0");
    assert_string_equal(redis_settings_describe(&settings, small, sizeof small), "redis:/");
}

static void a_full_arena_is_told(void **state) {
    (void)state;
    struct arena *tiny = arena_new(1);
    struct redis_settings settings;
    check_fails(redis_settings_parse("redis://cache", tiny, &settings), CODE_INTERNAL, "memory");
    check_fails(redis_settings_parse("unix:///run/redis.sock", tiny, &settings), CODE_INTERNAL, "memory");
    arena_free(&tiny);
}

/* Where a password would go in plain text, as "host", or "" for nowhere. */
static void check_exposed(const char *url, bool with_password, const char *expected) {
    struct redis_settings settings;
    check_ok(redis_settings_parse(url, arena, &settings));
    settings.password = with_password ? "secret" : NULL;
    const char *host = redis_settings_exposed(&settings);
    if (strcmp(host ? host : "", expected) != 0)
        fail_msg("%s: a password goes to \"%s\", expected \"%s\"", url, host ? host : "", expected);
    settings.password = NULL;
    assert_null(redis_settings_exposed(&settings));
}

static void where_a_password_crosses_a_network(void **state) {
    (void)state;
    check_exposed("redis://10.0.0.1", false, "");
    check_exposed("redis://10.0.0.1", true, "10.0.0.1");
    check_exposed("redis://redis.example:6379/1", true, "redis.example");
    check_exposed("redis://[2001:db8::1]:6379", true, "2001:db8::1");
    check_exposed("redis://0.0.0.0", true, "0.0.0.0");
    check_exposed("redis://127.example", true, "127.example");
    check_exposed("redis://localhost.example", true, "localhost.example");
    check_exposed("cluster://127.0.0.1,10.0.0.2", true, "10.0.0.2");
    check_exposed("sentinel://127.0.0.1,db/main", true, "db");
    static const char *const here[] = {"redis://", "redis://127.0.0.1", "redis://127.8.9.1", "redis://[::1]",
        "redis://[::ffff:127.0.0.1]", "redis://LocalHost", "unix:///run/redis.sock",
        "cluster://[::1],localhost", "sentinel://localhost/main"};
    for (size_t i = 0; i < sizeof here / sizeof *here; i++)
        check_exposed(here[i], true, "");
}

static void a_sentinels_password_does_too(void **state) {
    (void)state;
    struct redis_settings settings = {.kind = REDIS_BY_SENTINEL, .seeds = {{"db", 26379}}, .seed_count = 1};
    assert_null(redis_settings_exposed(&settings));
    settings.sentinel_password = "secret";
    assert_string_equal(redis_settings_exposed(&settings), "db");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tcp_addresses_are_read),
        cmocka_unit_test(unix_addresses_are_read),
        cmocka_unit_test(wrong_addresses_are_refused_and_nothing_is_set),
        cmocka_unit_test(a_password_in_the_address_is_refused_and_not_repeated),
        cmocka_unit_test(a_description_holds_no_secret_and_is_cut),
        cmocka_unit_test(a_full_arena_is_told),
        cmocka_unit_test(several_addresses_are_read),
        cmocka_unit_test(there_is_an_end_to_addresses),
        cmocka_unit_test(a_copy_shares_nothing),
        cmocka_unit_test(where_a_password_crosses_a_network),
        cmocka_unit_test(a_sentinels_password_does_too),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
