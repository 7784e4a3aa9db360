#include "core/yaml_where.h"
#include "support/check.h"

#include <string.h>

static const char text[] =
    "# a comment\n"
    "a:\n"
    "  b: 1\n"
    "  c: [x,\n"
    "      y]\n"
    "d:\n"
    "- e: 1\n"
    "- e: 2\n"
    "  f: {g: [h]}\n";

static void lines(void **state) {
    (void)state;
    static const struct {
        const char *path;
        int line;
    } cases[] = {
        {"", 2},
        {"a", 3},
        {"a.b", 3},
        {"a.c", 4},
        {"a.c[0]", 4},
        {"a.c[1]", 5},
        {"d", 7},
        {"d[0].e", 7},
        {"d[1]", 8},
        {"d[1].f.g[0]", 9},
        /* not there: what is nearest */
        {"a.nope", 3},
        {"a.c[2]", 4},
        {"a.c[-1]", 4},
        {"d[7].e", 7},
        {"d[1].e.x", 8},
        {"a[0]", 3},
        {"d.e", 7},
        {"z.y", 2},
        {"a.c[", 4},
        {"a.c[1", 5},
    };
    struct yaml_where *where = NULL;
    check_ok(yaml_where_read("f.yaml", text, strlen(text), sizeof text, &where));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (yaml_where_line(where, cases[i].path) != cases[i].line)
            fail_msg("%s: line %d, expected %d", cases[i].path, yaml_where_line(where, cases[i].path),
                cases[i].line);
    yaml_where_free(&where);
    assert_null(where);
    yaml_where_free(&where);
}

static void places(void **state) {
    (void)state;
    struct yaml_where *where = NULL;
    check_ok(yaml_where_read("f.yaml", text, strlen(text), sizeof text, &where));
    struct result r = yaml_where_at(where, key_path("d[%d].e", 1), fail(CODE_INVALID, "wrong"));
    assert_string_equal(r.text, "f.yaml:8: d[1].e: wrong");
    assert_int_equal(r.code, CODE_INVALID);
    r = yaml_where_on(where, 3, key_path("%s", ""), fail(CODE_LIMIT, "a\nb\x1b"));
    assert_string_equal(r.text, "f.yaml:3: a\\x0ab\\x1b");
    check_ok(yaml_where_at(where, key_path("a"), ok()));
    yaml_where_free(&where);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines),
        cmocka_unit_test(places),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
